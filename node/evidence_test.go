package node

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/candordb/candor/verdict"
)

// statusNow is what a node says of the cluster now.
func (c *cluster) statusNow(i int) (s verdict.Snapshot, result verdict.Result) {
	c.t.Helper()
	status, _, body := c.do(http.MethodGet, i, "/v1/cluster/status", "")
	if status != http.StatusOK {
		return s, result
	}
	var v struct {
		Verdict verdict.Result `json:"verdict"`
	}
	for _, into := range []any{&s, &v} {
		if err := json.Unmarshal([]byte(body), into); err != nil {
			c.t.Fatal(err)
		}
	}
	return s, v.Verdict
}

// A node that was only just started looks for the others first: that they have not
// answered is no silence until they had the time to. Then it is, and FAILING.
func TestANodeThatWasJustStartedLooksFirst(t *testing.T) {
	if testing.Short() {
		t.Skip("not run under -short: it waits until the others count as silent; go test ./node runs it")
	}
	c := startCluster(t, 3)
	c.stop()
	began := time.Now()
	c.start(0)
	eventually(t, "the others are silent, and it serves nothing", func() bool {
		s, result := c.statusNow(0)
		young := time.Since(began) < looksFor // it has answered by then
		silent := 0
		for i := range s.Members {
			if s.Members[i].Answer == verdict.Silent {
				silent++
			}
		}
		if young && (silent > 0 || len(s.Members) > 0 && result.Verdict != verdict.Unknown) {
			t.Fatalf("%v after its start: %d silent, %v", time.Since(began), silent, &result)
		}
		return silent == 2 && result.Verdict == verdict.Failing
	})
}
