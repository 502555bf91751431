package coordinator

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/traitor"
)

// The flag weaken (contract, section 4): a read that cannot meet its level is
// answered at the best lower one that was met, at once if too few replicas can
// be had, and else after half of the time that its caller gave it. The receipt
// names that level. Nothing weaker is ever answered unasked.

// lower asks for k replicas from now on, whichever they are, but never for more
// than before: where replicas of one region are too few, others do.
func (s *slot) lower(k int) {
	k = min(k, NeedOf(s.Parts))
	s.Parts = append(s.Parts[:0], Part{everyone, k})
	if !traitor.Is(traitor.SilentWeaken) {
		s.Need, s.Level = k, contract.LevelMet(k, s.View.N())
	}
}

// relent lowers the level to what can still be had, in place of failing; false
// if nothing can, or it may not.
func (s *slot) relent() bool {
	if !s.Weaken {
		return false
	}
	left := s.answered | s.waiting
	if s.phase == repairing {
		left = s.holds | s.waiting
	}
	if left == 0 || meets(s.Parts, left, 0) {
		return false
	}
	s.lower(left.count())
	return true
}

// hurry lowers the level of a read whose half time is over to what it has. A
// read that has nothing yet takes the first answer that comes.
func (c *Core) hurry(s *slot, at uint32, out *Effects) {
	s.hurried = true
	forgone := s.forgo()
	have := s.answered
	if s.phase == repairing {
		have = s.holds
	}
	switch {
	case !meets(s.Parts, have, 0):
		s.note(out, -1, "half of the time is over: the level is lowered")
		s.lower(max(have.count(), 1))
	case !forgone:
		return // what it waits for is not a matter of how many
	}
	c.decideRead(s, at, out)
}

// forgo gives up a winner that is known by its header only and whose holder is
// silent, if others have something to answer that is not older than what the
// reader has seen.
func (s *slot) forgo() bool {
	if s.phase != fetching {
		return false
	}
	w := s.newest()
	if w < 0 || s.heads[w].version.Less(s.After) {
		return false
	}
	s.waiting = s.waiting.without(s.source)
	s.phase, s.source = reading, 0
	return true
}
