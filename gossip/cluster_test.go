package gossip_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/candordb/candor/gossip"
	"github.com/candordb/candor/gossip/gossiptest"
	"github.com/candordb/candor/ring"
)

// cluster is a group of nodes in one bubble.
type cluster struct {
	t   *testing.T
	net *gossiptest.Network

	// all are the addresses that every node knows from elsewhere.
	all atomic.Pointer[[]string]
}

// know makes all nodes know these addresses.
func (c *cluster) know(addresses ...string) { c.all.Store(&addresses) }

func (c *cluster) known() []string {
	if p := c.all.Load(); p != nil {
		return *p
	}
	return nil
}

func newCluster(t *testing.T) *cluster {
	c := &cluster{t: t, net: gossiptest.New()}
	// memberlist's goroutines end some seconds after Shutdown.
	t.Cleanup(func() { pass(30 * time.Second) })
	return c
}

// node is one membership of a node; it is its own Sink and Shared.
type node struct {
	*gossip.Gossip
	id      ring.NodeID
	addr    string
	epoch   atomic.Uint64
	changed atomic.Int64
	onTurn  func() // called by Changed
	stop    context.CancelFunc
	ended   chan error
}

func (n *node) Epoch() uint64 { return n.epoch.Load() }

func (n *node) Offer(e uint64) { n.epoch.Store(max(e, n.epoch.Load())) }

func (n *node) Changed() {
	n.changed.Add(1)
	if n.onTurn != nil {
		n.onTurn()
	}
}

func id(i int) ring.NodeID { return ring.NodeID{15: byte(i)} }

func addr(i int) string { return fmt.Sprintf("10.0.0.%d:7402", i) }

// start starts node i with an incarnation, at its usual address.
func (c *cluster) start(i int, incarnation uint64, change ...func(*gossip.Options)) *node {
	c.t.Helper()
	n := &node{id: id(i), ended: make(chan error, 1)}
	o := gossip.Options{
		Self:        n.id,
		ClusterID:   [16]byte{42},
		Incarnation: incarnation,
		Listen:      addr(i),
		ClientPort:  7400,
		PeerPort:    7401,
		Zone:        "z",
		Known:       c.known,
		Sink:        n,
		Shared:      n,
		Log:         slog.New(slog.DiscardHandler),
		Network:     c.net,
	}
	for _, f := range change {
		f(&o)
	}
	n.addr = o.Listen
	var err error
	if n.Gossip, err = gossip.New(o); err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n.stop = cancel
	go func() { n.ended <- n.Run(ctx) }()
	c.t.Cleanup(n.crash)
	return n
}

// startAll starts nodes 1 to n, which know each other.
func (c *cluster) startAll(n int, incarnation uint64) []*node {
	c.t.Helper()
	var all []string
	for i := range n {
		all = append(all, addr(i+1))
	}
	c.know(all...)
	nodes := make([]*node, n)
	for i := range nodes {
		nodes[i] = c.start(i+1, incarnation)
	}
	c.within(time.Minute, "all alive", func() bool { return agree(nodes, nodes) })
	return nodes
}

// crash ends a node without a word.
func (n *node) crash() {
	n.stop()
	if n.ended != nil {
		<-n.ended
		n.ended = nil
	}
}

// sees tells whether n believes that other is alive, as this very incarnation
// and at its address.
func (n *node) sees(other *node, incarnation uint64) bool {
	m, ok := n.View().Member(other.id)
	return ok && m.Alive && m.Addr == other.addr && (incarnation == 0 || m.Incarnation == incarnation)
}

// agree tells whether each of nodes sees each of others.
func agree(nodes, others []*node) bool {
	for _, n := range nodes {
		for _, o := range others {
			if !n.sees(o, 0) {
				return false
			}
		}
	}
	return true
}

// pass lets virtual time pass.
func pass(d time.Duration) { <-time.After(d) }

// within waits in virtual time for a condition.
func (c *cluster) within(limit time.Duration, what string, ok func() bool) time.Duration {
	c.t.Helper()
	began := time.Now()
	for !ok() {
		if time.Since(began) > limit {
			c.t.Fatalf("not within %v: %s", limit, what)
		}
		pass(50 * time.Millisecond)
	}
	return time.Since(began)
}
