package coordinator

import (
	"github.com/candordb/candor/contract"
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
	c.outlive(s, at)
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

// answer appends the answer of a slot, as far as it is the same for all.
func (c *Core) answer(s *slot, out *Effects) *Answer {
	a := out.answer()
	s.note(out, -1, "answered")
	a.Client, a.Op, a.Trace, a.Micros = s.Client, s.Op, s.trace, max(out.Micros-s.opened, 1)
	return a
}
