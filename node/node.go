package node

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/candordb/candor/admin"
	"github.com/candordb/candor/config"
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/gossip"
	"github.com/candordb/candor/hinted"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/router"
	"github.com/candordb/candor/rpc"
	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/topology"
	"github.com/candordb/candor/wire"
)

// Options of Run that are no settings.
type Options struct {
	Log     *slog.Logger
	Version string // of the build, as HELLO and status tell it
	Machine Machine
}

// Node is a running node. It implements router.World.
type Node struct {
	config      *config.Config
	machine     Machine
	version     string
	log         *slog.Logger
	id          ring.NodeID
	incarnation uint64
	life        uint64        // random, of this start
	found       hlc.Timestamp // the clock bound that the first start has found which has not yet heard how far this node had been
	rpcOptions  rpc.Options
	started     time.Time

	dir       *storage.Dir
	engine    storage.Engine
	store     *store
	committer *storage.Committer[replica.Write]
	applier   *replica.Applier // the committer's
	applied   applied
	clock     *clock
	router    *router.Router
	control   *control
	links     *links
	watch     *watch
	conns     connSet
	gate      gate
	probe     probe
	metrics   *metrics
	admin     *admin.Server
	gossip    atomic.Pointer[gossip.Gossip]
	state     atomic.Pointer[state] // nil before epoch 1
	trees     trees
	repair    *repairer
	tasks     tasks
	hints     *hints
	lost      *lost
	scrub     scrub
	reporter  *reporter
	evidence  *evidence
	marks     atomic.Pointer[replica.Marks] // nil before epoch 1

	clientListener, peerListener, httpListener net.Listener
	clients, peers                             *rpc.Server

	draining   atomic.Bool
	clockJump  atomic.Bool
	ctx        context.Context // ends when the links and loops shall end
	cancel     context.CancelFunc
	stopped    <-chan struct{} // closed with ctx
	workers    sync.WaitGroup
	failed     chan error // the first failure of a worker
	gossipDone chan struct{}
}

// state is what this node knows of its cluster.
type state struct {
	meta    *topology.Metadata
	cluster *router.Cluster
}

// background runs a worker until the node stops. An error of a worker stops
// the node.
func (n *Node) background(work func(context.Context) error) {
	n.workers.Go(func() {
		if err := work(n.ctx); err != nil && !errors.Is(err, context.Canceled) {
			select {
			case n.failed <- err:
			default:
			}
		}
	})
}

// install makes the metadata of an epoch, the first or a later one, what this node
// works by. They are durable already.
func (n *Node) install(m *topology.Metadata) {
	if err := n.adopt(m); err != nil {
		select {
		case n.failed <- err:
		default:
		}
	}
}

// adopt is install; its error says why this node cannot be part of it.
func (n *Node) adopt(m *topology.Metadata) error {
	view, err := m.View()
	if err != nil {
		return err
	}
	id := [16]byte(m.ClusterID)
	if err := n.dir.SetCluster(id); err != nil {
		return err
	}
	c := &router.Cluster{ID: id, Ring: view, AgeLimit: m.AgeLimitMS, MaxDrift: m.MaxDriftMS}
	for _, ns := range m.Namespaces {
		c.Namespaces = append(c.Namespaces, router.Namespace{
			Name: ns.Name, Number: ns.Number, Read: contract.Level(ns.Read), Write: contract.Level(ns.Write), TTL: ns.TTLMS, MaxValue: ns.MaxValue,
		})
	}
	if err := n.loadHealing(view, m.Seed); err != nil {
		return err
	}
	n.forgetRebuilt(m)
	n.clock.maxDrift.Store(c.MaxDrift)
	if n.state.Load() == nil { // later, this node knows its clock
		n.clock.awaitPeers(len(m.Members) - 1)
	}
	n.state.Store(&state{meta: m, cluster: c})
	n.hints.with(func(h *hinted.Core) { h.Ring(view) })
	n.admin.Changed()
	n.log.Info("part of the cluster", "cluster", m.ClusterName, "epoch", m.Epoch, "members", len(m.Members), "replicas", m.Replicas, "partitions", m.Partitions)
	n.links.dialMembers(view)
	return n.startGossip(m)
}

// addressOf is where the member of an id can be reached now; no address if it is no
// member any more.
func (n *Node) addressOf(id ring.NodeID) ring.Member {
	if c := n.Cluster(); c != nil {
		if i, ok := c.Ring.Index(id); ok {
			return n.address(*c.Ring.Member(i))
		}
	}
	return ring.Member{}
}

// address is where a member can be reached now: as gossip knows it, else as the
// metadata says.
func (n *Node) address(m ring.Member) ring.Member {
	if g := n.gossip.Load(); g != nil {
		if seen, ok := g.View().Member(m.ID); ok && seen.Alive {
			m.Gossip = seen.Addr
			for _, a := range []struct {
				to   *string
				from string
			}{{&m.Client, seen.Client}, {&m.Peer, seen.Peer}, {&m.HTTP, seen.HTTP}} {
				if a.from != "" {
					*a.to = a.from
				}
			}
		}
	}
	return m
}

// Cluster implements router.World.
func (n *Node) Cluster() *router.Cluster {
	if s := n.state.Load(); s != nil {
		return s.cluster
	}
	return nil
}

// RingMembers implements router.World.
func (n *Node) RingMembers() []wire.RingMember {
	s := n.state.Load()
	if s == nil {
		return nil
	}
	var rows []wire.RingMember
	for _, m := range s.cluster.Ring.Members() {
		m = n.address(m)
		rows = append(rows, wire.RingMember{
			ID: m.ID, Name: m.Name, Client: m.Client, Peer: m.Peer, Zone: m.Zone, State: uint64(m.State),
			Region: m.Region, Gossip: m.Gossip, HTTP: m.HTTP,
		})
	}
	return rows
}

// Serving implements router.World.
func (n *Node) Serving() bool { return n.engine.Err() == nil && n.lost.admitted.Load() }

// Store implements router.World.
func (n *Node) Store() replica.Store { return n.store }

// Commit implements router.World.
func (n *Node) Commit(writes []replica.Write) bool {
	if !n.committer.Submit(writes) {
		n.gate.Refused(router.ShedQueue)
		return false
	}
	n.probe.submit(len(writes))
	return true
}

// Now implements router.World.
func (n *Node) Now() replica.Now { return n.clock.now() }

// Coordinating implements router.World.
func (n *Node) Coordinating() bool { return !n.clock.fenced.Load() }

// Stamp implements router.World.
func (n *Node) Stamp() (hlc.Version, bool) { return n.clock.stamp() }

// StampAbove implements router.World.
func (n *Node) StampAbove(v hlc.Version) (hlc.Version, bool) { return n.clock.stampAbove(v) }

// Observe implements router.World. Once there is metadata only members' clocks
// count: who else may connect must not be able to fence anybody.
func (n *Node) Observe(from ring.NodeID, t hlc.Timestamp) {
	if c := n.Cluster(); c != nil {
		if _, member := c.Ring.Index(from); !member {
			return
		}
	}
	n.clock.observe(t)
}

// Goodbye implements router.World.
func (n *Node) Goodbye(from ring.NodeID) {
	if p := n.links.peer(from); p != nil {
		p.leaving.Store(true)
	}
}

// committed takes writes back from the committer, on its goroutine.
func (n *Node) committed(turn *router.Turn, writes []replica.Write, err error) {
	code := contract.OK
	switch {
	case errors.Is(err, storage.ErrInDoubt):
		code = contract.Internal
	case errors.Is(err, storage.ErrDiskFull):
		code = contract.DiskFull
	case err != nil:
		code = contract.NotReady
	}
	n.probe.commit(writes)
	switch {
	case err == nil:
		n.publish()
	case code == contract.DiskFull:
		n.undo(writes)
	}
	n.router.Begin(turn)
	n.router.Committed(turn, writes, code)
	n.router.Finish(turn)
}

// connSet is the connections that are open at both ports.
type connSet struct {
	mu  sync.Mutex
	all map[*conn]struct{}
}

func (s *connSet) add(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = make(map[*conn]struct{})
	}
	s.all[c] = struct{}{}
}

func (s *connSet) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, c)
}

// list is a copy of the set.
func (s *connSet) list() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	conns := make([]*conn, 0, len(s.all))
	for c := range s.all {
		conns = append(conns, c)
	}
	return conns
}

// inFlight is how many requests of clients wait for their answer.
func (s *connSet) inFlight() int {
	n := 0
	for _, c := range s.list() {
		session, buf := c.Begin()
		n += session.InFlight()
		c.End(buf)
	}
	return n
}
