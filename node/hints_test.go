package node

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/storage"
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

// Rule 8: a node that may hold less than it has told others may have told them that it
// keeps no hints so old: until it is rebuilt it keeps none, and stands in for nobody.
func TestANodeThatIsBehindKeepsNoHints(t *testing.T) {
	n, away := leftWithOneVote(t)
	offer := func() { n.KeepHint(freshHint(n, away, []byte("k"))) }
	offer()
	eventually(t, "it keeps a hint", func() bool { return n.HintsFor(away) == 1 })
	if !n.StandsIn(away, 1) {
		t.Error("it does not stand in, and nothing is wrong with it")
	}
	n.distrustItself()
	eventually(t, "it has dropped its hints, and they are gone", func() bool { return n.lost.sweptFor() != 0 && n.HintsFor(away) == 0 })
	offer()
	n.commitOne(t.Context(), replica.Write{Kind: replica.System, Key: []byte("a test"), Record: []byte("x")}) // behind the hint, if there is one
	if n.HintsFor(away) > 0 || n.StandsIn(away, 1) {
		t.Errorf("it keeps %d hints, and stands in: %v", n.HintsFor(away), n.StandsIn(away, 1))
	}
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

// Hints that cannot be read are told once, and again when the reason is another one or
// they were read in between: a storage that has stopped is asked every few seconds.
func TestUnreadHintsAreToldOnce(t *testing.T) {
	var said bytes.Buffer
	h := &hints{node: &Node{log: slog.New(slog.NewTextHandler(&said, nil))}, unread: make(map[ring.NodeID]string)}
	stopped, closed := storage.ErrPoisoned, storage.ErrClosed
	for _, err := range []error{nil, stopped, stopped, stopped, closed, closed, nil, nil, stopped} {
		h.tellUnread(ring.NodeID{1}, err)
	}
	h.tellUnread(ring.NodeID{2}, stopped)
	if lines := strings.Count(said.String(), "cannot be read"); lines != 4 || strings.Count(said.String(), "read again") != 1 {
		t.Errorf("%d lines:\n%s", lines, said.String())
	}
}
