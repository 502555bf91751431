package repair

import (
	"slices"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/merkle"
	"github.com/candordb/candor/ring"
)

// Options are fixed when a Core is made; times are in milliseconds.
type Options struct {
	Self  ring.NodeID
	Shape merkle.Shape // of the cluster's trees
	// Instance is random, drawn at each start: by it others tell what a node said
	// before it was started again.
	Instance uint64
	// AgeLimit is the request age limit: the floor lies so far behind the clocks.
	AgeLimit int64
	// ExchangeInterval is how often a pair of nodes compares its roots. 0: 60 s.
	ExchangeInterval int64
	// Rate bounds what records, lists and purges take, in bytes per second; an
	// eighth of it while clients are served slowly. 0: 32 MiB.
	Rate int64
	// Timeout is how long an answer, or the end of a write, is waited for. 0: 10 s.
	Timeout int64
	// Proofs is what a Write of kind Proofs has stored last, nil: nothing. It counts
	// in the epoch in which it was stored, and in no other.
	Proofs []byte
}

const (
	intervalDefault = 60_000
	rateDefault     = 32 << 20
	timeoutDefault  = 10_000

	second   = 1000
	sayEvery = 5 * second

	// comparisonsMax is how many ROOTS are under way at once, exchangesMax how many
	// partitions are exchanged, pairMax those with one node.
	comparisonsMax = 2
	exchangesMax   = 8
	pairMax        = 2
)

// Core is one node's part in anti-entropy. Its owner calls it from one place at a
// time.
type Core struct {
	o     Options
	local Local
	now   int64 // of the last Tick, monotonic
	began bool  // a Tick was

	view  *ring.View
	parts []*part // that this node replicates, rising
	at    []int32 // of each partition: its place in parts, -1 if it has none
	peers []*peer // all other members, by id

	calls      map[uint64]*call
	order      []uint64 // of calls as they were made; some have ended
	callSerial uint64
	serial     uint64 // of messages

	running   []*exchange
	above     hlc.Timestamp // what this node's hints lie above, as said
	nextSay   int64
	said      say // to all members, and when
	saidAt    int64
	nextSec   int64
	nextTell  int64
	floored   bool // a SetFloor is under way
	unfloored bool // the last one was refused
	kept      keeping
	tokens    int64
	refill    int64 // when tokens were last added
	paused    int64 // until then
	sweep     *sweep
	sweptAt   int // the index of the part that was swept last
	// nextForeign is when notes of others' partitions are swept next.
	nextForeign int64
	pass        *pass
	barrier     uint64 // the epoch from which on partitions may be rebuilt; 0: none
	accepted    accepted
	heals       []*healing

	counters Counters
}

// peer is another member.
type peer struct {
	id     ring.NodeID
	common []int // partitions that both replicate, rising

	// What it has told. above only rises; instance and serial are those of its last
	// ROOTS, dead are instances before.
	above            hlc.Timestamp
	floor            hlc.Timestamp
	instance, serial uint64
	dead             [4]uint64

	up        bool     // it could be reached at the last Tick
	comparing bool     // a ROOTS to it is under way
	pace      pace     // when the next is due
	fails     int      // comparisons that failed since one did not
	queue     []queued // partitions that differ, in the order of their turn
	quiet     int64    // nothing is told to it before
}

// queued is a partition that waits for its exchange with a peer.
type queued struct {
	partition int
	due       int64
	fails     int
}

// New makes a Core of a node that has just started: nothing is proved but what
// Options.Proofs says.
func New(o Options, local Local) *Core {
	if o.ExchangeInterval == 0 {
		o.ExchangeInterval = intervalDefault
	}
	if o.Rate == 0 {
		o.Rate = rateDefault
	}
	if o.Timeout == 0 {
		o.Timeout = timeoutDefault
	}
	return &Core{o: o, local: local, calls: make(map[uint64]*call), tokens: o.Rate}
}

// Tick does what is due at a monotonic time in milliseconds; some ten times a
// second is often enough. The first Tick comes before any other call. draw gives
// random numbers, for jitter.
func (c *Core) Tick(now int64, draw func() uint64, out *Effects) {
	if !c.began {
		c.began, c.nextSec, c.nextSay, c.refill = true, now, now, now
	}
	c.now = now
	c.follow()
	c.expire(out)
	c.earn()
	if c.now >= c.nextSec {
		c.nextSec = c.now + second
		c.raiseFloor(out)
		c.quarantines()
		c.propose(out)
	} else if c.unfloored {
		c.raiseFloor(out)
	}
	c.meet(out)
	if c.now >= c.nextSay || c.saysMore() {
		c.nextSay = c.now + sayEvery
		c.sayAll(out)
	}
	c.tellAll(out)
	c.keepProofs(out)
	c.rebuildAll(out)
	c.healAll(out)
	if c.now < c.paused {
		return
	}
	c.compareAll(draw, out)
	c.work(out)
	c.purge(out)
	c.passOn(out)
}

// Pause stops comparing, moving and purging for so many milliseconds; 0 ends a
// pause. Floors, SAY and watermarks go on.
func (c *Core) Pause(duration int64) { c.paused = c.now + duration }

// Paused is for how many milliseconds more; 0: not paused.
func (c *Core) Paused() int64 { return max(0, c.paused-c.now) }

// follow takes up a new epoch. What pairs of nodes have proved of their records
// stays so, if no epoch was missed, which might have said that one of them is
// rebuilt. But the members may have changed, and with them who may keep hints, and
// the replicas, and with them what others have told of theirs: that begins anew.
func (c *Core) follow() {
	v := c.local.View()
	if v == c.view {
		return
	}
	if v != nil && c.view != nil && v.Epoch() == c.view.Epoch() {
		c.view = v
		return
	}
	before, peersBefore, first := c.parts, c.peers, c.view == nil
	if c.view != nil && v != nil && v.Epoch() != c.view.Epoch()+1 {
		before = nil
	}
	c.stop(func(*exchange) bool { return true }, OtherEpoch)
	c.stopRebuilds()
	c.dropAsked()
	c.view, c.parts, c.peers, c.at, c.sweep = v, nil, nil, nil, nil
	if v == nil {
		return
	}
	for i := range v.Members() {
		if id := v.Member(i).ID; id != c.o.Self {
			p := &peer{id: id}
			if j := slices.IndexFunc(peersBefore, func(o *peer) bool { return o.id == id }); j >= 0 {
				p = peersBefore[j]
				p.common, p.queue, p.comparing, p.pace, p.up, p.fails = nil, nil, false, pace{}, false, 0
			}
			c.peers = append(c.peers, p)
		}
	}
	slices.SortFunc(c.peers, func(a, b *peer) int { return a.id.Compare(b.id) })
	c.at = make([]int32, v.Q())
	for partition := range v.Q() {
		c.at[partition] = -1
		if v.Owns(partition, c.o.Self) {
			c.at[partition] = int32(len(c.parts))
			c.parts = append(c.parts, c.newPart(partition, before))
		}
	}
	if first {
		c.recall(c.o.Proofs)
	}
	c.kept.stale = true
	c.passFollows()
}

// part is the state of a partition; nil if this node does not replicate it.
func (c *Core) part(partition int) *part {
	if partition < 0 || partition >= len(c.at) || c.at[partition] < 0 {
		return nil
	}
	return c.parts[c.at[partition]]
}

// peer is a member; nil if it is none.
func (c *Core) peer(id ring.NodeID) *peer {
	i, found := slices.BinarySearchFunc(c.peers, id, func(p *peer, id ring.NodeID) int { return p.id.Compare(id) })
	if !found {
		return nil
	}
	return c.peers[i]
}

func (c *Core) epoch() uint64 {
	if c.view == nil {
		return 0
	}
	return uint64(c.view.Epoch())
}
