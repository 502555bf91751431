package coordinator

import (
	"slices"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
)

// Epochs change while requests are under way (rule 9). A replica that acts in a
// newer epoch refuses what was sent in an older one, and one that is behind is not
// ready for what is newer. Neither says anything about the request: it is sent
// again, until its deadline, once this node or the other has caught up.
//
// What replicas have done under the older epoch does not count under the newer one:
// between the two one may have lost its disk, which is what the epoch was made for.
// So a write begins anew, with the same version, at every replica, and so do a read,
// its write-back with it, and the notes of an OUTCOME, those of members that own no
// copy too. A stand-in that kept the write may have lost it likewise: it may have it,
// and does not count. What is still to be heard of the older epoch is not counted: it
// is of another generation.

// againAfter is how many milliseconds later it is tried.
const againAfter = 20

// outOfStep says whether a reply only means that two nodes are in different epochs,
// and what was sent can be sent again.
func (s *slot) outOfStep(r *Reply) bool {
	if s.Op == OpExplain || s.Op.Writes() && s.phase == reading && s.kept == 0 {
		return false
	}
	return r.Code == contract.StaleEpoch || r.Code == contract.NotReady && r.Epoch != 0 && r.Epoch < uint64(s.View.Epoch())
}

// postpone has what owner i was asked asked again later. It goes on being waited
// for.
func (c *Core) postpone(s *slot, i int) {
	if s.again == 0 {
		s.againAt = c.now + againAfter
	}
	s.again.add(i)
	c.due = min(c.due, s.againAt)
}

// Acting tells the Core the view in which its node acts now.
func (c *Core) Acting(view *ring.View) { c.view = view }

// askAgain sends what was postponed, in the epoch in which this node acts now.
func (c *Core) askAgain(s *slot, at uint32, out *Effects) {
	view := c.view
	again := s.again & s.waiting
	s.again = 0
	if again == 0 {
		return
	}
	if view != nil && view.Epoch() > s.View.Epoch() {
		if !c.move(s, view) {
			return // the owners are others now; what waits ends with the deadline
		}
		switch {
		case s.Op.Writes() && s.phase == reading:
			// Who has it, or may have it by now, has it whatever it says to the repetition.
			s.lost |= s.answered | s.waiting.without(again)
			again = s.waiting | s.asked&s.Up
			s.answered, s.higher, s.refused, s.unfit, s.winner = 0, 0, 0, 0, hlc.Version{}
		case s.Op == OpGet || s.Op == OpOutcome && s.phase != voiding:
			// Who held the winner may have lost it, and was not told of the write-back.
			again = s.waiting | s.asked&s.Up
			s.phase, s.best, s.source = reading, nil, 0
			s.answered, s.holds, s.repaired = 0, 0, 0
			s.barred = false
		case s.phase == voiding && len(s.Stands) > 0:
			s.gen++
			c.bar(s, at, out)
			return
		case s.phase == voiding:
			again = s.waiting | s.holds
			s.holds = 0
		default:
			again = s.waiting
		}
		s.gen++
		s.loseStands()
	}
	call := c.call(at, s)
	for i := range s.Owners {
		if again.has(i) {
			s.ask(i, call, s.askedOf(i), s.recordOf(i, out), out)
		}
	}
}

// move takes up a newer view, if the key has the same owners in it.
func (c *Core) move(s *slot, view *ring.View) bool {
	owners := view.Owners(view.PartitionOf(s.Place.Token))
	if len(owners) != len(s.Owners) {
		return false
	}
	for i, m := range owners {
		if (m == ring.NoOwner) != (s.Owners[i] == ring.NoOwner) || m != ring.NoOwner && view.Member(int(m)).ID != s.node(i) {
			return false
		}
	}
	if s.Op == OpOutcome { // no member is being asked now; whoever has joined may keep a hint, too
		s.Stands = s.Stands[:0]
		for m := range view.Members() {
			if !slices.Contains(owners, uint16(m)) {
				s.Stands = append(s.Stands, uint16(m))
			}
		}
		s.View, s.Owners = view, owners
		return true
	}
	stands := s.Stands[:0] // those that are asked already keep their places
	for _, m := range s.Stands {
		if j, member := view.Index(s.View.Member(int(m)).ID); member {
			stands = append(stands, uint16(j))
		} else if len(stands) < len(s.stands) {
			stands = append(stands, ring.NoOwner)
		}
	}
	s.View, s.Owners, s.Stands = view, owners, stands
	return true
}

// loseStands gives up the stand-ins, those that were heard too: they may have the
// write for all that will ever be known.
func (s *slot) loseStands() {
	for k := range s.stands {
		if w := &s.stands[k]; !w.refused {
			w.waiting, w.lost = false, true
		}
	}
	s.covered = 0
}

// askedOf is what owner i was asked last.
func (s *slot) askedOf(i int) Ask {
	switch {
	case s.phase == repairing:
		return AskRepair
	case s.phase == voiding:
		return AskVoid
	case s.phase == ordering:
		return AskDigest
	case s.Op.Writes():
		return AskWrite
	case s.full.has(i):
		return AskRead
	}
	return AskDigest
}

// recordOf is the record that goes with that.
func (s *slot) recordOf(i int, out *Effects) []byte {
	switch s.askedOf(i) {
	case AskWrite:
		return out.keep(s.buf)
	case AskRepair:
		return out.keep(s.best)
	}
	return nil
}
