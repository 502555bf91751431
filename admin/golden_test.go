package admin

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

var rewrite = flag.Bool("rewrite", false, "write the files of testdata and docs/HTTP.md anew")

// Every kind of document is as it was: fields are only ever added. All times and
// figures come from the fake, so the files hold to the byte.
func TestDocuments(t *testing.T) {
	seen := map[string]bool{}
	for file, path := range map[string]string{
		"item":           "/v1/keys/a?replicas=1&trace=1",
		"scan":           "/v1/scan",
		"where":          "/v1/where/user:42",
		"explain":        "/v1/explain/user:42",
		"outcome":        "/v1/outcome/a?version=" + testVersion.String(),
		"ring":           "/v1/ring",
		"partition-list": "/v1/partitions",
		"node-list":      "/v1/nodes",
		"namespace-list": "/v1/namespaces",
		"namespace":      "/v1/namespaces/sessions",
		"config":         "/v1/config",
		"cluster-status": "/v1/cluster/status",
		"health":         "/v1/cluster/health?consistency=all",
		"doctor":         "/v1/doctor",
		"hint-list":      "/v1/hints",
		"hint-drop":      "POST /v1/hints/n3/drop?dry_run=1",
		"accepted-loss":  "POST /v1/repair/accept-loss?nodes=n2,n3&dry_run=1",
		"write-result":   "PUT /v1/keys/lost?replicas=1&trace=1",
		"not-found":      "/v1/keys/absent?replicas=1",
		"bad-request":    "/v1/keys/a?consistancy=one",
	} {
		f := newFake(t)
		method, target, put := strings.Cut(path, " ")
		if !put {
			method, target = "GET", path
		}
		body := do(newServer(f), method, target, "").Body.String()
		var k kind
		if err := json.Unmarshal([]byte(body), &k); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		seen[k.Kind] = true
		golden(t, file+".json", body)
	}
	doubt := newFake(t)
	doubt.answer = refusal(contract.InDoubt, wire.Error{
		Message: "one replica refused after another took it", Version: testVersion,
		Receipt: &contract.Receipt{Need: 2, Asked: 3, Acked: 1, Durable: 1, Level: contract.Quorum},
	})
	golden(t, "in-doubt.json", do(newServer(doubt), "PUT", "/v1/keys/a%2Fb?ns=sessions", "x").Body.String())
	if len(seen) < 14 {
		t.Errorf("only %d kinds: %v", len(seen), seen)
	}
}

// golden compares with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	name = filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got), -rewrite takes it over:\n%s", name, diff)
	}
}
