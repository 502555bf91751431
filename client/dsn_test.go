package client

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDSN(t *testing.T) {
	for dsn, want := range map[string]target{
		"candor://n1:7400,n2:7410/shop?consistency=quorum&timeout=3s": {seeds: []string{"n1:7400", "n2:7410"}, namespace: "shop", level: Quorum, timeout: 3 * time.Second},
		"n1:1, n2":                {seeds: []string{"n1:1", "n2:7400"}, namespace: "", level: 0, timeout: timeoutDefault},
		"candor://[::1]:7400/":    {seeds: []string{"[::1]:7400"}, namespace: "", level: 0, timeout: timeoutDefault},
		"::1":                     {seeds: []string{"[::1]:7400"}, namespace: "", level: 0, timeout: timeoutDefault},
		"n1?consistency=2":        {seeds: []string{"n1:7400"}, namespace: "", level: Two, timeout: timeoutDefault},
		"n1?zone=a&session=true":  {seeds: []string{"n1:7400"}, timeout: timeoutDefault, zone: "a", session: true},
		"n1?session=false":        {seeds: []string{"n1:7400"}, timeout: timeoutDefault},
		"10.0.0.1/a?timeout=50ms": {seeds: []string{"10.0.0.1:7400"}, namespace: "a", level: 0, timeout: 50 * time.Millisecond},
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
		"n1?timeout=5", "n1?timeout=-1s", "n1?timeout=1s&timeout=2s", "n1?tls=true", "n1?session=perhaps", "n1?zones=a", "user@n1:7400", "a:b:c", "n 1:7400",
	} {
		if got, err := parseDSN(dsn); err == nil {
			t.Errorf("%q was taken: %+v", dsn, got)
		}
	}
}
