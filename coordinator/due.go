package coordinator

import (
	"math"

	"github.com/candordb/candor/contract"
)

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
// is over, if it may be weakened or stood in for and was not hurried yet, or half of
// what was left when it began to ask for hints.
func (s *slot) due() int64 {
	if s.settled {
		return s.Deadline
	}
	if s.again != 0 && s.againAt < s.Deadline {
		return s.againAt
	}
	if s.phase == hinting || (s.Weaken || s.Sloppy && s.Op.Writes()) && !s.hurried {
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
