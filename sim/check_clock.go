package sim

import (
	"math"
	"slices"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
)

// CLOCK: rule 1, and that no version is given twice.

// bounded checks that a version of a node's own clock is below the bound that
// its disk holds.
func (c *checker) bounded(p *process, v hlc.Version, ok bool) {
	if !ok {
		c.s.mark(markClockHeld)
		return
	}
	if bound := boundOn(&p.node.disk); v.Time > bound {
		c.s.fail("CLOCK", "%v issues %v, above the bound %v that its disk holds", p.node, v, bound)
	}
}

// stamped checks a version that a node has made when a request came in, and
// gives it to its write.
func (c *checker) stamped(p *process, v hlc.Version, ok bool) {
	s := c.s
	c.bounded(p, v, ok)
	if p.request == nil {
		s.fail("CLOCK", "%v makes a stamp that no write asked for", p.node)
		return
	}
	for all := p.request.operations; p.stamping < len(all); p.stamping++ {
		if o := all[p.stamping]; o.writes() && !o.stamped && !o.has(contract.Ordered) {
			p.stamping++
			if ok {
				s.stampAs(o, v)
			}
			return
		}
	}
	s.fail("CLOCK", "%v makes one stamp too many", p.node)
}

// ordered checks the version of an ordered write when it is first seen. A time
// that is not a tick of the node's own clock goes with a writer id of its own, or
// it could be given twice.
func (c *checker) ordered(o *operation) {
	s := c.s
	for _, n := range s.nodes {
		if p := n.process; p != nil && p.clock.writer == o.version.Writer {
			if o.version.Time > p.clock.word {
				s.failKey(o.key, "CLOCK", "%v has the writer id of %v, whose clock has not issued that time", o, n)
			}
			return
		}
	}
	s.mark(markOrderedAbove)
}

// arrived notes which stamps are out of bounds by the clock of the node to which
// they come: more than twice the drift ahead, or older than the age limit. In a
// BATCH each stamp that the node makes can take its clock on by a millisecond.
func (c *checker) arrived(p *process, a *attempt) {
	now, limits := p.Clock().Millis(), c.s.plan
	for i, o := range a.operations {
		at := o.version.Time.Millis()
		if o.stamped && (at > now+2*limits.MaxDrift.Milliseconds()+int64(i) || at < now-limits.AgeLimit.Milliseconds()) {
			a.misstamp |= 1 << i
		}
	}
}

// observed checks that a message has not taken a clock further ahead than the
// drift allows; where its counter is full, a millisecond more.
func (c *checker) observed(p *process, before hlc.Timestamp) {
	now, limit := p.clock.word, p.Now().Physical+c.s.plan.MaxDrift.Milliseconds()+1
	if now != before && now.Millis() > limit {
		c.s.fail("CLOCK", "a message takes the clock of %v from %v to %v, beyond %d", p.node, before, now, limit)
	}
}

// apart is how far the wall clock of a peer, as it follows it, was ahead when it was
// heard last.
type apart struct {
	millis int64
	at     time.Duration // 0: never
}

// measured notes how far two nodes' clocks really are apart.
func (c *checker) measured(p, q *process) {
	p.apart[q.node.index] = apart{q.Now().Physical - p.Now().Physical, c.s.now}
}

const (
	// fenceSlack is for clocks that drift, and for rounding, in milliseconds.
	fenceSlack = 20
	// heardSlack is how long before and after heardFor it is not known here whether a
	// node still counts what it has heard: its crystal is not quite right.
	heardSlack = 10 * time.Millisecond
)

// offMedian checks that a node stops coordinating if, and only if, its clock is off the
// median of those of the members that it has heard lately, before or after it has set
// its own by these milliseconds. One that was fenced already has no say in that, and
// goes on to be while it hears nobody.
func (c *checker) offMedian(p *process, fenced bool, set int64) {
	heard, sure := c.heardLately(p)
	for i := range p.apart {
		p.apart[i].millis -= set // they stay where they are when this clock is set
	}
	if !fenced {
		p.rose = p.clock.word
	}
	switch all := heard; {
	case !sure: // the next look comes soon
	case len(heard) == 0:
		if p.clock.fenced != fenced {
			c.s.fail("CLOCK", "%v has heard nobody, and its fence, %v, becomes %v", p.node, fenced, p.clock.fenced)
		}
	default:
		if !fenced {
			all = append(all, 0)
		}
		c.fencedRight(p, all, set)
	}
	if fenced && !p.clock.fenced && p.clock.fences {
		c.setRight(p)
	}
}

// heardLately is how far the clocks are ahead that a node has heard lately. It is not
// sure of it if that is about to count no more.
func (c *checker) heardLately(p *process) (millis []int64, sure bool) {
	sure = true
	for _, a := range p.apart {
		age := c.s.now - a.at
		switch late := age - heardFor*time.Millisecond; {
		case a.at == 0 || late > heardSlack:
		case late > -heardSlack:
			sure = false
		default:
			millis = append(millis, a.millis)
		}
	}
	return millis, sure
}

// fencedRight checks that a fence stands if, and only if, these clocks say so. It has
// its slack, as each of the two middle ones, and the times before and after, will do.
func (c *checker) fencedRight(p *process, all []int64, set int64) {
	slices.Sort(all)
	least, most := int64(math.MaxInt64), int64(0)
	for _, median := range all[(len(all)-1)/2 : len(all)/2+1] {
		for _, off := range []int64{median, median - set} {
			least, most = min(least, max(off, -off)), max(most, off, -off)
		}
	}
	switch limit := p.clock.maxDrift; {
	case p.clock.fenced && most < limit-fenceSlack:
		c.s.fail("CLOCK", "%v fences itself, and the members that count are %v ms ahead", p.node, all)
	case !p.clock.fenced && least > limit+fenceSlack:
		c.s.fail("CLOCK", "%v goes on, and the members that count are %v ms ahead", p.node, all)
	}
}

// setRight checks that a clock which comes out of the fence does not keep alive what
// was wrong with it: it goes on where it was before the fence, or at most the drift above
// the members' median, which is as far from its physical time at most, or it were fenced.
func (c *checker) setRight(p *process) {
	if limit := p.Now().Physical + 2*p.clock.maxDrift + fenceSlack; p.Clock().Millis() > limit && p.Clock() > p.rose {
		c.s.fail("CLOCK", "%v comes out of the fence at %v, beyond %d, and had come to %v before it", p.node, p.Clock(), limit, p.rose)
	}
}
