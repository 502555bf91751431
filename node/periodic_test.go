package node

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// Contract, section 1: a node with durability periodic says so in every receipt, those of
// other nodes too, and when it is a node like the others again nothing is said any more;
// what it was told to stop with is there.
func TestPeriodicNodesSaySo(t *testing.T) {
	c := newCluster(t, 3)
	t.Cleanup(c.stop)
	later := c.nodes[1].config
	later.Storage.Durability, later.Storage.SyncInterval = "periodic", time.Minute
	for i := range 3 {
		c.start(i)
	}
	for i := range 3 {
		c.awaitReady(i)
	}
	c.awaitTrust()
	receipts := func(want string) {
		t.Helper()
		for i := range 3 {
			for _, method := range []string{http.MethodPut, http.MethodGet} {
				status, head, body := c.do(method, i, "/v1/keys/k?consistency=all", "v")
				if got := head.Get("Candor-Receipt"); status/100 != 2 || !strings.Contains(got, "acked=3, "+want) {
					t.Errorf("%s at node %d: %d %q %.100s, want %s", method, i+1, status, got, body, want)
				}
			}
		}
	}
	receipts("durable=2")
	eventually(t, "the doctor says so", func() bool {
		_, _, body := c.do(http.MethodGet, 0, "/v1/doctor", "")
		return strings.Contains(body, "n2 runs with durability periodic") && strings.Contains(body, "storage.durability is not the same on all nodes")
	})
	c.halt(1)
	later.Storage.Durability = "sync"
	c.start(1)
	c.awaitReady(1)
	c.awaitTrust()
	if status, _, body := c.do(http.MethodGet, 1, "/v1/keys/k?consistency=one", ""); status != http.StatusOK || body != "v" {
		t.Errorf("after a restart: %d %.100s", status, body)
	}
	receipts("durable=3")
}
