package router

import (
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

// Shed is why a request is refused as OVERLOADED. Append-only: the names are
// labels of a metric.
type Shed uint8

// The reasons.
const (
	Admitted    Shed = iota // it is not
	ShedConn                // limits.in_flight of its connection
	ShedDelay               // requests wait longer than limits.queue_delay
	ShedBytes               // limits.bytes_in_flight
	ShedMemory              // limits.memory
	ShedExpired             // its deadline passed before it was begun
	ShedSlots               // all slots of the key's shard are in use
	ShedReplica             // every replica that was asked refused it so
	ShedQueue               // limits.queue_bytes: a group of writes for this node's own disk, perhaps of other nodes
	Sheds                   // how many there are
)

// String is the reason's name.
func (s Shed) String() string {
	return [...]string{"admitted", "in_flight", "queue_delay", "bytes_in_flight", "memory", "expired", "slots", "replicas", "queue_bytes"}[s]
}

// message is what the client is told.
func (s Shed) message() string {
	switch s {
	case ShedConn:
		return "too many requests are in flight on this connection"
	case ShedDelay:
		return "this node has more requests than it can answer in time"
	case ShedBytes:
		return "this node has too many bytes of requests and answers in flight"
	case ShedMemory:
		return "this node is short of memory"
	}
	return "the deadline passed before the request was begun"
}

// Gate is what all connections of a node share: how much is being worked on, and
// how much may be. Its methods do not block and may be called at once by many
// goroutines.
type Gate interface {
	// Take takes room for a request of so many operations and bytes, or says why
	// there is none. Give gives it back, once.
	Take(ops, bytes int) Shed
	Give(ops, bytes int)
	// Refused counts a refusal.
	Refused(Shed)
	// RetryMS is the advice that goes with one now, in milliseconds.
	RetryMS() uint64
}

// openGate is the gate of a node that has none.
type openGate struct{}

func (openGate) Take(int, int) Shed { return Admitted }
func (openGate) Give(int, int)      {}
func (openGate) Refused(Shed)       {}
func (openGate) RetryMS() uint64    { return overloadRetryMS }

// shed counts a refusal and says it, in memory of the turn that is good until the
// next one: a node that refuses much has no time to allocate.
func (r *Router) shed(t *Turn, why Shed) *failure {
	r.o.Gate.Refused(why)
	t.shed = failure{code: contract.Overloaded, Error: wire.Error{Message: why.message(), RetryAfterMS: r.o.Gate.RetryMS()}}
	return &t.shed
}

// shedBy is the reason of a request that was refused behind the gate, by how many
// replicas were asked.
func shedBy(asked int) Shed {
	if asked == 0 {
		return ShedSlots
	}
	return ShedReplica
}

// gated says whether an operation goes through the gate: what is answered from
// memory at once (PING, RING) does not.
func gated(op wire.Op) bool { return op >= wire.OpGet && op < wire.OpWatch }

// Load is what a node has measured since the last step of its Governor.
type Load struct {
	// Delay is how long work waits for the processor or the disk before it is
	// begun, whichever is longer.
	Delay time.Duration
	// Open is the most operations of clients that were being worked on at once.
	Open int
	// Shed says whether operations were refused for ShedDelay.
	Shed bool
}

// GovernorOptions are fixed when a Governor is made.
type GovernorOptions struct {
	// Target is the delay that is aimed at: twice in a row above it, less is let
	// in. 0: everything is let in, up to Most.
	Target time.Duration
	// Every is the time between two calls of Step.
	Every time.Duration
	// Least and Most bound how many operations are let in.
	Least, Most int
}

// The steps of a Governor.
const (
	patience   = 2            // steps above the target before anything is refused: one is a hiccup
	cutMost    = 0.5          // at most so much is cut at once
	cutLeast   = 0.9          // and at least
	settleMost = 5            // steps after a cut, at most, until the next one
	recoverBy  = 4            // a part of what is let in is added where nobody is refused
	raiseMost  = 8            // where some are, but nothing waits
	raiseLeast = 16           // and where the wait is half of the target or more
	retryMin   = uint64(10)   // milliseconds
	retryMax   = uint64(1000) // milliseconds
)

// Governor decides how many operations a node works on at once, from how long
// they have to wait for its processor and its disk. While the delay is below the
// target there is no limit that anybody would notice. Above it, what is let in is
// cut to what the node has just shown that it can do in time (by Little's law:
// open times target over delay), and the rest is refused at once. Then it feels
// its way up again, the faster the less waits. So the queue stays short whatever
// is offered, and what is let in is answered in time.
//
// A cut shows only when what was let in before it is done. So the next one waits
// for as long as that takes; otherwise one stall of the disk, which is measured
// again and again for as long as it lasts, would be cut for each time, and what is
// left would be a fraction of what the node can do.
//
// The delay is this node's own. How long other replicas take is not looked at: a
// slow or dead peer must not make a healthy node refuse.
//
// The idea is that of CoDel (Nichols and Jacobson, Controlling Delay, 2012), with
// the cut of a congestion window in place of drops, as a refusal here is an
// answer and not a packet that is sent again.
type Governor struct {
	o       GovernorOptions
	allowed int
	over    int // steps in a row above the target
	settle  int // steps that belong to the last cut: nothing is cut in them
}

// NewGovernor makes a Governor that lets everything in.
func NewGovernor(o GovernorOptions) *Governor { return &Governor{o: o, allowed: o.Most} }

// Step takes what was measured since the last step and returns how many
// operations may be open from now on, and after how many milliseconds one that is
// refused should try again: about when what waits now is done.
func (g *Governor) Step(l Load) (allowed int, retryMS uint64) {
	g.settle = max(g.settle-1, 0)
	switch {
	case g.o.Target == 0:
	case l.Delay > g.o.Target:
		if g.over++; g.over >= patience && g.settle == 0 {
			cut := min(max(float64(g.o.Target)/float64(l.Delay), cutMost), cutLeast)
			g.allowed = int(float64(min(g.allowed, max(l.Open, g.o.Least))) * cut)
			g.settle = 1 + int(min(l.Delay/g.o.Every, settleMost))
		}
	default:
		g.over = 0
		g.allowed += max(int(float64(g.allowed)*g.raise(l)), 1)
	}
	g.allowed = min(max(g.allowed, g.o.Least), g.o.Most)
	return g.allowed, min(max(uint64(2*l.Delay.Milliseconds()), retryMin), retryMax)
}

// raise is the part of what is let in that is added below the target. Where nobody
// is refused, nothing is known of what more would do, and nothing lost by more.
// Where some are, it shows late what more does: after the wait, and patience.
func (g *Governor) raise(l Load) float64 {
	if !l.Shed {
		return 1. / recoverBy
	}
	return max(1./raiseMost*(1-float64(l.Delay)/float64(g.o.Target)), 1./raiseLeast)
}
