package hinted

import (
	"math"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
)

const (
	// writesMost and sendsMost bound the effects of one Tick.
	writesMost = 1024
	sendsMost  = 4096
	// compactAfter is how many erased keys are worth a compaction of their range.
	compactAfter = 1024
	// compactRest is for how many milliseconds a target must have had no hints then. A
	// compaction costs clients more than what the erased keys cost anybody: reading never
	// goes over them again but at a start.
	compactRest = 60_000
	// compactMost is how many are compacted without that rest: a target that gets a hint
	// now and then would never have it.
	compactMost = 64 * compactAfter
	// notYet is no time: that of a target which has hints.
	notYet = math.MinInt64
)

// Tick does what can be done now. It is called every 100 ms or so, and after a
// Filled or some Replies.
func (c *Core) Tick(in *Input, out *Effects) {
	c.earn(in.Mono)
	out.Alarms = append(out.Alarms, c.alarms...)
	c.alarms = c.alarms[:0]
	if c.view == nil {
		return
	}
	for i := range c.targets {
		// Each target is the first in its turn: no one takes all of the rate.
		c.serve(c.targets[(c.turn+i)%len(c.targets)], in, out)
	}
	if len(c.targets) > 0 {
		c.turn = (c.turn + 1) % len(c.targets)
	}
	for _, t := range c.targets {
		t.marks.write(t, out)
	}
}

// reach is how a target is. This node reaches itself; a node that is no member
// gets nothing.
func (c *Core) reach(in *Input, t *target) Reach {
	if t.id == c.o.Self {
		return Up
	}
	if _, member := c.view.Index(t.id); !member {
		return Down
	}
	return in.Reach(t.id)
}

func (c *Core) serve(t *target, in *Input, out *Effects) {
	if t.reading {
		return
	}
	reach := c.reach(in, t)
	if t.open > 0 {
		c.work(t, reach, in, out)
	}
	if t.refusals.hopeful && in.Mono >= t.refusals.retry && reach != Down {
		t.forgive(false)
	}
	if t.open > 0 {
		return
	}
	t.flow.yield(in.Mono)
	if t.idle() {
		t.tidy(in, out)
		return
	}
	t.drained = notYet
	if rest := t.flow.read - in.Mono; rest > 0 {
		if out.Rest == 0 || rest < out.Rest {
			out.Rest = rest
		}
		return
	}
	if p, ok := c.choose(t, reach, in); ok {
		c.read(t, p, reach, in.Now, out)
	}
}

// idle says whether nothing is left to read for a target.
func (t *target) idle() bool { return t.read() && !t.reroute.wanted && !t.drop.wanted }

// tidy is what is done for a target that has no hints to read: its range is compacted
// once that has been so for a while, and clients need not wait for it.
func (t *target) tidy(in *Input, out *Effects) {
	t.reconcile()
	t.page.release()
	switch {
	case t.drained == notYet:
		t.drained = in.Mono
	case in.Busy:
	case t.erased >= compactMost || t.erased >= compactAfter && in.Mono-t.drained >= compactRest:
		t.erased = 0
		out.Compact = append(out.Compact, t.id)
	}
}

// reconcile makes the figures exact once everything was read: a hint that was
// stored twice is one entry, and was counted twice.
func (t *target) reconcile() {
	if t.coming == 0 {
		t.count, t.bytes = t.refusals.count(), t.refusals.bytes
	}
}

// choose says what to read the next page for.
func (c *Core) choose(t *target, reach Reach, in *Input) (pass, bool) {
	if _, member := c.view.Index(t.id); !member {
		t.reroute.wanted = true
	}
	paused := t.paused(in)
	switch {
	case t.drop.wanted:
		return passDrop, true
	case t.reroute.wanted && !paused && !c.broke():
		return passMove, true
	case reach != Down && !paused:
		return passReplay, !c.broke()
	case c.old(in.Now, min(t.next, t.again)):
		return passExpire, true
	}
	return 0, false
}

// paused says that the target is to be left alone.
func (t *target) paused(in *Input) bool { return in.Busy || in.Mono < t.flow.until }

// read asks for the next page.
func (c *Core) read(t *target, p pass, reach Reach, now Now, out *Effects) {
	until := hlc.Timestamp(math.MaxUint64)
	switch p {
	case passDrop:
		t.drop.begin(t)
	case passMove:
		t.reroute.begin(t)
	case passExpire:
		if t.again <= t.next {
			t.rewind(t.again)
		}
		until = hlc.Make(now.Physical-c.o.MaxAge.Milliseconds(), math.MaxUint16)
	case passReplay:
		if low := min(t.again, t.skipped); low != never {
			t.rewind(low)
		}
	}
	window := t.flow.window
	if reach == Suspect {
		window = windowLeast
	} else if p == passDrop || p == passExpire {
		window = windowDrop
	}
	t.pass, t.reading, t.lows = p, true, lows{never, never}
	t.page = Page{
		slot: t.slot, target: t.id, after: t.at, until: until, hints: window, bytes: pageBytes,
		items: t.page.items, arena: t.page.arena,
	}
	out.Reads = append(out.Reads, &t.page)
}

// begin starts a pass over all hints at the first. What was known of the oldest is
// not forgotten: Oldest may say too little, but then watermarks wait.
func (r *reroute) begin(t *target) {
	if !r.begun {
		r.begun = true
		t.rewind(t.oldest())
	}
}

// Filled hands back a page that Tick wanted to have read.
func (c *Core) Filled(now Now, p *Page, err error) {
	t := c.targets[p.slot]
	t.reading = false
	t.generation++
	if err != nil {
		// Nothing is known of what was not seen, so the page is read again later.
		t.again = min(t.again, t.lows.again)
		t.flow.read = now.Mono + max(c.o.Retry.Milliseconds(), pauseLow)
		p.clear()
		return
	}
	t.next = p.next
	if n := len(p.items); n > 0 {
		t.at.set(p.place(&p.items[n-1]))
	}
	// Hints that came meanwhile: those behind the last place will be met.
	came := t.lows.again
	t.lows.again = never
	if came > t.at.Version.Time {
		t.next = min(t.next, came)
	} else {
		t.again = min(t.again, came)
	}
	t.open = len(p.items)
	if t.open == 0 {
		t.finish()
	}
}

// finish ends a page whose hints are all settled.
func (t *target) finish() {
	t.again, t.skipped = min(t.again, t.lows.again), min(t.skipped, t.lows.skipped)
	if t.page.end {
		switch t.pass {
		case passDrop:
			t.drop = reroute{}
		case passMove:
			t.reroute = reroute{}
		}
	}
	t.flow.grow()
	t.page.clear()
}

// work goes through the hints of the page: each is decided on, sent, waited for,
// erased.
func (c *Core) work(t *target, reach Reach, in *Input, out *Effects) {
	if t.drop.wanted && t.pass != passDrop || reach == Down && t.pass != passDrop {
		t.abandon(t.drop.wanted || t.pass == passReplay)
	}
	t.open = 0
	for i := range t.page.items {
		it := &t.page.items[i]
		if it.state == sent && in.Mono-it.sentAt >= patience {
			it.state = waiting
			t.flow.refuse(in.Mono, c.o.Retry.Milliseconds())
		}
		if it.state == waiting {
			c.decide(t, i, reach, in, out)
		}
		if it.state == doomed && it.marked <= t.marks.durable && in.Mono >= t.flow.erase && len(out.Writes) < writesMost {
			it.state = erasing
			out.Writes = append(out.Writes, Write{
				Kind: Unhint, Call: makeCall(callItem, t.slot, t.generation, i), Target: t.id, Place: t.page.place(it),
			})
		}
		if it.state < gone {
			t.open++
		}
	}
	if t.open == 0 {
		t.finish()
	}
}

// abandon leaves what the target has not answered where it is, for another time;
// with all set also what has not been sent.
func (t *target) abandon(all bool) {
	lost := false
	for i := range t.page.items {
		it := &t.page.items[i]
		lost = lost || it.state == sent
		if it.state == sent || all && it.state == waiting {
			t.leave(it)
		}
	}
	if lost {
		t.flow.halve()
	}
}

// leave lets a hint stay, to be looked at again.
func (t *target) leave(it *item) {
	it.state = left
	if t.pass == passExpire {
		t.lows.skipped = min(t.lows.skipped, it.version.Time)
	} else {
		t.lows.again = min(t.lows.again, it.version.Time)
	}
}

// Lost tells that the link to a node went down: what it was sent is not answered
// any more.
func (c *Core) Lost(id ring.NodeID) {
	i, ok := c.slots[id]
	if !ok || c.targets[i].open == 0 || c.targets[i].reading {
		return
	}
	t, any := c.targets[i], false
	for i := range t.page.items {
		if it := &t.page.items[i]; it.state == sent {
			it.state, any = waiting, true
		}
	}
	if any {
		t.flow.halve()
	}
}
