package admin

import (
	"slices"
	"strings"
	"testing"

	"github.com/candordb/candor/ring"
)

// Nothing is replayed or dropped by a request that only asks, that names nobody,
// or that cannot be read.
func TestHintsAreDroppedOnlyWhenThatIsMeant(t *testing.T) {
	for _, tc := range []struct {
		method, path      string
		status            int
		text              string
		replayed, dropped []ring.NodeID
	}{
		{"GET", "/v1/hints", 200, `"hints": 81204`, nil, nil},
		{"POST", "/v1/hints/n3/drop?dry_run=1", 200, `"applied": false`, nil, nil},
		{"POST", "/v1/hints/n3/drop", 200, `"applied": true`, nil, []ring.NodeID{nodeID(3)}},
		{"POST", "/v1/hints/" + nodeID(3).String() + "/drop?dry_run=0", 200, `"partitions": 3`, nil, []ring.NodeID{nodeID(3)}},
		{"POST", "/v1/hints/n3/drop?dry_run=maybe", 400, "1 or 0", nil, nil},
		{"POST", "/v1/hints/n2/drop", 400, "no hints for", nil, nil},
		{"POST", "/v1/hints/n9/drop", 400, "no hints for", nil, nil},
		{"GET", "/v1/hints/n3/drop", 405, "POST", nil, nil},
		{"POST", "/v1/hints/n3/replay", 200, `"kind": "HintList"`, []ring.NodeID{nodeID(3)}, nil},
		{"POST", "/v1/hints/n3/replay?dry_run=1", 200, `"kind": "HintList"`, nil, nil},
		{"POST", "/v1/hints/n3/replay?dry_run=x", 400, "1 or 0", nil, nil},
	} {
		f := newFake(t)
		w := do(newServer(f), tc.method, tc.path, "")
		if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.text) {
			t.Errorf("%s %s: %d %s", tc.method, tc.path, w.Code, w.Body)
		}
		if !slices.Equal(f.replayed, tc.replayed) || !slices.Equal(f.dropped, tc.dropped) {
			t.Errorf("%s %s: replayed %v, dropped %v", tc.method, tc.path, f.replayed, f.dropped)
		}
	}
}
