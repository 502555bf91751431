package coordinator

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/record"
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
	if !s.all(s.answered) || s.unheard {
		c.pending(s, at, out)
		return
	}
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

// An OUTCOME of a sloppy write first asks every member that owns no copy whether
// it keeps a hint of the version, and delivers what it finds. Only if all have
// answered can the write be found not to have been applied.

// seek asks the members that may have stood in.
func (c *Core) seek(s *slot, at uint32, out *Effects) {
	s.phase = hinting
	c.due = min(c.due, s.due())
	for _, m := range s.Stands {
		s.stands = append(s.stands, standIn{node: s.View.Member(int(m)).ID, waiting: true})
		out.Sends = append(out.Sends, Send{
			To: s.View.Member(int(m)).ID, Ask: AskHint, Call: c.call(at, s), Epoch: s.View.Epoch(), Deadline: s.Deadline,
			Place: Place{s.Place.Token, s.Place.Namespace, out.keep(s.key)}, Version: s.Stamp,
		})
	}
}

// hintReply takes what a member keeps, or that a replica was handed it.
func (c *Core) hintReply(s *slot, at uint32, from ring.NodeID, r *Reply, out *Effects) {
	if k := s.stand(from); k >= 0 && s.stands[k].waiting {
		s.stands[k].waiting = false
		switch {
		case r.Code != contract.OK || len(r.Record) > 0 && !c.deliver(s, at, r.Record, out):
			s.unheard = true
		}
	}
	if i := s.index(from); i >= 0 {
		s.waiting.remove(i)
	}
	c.decideHints(s, at, out)
}

// hintLost is told that a node will not answer.
func (c *Core) hintLost(s *slot, at uint32, from ring.NodeID, out *Effects) {
	if k := s.stand(from); k >= 0 && s.stands[k].waiting {
		s.stands[k].waiting, s.unheard = false, true
	}
	if i := s.index(from); i >= 0 {
		s.waiting.remove(i)
	}
	c.decideHints(s, at, out)
}

// deliver hands a hint that was found to the replicas, once. It is false for bytes
// that are not the write: what that member keeps cannot be told.
func (c *Core) deliver(s *slot, at uint32, hint []byte, out *Effects) bool {
	rec, err := record.Verify(s.Place.Namespace, s.key, hint)
	if err != nil || rec.Version != s.Stamp {
		return false
	}
	if s.delivered {
		return true
	}
	s.delivered = true
	hint = out.keep(hint)
	for i := range s.Owners {
		if s.Up.has(i) {
			s.waiting.add(i)
			s.send(i, c.call(at, s), AskDeliver, hint, out)
		}
	}
	return true
}

// seekNoMore goes on without those that are silent: what replicas hold is true
// whatever these keep.
func (c *Core) seekNoMore(s *slot, at uint32, out *Effects) {
	for k := range s.stands {
		s.unheard = s.unheard || s.stands[k].waiting
		s.stands[k].waiting = false
	}
	s.waiting = 0
	c.decideHints(s, at, out)
}

// decideHints goes on with the reading once all have been heard or given up, and
// what they keep has been handed over.
func (c *Core) decideHints(s *slot, at uint32, out *Effects) {
	if s.phase != hinting || s.waiting != 0 || s.standing() != 0 {
		return
	}
	s.phase, s.stands = reading, s.stands[:0]
	s.gen++ // what is still to come of the asking is not of the reading
	c.read(s, at, out)
	c.decideRead(s, at, out) // there may be too few left to ask
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
