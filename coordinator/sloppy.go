package coordinator

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/traitor"
)

// A sloppy write (rule 4) is met by fewer of its own replicas than the level asks
// for: for each that is missing and needed, the next node of the ring that can be
// reached and owns none of the copies stands in. It keeps the write as a hint,
// synced before it answers; the receipt counts it apart. Level any is level one,
// sloppy.

// standIn is a node that was asked to keep a write for owner target.
type standIn struct {
	node    ring.NodeID
	target  int8
	waiting bool
	lost    bool // whether it keeps it cannot be known any more
	refused bool // it keeps nothing, for certain
}

// standIns asks as many nodes to stand in as the level still needs, each for one
// of the replicas of absent. It asks none, and is false, if the level cannot be met
// with them.
func (c *Core) standIns(s *slot, at uint32, absent Mask, out *Effects) bool {
	if !s.Sloppy {
		return false
	}
	have := s.answered | s.covered | s.standing()
	absent = absent.without(have)
	have |= s.waiting.without(absent)
	begun := len(s.stands)
	for i := range s.Owners {
		if s.enough(have) {
			break
		}
		if !absent.has(i) || s.Owners[i] == ring.NoOwner || len(s.stands) == len(s.Stands) || !lacking(s.Parts, have).has(i) {
			continue
		}
		s.stands = append(s.stands, standIn{node: s.View.Member(int(s.Stands[len(s.stands)])).ID, target: int8(i), waiting: true})
		have.add(i)
	}
	if !s.enough(have | s.waiting) {
		s.stands = s.stands[:begun] // a hint that does not help would only put the write in doubt
		return false
	}
	for k := begun; k < len(s.stands); k++ {
		c.sendStand(s, at, k, out)
	}
	return true
}

// enough says whether the replicas of have, own ones or stood in for, meet the
// level.
func (s *slot) enough(have Mask) bool { return meets(s.Parts, have, 0) }

// standing is the replicas for which a stand-in has been asked and not answered.
func (s *slot) standing() (m Mask) {
	for k := range s.stands {
		if s.stands[k].waiting {
			m.add(int(s.stands[k].target))
		}
	}
	return m
}

func (c *Core) sendStand(s *slot, at uint32, k int, out *Effects) {
	w := &s.stands[k]
	rec := s.buf
	m := Send{
		To: w.node, Ask: AskStand, Call: c.call(at, s), Epoch: s.View.Epoch(), Deadline: s.Deadline,
		Place: Place{s.Place.Token, s.Place.Namespace, out.keep(s.key)}, Record: out.keep(rec), Target: s.node(int(w.target)),
	}
	out.Sends = append(out.Sends, m)
	s.noteStand(out, m.To, "hint sent")
	if traitor.Is(traitor.StandInUnsynced) {
		s.covered.add(int(w.target))
	}
}

// stand is which stand-in of the write a node is; -1: none.
func (s *slot) stand(id ring.NodeID) int {
	for k := range s.stands {
		if s.stands[k].node == id {
			return k
		}
	}
	return -1
}

// standReply takes the answer of a stand-in.
func (c *Core) standReply(s *slot, at uint32, k int, r *Reply, out *Effects) {
	w := &s.stands[k]
	if !w.waiting && !w.lost {
		return
	}
	switch {
	case r.Code == contract.OK:
		w.waiting, w.lost = false, false
		s.covered.add(int(w.target))
		s.noteStand(out, w.node, "keeps the hint, durably")
	case definite(r.Code):
		if w.waiting {
			w.waiting, w.refused = false, true
			s.because(r)
		}
	default:
		w.waiting, w.lost = false, true
	}
	c.decideStands(s, at, out)
}

// decideStands goes on with a write after a word of a stand-in.
func (c *Core) decideStands(s *slot, at uint32, out *Effects) {
	if s.settled {
		return
	}
	if s.hurried && !s.enough(s.answered|s.covered|s.standing()) {
		c.standIns(s, at, s.missing(), out) // another one, for a replica that is still silent
	}
	c.decideWrite(s, at, out)
}

// standLost is told that a stand-in will not answer; unsent: nothing has left.
func (c *Core) standLost(s *slot, at uint32, k int, unsent bool, out *Effects) {
	w := &s.stands[k]
	if !w.waiting {
		return
	}
	w.waiting, w.lost, w.refused = false, !unsent, unsent
	c.decideStands(s, at, out)
}

// doubtful says whether a replica or a stand-in has the write, or may have it for
// all that will ever be known.
func (s *slot) doubtful() bool {
	for k := range s.stands {
		if w := &s.stands[k]; !w.waiting && !w.refused {
			return true
		}
	}
	return s.answered|s.lost != 0
}

// missing is the replicas that have not acknowledged the write, nor refused it for
// good.
func (s *slot) missing() Mask { return everyone.without(s.answered | s.refused.without(s.unfit)) }

func (s *slot) noteStand(out *Effects, node ring.NodeID, what string) {
	if s.Trace {
		s.trace = append(s.trace, Step{out.Micros - s.opened, node, what})
	}
}
