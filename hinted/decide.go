package hinted

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
)

// decide says what becomes of one hint now. It may stay waiting: for credit, for
// the end of a pause, for the foreground.
func (c *Core) decide(t *target, i int, reach Reach, in *Input, out *Effects) {
	it := &t.page.items[i]
	switch {
	case t.pass == passDrop:
		c.markAndDoom(t, it, dropped)
		return
	case t.refusals.known(t.page.place(it)):
		it.state = retained
		return
	case it.damaged:
		c.refuse(in.Now, t, it, Refused{Code: contract.Corrupt, Damaged: true})
		return
	case t.pass == passExpire && it.counted:
		t.leave(it)
		return
	case t.pass == passExpire || !it.counted && t.paused(in) && c.old(in.Now, it.version.Time):
		c.markAndDoom(t, it, expired)
		return
	}
	it.partition = c.view.PartitionOf(it.token)
	owned := c.view.Owns(it.partition, t.id)
	switch {
	case t.paused(in):
	case !owned:
		c.move(t, i, in.Now, out)
	case t.id == c.o.Self:
		c.applyHere(t, i, out)
	case reach == Down:
		t.leave(it)
	case len(out.Sends) < sendsMost && c.spend(t.page.size(it)):
		it.state, it.sentAt, it.tried = sent, in.Mono, true
		out.Sends = append(out.Sends, Send{
			To: t.id, Call: makeCall(callItem, t.slot, t.generation, i), Place: t.page.place(it), Record: t.page.record(it),
		})
	}
}

// markAndDoom gives a hint up that nobody has: first the dirty mark is made
// durable, then the hint is erased.
func (c *Core) markAndDoom(t *target, it *item, why reason) {
	c.dirty(t, it.token, it.version.Time)
	it.marked = t.marks.present()
	it.doom(why)
}

func (it *item) doom(why reason) { it.state, it.reason = doomed, why }

// move makes a hint follow the present owners of its partition (rule 5): each
// gets a hint of its own, and this node, if it is one, the record. Only when all
// of that is durable is the old hint erased.
func (c *Core) move(t *target, i int, now Now, out *Effects) {
	it := &t.page.items[i]
	owners := c.view.Owners(it.partition)
	if len(out.Writes)+len(owners) > writesMost {
		return
	}
	call := makeCall(callItem, t.slot, t.generation, i)
	for _, o := range owners {
		if o == ring.NoOwner {
			break
		}
		id := c.view.Member(int(o)).ID
		if id == c.o.Self {
			c.applyHere(t, i, out)
			continue
		}
		out.Writes = append(out.Writes, Write{
			Kind: Stand, Call: call, Target: id, Place: t.page.place(it), Record: t.page.record(it), Counted: it.counted,
		})
		it.waits++
	}
	if it.waits == 0 {
		t.leave(it) // nobody owns the partition
		t.flow.rest(now.Mono, c.o.Retry.Milliseconds())
		return
	}
	it.state, it.reason = moving, moved
}

// applyHere merges the record into this node's own storage.
func (c *Core) applyHere(t *target, i int, out *Effects) {
	it := &t.page.items[i]
	out.Writes = append(out.Writes, Write{
		Kind: Apply, Call: makeCall(callItem, t.slot, t.generation, i), Target: c.o.Self, Place: t.page.place(it), Record: t.page.record(it),
	})
	it.state, it.reason = moving, moved
	if t.id == c.o.Self {
		it.reason = replayed
	}
	it.waits++
}

// settleMove is told what became of one write of a move.
func (c *Core) settleMove(now Now, t *target, it *item, code contract.Code, kind contract.ClockKind) {
	it.waits--
	if v := verdict(code, kind); v != done && v != givenUp {
		it.failed = true
		t.flow.refuse(now.Mono, c.o.Retry.Milliseconds())
	}
	switch {
	case it.waits > 0:
	case it.failed:
		it.failed = false
		t.leave(it)
	default:
		it.doom(it.reason)
	}
}

// unmove takes moves back that are under way when the owners change again: the
// target may be one of them now.
func (t *target) unmove() {
	if t.reading || t.open == 0 {
		return
	}
	for i := range t.page.items {
		switch it := &t.page.items[i]; {
		case it.state == moving:
			it.failed = true
		case it.state == doomed && it.reason == moved:
			it.state = waiting
		}
	}
}

// answered takes what the target says to a hint.
func (c *Core) answered(now Now, t *target, i int, code contract.Code, kind contract.ClockKind) {
	it := &t.page.items[i]
	t.flow.answers++
	t.flow.slowest = max(t.flow.slowest, now.Mono-it.sentAt)
	switch verdict(code, kind) {
	case done:
		it.doom(replayed)
	case givenUp:
		it.doom(voided)
	case unable:
		it.state = waiting
		t.flow.refuse(now.Mono, c.o.Retry.Milliseconds())
	default:
		c.refuse(now, t, it, Refused{Code: code, Late: code == contract.Clock && kind == contract.StampOld})
	}
}

// What an answer means for a hint.
const (
	done    = iota // the target holds it, or a higher version
	givenUp        // OUTCOME has told a client that it will never show
	unable         // not now
	refused        // not at all
)

func verdict(code contract.Code, kind contract.ClockKind) int {
	switch code {
	case contract.OK:
		return done
	case contract.Clock:
		switch kind {
		case contract.StampGivenUp:
			return givenUp
		case contract.ClockFenced:
			return unable
		}
	case contract.Overloaded, contract.NotReady, contract.StaleEpoch, contract.ShuttingDown, contract.DiskFull, contract.Unavailable,
		contract.Timeout, contract.InDoubt, contract.Contention:
		return unable
	}
	return refused
}

// wasErased is told whether a hint is gone, durably.
func (t *target) wasErased(now Now, it *item, ok bool) {
	if !ok {
		it.state, t.flow.erase = doomed, now.Mono+pauseLow
		return
	}
	it.state = gone
	t.count--
	t.bytes -= t.page.size(it)
	t.erased++
	switch it.reason {
	case replayed:
		t.sums.replayed++
	case voided:
		t.sums.voided++
	case expired:
		t.sums.expired++
	case dropped:
		t.sums.dropped++
	case moved:
		t.sums.moved++
	}
}

// Oldest is a time that no hint lies below that this node holds, or that is on
// its way into its store. It is false if there is none. It never says more than
// is so: while pages are read it may be a little lower than the oldest hint.
func (c *Core) Oldest() (hlc.Timestamp, bool) {
	low := never
	for _, t := range c.targets {
		low = min(low, t.oldest())
	}
	for i := range c.coming {
		low = min(low, c.coming[i].time)
	}
	return low, low != never
}
