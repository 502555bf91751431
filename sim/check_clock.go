package sim

import "github.com/candordb/candor/hlc"

// CLOCK: rule 1, and that no version is given twice.

// stamped checks a version that a node has made, and gives it to its write.
func (c *checker) stamped(p *process, v hlc.Version, ok bool) {
	s := c.s
	if ok {
		if bound := boundOn(&p.node.disk); v.Time > bound {
			s.fail("CLOCK", "%v issues %v, above the bound %v that its disk holds", p.node, v, bound)
		}
	} else {
		s.mark("clock held back by its bound or fence")
	}
	if p.request == nil {
		s.fail("CLOCK", "%v makes a stamp that no write asked for", p.node)
		return
	}
	for all := p.request.operations; p.stamping < len(all); p.stamping++ {
		if o := all[p.stamping]; o.writes() && !o.stamped {
			p.stamping++
			if ok {
				s.stampAs(o, v)
			}
			return
		}
	}
	s.fail("CLOCK", "%v makes one stamp too many", p.node)
}

// arrived notes which stamps are out of bounds by the clock of the node to which
// they come: more than twice the drift ahead, or older than the age limit.
func (c *checker) arrived(p *process, a *attempt) {
	now, limits := p.Clock().Millis(), c.s.plan
	for i, o := range a.operations {
		at := o.version.Time.Millis()
		if o.stamped && !a.outcome && (at > now+2*limits.MaxDrift.Milliseconds() || at < now-limits.AgeLimit.Milliseconds()) {
			a.misstamp |= 1 << i
		}
	}
}

// observed checks that a message has not taken a clock further ahead than the
// drift allows.
func (c *checker) observed(p *process, before hlc.Timestamp) {
	now, limit := p.clock.word, p.Now().Physical+c.s.plan.MaxDrift.Milliseconds()
	if now != before && now.Millis() > limit {
		c.s.fail("CLOCK", "a message takes the clock of %v from %v to %v, beyond %d", p.node, before, now, limit)
	}
}
