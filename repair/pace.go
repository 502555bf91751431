package repair

import "github.com/candordb/candor/hlc"

// pace says when a pair of nodes compares its roots next: once in an interval, and
// soon when there is reason to. Reasons are that the other node can be reached again,
// that something was found last time which has to be looked at again, and that more
// could be proved now than the time that has passed explains. Each comparison that was
// brought forward makes the next wait twice as long, so that one who comes and goes
// costs little more than one who stays; those that were not take that back by halves.
type pace struct {
	due       int64
	scheduled bool
	began     int64         // when the last comparison did
	reached   hlc.Timestamp // up to when that could prove: floors and hints allowed no more
	again     bool          // once the exchanges with this node are done
	soon      bool          // there is reason to
	hurried   bool          // due was brought forward
	hasty     bool          // that of the last comparison was
	hurries   int
}

// jitterMost keeps the pairs of a cluster that was started at once apart.
const jitterMost = second / 2

// meet looks who can be reached that could not be before.
func (c *Core) meet(out *Effects) {
	for _, p := range c.peers {
		up := c.local.Reachable(p.id)
		if up && !p.up {
			p.pace.soon = true
			c.untold(p) // it may have been started anew
			c.sayTo(p, out)
		}
		p.up = up
	}
}

// wish notes why a comparison should come soon.
func (c *Core) wish(p *peer) {
	if p.comparing {
		return
	}
	t := &p.pace
	if t.again && len(p.queue) == 0 && c.exchanging(p) == 0 {
		t.again, t.soon = false, true
	}
	if c.leapt(t.reached, t.began, min(c.local.Floor(), p.floor, c.least())) {
		t.soon = true
	}
}

// plan settles when the next comparison is due.
func (c *Core) plan(p *peer, draw func() uint64) {
	t := &p.pace
	if !t.scheduled {
		t.scheduled = true
		t.due = c.now + c.o.ExchangeInterval - c.jitter(draw, c.o.ExchangeInterval)
	}
	if !t.soon || t.hurried || p.comparing {
		return
	}
	t.soon = false
	rest := int64(0)
	if t.hurries > 0 {
		rest = min(second<<(t.hurries-1), c.o.ExchangeInterval)
	}
	// One that is overdue had nobody to be made with.
	if at := max(c.now, t.began+rest) + c.jitter(draw, jitterMost); at < t.due || t.due <= c.now {
		t.due, t.hurried = at, true
	}
}

// goes notes that a comparison begins.
func (c *Core) goes(p *peer, draw func() uint64) {
	t := &p.pace
	if t.hurried {
		t.hurries = min(t.hurries+1, 20)
	} else {
		t.hurries /= 2
	}
	t.hasty, t.hurried, t.began = t.hurried, false, c.now
	t.due = c.now + c.o.ExchangeInterval + c.o.ExchangeInterval/16 - c.jitter(draw, c.o.ExchangeInterval)
}

// turnOf is when a partition that differs may be exchanged. While hints are on their way
// that would move what they bring: a comparison that was brought forward leaves it to
// the next one, which comes when they are gone, or when it is time.
func (c *Core) turnOf(p *peer) int64 {
	least := c.least()
	if p.pace.hasty && (least == 0 || c.local.Clock().Millis()-c.o.AgeLimit-least.Millis() > 2*sayEvery) {
		return p.pace.due
	}
	return c.now
}

// jitter is up to an eighth of the interval, and no more than most.
func (c *Core) jitter(draw func() uint64, most int64) int64 {
	return int64(draw() % uint64(max(1, min(most, c.o.ExchangeInterval/8))))
}
