package node

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"
)

// hintsFor is what the nodes that are not away keep for the one that is: counted
// over their metrics of one name.
func (c *cluster) hintsFor(name string, at ...int) (sum int) {
	for _, i := range at {
		n, _ := strconv.ParseFloat(c.metric(i, name), 64) // absent: none yet
		sum += int(n)
	}
	return sum
}

// Rule 5: what a replica has missed while it was away is kept for it, survives the
// restart of those who keep it, and is handed over when it is back: by hints
// alone, as nothing compares replicas here.
func TestAReplicaThatWasAwayGetsItsHints(t *testing.T) {
	c := newCluster(t, 3)
	t.Cleanup(c.stop)
	for i := range c.nodes {
		c.nodes[i].config.Repair.ExchangeInterval = time.Hour
		c.nodes[i].config.Repair.AlarmLag = 2 * time.Hour
		c.start(i)
	}
	for i := range c.nodes {
		c.awaitReady(i)
	}
	c.awaitTrust()
	c.halt(2)
	const keys = 100
	for i := range keys {
		c.insist(http.MethodPut, i%2, fmt.Sprintf("/v1/keys/k%d", i), fmt.Sprint("v", i))
	}
	for i := range 5 {
		c.insist(http.MethodDelete, 0, fmt.Sprintf("/v1/keys/k%d", i), "")
	}
	target := `{peer="` + c.nodes[2].config.Node.Name + `"}`
	kept := "candor_hints" + target
	eventually(t, "every write is kept for the node that is away", func() bool { return c.hintsFor(kept, 0, 1) >= keys+5 })
	before := c.hintsFor(kept, 0)
	c.halt(0)
	c.start(0)
	c.awaitReady(0)
	if after := c.hintsFor(kept, 0); after != before {
		t.Errorf("%d hints before a restart, %d after", before, after)
	}
	c.start(2)
	c.awaitReady(2)
	eventually(t, "all of them are delivered", func() bool { return c.hintsFor(kept, 0, 1) == 0 })
	for i := range keys {
		status, _, body := c.do(http.MethodGet, 2, fmt.Sprintf("/v1/explain/k%d", i), "")
		if status != http.StatusOK {
			t.Fatalf("explain k%d: %d %s", i, status, body)
		}
	}
	c.halt(0)
	c.halt(1)
	for i := range keys {
		path := fmt.Sprintf("/v1/keys/k%d?consistency=one", i)
		status, _, body := c.do(http.MethodGet, 2, path, "")
		if i < 5 && status != http.StatusNotFound || i >= 5 && body != fmt.Sprint("v", i) {
			t.Errorf("%s of the node that was away, alone: %d %q", path, status, body)
		}
	}
}
