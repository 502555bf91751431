package coordinator

import (
	"math"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/traitor"
)

// A call packs, from the top: 8 bits shard, 32 bits generation, 24 bits slot
// plus one, so that no call is 0.
const (
	slotBits = 24
	genBits  = 32
	// SlotsMax is the largest number of open requests of a Core.
	SlotsMax = 1<<slotBits - 2
	// ShardsMax is the largest number of Cores of a node.
	ShardsMax = 1 << (64 - slotBits - genBits)
)

// ShardOf is the shard of the Core that made a call.
func ShardOf(call uint64) int { return int(call >> (slotBits + genBits)) }

// Core holds the open requests of one shard of the partitions. See the package
// comment; it has to be guarded by its owner.
type Core struct {
	shard uint64
	limit int
	slots []*slot
	free  []uint32
	open  int // requests that were not answered
	// Of writes: those that were answered and wait for late replicas, and the bytes
	// of the records that are kept.
	settling, kept int
	now            int64      // of the present call
	view           *ring.View // in which the node acts now; nil: it was not told
	due            int64      // before it no request has to be ended or hurried; it may be too early

	hedging hedging
}

// New makes the Core of a shard, which has room for slots open requests.
func New(shard, slots int, h Hedging) *Core {
	if shard < 0 || shard >= ShardsMax || slots < 1 || slots > SlotsMax {
		panic("coordinator: shard or number of slots out of range")
	}
	return &Core{shard: uint64(shard), limit: slots, due: never, hedging: newHedging(h)}
}

// Open is how many requests are open.
func (c *Core) Open() int { return c.open }

// begin opens a slot for a request, or answers that there is no room.
func (c *Core) begin(now int64, r *Request, out *Effects) (*slot, uint32) {
	c.now = now
	var at uint32
	switch {
	case len(c.free) > 0:
		at = c.free[len(c.free)-1]
		c.free = c.free[:len(c.free)-1]
	case len(c.slots) < c.limit:
		at = uint32(len(c.slots))
		c.slots = append(c.slots, new(slot))
	default:
		refuse(r, out, contract.Overloaded, "too many requests are open at this node")
		return nil, 0
	}
	s := c.slots[at]
	s.reset(now, r)
	s.opened = out.Micros
	c.open++
	c.due = min(c.due, s.due())
	return s, at
}

func (c *Core) call(at uint32, s *slot) uint64 {
	return c.shard<<(slotBits+genBits) | uint64(s.gen)<<slotBits | uint64(at+1)
}

// find returns the slot of a call, nil if it waits no longer.
func (c *Core) find(call uint64) (*slot, uint32) {
	at := uint32(call&(1<<slotBits-1)) - 1
	if call == 0 || int(at) >= len(c.slots) {
		return nil, 0
	}
	s := c.slots[at]
	if !s.open || c.call(at, s) != call && !traitor.Is(traitor.StaleSlot) {
		return nil, 0
	}
	return s, at
}

// end frees a slot. Its memory is kept unless a large record passed through.
func (c *Core) end(at uint32) {
	s := c.slots[at]
	s.open = false
	s.gen++
	c.hedging.counts.Lost += uint64(s.hedges.count())
	c.kept -= s.kept
	s.kept = 0
	s.best, s.scan, s.trace, s.explain, s.Client, s.View, s.Owners = nil, nil, nil, nil, Client{}, nil, nil
	if cap(s.buf) > bufKept {
		s.buf = nil
	}
	c.free = append(c.free, at)
	if s.settled {
		c.settling--
	} else {
		c.open--
	}
}

// finish ends a request whose answer is the last of the effects. That of a part
// of a scan goes to the scan.
func (c *Core) finish(at uint32, out *Effects) {
	parent, row := c.slots[at].parent, c.slots[at].row
	c.end(at)
	if parent != 0 {
		c.scanPart(parent, row, out)
	}
}

// bufKept is how large a slot's buffer may be to be kept.
const bufKept = 4 << 10

// refuse answers a request that has had no effect and has no slot.
func refuse(r *Request, out *Effects, code contract.Code, reason string) {
	a := out.answer()
	a.Client, a.Op, a.Code, a.Reason = r.Client, r.Op, code, reason
	a.Receipt = contract.Receipt{Need: r.Need, Level: r.Level}
}

// unavailable refuses a request before anything was sent.
func unavailable(r *Request, out *Effects) {
	refuse(r, out, contract.Unavailable, "too few replicas of the key can be reached for the level")
	a := &out.Answers[len(out.Answers)-1]
	a.Reachable, a.N = (r.Up & r.counted()).count(), len(r.Owners)
	s := slot{Request: *r}
	a.Down = s.down()
}

// Reply is what a replica answered to a Send.
type Reply struct {
	Ask    Ask
	Code   contract.Code
	Kind   contract.ClockKind // Clock
	Winner hlc.Version        // AskWrite and AskRepair (one need not know which): the higher version that the replica holds; AskVoid: that or the version itself
	Buried hlc.Version        // AskWrite: the unseen version that the replica replaced
	Record []byte             // AskRead: the record; AskDigest: its header; empty: none
	Epoch  uint64             // of the replica, where it came from another node
	Mark   hlc.Timestamp      // AskRead, AskDigest with WantMark: the fence of the partition
	Shared bool               // of this node's own storage: checked, and Record never changes and need not be copied
	Range  *RangeReply        // AskRange
}

// Reply tells the Core the answer of a replica.
func (c *Core) Reply(now int64, call uint64, from ring.NodeID, r *Reply, out *Effects) {
	c.now = now
	s, at := c.find(call)
	if s == nil {
		return
	}
	if s.Op == OpScan {
		c.scanReply(s, at, from, r, out)
		return
	}
	if s.phase == hinting {
		c.hintReply(s, at, from, r, out)
		return
	}
	if k := s.stand(from); k >= 0 {
		c.standReply(s, at, k, r, out)
		return
	}
	i := s.index(from)
	if i < 0 || !s.asked.has(i) {
		return
	}
	if s.settled {
		c.settledReply(s, at, i, r, out)
		return
	}
	s.noteReply(out, i, r)
	if s.waiting.has(i) && s.outOfStep(r) {
		c.postpone(s, i)
		return
	}
	switch written := r.Ask == AskWrite || r.Ask == AskRepair; {
	case s.Op == OpExplain:
		c.explainReply(s, at, i, r, out)
	case s.Op == OpOutcome && r.Ask == AskVoid:
		c.voidReply(s, at, i, r, out)
	case s.Op.Writes() && written:
		c.writeReply(s, at, i, r, out)
	case s.Op.Writes() && r.Ask == AskDigest:
		c.orderReply(s, at, i, r, out)
	case s.Op.Writes():
	case written:
		c.repairReply(s, at, i, r, out)
	case r.Ask == AskRead || r.Ask == AskDigest:
		c.readReply(s, at, i, r, out)
	}
}

// Unsent tells the Core that a Send could not be sent: nothing of it left this
// node, so the replica counts as one that was never asked.
func (c *Core) Unsent(now int64, call uint64, to ring.NodeID, out *Effects) {
	c.now = now
	s, at := c.find(call)
	if s == nil {
		return
	}
	if s.Op == OpScan {
		c.scanLost(s, at, to, out)
		return
	}
	if s.phase == hinting {
		c.hintLost(s, at, to, out)
		return
	}
	if k := s.stand(to); k >= 0 {
		c.standLost(s, at, k, true, out)
		return
	}
	i := s.index(to)
	if i < 0 || !s.waiting.has(i) {
		return
	}
	if s.settled {
		c.settledLost(s, at, i, out)
		return
	}
	s.Up.remove(i)
	s.waiting.remove(i)
	if !s.answered.has(i) { // else it was asked before, and this was to be its write-back
		s.asked.remove(i)
	}
	c.decide(s, at, out)
}

// LinkDown tells the Core that the link to a node was lost: what waits on it
// will not be answered. Reads ask another replica, writes count it as lost.
func (c *Core) LinkDown(now int64, id ring.NodeID, out *Effects) {
	c.now = now
	for at, s := range c.slots {
		if !s.open {
			continue
		}
		if s.Op == OpScan {
			c.scanLost(s, uint32(at), id, out)
			continue
		}
		i := s.index(id)
		if s.phase == hinting {
			if i >= 0 {
				s.Up.remove(i)
			}
			c.hintLost(s, uint32(at), id, out)
			continue
		}
		if k := s.stand(id); k >= 0 {
			c.standLost(s, uint32(at), k, false, out)
			continue
		}
		if i < 0 {
			continue
		}
		if s.settled {
			c.settledLost(s, uint32(at), i, out)
			continue
		}
		s.Up.remove(i)
		if !s.waiting.has(i) {
			continue
		}
		s.waiting.remove(i)
		s.lost.add(i)
		c.decide(s, uint32(at), out)
	}
}

func (c *Core) decide(s *slot, at uint32, out *Effects) {
	switch {
	case s.phase == ordering:
		c.decideOrder(s, at, out)
	case s.phase == stamping, s.phase == hinting: // nothing of these is waited for
	case s.phase == voiding:
		c.decideVoid(s, at, out)
	case s.Op == OpExplain:
		c.decideExplain(s, at, out)
	case s.Op.Writes():
		c.decideWrite(s, at, out)
	default:
		c.decideRead(s, at, out)
	}
}

// Tick ends the requests whose deadline has passed, and lowers the level of those
// whose half time is over, if they may be weakened. It is called every few
// milliseconds, and looks at the requests only if one may be due: most are
// answered long before.
func (c *Core) Tick(now int64, out *Effects) {
	c.now = now
	if now < c.due {
		return
	}
	c.due = never // what is opened meanwhile lowers it, too
	for at, s := range c.slots {
		switch {
		case !s.open:
		case s.settled && s.Deadline <= now:
			s.hintAll(s.waiting, out)
			c.end(uint32(at))
		case s.settled:
		case s.Deadline <= now:
			c.expire(s, uint32(at), out)
		case s.again != 0 && s.againAt <= now:
			c.askAgain(s, uint32(at), out)
		case s.due() <= now:
			c.halfTime(s, uint32(at), out)
		}
		if s.open {
			c.due = min(c.due, s.due())
		}
	}
}

// never is when nothing is due.
const never = math.MaxInt64

// due is when Tick has to end the request, or to hurry it: when half of its time
// is over, if it may be weakened and was not hurried yet.
func (s *slot) due() int64 {
	if s.again != 0 && s.againAt < s.Deadline {
		return s.againAt
	}
	if (s.Weaken || s.Sloppy && (s.Op.Writes() || s.phase == hinting)) && !s.hurried && !s.settled {
		return s.now + (s.Deadline-s.now+1)/2
	}
	return s.Deadline
}

// expire answers a request at its deadline.
func (c *Core) expire(s *slot, at uint32, out *Effects) {
	switch {
	case s.phase == hinting:
		s.unheard = true
		c.pending(s, at, out)
		return
	case s.Op == OpOutcome && (s.phase == voiding || s.phase == reading && s.answered.count() >= s.Need):
		c.pending(s, at, out) // a quorum lacks it, the rest is silent
		return
	case s.phase == ordering || s.phase == stamping:
		s.waiting = 0
		c.notOrdered(s, at, out)
		return
	case s.Op == OpExplain:
		s.waiting = 0
		c.decideExplain(s, at, out)
		return
	case s.Op == OpScan && s.scan.moved:
		c.scanPage(s, at, out)
		return
	}
	a := c.answer(s, out)
	a.Code = contract.Timeout
	switch {
	case s.Op.Writes():
		a.Version = s.Stamp
		a.Receipt = s.receipt(s.answered)
		a.Reason = "the deadline passed before enough replicas had answered; the write may be seen now, later or never"
		s.waiting = 0
		c.settle(s, at, out)
		return
	default:
		a.Receipt = s.receipt(s.held())
		a.Reason = "the deadline passed before enough replicas had answered"
	}
	c.finish(at, out)
}

// halfTime is the moment at which a request that may be weakened is.
func (c *Core) halfTime(s *slot, at uint32, out *Effects) {
	switch {
	case s.Op == OpScan:
		c.scanHurry(s, at, out)
		return
	case s.phase == hinting:
		c.seekNoMore(s, at, out)
		return
	case s.Op.Writes() && s.phase == reading:
		// Replicas that are silent until now are stood in for.
		s.hurried = true
		c.standIns(s, at, s.missing(), out)
		return
	case !s.Weaken:
		return // an OUTCOME that reads, or an ordered write that was not sent yet
	}
	c.hurry(s, at, out)
}

// answer appends the answer of a slot, as far as it is the same for all.
func (c *Core) answer(s *slot, out *Effects) *Answer {
	a := out.answer()
	s.note(out, -1, "answered")
	a.Client, a.Op, a.Trace = s.Client, s.Op, s.trace
	return a
}
