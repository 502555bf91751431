package coordinator

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/traitor"
)

// An OUTCOME of v (rule 4) is a read that asks every replica for v or a higher
// version. What it finds is written back to a quorum: v is committed, or
// superseded. If all N lack it, each is asked to look again and to note durably
// that it refuses v from now on; when all have, v was not applied and never will
// be. In all other cases it is pending.

// notHeld ends the reading of an OUTCOME that no replica which answered can
// settle.
func (c *Core) notHeld(s *slot, at uint32, out *Effects) {
	if c.decided(s, at, out) {
		return
	}
	switch {
	case !s.all(s.answered) || s.unheard:
		c.pending(s, at, out)
	case len(s.Stands) > 0 && !s.barred:
		c.bar(s, at, out)
	default:
		c.giveUp(s, at, out)
	}
}

// giveUp asks the replicas, all of which lack the version, to refuse it from now on.
func (c *Core) giveUp(s *slot, at uint32, out *Effects) {
	s.phase, s.waiting, s.holds = voiding, 0, 0
	call := c.call(at, s)
	for i := range s.heads {
		if s.answered.has(i) {
			s.ask(i, call, AskVoid, nil, out)
		}
	}
}

// voidReply takes the note of owner i, or what it holds after all.
func (c *Core) voidReply(s *slot, at uint32, i int, r *Reply, out *Effects) {
	if s.phase != voiding || !s.waiting.has(i) {
		return
	}
	s.waiting.remove(i)
	switch {
	case r.Code == contract.OK && r.Winner.IsZero():
		s.holds.add(i)
	case r.Code == contract.OK:
		// It came in the meantime. The reading goes on, with this replica's record.
		s.phase, s.waiting, s.holds = reading, 0, 0
		s.answered.remove(i)
		s.ask(i, c.call(at, s), AskRead, nil, out)
		return
	case definite(r.Code):
		s.refused.add(i)
	default:
		s.lost.add(i)
	}
	c.decideVoid(s, at, out)
}

func (c *Core) decideVoid(s *slot, at uint32, out *Effects) {
	switch {
	case s.all(s.holds):
		a := c.answer(s, out)
		a.Fate, a.Receipt = contract.NotApplied, s.receipt(s.holds)
		c.end(at)
	case s.waiting == 0:
		c.pending(s, at, out)
	}
}

// all says whether replicas are all natural replicas of the key.
func (s *slot) all(replicas Mask) bool {
	if traitor.Is(traitor.QuorumOfVoids) {
		return replicas.count() >= s.quorum()
	}
	for i, m := range s.Owners {
		if m != ring.NoOwner && !replicas.has(i) {
			return false
		}
	}
	return true
}

// pending ends an OUTCOME that cannot be settled now.
func (c *Core) pending(s *slot, at uint32, out *Effects) {
	a := c.answer(s, out)
	a.Fate, a.Receipt = contract.Pending, s.receipt(0) // nobody holds what was asked for
	c.end(at)
}

// decided is what the fences of replicas say about a version at or below them: all
// replicas agree about it since, and it is taken by none any more. Where the key
// has a lower version it was never applied, where it is absent nobody can tell.
func (c *Core) decided(s *slot, at uint32, out *Effects) bool {
	fenced, present := false, false
	for i := range s.heads {
		if s.answered.has(i) && s.heads[i].mark >= s.Stamp.Time {
			fenced, present = true, present || s.heads[i].n > 0
		}
	}
	if !fenced {
		return false
	}
	a := c.answer(s, out)
	a.Fate, a.Receipt = contract.NotApplied, s.receipt(0)
	if !present {
		a.Fate = contract.Forgotten
	}
	c.end(at)
	return true
}
