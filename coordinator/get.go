package coordinator

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/traitor"
)

// Get opens a GET or an OUTCOME. The nearest replica is asked for the record,
// others for its header, as many as the level needs.
//
// An OUTCOME of v is a read that has to find v or a higher version: it asks
// every replica. Where all lack it, see outcome.go.
func (c *Core) Get(now int64, r *Request, out *Effects) {
	enough := r.met(r.Up)
	if !enough && (!r.Weaken || r.Up == 0) {
		unavailable(r, out)
		return
	}
	s, at := c.begin(now, r, out)
	if s == nil {
		return
	}
	if !enough {
		s.lower(s.Up.count())
	}
	if s.Op == OpOutcome {
		s.After = s.Stamp
	}
	if s.Op == OpOutcome && s.Sloppy && len(s.Stands) > 0 {
		c.seek(s, at, out)
		return
	}
	c.read(s, at, out)
}

// read asks the replicas.
func (c *Core) read(s *slot, at uint32, out *Effects) {
	of := func() Mask { return lacking(s.Parts, s.asked) }
	if s.Op == OpOutcome {
		of = func() Mask { return s.Up.without(s.asked) }
	}
	c.prefer(s)
	call := c.call(at, s)
	for what := AskRead; of() != 0; {
		s.ask(s.next(of()), call, what, nil, out)
		what = AskDigest
	}
	c.hedging.earn(s.asked.count())
	c.probe(s, out)
}

// readReply takes what owner i says it holds.
func (c *Core) readReply(s *slot, at uint32, i int, r *Reply, out *Effects) {
	if !s.waiting.has(i) || s.phase == repairing || s.full.has(i) != (r.Ask == AskRead) {
		return
	}
	s.waiting.remove(i)
	c.hedging.sample(s, i, out)
	code := r.Code
	if code == contract.OK && !s.intact(i, r) {
		code = contract.Corrupt
	}
	switch code {
	case contract.OK:
		s.answered.add(i)
		if r.Ask == AskRead && len(r.Record) > 0 {
			s.keepBest(r)
		}
		s.hedgeTwice(i)
	case contract.Corrupt:
		s.answered.remove(i)
		s.corrupt.add(i)
	default:
		s.answered.remove(i)
		s.refused.add(i)
		if unserving(code) {
			s.Up.remove(i)
		}
	}
	c.decideRead(s, at, out)
}

// intact takes the header of what owner i holds. A whole record that came from
// another node is checked against its checksum; of a header alone only the form
// can be, but nothing is answered by a header alone.
func (s *slot) intact(i int, r *Reply) bool {
	if r.Ask == AskRead && !r.Shared && len(r.Record) > 0 {
		if _, err := record.Verify(s.Place.Namespace, s.key, r.Record); err != nil {
			return false
		}
	}
	fine := s.heads[i].set(r.Record)
	s.heads[i].mark = r.Mark
	return fine
}

// decideRead takes a read as far as it can go now: ask more, fetch, write back
// or answer.
func (c *Core) decideRead(s *slot, at uint32, out *Effects) {
	call := c.call(at, s)
	if s.phase == repairing {
		c.decideRepair(s, at, out)
		return
	}
	if !s.askMore(call, out) && !s.relent() {
		c.failRead(s, at, out)
		return
	}
	if !meets(s.Parts, s.answered, 0) || s.waiting&s.source != 0 {
		return
	}
	w := s.newest()
	if s.heads[w].version.Less(s.After) && !s.passed() && !traitor.Is(traitor.AfterIgnored) {
		if s.waiting == 0 && !s.askOne(call, everyone, out) {
			c.notFoundNewEnough(s, at, out)
		}
		return
	}
	if s.heads[w].n > 0 && !s.haveBest(w) {
		c.fetch(s, at, w, out)
		return
	}
	s.countHolders(w)
	if traitor.Is(traitor.NoWriteBack) {
		s.holds = s.answered
	}
	if s.hurried && !meets(s.Parts, s.holds, 0) {
		s.lower(s.holds.count()) // there is no time to write back
	}
	if meets(s.Parts, s.holds, 0) {
		c.answerRead(s, at, out)
		return
	}
	c.writeBack(s, at, out)
}

// passed says whether what the reader has seen lies at or below the fence of a
// replica that has answered: what it held then, or a purged delete (rule 4). An
// OUTCOME has to know which.
func (s *slot) passed() bool {
	if s.Op == OpOutcome {
		return false
	}
	for i := range s.heads {
		if s.answered.has(i) && s.heads[i].mark >= s.After.Time {
			return true
		}
	}
	return false
}

// askMore asks further replicas until there can be enough for the level; false
// if there are not that many.
func (s *slot) askMore(call uint64, out *Effects) bool {
	for of := lacking(s.Parts, s.answered|s.waiting); of != 0; of = lacking(s.Parts, s.answered|s.waiting) {
		if !s.askOne(call, of, out) {
			return false
		}
	}
	return true
}

// askOne asks one more replica of those; false if there is none.
func (s *slot) askOne(call uint64, of Mask, out *Effects) bool {
	i := s.next(of)
	if i < 0 {
		return false
	}
	what := AskDigest
	if s.best == nil && s.waiting&s.full == 0 {
		what = AskRead
	}
	s.ask(i, call, what, nil, out)
	return true
}

// answerRead answers with the winner, which as many as the level needs hold.
func (c *Core) answerRead(s *slot, at uint32, out *Effects) {
	c.settleHedges(s, s.met, s.holds)
	a := c.answer(s, out)
	a.Receipt = s.receipt(s.holds)
	if s.best != nil {
		rec, err := record.Parse(s.best)
		if err != nil {
			panic("coordinator: a kept record cannot be parsed: " + err.Error())
		}
		a.Version, a.ExpiresAt = rec.Version, rec.ExpiresAt
		a.Found = !rec.Tombstone
		a.Value = rec.Value
		if len(s.buf) > 0 && &s.best[0] == &s.buf[0] {
			a.Value = out.keep(rec.Value)
		}
	}
	if s.Op == OpOutcome {
		a.Winner, a.Fate = a.Version, contract.Committed
		if s.Stamp.Less(a.Version) {
			a.Fate = contract.FateSuperseded
		}
	}
	c.repairRest(s, out)
	c.finish(at, out)
}

// notFoundNewEnough ends a read whose After no replica has.
func (c *Core) notFoundNewEnough(s *slot, at uint32, out *Effects) {
	if s.Op == OpOutcome {
		c.notHeld(s, at, out)
		return
	}
	a := c.answer(s, out)
	a.Receipt = s.receipt(0) // nobody holds what was asked for
	a.Code, a.Reason = contract.Unavailable, "no replica that can be reached has the version that was seen, or a newer one"
	a.Reachable, a.N, a.Down = s.answered.count(), len(s.Owners), s.down()
	c.finish(at, out)
}

// failRead ends a read that cannot meet its level any more.
func (c *Core) failRead(s *slot, at uint32, out *Effects) {
	a := c.answer(s, out)
	a.Receipt = s.receipt(s.held())
	a.Code, a.N, a.Down = contract.Unavailable, len(s.Owners), s.down()
	switch {
	case s.corrupt != 0:
		a.Code, a.Reason = contract.Corrupt, "too few intact copies of the key among the replicas that were asked"
	case s.phase == repairing:
		a.Reason = "the newest record could not be written back to as many replicas as the level needs" + s.refusers()
		a.Reachable = ((s.holds | s.waiting) & s.counted()).count()
	default:
		a.Reason = "too few replicas of the key answered for the level" + s.refusers()
		a.Reachable = ((s.answered | s.waiting) & s.counted()).count()
	}
	c.finish(at, out)
}
