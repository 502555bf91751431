package coordinator

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/traitor"
)

// writeBack writes the winner to the replicas that answered with less. Until
// as many as the level needs hold it durably, the read is not answered.
func (c *Core) writeBack(s *slot, at uint32, out *Effects) {
	s.phase = repairing
	// What still waits was asked for a header; its late reply is not wanted.
	s.waiting = 0
	stale := s.answered.without(s.holds)
	rec := out.keep(s.best)
	for i := range s.heads {
		if stale.has(i) {
			s.waiting.add(i)
			s.send(i, c.call(at, s), AskRepair, rec, out)
		}
	}
}

// repairReply counts a write-back. A replica that holds a higher version holds
// enough: a later read that meets it sees at least the winner.
func (c *Core) repairReply(s *slot, at uint32, i int, r *Reply, out *Effects) {
	if s.phase != repairing || !s.waiting.has(i) {
		return
	}
	s.waiting.remove(i)
	switch {
	case r.Code == contract.OK:
		s.holds.add(i)
		if r.Winner.IsZero() {
			if s.answered.has(i) { // else nobody knows whether it was behind
				s.repaired.add(i)
			}
			s.heads[i].set(s.best)
		} else {
			s.heads[i] = head{version: r.Winner}
		}
	case definite(r.Code):
		s.refused.add(i)
	default:
		s.lost.add(i)
	}
	c.decideRepair(s, at, out)
}

// decideRepair answers once enough hold the winner. A replica that could not be
// written is made up for by one that was not asked yet.
func (c *Core) decideRepair(s *slot, at uint32, out *Effects) {
	if meets(s.Parts, s.holds, 0) {
		c.answerRead(s, at, out)
		return
	}
	for of := lacking(s.Parts, s.holds|s.waiting); of != 0; of = lacking(s.Parts, s.holds|s.waiting) {
		i := s.nextRepair(of)
		switch {
		case i < 0 && s.relent():
			c.decideRepair(s, at, out)
			return
		case i < 0:
			c.failRead(s, at, out)
			return
		}
		s.ask(i, c.call(at, s), AskRepair, out.keep(s.best), out)
	}
}

// nextRepair is a replica, of those, that can still be brought to hold the winner; -1 if
// there is none.
func (s *slot) nextRepair(of Mask) int {
	return s.prefer.first(of & s.Up.without(s.holds|s.waiting|s.refused|s.lost|s.corrupt))
}

// repairRest writes the winner to replicas that answered with less though
// nobody has to wait for them.
func (c *Core) repairRest(s *slot, out *Effects) {
	if s.best == nil || s.phase == repairing || traitor.Is(traitor.NoWriteBack) {
		return
	}
	stale := s.answered.without(s.holds)
	if stale == 0 {
		return
	}
	rec := out.keep(s.best)
	for i := range s.heads {
		if stale.has(i) {
			s.send(i, 0, AskRepair, rec, out)
		}
	}
}
