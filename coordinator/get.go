package coordinator

import (
	"bytes"
	"math/bits"

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
	call := c.call(at, s)
	for what := AskRead; of() != 0; {
		s.ask(s.next(of()), call, what, nil, out)
		what = AskDigest
	}
	c.hedging.earn(s.asked.count())
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

// keepBest keeps the record if it is the newest that came.
func (s *slot) keepBest(r *Reply) {
	if s.best != nil {
		if newest, _ := record.Merge(s.best, r.Record); !bytes.Equal(newest, r.Record) {
			return
		}
	}
	if r.Shared {
		s.best = r.Record
		return
	}
	s.buf = append(s.buf[:0], r.Record...)
	s.best = s.buf
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

// newest is the owner, of those that answered, whose record wins.
func (s *slot) newest() int {
	w := -1
	for i := range s.heads {
		if s.answered.has(i) && (w < 0 || s.heads[i].beats(&s.heads[w])) {
			w = i
		}
	}
	return w
}

// beats says whether h wins against o by the merge law, which headers decide
// alone.
func (h *head) beats(o *head) bool {
	winner, _ := record.Merge(o.bytes(), h.bytes())
	return h.n > 0 && !bytes.Equal(winner, o.bytes())
}

// haveBest says whether the whole record of owner w is here.
func (s *slot) haveBest(w int) bool {
	return len(s.best) >= int(s.heads[w].n) && bytes.Equal(s.best[:s.heads[w].n], s.heads[w].bytes())
}

// fetch asks for the winner's whole record. If it cannot be had from its
// holder, that holder counts as not answering.
func (c *Core) fetch(s *slot, at uint32, w int, out *Effects) {
	s.phase, s.best, s.source = fetching, nil, bit(w)
	s.waiting.add(w)
	s.full.add(w)
	s.answered.remove(w)
	s.send(w, c.call(at, s), AskRead, nil, out)
}

// countHolders notes who of those that answered holds the winner.
func (s *slot) countHolders(w int) {
	s.holds = 0
	for i := range s.heads {
		if s.answered.has(i) && bytes.Equal(s.heads[i].bytes(), s.heads[w].bytes()) {
			s.holds.add(i)
		}
	}
}

// held is who holds the newest record that has been told of, for the receipt of a
// read that fails.
func (s *slot) held() Mask {
	if w := s.newest(); w >= 0 && s.phase != repairing {
		s.countHolders(w)
	}
	return s.holds
}

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
	left := of & s.Up.without(s.holds|s.waiting|s.refused|s.lost|s.corrupt)
	if left == 0 {
		return -1
	}
	return bits.TrailingZeros64(uint64(left))
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
		a.Reason = "the newest record could not be written back to as many replicas as the level needs"
		a.Reachable = ((s.holds | s.waiting) & s.counted()).count()
	default:
		a.Reason = "too few replicas of the key answered for the level"
		a.Reachable = ((s.answered | s.waiting) & s.counted()).count()
	}
	c.finish(at, out)
}
