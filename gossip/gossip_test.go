package gossip_test

import (
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/candordb/candor/gossip"
	"github.com/candordb/candor/ring"
)

func TestEverybodySeesEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		nodes := c.startAll(5, 1)
		for _, n := range nodes {
			v := n.View()
			if len(v.Members) != 5 || !slices.IsSortedFunc(v.Members, func(a, b gossip.Member) int { return a.ID.Compare(b.ID) }) {
				t.Fatalf("%+v", v)
			}
			m, _ := v.Member(id(3))
			if m.Client != "10.0.0.3:7400" || m.Peer != "10.0.0.3:7401" || m.HTTP != "" || m.Zone != "z" || m.Incarnation != 1 {
				t.Fatalf("%+v", m)
			}
		}
		if _, ok := nodes[0].View().Member(ring.NodeID{99}); ok {
			t.Error("a node from nowhere")
		}
	})
}

// A cut of five minutes, after which memberlist has forgotten the other side,
// heals by itself.
func TestLongPartitionHeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		nodes := c.startAll(5, 1)
		left, right := c.known()[:2], c.known()[2:]
		c.net.Split(left, right)
		c.within(time.Minute, "each side alone", func() bool {
			return !slices.ContainsFunc(nodes[:2], func(n *node) bool {
				return slices.ContainsFunc(nodes[2:], func(o *node) bool { return n.sees(o, 0) || o.sees(n, 0) })
			})
		})
		pass(5 * time.Minute)
		c.net.Join(left, right)
		c.within(80*time.Second, "one group again", func() bool { return agree(nodes, nodes) })
	})
}

// A callback that blocks, or that calls back, holds up nobody: neither its own
// node, which goes on answering probes, nor the others.
func TestCallbacksNeverReenter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		var busy, overlaps atomic.Int32
		var nodes []*node
		turn := func(n *node) func() {
			return func() {
				if busy.Add(1) > 1 {
					overlaps.Add(1)
				}
				n.LockedCount()
				n.HealthScore()
				n.Announce()
				n.View()
				pass(20 * time.Second)
				busy.Add(-1)
			}
		}
		c.know(addr(1), addr(2), addr(3))
		for i := range 3 {
			nodes = append(nodes, c.start(i+1, 1, func(o *gossip.Options) {
				if i == 0 {
					n := o.Sink.(*node)
					n.onTurn = turn(n)
				}
			}))
		}
		others := nodes[1:]
		c.within(time.Minute, "all alive", func() bool { return agree(others, nodes) })
		for range 100 {
			pass(time.Second)
			if !agree(others, nodes) {
				t.Fatal("the slow one was suspected to death")
			}
		}
		c.within(time.Minute, "the slow one knows, too", func() bool { return agree(nodes, nodes) })
		if overlaps.Load() != 0 {
			t.Errorf("%d calls overlapped", overlaps.Load())
		}
		if n := nodes[0].changed.Load(); n == 0 || n > 4 {
			t.Errorf("%d calls for a burst of changes", n)
		}
	})
}

// Same id, same address, back before anybody missed it: no leave and no join,
// yet a new incarnation is seen.
func TestFastRestartIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		nodes := c.startAll(3, 1)
		nodes[2].crash()
		again := c.start(3, 2)
		c.within(20*time.Second, "incarnation 2", func() bool { return nodes[0].sees(again, 2) && nodes[1].sees(again, 2) })
	})
}

// Same id, new address: memberlist refuses it while it believes in the old one,
// and never tries again by itself.
func TestReturnsWithNewAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		nodes := c.startAll(3, 1)
		nodes[2].crash()
		moved := c.start(3, 2, func(o *gossip.Options) { o.Listen = addr(33) })
		took := c.within(30*time.Second, "seen at its new address", func() bool {
			return nodes[0].sees(moved, 2) && nodes[1].sees(moved, 2) && agree([]*node{moved}, nodes[:2])
		})
		t.Logf("after %v", took)
	})
}

// All restart at once, with memberlist's own counters back at 1.
func TestMassRestartConverges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		nodes := c.startAll(7, 1)
		for round := range uint64(3) {
			for _, n := range nodes {
				n.crash()
			}
			pass(time.Duration(round) * 7 * time.Second)
			for i := range nodes {
				nodes[i] = c.start(i+1, round+2)
				pass(time.Duration(round) * 300 * time.Millisecond)
			}
			c.within(2*time.Minute, "all alive in the new incarnation", func() bool {
				return !slices.ContainsFunc(nodes, func(n *node) bool {
					return slices.ContainsFunc(nodes, func(o *node) bool { return !n.sees(o, round+2) })
				})
			})
		}
	})
}

// Who leaves says so; who dies does not. Only memberlist cannot tell.
func TestLeaveIsNotDeath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		nodes := c.startAll(5, 1)
		if err := nodes[3].Leave(5 * time.Second); err != nil {
			t.Fatal(err)
		}
		nodes[4].crash()
		rest := nodes[:3]
		c.within(time.Minute, "both gone", func() bool {
			return !slices.ContainsFunc(rest, func(n *node) bool { return n.sees(nodes[3], 0) || n.sees(nodes[4], 0) })
		})
		for _, n := range rest {
			left, _ := n.View().Member(nodes[3].id)
			dead, _ := n.View().Member(nodes[4].id)
			if !left.Leaving || dead.Leaving {
				t.Errorf("left %+v\ndead %+v", left, dead)
			}
		}
		if err := nodes[3].Leave(time.Second); err != gossip.ErrNotRunning {
			t.Errorf("second Leave: %v", err)
		}
	})
}

// A departure is heard well before the node would have been found dead.
func TestLeaveIsQuick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		nodes := c.startAll(5, 1)
		began := time.Now()
		if err := nodes[4].Leave(5 * time.Second); err != nil {
			t.Fatal(err)
		}
		c.within(2*time.Second, "gone", func() bool {
			return !slices.ContainsFunc(nodes[:4], func(n *node) bool {
				m, _ := n.View().Member(nodes[4].id)
				return m.Alive || !m.Leaving
			})
		})
		if took := time.Since(began); took > 6*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestLeaveThenRejoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		nodes := c.startAll(3, 1)
		if err := nodes[2].Leave(5 * time.Second); err != nil {
			t.Fatal(err)
		}
		pass(10 * time.Second)
		again := c.start(3, 2)
		c.within(20*time.Second, "back", func() bool { return nodes[0].sees(again, 2) && nodes[1].sees(again, 2) })
		for _, n := range nodes[:2] {
			if m, _ := n.View().Member(again.id); m.Leaving {
				t.Errorf("%+v", m)
			}
		}
	})
}

// The last one leaves at once, there is nobody to tell.
func TestLeaveAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		n := c.startAll(1, 1)[0]
		began := time.Now()
		if err := n.Leave(5 * time.Second); err != nil || time.Since(began) > time.Second {
			t.Fatal(err, time.Since(began))
		}
	})
}

func TestEpochSpreads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		nodes := c.startAll(10, 1)
		nodes[4].epoch.Store(7)
		nodes[4].Announce()
		took := c.within(5*time.Second, "epoch 7 everywhere", func() bool {
			return !slices.ContainsFunc(nodes, func(n *node) bool { return n.epoch.Load() != 7 })
		})
		t.Logf("after %v", took)
		// Who was away hears of it with the first state exchange.
		late := c.start(11, 1)
		c.within(time.Second, "the newcomer, too", func() bool { return late.epoch.Load() == 7 })
	})
}

// Probes carry the epoch as well, for nodes that every broadcast missed.
func TestEpochTravelsWithProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		nodes := c.startAll(3, 1)
		nodes[0].epoch.Store(9) // and nothing is announced
		c.within(10*time.Second, "epoch 9 everywhere", func() bool { return nodes[1].epoch.Load() == 9 && nodes[2].epoch.Load() == 9 })
	})
}

// H4: two clusters with crossed seeds. Nobody of one ever sees anybody of the
// other.
func TestForeignClusterIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		ours := c.startAll(3, 1)
		var theirs []*node
		c.know(append(slices.Clone(c.known()), addr(11), addr(12), addr(13))...)
		for i := range 3 {
			n := c.start(i+11, 1, func(o *gossip.Options) { o.ClusterID = [16]byte{43} })
			n.epoch.Store(1000)
			theirs = append(theirs, n)
		}
		pass(3 * time.Minute)
		for _, n := range ours {
			if len(n.View().Members) != 3 || n.epoch.Load() != 0 {
				t.Errorf("%d members, epoch %d", len(n.View().Members), n.epoch.Load())
			}
		}
		if !agree(ours, ours) || !agree(theirs, theirs) {
			t.Error("a cluster fell apart")
		}
	})
}

// Packets that get lost, one in four, cost nobody its life.
func TestLossIsNotDeath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		nodes := c.startAll(5, 1)
		var n atomic.Uint32
		c.net.Lose(func(string, string) bool { return n.Add(1)%4 == 0 })
		deaths := make([]int64, len(nodes))
		for i, n := range nodes {
			deaths[i] = n.changed.Load()
		}
		pass(3 * time.Minute)
		for i, n := range nodes {
			if n.changed.Load() != deaths[i] {
				t.Errorf("node %d changed its mind", i+1)
			}
		}
	})
}

// Readers of the view race with nothing, while nodes come and go.
func TestViewUnderChurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		nodes := c.startAll(4, 1)
		reading := make(chan struct{})
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for {
				select {
				case <-reading:
					return
				case <-time.After(time.Millisecond):
				}
				for _, m := range nodes[0].View().Members {
					_ = m.Addr + m.Zone
				}
			}
		}()
		for round := range uint64(4) {
			nodes[3].crash()
			pass(time.Duration(round) * 5 * time.Second)
			nodes[3] = c.start(4, round+2)
			c.within(time.Minute, "back", func() bool { return nodes[0].sees(nodes[3], round+2) })
		}
		close(reading)
		<-ended
	})
}

// A node that cannot listen says so.
func TestAddressInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		c.startAll(1, 1)
		twin := c.start(1, 2)
		if err := <-twin.ended; err == nil {
			t.Error("two nodes at one address")
		}
		twin.ended = nil
	})
}
