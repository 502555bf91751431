package config

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/candordb/candor/contract"
)

func TestParseNamespace(t *testing.T) {
	for text, want := range map[string]Namespace{
		"carts": {Name: "carts", Read: contract.Quorum, Write: contract.Quorum},
		" sessions  ttl=30m read=one write=all max_value=64KiB ": {
			Name: "sessions", Read: contract.One, Write: contract.All, TTL: 30 * time.Minute, MaxValue: 64 * KiB,
		},
		"flags read=1 write=local_quorum allow_stale": {Name: "flags", Read: contract.One, Write: contract.LocalQuorum, AllowStale: true},
	} {
		got, err := ParseNamespace(text)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %v %s", text, err, diff)
		}
	}
	for _, text := range []string{
		"", "Carts", "a/b", "carts reed=one", "carts read=none", "carts read=any", "carts write=serial", "carts read=default", "carts ttl=0s", "carts ttl=-1s",
		"carts ttl=5", "carts max_value=0B", "carts max_value=big", "carts allow_stale=yes", "carts read=one read=two", "carts read",
	} {
		if ns, err := ParseNamespace(text); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %+v, %v", text, ns, err)
		}
	}
}

// R + W <= N is refused without allow_stale: a read might miss an acknowledged
// write, and nobody would have asked for it.
func TestNamespaceLevelsHaveToMeet(t *testing.T) {
	for text, problem := range map[string]string{
		"a read=one write=quorum":             "need not meet",
		"a read=one write=quorum allow_stale": "",
		"a read=one write=all":                "",
		"a read=two write=2":                  "",
		"a read=local_quorum":                 "need not meet",
		"a read=one write=each_quorum":        "need not meet",
		"a read=5 write=5":                    "above cluster.replicas",
		"a max_value=2MiB":                    "above limits.value",
	} {
		err := validated(text)
		if problem == "" && err != nil || problem != "" && (err == nil || !strings.Contains(err.Error(), problem)) {
			t.Errorf("%q: %v, want %q", text, err, problem)
		}
	}
	if err := validated("a", "a ttl=1s"); err == nil || !strings.Contains(err.Error(), "lists a twice") {
		t.Errorf("one name twice: %v", err)
	}
}

func TestDefaultNamespaceAlwaysExists(t *testing.T) {
	c := Default()
	c.Cluster.Namespaces = []string{"carts"}
	if got := c.ParseNamespaces(); len(got) != 2 || got[0].Name != DefaultNamespace || got[1].Name != "carts" {
		t.Errorf("%+v", got)
	}
	c.Cluster.Namespaces = []string{"carts", "default ttl=1h"}
	if got := c.ParseNamespaces(); len(got) != 2 || got[1].TTL != time.Hour {
		t.Errorf("%+v", got)
	}
}

// validated is what Validate says of a good configuration with these namespaces.
func validated(namespaces ...string) error {
	c := Default()
	c.Cluster.Name, c.Node.Name, c.Limits.Frame, c.Cluster.Namespaces = "test", "n1", 2*MiB, namespaces
	return c.Validate()
}
