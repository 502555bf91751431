package admin

import (
	"slices"
	"strings"
	"testing"

	"github.com/candordb/candor/ring"
)

// Nothing is given up by a request that only asks, that names nobody or a stranger, or
// that cannot be read; and who asks is told in words what may be lost.
func TestCopiesAreGivenUpOnlyByName(t *testing.T) {
	both := []ring.NodeID{nodeID(2), nodeID(3)}
	for _, tc := range []struct {
		method, path string
		status       int
		text         string
		accepted     []ring.NodeID
	}{
		{"POST", "/v1/repair/accept-loss?nodes=n2,n3&dry_run=1", 200, `"applied": false`, nil},
		{"POST", "/v1/repair/accept-loss?nodes=n2,n3&dry_run=1", 200, "keys that were deleted at any time may come back", nil},
		{"POST", "/v1/repair/accept-loss?nodes=n2,n3", 200, `"applied": true`, both},
		{"POST", "/v1/repair/accept-loss?nodes=n2,n3,n2," + nodeID(3).String(), 200, `"epoch": 8`, both},
		{"POST", "/v1/repair/accept-loss?nodes=n3", 200, "When n3 comes back", []ring.NodeID{nodeID(3)}},
		{"POST", "/v1/repair/accept-loss", 400, "nodes is needed", nil},
		{"POST", "/v1/repair/accept-loss?nodes=n2,", 400, "no member", nil},
		{"POST", "/v1/repair/accept-loss?nodes=n9", 400, "no member", nil},
		{"POST", "/v1/repair/accept-loss?nodes=n1", 400, "its copies are good", nil},
		{"POST", "/v1/repair/accept-loss?nodes=n4", 503, `"outcome": "in-doubt"`, nil},
		{"POST", "/v1/repair/accept-loss?nodes=n2&dry_run=maybe", 400, "1 or 0", nil},
		{"GET", "/v1/repair/accept-loss?nodes=n2", 405, "POST", nil},
	} {
		f := newFake(t)
		w := do(newServer(f), tc.method, tc.path, "")
		if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.text) {
			t.Errorf("%s %s: %d %s", tc.method, tc.path, w.Code, w.Body)
		}
		if !slices.Equal(f.accepted, tc.accepted) {
			t.Errorf("%s %s: accepted %v", tc.method, tc.path, f.accepted)
		}
	}
}
