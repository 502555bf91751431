package coordinator

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/traitor"
)

// Put opens a PUT or DELETE: the record goes to every natural replica that can
// be reached, or to none if they are too few for the level.
func (c *Core) Put(now int64, r *Request, out *Effects) {
	if !r.met(r.Up) && !r.stoodIn() {
		unavailable(r, out)
		return
	}
	if r.Ordered {
		c.order(now, r, out)
		return
	}
	s, at := c.begin(now, r, out)
	if s == nil {
		return
	}
	c.sendWrite(s, at, out.keep(r.Record), out)
}

// stoodIn says whether a sloppy write can be met with nodes that stand in for
// replicas which cannot be reached.
func (r *Request) stoodIn() bool {
	have, left := r.Up, len(r.Stands)
	for i := 0; r.Sloppy && i < len(r.Owners) && left > 0 && !r.met(have); i++ {
		if r.short(have).has(i) && !have.has(i) && r.Owners[i] != ring.NoOwner {
			have.add(i)
			left--
		}
	}
	return r.met(have)
}

func (c *Core) sendWrite(s *slot, at uint32, rec []byte, out *Effects) {
	c.keepRecord(s, rec)
	call := c.call(at, s)
	for i := s.next(everyone); i >= 0; i = s.next(everyone) {
		s.ask(i, call, AskWrite, rec, out)
	}
	if !s.enough(s.waiting) {
		c.standIns(s, at, everyone.without(s.waiting), out)
	}
}

// writeReply counts the answer of owner i, once.
func (c *Core) writeReply(s *slot, at uint32, i int, r *Reply, out *Effects) {
	if !s.waiting.has(i) && !s.lost.has(i) {
		if traitor.Is(traitor.DuplicateAck) && s.answered.has(i) && r.Code == contract.OK {
			s.dups++
			c.decideWrite(s, at, out)
		}
		return
	}
	switch {
	case r.Code == contract.OK:
		s.waiting.remove(i)
		s.lost.remove(i)
		s.answered.add(i)
		if s.buried.Less(r.Buried) && !traitor.Is(traitor.BuriedUnsaid) {
			s.buried = r.Buried
		}
		if s.Stamp.Less(r.Winner) {
			s.higher.add(i)
			s.heads[i].version = r.Winner
			if s.winner.Less(r.Winner) {
				s.winner = r.Winner
			}
		}
	case s.lost.has(i): // a refusal of what came later does not undo what may have been done
		if !s.waiting.has(i) {
			return
		}
		s.waiting.remove(i)
	case definite(r.Code):
		s.waiting.remove(i)
		s.refuse(i, r)
	default:
		s.waiting.remove(i)
		s.lost.add(i)
	}
	c.decideWrite(s, at, out)
}

// refuse notes that owner i has definitely refused the write. A refusal that
// tells the client something goes before one that is a matter between nodes.
func (s *slot) refuse(i int, r *Reply) {
	s.refused.add(i)
	if passing(r.Code) {
		s.unfit.add(i)
	}
	if unserving(r.Code) {
		s.Up.remove(i)
	}
	s.because(r)
}

// because notes the reason of a refusal.
func (s *slot) because(r *Reply) {
	if s.code == contract.OK || unserving(s.code) {
		s.code, s.kind = r.Code, r.Kind
	}
}

// unserving says whether a replica's code means that it cannot serve the key at
// all now. Such a replica counts as little as one that cannot be reached, and is told
// as one that has refused: what is wrong with it is between the nodes, and never told
// to a client as its own error.
func unserving(code contract.Code) bool {
	switch code {
	case contract.NotReady, contract.StaleEpoch, contract.Forbidden, contract.Unauthenticated, contract.ShuttingDown:
		return true
	}
	return false
}

// definite says whether a replica's code means that it has not done the write
// and never will.
func definite(code contract.Code) bool {
	return code.Class() == contract.NoEffect || code == contract.Corrupt
}

// decideWrite answers a write as soon as its outcome is certain.
func (c *Core) decideWrite(s *slot, at uint32, out *Effects) {
	have := s.answered | s.covered
	if traitor.Is(traitor.HintCounts) {
		have |= s.absent()
	}
	switch {
	case meets(s.Parts, have, s.dups):
		a := c.answer(s, out)
		a.Version, a.Winner, a.Buried, a.Receipt = s.Stamp, s.winner, s.buried, s.receipt(s.answered)
		if !s.winner.IsZero() {
			a.Outcome = contract.Superseded
		}
	case meets(s.Parts, have|s.waiting|s.standing(), s.dups):
		return // it can still be enough
	case c.standIns(s, at, s.missing().without(s.waiting), out):
		return
	case !s.doubtful() && (s.waiting != 0 || s.standing() != 0):
		return // it can still be refused by all
	case !s.doubtful():
		c.refusedByAll(s, out)
		s.hintsOfRefused(out)
		c.end(at)
		return
	default:
		a := c.answer(s, out)
		a.Code, a.Version, a.Receipt = contract.InDoubt, s.Stamp, s.receipt(s.answered)
		a.Reason = "fewer replicas than the level needs have the write, and no more can answer; it may be seen now, later or never"
	}
	c.settle(s, at, out)
}

// refusedByAll answers a write that every replica that was sent it has refused.
func (c *Core) refusedByAll(s *slot, out *Effects) {
	a := c.answer(s, out)
	a.Code, a.ClockKind, a.Receipt = s.code, s.kind, s.receipt(0)
	a.Reason = "every replica that was asked has refused the write"
	switch {
	case s.kind == contract.StampGivenUp:
		a.Reason = "OUTCOME was asked about this version and has begun to give it up, so that replicas refuse it: ask it again, or write with a new version"
	case s.kind == contract.StampOld:
		a.Reason = "the version was stamped longer ago than the request age limit: ask OUTCOME what became of it, or write with a new version"
	case s.code == contract.BadRequest:
		a.Reason = "this version has been used for another write of the key: a version names one write"
	case s.code == contract.OK:
		a.Code, a.Reason = contract.Unavailable, "the links to the replicas are full or down; nothing was sent"
	case unserving(s.code):
		a.Code, a.Reason = contract.Unavailable, "every replica that was asked has refused the write, as it cannot serve now"
	}
	if a.Code == contract.Unavailable {
		a.Reachable, a.N, a.Down = s.Up.count(), len(s.Owners), s.down()
	}
}
