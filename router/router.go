package router

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/coordinator"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// Options are fixed when a Router is made.
type Options struct {
	Self          ring.NodeID
	Incarnation   uint64 // the number of this node's start
	ServerVersion string
	ClusterName   string
	Limits        Limits
	// Periodic says that this node answers for records before it has synced them.
	Periodic bool
	// Locks guard the shards, one each; their number has to be a power of two.
	Locks []Locker
	// Gate is shared by all connections; nil: everything is let in.
	Gate Gate
	// Count, if set, is told of each answer to a client. It is called at once by
	// many goroutines.
	Count func(op wire.Op, code contract.Code)
	// Took, if set, is told how long GETs, PUTs and DELETEs took to their answer, in
	// microseconds, those that were refused left out. It is called as Count is.
	Took func(op wire.Op, micros int64)
	// Hedging says when reads ask more replicas than they need.
	Hedging coordinator.Hedging
	// Busy, if set, says that more than 80 % of what this node lets in is being
	// worked on, so that nothing is hedged now. It does not block.
	Busy func() bool
}

// shard is a Core and what guards it.
type shard struct {
	lock Locker
	core *coordinator.Core
}

// Router turns frames into decisions and back. Its methods may be called by
// many goroutines at once, each with a Turn of its own.
type Router struct {
	o      Options
	world  World
	shards []shard
	paces  coordinator.Paces // Tick's alone
}

// New makes a Router.
func New(o Options, w World) *Router {
	if o.Gate == nil {
		o.Gate = openGate{}
	}
	r := &Router{o: o, world: w}
	if n := len(o.Locks); n == 0 || n&(n-1) != 0 {
		panic("router: the number of shards has to be a power of two")
	}
	for i, l := range o.Locks {
		r.shards = append(r.shards, shard{l, coordinator.New(i, o.Limits.Slots, o.Hedging)})
	}
	return r
}

// shardOf is the shard that coordinates requests of a token.
func (r *Router) shardOf(t ring.Token) *shard {
	// The top bits choose the partition; the lowest of a murmur hash are as
	// good as any to spread requests of one partition.
	return &r.shards[int(t)&(len(r.shards)-1)]
}

// Open is how many requests this node is coordinating.
func (r *Router) Open() int {
	n := 0
	for i := range r.shards {
		s := &r.shards[i]
		s.lock.Lock()
		n += s.core.Open()
		s.lock.Unlock()
	}
	return n
}

// Hedges is what has become of the extra messages of reads.
func (r *Router) Hedges() (all coordinator.Hedges) {
	for i := range r.shards {
		s := &r.shards[i]
		s.lock.Lock()
		h := s.core.Hedges()
		s.lock.Unlock()
		all.Won, all.Lost, all.Denied = all.Won+h.Won, all.Lost+h.Lost, all.Denied+h.Denied
	}
	return all
}

// Tick ends requests whose deadline has passed, hedges reads whose replicas are
// late, and has the shards tell each other which replicas are slow. It is called
// every few milliseconds, by one goroutine.
func (r *Router) Tick(t *Turn) {
	busy := r.o.Busy != nil && r.o.Busy()
	var view *ring.View
	if c := r.world.Cluster(); c != nil {
		view = c.Ring
	}
	for i := range r.shards {
		s := &r.shards[i]
		s.lock.Lock()
		s.core.Acting(view)
		s.core.Tick(t.now.Mono, &t.fx)
		if !busy {
			s.core.Hedge(&t.fx)
		}
		s.core.Share(&r.paces, &t.fx)
		s.lock.Unlock()
	}
}

// LinkDown tells all open requests that the link to a node was lost.
func (r *Router) LinkDown(t *Turn, node ring.NodeID) {
	for i := range r.shards {
		s := &r.shards[i]
		s.lock.Lock()
		s.core.LinkDown(t.now.Mono, node, &t.fx)
		s.lock.Unlock()
	}
}

// deliver hands a replica's reply to the Core that waits for it.
func (r *Router) deliver(t *Turn, call uint64, from ring.NodeID, reply *coordinator.Reply) {
	if call >= BackgroundCalls {
		r.world.Reply(call, from, reply)
		return
	}
	i := coordinator.ShardOf(call)
	if call == 0 || i >= len(r.shards) {
		return
	}
	s := &r.shards[i]
	s.lock.Lock()
	s.core.Reply(t.now.Mono, call, from, reply, &t.fx)
	s.lock.Unlock()
}

// append adds a whole frame to what waits for a connection.
func (r *Router) append(t *Turn, c Conn, frame []byte) {
	_, buf := c.Begin()
	c.End(append(buf, frame...))
	t.touchConn(c)
}

// head is the head of an answer.
func (r *Router) head(op wire.Op, id uint64) wire.Head {
	h := wire.Head{Op: op, ID: id, Clock: r.world.Clock()}
	if c := r.world.Cluster(); c != nil {
		h.Epoch = uint64(c.Ring.Epoch())
	}
	return h
}
