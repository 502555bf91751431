package client

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDSN(t *testing.T) {
	for dsn, want := range map[string]target{
		"candor://n1:7400,n2:7410/shop?consistency=quorum&timeout=3s": {[]string{"n1:7400", "n2:7410"}, "shop", Quorum, 3 * time.Second},
		"n1:1, n2":                {[]string{"n1:1", "n2:7400"}, "", 0, timeoutDefault},
		"candor://[::1]:7400/":    {[]string{"[::1]:7400"}, "", 0, timeoutDefault},
		"::1":                     {[]string{"[::1]:7400"}, "", 0, timeoutDefault},
		"n1?consistency=2":        {[]string{"n1:7400"}, "", Two, timeoutDefault},
		"10.0.0.1/a?timeout=50ms": {[]string{"10.0.0.1:7400"}, "a", 0, 50 * time.Millisecond},
	} {
		got, err := parseDSN(dsn)
		if err != nil {
			t.Errorf("%s: %v", dsn, err)
			continue
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(target{})); diff != "" {
			t.Errorf("%s: %s", dsn, diff)
		}
	}
	for _, dsn := range []string{
		"", "candor://", "http://n1:7400", "n1:99999", "n1:0", "n1:x", "n1,", "n1/a/b", "n1?consistancy=one", "n1?consistency=most",
		"n1?timeout=5", "n1?timeout=-1s", "n1?timeout=1s&timeout=2s", "n1?tls=true", "user@n1:7400", "a:b:c", "n 1:7400",
	} {
		if got, err := parseDSN(dsn); err == nil {
			t.Errorf("%q was taken: %+v", dsn, got)
		}
	}
}
