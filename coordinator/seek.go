package coordinator

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/ring"
)

// Who asks OUTCOME need not know whether the write was a sloppy one, acknowledged by
// hints. So no version is given up before every member that owns no copy was asked to
// note that it will not keep it, and then whether it keeps a hint of it already, which
// is delivered. The note comes first: the write may still be under way, and a member
// asked to stand in for it a moment after it has said that it keeps nothing would
// count for an acknowledgement, and the replicas would refuse what it delivers.
//
// Without the flag sloppy a member that is not heard holds nothing back: else no write
// could be given up while any one node is down. With it the write is given up only if
// all have answered, and they are asked before the replicas are, too, so that what
// they keep is found though not all replicas can be reached.

// seek asks the members that may have stood in.
func (c *Core) seek(s *slot, at uint32, out *Effects) { c.askMembers(s, at, AskHint, out) }

// bar has these members note that they will keep no hint of the version.
func (c *Core) bar(s *slot, at uint32, out *Effects) {
	s.barring, s.delivered = true, false
	c.askMembers(s, at, AskVoid, out)
}

// askMembers asks all of them, and waits for half of the time that is left.
func (c *Core) askMembers(s *slot, at uint32, what Ask, out *Effects) {
	s.phase, s.waiting, s.again, s.now = hinting, 0, 0, c.now
	c.due = min(c.due, s.due())
	for _, m := range s.Stands {
		if m == ring.NoOwner {
			continue // it is no member any more
		}
		id := s.View.Member(int(m)).ID
		s.stands = append(s.stands, standIn{node: id, waiting: true})
		c.askMember(s, at, id, what, out)
	}
}

func (c *Core) askMember(s *slot, at uint32, id ring.NodeID, what Ask, out *Effects) {
	out.Sends = append(out.Sends, Send{
		To: id, Ask: what, Call: c.call(at, s), Epoch: s.View.Epoch(), Deadline: s.Deadline,
		Place: Place{s.Place.Token, s.Place.Namespace, out.keep(s.key)}, Version: s.Stamp,
	})
}

// hintReply takes what a member keeps, or that a replica was handed it.
func (c *Core) hintReply(s *slot, at uint32, from ring.NodeID, r *Reply, out *Effects) {
	if k := s.stand(from); k >= 0 && s.stands[k].waiting {
		if r.Ask == AskVoid && r.Code == contract.OK {
			c.askMember(s, at, from, AskHint, out)
			return
		}
		switch {
		case r.Code != contract.OK:
			s.miss(k)
		case len(r.Record) > 0 && !c.deliver(s, at, r.Record, out):
			s.unheard = true // it keeps something, and nobody can tell what
		}
		s.stands[k].waiting = false
	}
	if i := s.index(from); i >= 0 && s.waiting.has(i) {
		s.waiting.remove(i)
		// What was found is still kept for this replica, unless it has promised to refuse
		// it: as long as that is so, it was not given up by all.
		s.unheard = s.unheard || r.Code != contract.OK && !(r.Code == contract.Clock && r.Kind == contract.StampGivenUp)
	}
	c.decideHints(s, at, out)
}

// hintLost is told that a node will not answer.
func (c *Core) hintLost(s *slot, at uint32, from ring.NodeID, out *Effects) {
	if k := s.stand(from); k >= 0 && s.stands[k].waiting {
		s.miss(k)
	}
	if i := s.index(from); i >= 0 && s.waiting.has(i) {
		s.waiting.remove(i)
		s.unheard = true
	}
	c.decideHints(s, at, out)
}

// miss gives up a member that cannot be heard.
func (s *slot) miss(k int) {
	s.stands[k].waiting = false
	s.unheard = s.unheard || s.Sloppy
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
		if s.stands[k].waiting {
			s.miss(k)
		}
	}
	s.unheard = s.unheard || s.waiting != 0
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
	if s.barring {
		s.barring, s.barred = false, true
		c.notHeld(s, at, out) // what was handed over now, the replicas tell when they look again
		return
	}
	c.read(s, at, out)
	c.decideRead(s, at, out) // there may be too few left to ask
}
