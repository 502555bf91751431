package coordinator

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/traitor"
)

// An ordered write asks a quorum for the version that it holds and is stamped
// above it, so that writes take effect in the order of their versions, as plain
// reads then show them: the register of Attiya, Bar-Noy and Dolev (1995). Until
// the stamp is there nothing has been sent that could have an effect, and a
// failure is one without.

// Stamping asks for the version of an ordered write: the caller makes one above
// Above, encodes the record, and calls Stamped, or Unstamped if it cannot.
type Stamping struct {
	Call      uint64
	Above     hlc.Version
	Place     Place
	Value     []byte
	TTL       uint64
	Tombstone bool
}

// order opens an ordered write.
func (c *Core) order(now int64, r *Request, out *Effects) {
	if r.Up.count() < r.quorum() {
		unavailable(r, out)
		out.Answers[len(out.Answers)-1].Receipt.Need = max(r.Need, r.quorum())
		return
	}
	s, at := c.begin(now, r, out)
	if s == nil {
		return
	}
	s.phase = ordering
	s.buf = append(s.buf[:0], r.Value...)
	s.Value = nil
	c.prefer(s)
	call := c.call(at, s)
	for s.asked.count() < s.quorum() {
		s.ask(s.next(everyone), call, AskDigest, nil, out)
	}
	c.hedging.earn(s.asked.count())
	c.probe(s, out)
}

// quorum is a quorum of all replicas, whatever the level.
func (r *Request) quorum() int { return contract.QuorumOf(r.View.N()) }

// orderReply takes the header of what owner i holds.
func (c *Core) orderReply(s *slot, at uint32, i int, r *Reply, out *Effects) {
	if s.phase != ordering || !s.waiting.has(i) {
		return
	}
	s.waiting.remove(i)
	c.hedging.sample(s, i, out)
	switch {
	case r.Code == contract.OK && s.heads[i].set(r.Record):
		s.answered.add(i)
	case r.Code == contract.OK, r.Code == contract.Corrupt:
		s.corrupt.add(i)
	default:
		s.refused.add(i)
		if unserving(r.Code) {
			s.Up.remove(i)
		}
	}
	c.decideOrder(s, at, out)
}

// decideOrder asks for a stamp once a quorum has told what it holds.
func (c *Core) decideOrder(s *slot, at uint32, out *Effects) {
	for s.answered.count()+s.waiting.count() < s.quorum() {
		i := s.next(everyone)
		if i < 0 {
			c.notOrdered(s, at, out)
			return
		}
		s.ask(i, c.call(at, s), AskDigest, nil, out)
	}
	if s.phase != ordering || s.answered.count() < s.quorum() {
		return
	}
	var above hlc.Version
	for i := range s.heads {
		if s.answered.has(i) && above.Less(s.heads[i].version) && !traitor.Is(traitor.OrderedByTick) {
			above = s.heads[i].version
		}
	}
	c.settleHedges(s, func(have Mask) bool { return have.count() >= s.quorum() }, s.answered)
	s.phase = stamping
	s.note(out, -1, "a quorum holds nothing above "+above.String())
	out.Stampings = append(out.Stampings, Stamping{
		Call: c.call(at, s), Above: above, Place: Place{s.Place.Token, s.Place.Namespace, out.keep(s.key)},
		Value: out.keep(s.buf), TTL: s.TTL, Tombstone: s.Op == OpDelete,
	})
}

// Stamped continues an ordered write with its version and record.
func (c *Core) Stamped(call uint64, v hlc.Version, rec []byte, out *Effects) {
	s, at := c.find(call)
	if s == nil || s.phase != stamping {
		return
	}
	c.outlive(s, at)
	refused := s.refused
	s.asked, s.waiting, s.full, s.answered, s.refused, s.lost, s.corrupt, s.silent = 0, 0, 0, 0, 0, 0, 0, 0
	clear(s.heads)
	s.Stamp = v
	if !s.met(s.Up) && !s.stoodIn() {
		a := c.answer(s, out)
		a.Code, a.Reason, a.Receipt = contract.Unavailable, "too few replicas of the key can be reached for the level any more, so the write was not begun", s.receipt(0)
		s.refused = refused // to be told which version they hold: that is no silence
		a.Reason += s.refusers()
		a.Reachable, a.N, a.Down = (s.Up & s.counted()).count(), len(s.Owners), s.down()
		c.end(at)
		return
	}
	s.phase = reading
	s.gen++ // what is still to be told of the asking (Unsent, late replies) is not of the write
	c.sendWrite(s, at, out.keep(rec), out)
}

// Unstamped ends an ordered write that can have no version: the clock may not be
// used now, or its expiry would be no time.
func (c *Core) Unstamped(call uint64, code contract.Code, kind contract.ClockKind, reason string, out *Effects) {
	s, at := c.find(call)
	if s == nil || s.phase != stamping {
		return
	}
	s.asked = 0
	a := c.answer(s, out)
	a.Code, a.ClockKind, a.Reason, a.Receipt = code, kind, reason, s.receipt(0)
	c.end(at)
}

// notOrdered ends an ordered write of which nothing has been written.
func (c *Core) notOrdered(s *slot, at uint32, out *Effects) {
	a := c.answer(s, out)
	a.Code, a.Reason = contract.Unavailable, "too few replicas of the key told which version they hold, so the write was not begun"+s.refusers()
	if s.corrupt != 0 {
		a.Code, a.Reason = contract.Corrupt, "too few intact copies of the key to order the write above, so it was not begun"
	}
	a.Reachable, a.N, a.Down = (s.answered | s.waiting).count(), len(s.Owners), s.down()
	s.asked = 0
	a.Receipt = s.receipt(0)
	a.Receipt.Need = max(s.Need, s.quorum())
	c.end(at)
}
