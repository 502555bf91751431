package node

import (
	"fmt"
	"net/http"
	"os"
	"testing"

	"github.com/candordb/candor/hlc"
)

// Rule 8: a node that starts with less than it has itself told others neither serves nor
// votes before it is rebuilt. Here its disk has lost a few seconds: a snapshot of it
// while it ran, or a disk that does not sync what it says it has.
func TestADiskThatHasLostSomeSecondsIsNoticed(t *testing.T) {
	c, h := quickCluster(t)
	c.fill(10, "before")
	aside := t.TempDir() + "/copy"
	bound := hlc.Timestamp(h.node(2).clock.bound.Load())
	copyDir(t, c.db(2), aside)
	c.fill(50, "acked")
	eventually(t, "a later bound is told", func() bool {
		return hlc.Timestamp(h.node(2).clock.bound.Load()) > bound.Add(hlc.BoundAhead/2)
	})
	c.halt(2)
	if err := os.RemoveAll(c.db(2)); err != nil {
		t.Fatal(err)
	}
	copyDir(t, aside, c.db(2))
	c.start(2)
	c.awaitReady(2)
	c.awaitRebuilt(h, 2)
	for k := range 50 {
		if _, _, body := c.do(http.MethodGet, 2, fmt.Sprintf("/v1/keys/k%d?consistency=one", k), ""); body != fmt.Sprint("acked", k) {
			t.Fatalf("k%d is %q there, which was acknowledged otherwise", k, body)
		}
	}
}
