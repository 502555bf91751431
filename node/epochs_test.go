package node

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/topology"
	"github.com/candordb/candor/wire"
)

// holders are the nodes of a cluster that runs, by index.
type holders []atomic.Pointer[Node]

// held is a cluster whose nodes the test can take hold of.
func held(t *testing.T, n int) (*cluster, holders) {
	t.Helper()
	c, h := newCluster(t, n), make(holders, n)
	t.Cleanup(c.stop)
	for i := range n {
		c.nodes[i].machine.started = h[i].Store
		c.start(i)
	}
	for i := range n {
		c.awaitReady(i)
	}
	c.awaitTrust()
	return c, h
}

// node is node i as it runs now.
func (h holders) node(i int) *Node { return h[i].Load() }

// awaitEpoch waits until all nodes act in an epoch, or a later one.
func (h holders) awaitEpoch(t *testing.T, epoch uint64) {
	t.Helper()
	for i := range h {
		eventually(t, fmt.Sprintf("node %d acts in epoch %d", i+1, epoch), func() bool { return h.node(i).Epoch() >= epoch })
	}
}

func mustPropose(t *testing.T, n *Node, name string) uint64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	epoch, err := n.Propose(ctx, topology.SetNamespace(topology.NamespaceRow{Name: name}))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return epoch
}

// untilDone makes a request until it is answered as done: one that meets nodes of two
// epochs may be refused, or be in doubt. It returns how often it was made, and what
// the answer was.
func (c *cluster) untilDone(ctx context.Context, method string, i int, path, body string) (tries int64, answer string, ok bool) {
	c.t.Helper()
	for tries = 1; ctx.Err() == nil; tries++ {
		code, _, answer := c.do(method, i, path, body)
		switch code {
		case http.StatusOK:
			return tries, answer, true
		case http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		default:
			c.t.Errorf("%s %s at node %d: %d %s", method, path, i+1, code, answer)
			return tries, answer, false
		}
	}
	return tries, "", false
}

// Rule 9: any member may have an epoch decided; all come to act on it, by INSTALL,
// gossip or the answers of others; and requests go on meanwhile.
func TestNodesActOnLaterEpochs(t *testing.T) {
	c, h := held(t, 3)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var writers sync.WaitGroup
	var done, again atomic.Int64
	for i := range 3 {
		writers.Go(func() {
			for k := 0; ctx.Err() == nil; k++ {
				path, value := fmt.Sprintf("/v1/keys/w%d-%d", i, k%50), fmt.Sprint(k)
				puts, _, ok := c.untilDone(ctx, http.MethodPut, i, path, value)
				if !ok {
					return
				}
				gets, got, ok := c.untilDone(ctx, http.MethodGet, i, path, "")
				if ok && got != value {
					t.Errorf("get %s at node %d: %s, want %s", path, i+1, got, value)
				}
				again.Add(puts + gets - 2)
				done.Add(1)
			}
		})
	}
	for k := range 6 {
		epoch := mustPropose(t, h.node(k%3), fmt.Sprintf("ns-%d", k))
		if want := uint64(k + 2); epoch != want {
			t.Errorf("epoch %d, want %d", epoch, want)
		}
		h.awaitEpoch(t, epoch)
		before := done.Load()
		eventually(t, "requests go on", func() bool { return done.Load() > before+5 })
	}
	cancel()
	writers.Wait()
	t.Logf("%d requests, %d tried again", done.Load(), again.Load())
	// The namespaces work, on all nodes, with the same numbers.
	code, _, body := c.do(http.MethodPut, 1, "/v1/keys/k?ns=ns-3", "v")
	if code != http.StatusOK {
		t.Errorf("put in a namespace that was made: %d %s", code, body)
	}
	for i := range 3 {
		if code, _, body := c.do(http.MethodGet, i, "/v1/keys/k?ns=ns-3", ""); code != http.StatusOK || body != "v" {
			t.Errorf("get at node %d: %d %s", i+1, code, body)
		}
		if got := h.node(i).Namespaces(); len(got) != 7 || got[4].Name != "ns-3" || got[4].Number != 5 {
			t.Errorf("node %d has the namespaces %+v", i+1, got)
		}
	}
}

// A node that was down catches up when it comes back, also with what nobody proposes
// to it any more; and it starts in the epoch that it has acted in.
func TestANodeThatWasDownCatchesUp(t *testing.T) {
	c, h := held(t, 3)
	c.halt(2)
	epoch := mustPropose(t, h.node(1), "a")
	c.start(2)
	c.awaitReady(2)
	h.awaitEpoch(t, epoch)
	for i := range 3 {
		c.halt(i)
	}
	c.start(0)
	eventually(t, "the first starts in the epoch that it has acted in", func() bool { n := h.node(0); return n.ctx.Err() == nil && n.Epoch() == epoch })
	for i := range 2 {
		c.start(i + 1)
	}
	for i := range 3 {
		c.awaitReady(i)
	}
	// Nobody has lost anything, and all can say so.
	for i := range 3 {
		eventually(t, "all have told what they heard", func() bool { return h.node(i).control.silent.Load() == nil })
		if why := h.node(i).control.behind.Load(); why != nil {
			t.Errorf("node %d: %s", i+1, *why)
		}
	}
	if next := mustPropose(t, h.node(2), "b"); next != epoch+1 {
		t.Errorf("epoch %d behind %d", next, epoch)
	}
}

// Gossip spreads the number, and whoever hears it fetches the rest.
func TestGossipOffersEpochs(t *testing.T) {
	_, h := held(t, 2)
	epoch := mustPropose(t, h.node(0), "a")
	h.awaitEpoch(t, epoch)
	// An epoch that nobody has is asked for, and does no harm.
	h.node(1).Offer(epoch + 5)
	h.node(1).Newer(h.node(0).id, epoch+6)
	if next := mustPropose(t, h.node(1), "b"); next != epoch+1 {
		t.Errorf("epoch %d", next)
	}
}

// A node that an epoch does not name any more stops, and says why; the others drop
// their links to it and go on.
func TestARemovedNodeStops(t *testing.T) {
	c, h := held(t, 4)
	gone := h.node(3)
	m := *gone.state.Load().meta
	m.Epoch++
	m.Members = m.Members[:3]
	owners, err := ring.Claim(m.Partitions, m.Replicas, nil, gone.Cluster().Ring.Members()[:3])
	if err != nil {
		t.Fatal(err)
	}
	m.Owners = ring.AppendOwners(nil, owners)
	doc, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for i := range h {
		n, from := h.node(i), h.node((i+1)%3)
		n.control.events <- func(out *topology.Effects) {
			n.control.core.Answer(from.id, &wire.PeerAnswer{Head: wire.Head{Op: wire.OpMetadata}, Document: doc}, out)
		}
	}
	select {
	case err := <-c.nodes[3].done:
		if err == nil || !strings.Contains(err.Error(), "it was removed") {
			t.Errorf("it stops with %v", err)
		}
		c.nodes[3].done = nil
	case <-time.After(patience):
		t.Fatal("it does not stop")
	}
	h[:3].awaitEpoch(t, m.Epoch)
	if p := h.node(0).links.peer(gone.id); p != nil {
		t.Error("there is still a link to it")
	}
	if code, _, body := c.do(http.MethodPut, 1, "/v1/keys/k", "v"); code != http.StatusOK {
		t.Errorf("put: %d %s", code, body)
	}
}
