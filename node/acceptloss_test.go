package node

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/candordb/candor/repair"
	"github.com/candordb/candor/topology"
)

// acceptLoss asks a node to give up copies, until it answers with that status.
func (c *cluster) acceptLoss(i int, query string, status int, text string) {
	c.t.Helper()
	last := ""
	defer func() {
		if c.t.Failed() {
			c.t.Logf("accept-loss %s: %s", query, last)
		}
	}()
	eventually(c.t, fmt.Sprintf("accept-loss %s: %d %s", query, status, text), func() bool {
		code, _, body := c.do(http.MethodPost, i, "/v1/repair/accept-loss?"+query, "")
		last = fmt.Sprint(code, body)
		return code == status && strings.Contains(body, text)
	})
}

// losses are the copies that were given up, as a node knows it, and how many of them
// still count for nothing.
func (c *cluster) losses(n *Node) (rows, open int) {
	for _, l := range n.state.Load().meta.Losses {
		if rows++; l.Open() {
			open++
		}
	}
	return rows, open
}

// Rule 8: two of three nodes come back with folders of yesterday, at once. Nothing is
// guessed: it is refused what only they could know, until an operator gives their copies
// up by name. Then all is rebuilt from the one that is left: what it has is there, what
// was deleted stays so, and what only the two had is gone, as was said before.
func TestTwoOldFoldersAreServedAgainOnceTheLossIsAccepted(t *testing.T) {
	c, h := quickCluster(t)
	const keys = 40
	c.fill(keys, "v")
	for _, i := range []int{1, 2} {
		c.halt(i)
		dir := c.nodes[i].config.Node.DataDir
		copyDir(t, dir, dir+".old")
		c.start(i)
		c.awaitReady(i)
	}
	c.awaitTrust()
	c.insist(http.MethodDelete, 0, "/v1/keys/k0", "")
	c.insist(http.MethodPut, 0, "/v1/keys/k1?consistency=all", "since")
	c.halt(0)
	c.insist(http.MethodPut, 1, "/v1/keys/k2", "at the two alone")
	for _, i := range []int{1, 2} {
		c.halt(i)
		dir := c.nodes[i].config.Node.DataDir
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		copyDir(t, dir+".old", dir)
	}
	for i := range 3 {
		c.start(i)
	}
	c.awaitReady(0)
	for _, i := range []int{1, 2} {
		eventually(t, "it is in quarantine, and waits", func() bool {
			n := h.node(i)
			q, known := n.quarantine()
			return n.ctx.Err() == nil && known && len(q.Partitions) == 16 && n.control.distrust.Load() != 0 && q.Waiting != ""
		})
	}
	if code, _, body := c.do(http.MethodGet, 0, "/v1/keys/k3", ""); code != http.StatusServiceUnavailable {
		t.Errorf("a read that needs what is in quarantine: %d %s", code, body)
	}
	c.acceptLoss(0, "nodes=n2&dry_run=1", http.StatusBadRequest, "name these too")
	c.acceptLoss(0, "nodes=n1,n2,n3", http.StatusBadRequest, "n1 is neither in quarantine nor away")
	c.acceptLoss(1, "nodes=n2,n3&dry_run=1", http.StatusOK, `"partitions": 16`)
	if rows, _ := c.losses(h.node(0)); rows != 0 {
		t.Fatal("a plan was carried out")
	}
	c.acceptLoss(0, "nodes=n2,n3", http.StatusOK, "acknowledged writes are lost")
	for _, i := range []int{1, 2} {
		c.awaitRebuilt(h, i)
	}
	for k := 3; k < keys; k++ {
		c.insist(http.MethodGet, 1, fmt.Sprintf("/v1/keys/k%d", k), "")
	}
	for i := range 3 {
		for key, want := range map[string]string{"k0": "", "k1": "since", "k2": "v2", "k3": "v3"} {
			eventually(t, fmt.Sprintf("%s is %q at node %d", key, want, i+1), func() bool {
				code, _, body := c.do(http.MethodGet, i, "/v1/keys/"+key, "")
				return code == http.StatusOK && body == want || code == http.StatusNotFound && want == ""
			})
		}
	}
	eventually(t, "it is on record", func() bool {
		rows, open := c.losses(h.node(0))
		return rows == 2 && open == 0
	})
	if code, _, body := c.do(http.MethodGet, 2, "/v1/doctor", ""); code != http.StatusOK || !strings.Contains(body, "gave up copies of 16 partitions") {
		t.Errorf("what is on record is not told: %d %s", code, body)
	}
	c.acceptLoss(0, "nodes=n2,n3", http.StatusBadRequest, "neither in quarantine nor away")
	mustPropose(t, h.node(2), "after") // it votes, and so does another one
}

// isolate has a node find that it may lack something of partitions.
func (c *cluster) isolate(n *Node, partitions []int) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(n.ctx, 10*time.Second)
	defer cancel()
	if !n.lost.savePlan(ctx, repair.Plan{}) || !n.lost.isolate(ctx, partitions) {
		c.t.Fatal("it cannot be put into quarantine")
	}
}

// Rule 8: a copy that was given up while its node was away does not count when it comes
// back, though it is whole: it serves nothing before it was rebuilt from the others.
func TestACopyThatWasGivenUpDoesNotServeWhenItReturns(t *testing.T) {
	c, h := quickCluster(t)
	const keys = 30
	c.fill(keys, "v")
	for k := range keys {
		c.insist(http.MethodGet, 2, fmt.Sprintf("/v1/keys/k%d?consistency=all", k), "")
	}
	c.halt(2)
	n := h.node(1)
	c.isolate(n, n.owned(n.Cluster().Ring))
	eventually(t, "it waits for the one that is away", func() bool {
		q, _ := n.quarantine()
		return strings.Contains(q.Waiting, "n3 cannot be reached")
	})
	c.acceptLoss(0, "nodes=n2", http.StatusBadRequest, "n3 (16 of these partitions)")
	c.acceptLoss(0, "nodes=n2,n3", http.StatusOK, "When n3 comes back")
	eventually(t, "it is rebuilt from the only one", func() bool {
		q, known := n.quarantine()
		return known && len(q.Partitions) == 0
	})
	c.fill(keys, "new")
	c.start(2)
	eventually(t, "the one that was away is rebuilt", func() bool {
		code, _, body := c.do(http.MethodGet, 2, "/v1/keys/k1?consistency=one", "")
		if code == http.StatusOK && body != "new1" {
			t.Fatalf("a copy that was given up is served: %q", body)
		}
		n := h.node(2)
		st := n.state.Load()
		v := n.repair.seen.Load()
		if n.ctx.Err() != nil || st == nil || v == nil {
			return false
		}
		_, open := c.losses(n)
		return open == 0 && v.counters.Rebuilt == 16
	})
	c.holdsAll(2, keys, "new")
}

// Copies are given up that are good again by now, in nodes whose rebuild goes on: they go
// into quarantine once more, and no two nodes wait for each other after that.
func TestGoodCopiesThatAreGivenUpAreRebuilt(t *testing.T) {
	c, h := quickCluster(t)
	c.fill(10, "v")
	var given []topology.GivenUp
	for _, i := range []int{1, 2} {
		n := h.node(i)
		all := topology.GivenUp{Node: n.id}
		for p := range 16 {
			all.Partitions = append(all.Partitions, uint16(p))
		}
		given = append(given, all)
		c.isolate(n, n.owned(n.Cluster().Ring)[:8])
	}
	for _, i := range []int{1, 2} {
		eventually(t, "its rebuild has begun, and waits for the other", func() bool {
			n := h.node(i)
			q, _ := n.quarantine()
			return n.state.Load().meta.Rebuild(n.id) != nil && strings.Contains(q.Waiting, "quarantined")
		})
	}
	n := h.node(0)
	eventually(t, "the loss is decided", func() bool {
		_, err := n.decide(t.Context(), func(to any, out *topology.Effects) {
			n.control.core.AcceptLoss(n.clock.mono(), n.clock.now().Physical, to, n.control.core.Epoch(), given, out)
		})
		return err == nil
	})
	for i := range 3 {
		eventually(t, "all is rebuilt, and the loss is a record only", func() bool {
			n := h.node(i)
			rows, open := c.losses(n)
			q, known := n.quarantine()
			return rows == 2 && open == 0 && known && len(q.Partitions) == 0
		})
	}
	c.holdsAll(2, 10, "v")
}

// What a rebuild has waited for is told no longer than it waits.
func TestWhatWasWaitedForIsForgottenWhenItMoves(t *testing.T) {
	_, h := quickCluster(t)
	l := h.node(1).lost
	l.mu.Lock()
	l.waiting, l.failed = "another change was chosen first", l.node.Epoch()
	l.mu.Unlock()
	eventually(t, "it is cleared", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.waiting == ""
	})
}

// A copy that was in quarantine already when its node went away, and was given up then,
// is one more to be rebuilt anew: the loss ends with that.
func TestALossEndsThoughTheCopyWasInQuarantineBefore(t *testing.T) {
	c, h := quickCluster(t)
	c.fill(10, "v")
	n := h.node(2)
	c.halt(0) // so that nothing is rebuilt
	c.isolate(n, n.owned(n.Cluster().Ring))
	eventually(t, "an epoch says that it is rebuilt", func() bool { return n.state.Load().meta.Rebuild(n.id) != nil })
	c.halt(2)
	c.start(0)
	c.awaitReady(0)
	n = h.node(1)
	c.isolate(n, n.owned(n.Cluster().Ring))
	c.acceptLoss(0, "nodes=n2,n3", http.StatusOK, `"applied": true`)
	c.start(2)
	for i := range 3 {
		eventually(t, "the loss is a record only", func() bool {
			n := h.node(i)
			st := n.state.Load()
			if n.ctx.Err() != nil || st == nil {
				return false
			}
			rows, open := c.losses(n)
			q, known := n.quarantine()
			return rows == 2 && open == 0 && known && len(q.Partitions) == 0
		})
	}
}
