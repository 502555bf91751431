package hinted

import (
	"slices"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
)

// A hint goes into the store in up to three steps. Offer reserves room for one
// that does not count, until its result comes back. Coming is said when the
// committer has decided to store a hint, before the sync; from then on Oldest
// knows of it. Were it told later, a watermark could rise above it in between.
// Stood is said when it is durable.

// ticketsMax bounds the hints that Offer has taken and whose result is not there.
const ticketsMax = 1 << 13

// ticket is room that is reserved for a hint.
type ticket struct {
	used       bool
	generation uint16
	slot       int
	time       hlc.Timestamp
	token      ring.Token
	bytes      int64
}

// coming is a hint whose batch is being synced.
type coming struct {
	slot int
	time hlc.Timestamp
}

// Offer says whether a hint that does not count for anything is to be stored: as
// a Stand for its target, whose result comes back under call. Where it is not,
// the partition is marked dirty for the target. A hint without a record is one
// that could not be kept until here. None is kept for this node itself: what it has
// refused it gets by comparison with the others, or as it is rebuilt.
func (c *Core) Offer(now Now, h *Hint) (call uint64, take bool) {
	if h.Target == c.o.Self {
		return 0, false
	}
	t := c.target(h.Target)
	n := size(h.Key, h.Record)
	switch {
	case c.view == nil || len(h.Record) == 0 || h.Version.Time <= now.Floor || !c.room(t, n):
		t.sums.overflowed++
	case c.old(now, h.Version.Time):
		t.sums.expired++
	default:
		if call, take = c.ticket(t, h, n); take {
			return call, true
		}
		t.sums.overflowed++
	}
	c.dirty(t, h.Token, h.Version.Time)
	return 0, false
}

// Withhold is Offer on a node that keeps no hints now, by a rule and not for want of room:
// the partition is marked dirty for the target.
func (c *Core) Withhold(h *Hint) {
	if h.Target == c.o.Self {
		return
	}
	t := c.target(h.Target)
	t.sums.withheld++
	c.dirty(t, h.Token, h.Version.Time)
}

// StandsIn says whether this node has room to keep a write of so many bytes for a
// target, for which it will count: if not it is refused with OVERLOADED, before
// the answer. It has none while the target's hints are being dropped, for it would
// be acknowledged and then erased with them.
func (c *Core) StandsIn(target ring.NodeID, bytes int) bool {
	t := c.target(target)
	return !t.drop.wanted && c.room(t, int64(bytes))
}

func (c *Core) room(t *target, n int64) bool { return t.bytes+t.reserved+n <= c.o.MaxBytes }

// old says whether a hint of this time has reached the age at which it goes
// unless it counted.
func (c *Core) old(now Now, at hlc.Timestamp) bool {
	return at.Millis()+c.o.MaxAge.Milliseconds() <= now.Physical
}

// ticket reserves room; false if too many hints are on their way.
func (c *Core) ticket(t *target, h *Hint, n int64) (call uint64, ok bool) {
	if len(c.free) == 0 {
		if len(c.tickets) == ticketsMax {
			return 0, false
		}
		c.free = append(c.free, uint16(len(c.tickets)))
		c.tickets = append(c.tickets, ticket{})
	}
	i := c.free[len(c.free)-1]
	c.free = c.free[:len(c.free)-1]
	k := &c.tickets[i]
	*k = ticket{used: true, generation: k.generation + 1, slot: t.slot, time: h.Version.Time, token: h.Token, bytes: n}
	t.reserved += n
	return makeCall(callTicket, t.slot, k.generation, int(i)), true
}

// settle is told what became of a hint that was offered.
func (c *Core) settle(generation uint16, i int, ok bool) {
	if i >= len(c.tickets) || !c.tickets[i].used || c.tickets[i].generation != generation {
		return
	}
	k := &c.tickets[i]
	k.used = false
	c.free = append(c.free, uint16(i))
	t := c.targets[k.slot]
	t.reserved -= k.bytes
	if !ok {
		t.sums.overflowed++
		c.dirty(t, k.token, k.time)
	}
}

// Coming tells that the committer puts a hint into the batch that it is making.
func (c *Core) Coming(h *Hint) {
	t := c.target(h.Target)
	t.coming++
	t.count++
	t.bytes += size(h.Key, h.Record)
	c.coming = append(c.coming, coming{t.slot, h.Version.Time})
}

// came ends what Coming has begun; false if nothing has.
func (c *Core) came(h *Hint) (t *target, ok bool) {
	t = c.target(h.Target)
	// Batches become durable in their order, so that it is the first, or nearly.
	i := slices.Index(c.coming, coming{t.slot, h.Version.Time})
	if i < 0 {
		return nil, false
	}
	c.coming = slices.Delete(c.coming, i, i+1)
	t.coming--
	return t, true
}

// Stood tells that a hint that was Coming is durable.
func (c *Core) Stood(h *Hint) {
	t, ok := c.came(h)
	if !ok {
		return
	}
	t.sums.stored++
	t.stored(h.Version.Time)
	if c.view != nil && !c.view.Owns(c.view.PartitionOf(h.Token), t.id) {
		t.reroute = reroute{wanted: true} // the ring has changed since it was asked for
	}
}

// Missed tells that a hint that was Coming was not stored: there was no room for its
// batch.
func (c *Core) Missed(h *Hint) {
	if t, ok := c.came(h); ok {
		t.count--
		t.bytes -= size(h.Key, h.Record)
	}
}

// Reply takes the answer of a target to a Send, and this node's own result of a
// Write, a Mark, or of the Stand that Offer has allowed. OK with a winner, a
// higher version that is stored, is as good as done.
func (c *Core) Reply(now Now, from ring.NodeID, call uint64, code contract.Code, kind contract.ClockKind) {
	what, slot, generation, i := splitCall(call)
	if slot >= len(c.targets) {
		return
	}
	t := c.targets[slot]
	switch {
	case what == callTicket:
		c.settle(generation, i, code == contract.OK)
	case what == callMarks:
		t.marks.wrote(generation, code == contract.OK)
	case what == callItem && !t.reading && t.open > 0 && t.generation == generation && i < len(t.page.items):
		it := &t.page.items[i]
		switch {
		case (it.state == sent || it.state == waiting && it.tried) && from == t.id:
			c.answered(now, t, i, code, kind)
		case it.state == moving && from == c.o.Self:
			c.settleMove(now, t, it, code, kind)
		case it.state == erasing && from == c.o.Self:
			t.wasErased(now, it, code == contract.OK)
		}
	}
}
