package models

import (
	"fmt"
	"testing"

	"github.com/candordb/candor/replica"
)

// The model of a purge. A value and, above it, a delete are written, both from the
// beginning on their way to all three replicas. A fourth node may keep a hint of the
// value for the last of them. Readers write back whatever they have seen, ever.
// Each pair exchanges. Floors rise, once, to above the delete; that is the watermark
// that can be proved, agreed to and adopted.

// above is a moment above both versions.
const above = moment(3)

const standIn = "the stand-in"

// stage is how far the exchange of a pair has come.
type stage uint8

const (
	idle stage = iota
	listed
	pulls // the asker has listed too, and reads the other's record
	toAsker
	toOther
)

// exchanging is the exchange of a pair.
type exchanging struct {
	stage
	bound   moment  // up to here it may prove
	proves  moment  // the same, and no hint lies at or below
	theirs  content // of the other, when it listed
	fence   moment  // of the other, before that; then what goes with the record that moves
	purge   moment  // of the other
	carried content // the record that moves
}

// purging is a state of the model.
type purging struct {
	at    [replicas]place
	stand place // the node that is no replica

	// loose is what was ever stored, of value and delete, at a replica that had agreed
	// to nothing, or to what can be agreed to: readers and exchanges may have taken it
	// there and still bring it anywhere.
	loose   [2][2]bool
	sent    bool // the hint
	settled bool // two replicas have held the delete at once
	lost    bool // a replica has not got what it has acknowledged
	pairs   [len(pairs)]exchanging
	proved  mask // pairs, up to above
}

// purgeModel is the model with a rule switched off.
type purgeModel struct {
	*committer
	oneAtATime bool
}

func (m *purgeModel) next(s purging, to func(step, purging)) {
	reach := func(what step, n purging) {
		n.note()
		to(what, n)
	}
	for i := range s.at {
		m.writes(s, i, reach)
		m.marks(s, i, reach)
	}
	m.hint(s, reach)
	for p := range pairs {
		m.exchange(s, p, reach)
	}
}

// writes are what is on its way to a replica.
func (m *purgeModel) writes(s purging, i int, to func(step, purging)) {
	for w, c := range []content{value, deleted} {
		write := func(what string, a ask) {
			n := s
			var done bool
			n.at[i], done = m.does(s.at[i], a)
			n.lost = done && merged(n.at[i].stored, c) != n.at[i].stored && !c.dead(n.at[i].fence)
			to(step{nodes[i], what, c}, n)
		}
		write("is sent", ask{kind: replica.Fresh, of: c})
		if s.loose[w][0] || s.loose[w][1] {
			write("is sent, as a write-back,", ask{kind: replica.Repair, of: c})
		}
		if s.loose[w][0] {
			write("is sent, by an exchange that read it where nothing was agreed to,", ask{replica.Exchange, c, 0})
		}
		if s.loose[w][1] {
			write("is sent, by an exchange that read it behind as high a fence,", ask{replica.Exchange, c, above})
		}
	}
}

// note notes what has become true with a step.
func (s *purging) note() {
	hold := 0
	for _, p := range s.at {
		agreed := 0
		if p.fence != 0 {
			agreed = 1
		}
		if p.stored == value {
			s.loose[0][agreed] = true
		}
		if p.stored == deleted {
			s.loose[1][agreed] = true
			hold++
		}
	}
	s.sent = s.sent || s.stand.hint != nothing
	s.settled = s.settled || hold >= 2
}

// marks are what a replica decides about floor, watermark and purge.
func (m *purgeModel) marks(s purging, i int, to func(step, purging)) {
	n := s
	n.at[i] = m.must(s.at[i], ask{kind: replica.SetFloor, mark: above})
	to(step{nodes[i], "raises its floor", nothing}, n)
	if m.proven(s) {
		n = s
		n.at[i] = m.must(s.at[i], ask{kind: replica.Agree, mark: above})
		to(step{nodes[i], "agrees to the watermark", nothing}, n)
	}
	if m.agreed(s) && (s.at[i].fence == above || m.off == allAgreeFirst || m.off == allReplicasProve) {
		n = s
		n.at[i] = m.must(s.at[i], ask{kind: replica.Adopt, mark: above})
		to(step{nodes[i], "adopts the watermark", nothing}, n)
	}
	if has := s.at[i].stored; has != nothing {
		n = s
		n.at[i] = first(m.apply(s.at[i], ask{kind: replica.Purge, of: has}))
		n.lost = has == value && n.at[i].stored != has
		to(step{nodes[i], "purges", has}, n)
	}
}

// proven says whether a watermark may be proposed.
func (m *purgeModel) proven(s purging) bool {
	switch m.off {
	case allPairsProve:
		return s.proved&only(0) != 0 && s.proved&only(1) != 0
	case allReplicasProve:
		return s.proved != 0
	}
	return s.proved == everyone
}

// agreed says whether it may be adopted.
func (m *purgeModel) agreed(s purging) bool {
	var who mask
	for i := range s.at {
		if s.at[i].fence == above {
			who |= only(i)
		}
	}
	if m.off == allAgreeFirst || m.off == allReplicasProve {
		return who.isQuorum()
	}
	return who == everyone
}

// hint is what the node does that is no replica: keep the value for the last one.
func (m *purgeModel) hint(s purging, to func(step, purging)) {
	last := replicas - 1
	n := s
	n.stand = m.must(s.stand, ask{kind: replica.SetFloor, mark: above})
	to(step{standIn, "raises its floor", nothing}, n)
	n = s
	n.stand = first(m.apply(s.stand, ask{kind: replica.Stand, of: value}))
	to(step{standIn, "keeps a hint of", value}, n)
	if !s.sent {
		return
	}
	n = s
	var ok bool
	n.at[last], ok = m.does(s.at[last], ask{kind: replica.Deliver, of: value})
	to(step{nodes[last], "is handed the hint of", value}, n)
	if ok && s.stand.hint != nothing {
		n.stand = m.must(s.stand, ask{kind: replica.Unhint, of: value})
		to(step{nodes[last], "is handed the hint, which is then forgotten, of", value}, n)
	}
}

// hintsAbove is what the stand-in says that its hints lie above.
func hintsAbove(p place) moment {
	if p.hint != nothing {
		return min(p.floor, p.hint.at()-1)
	}
	return p.floor
}

// exchange is a step of the exchange of a pair. Any may fail, and be begun anew;
// what was sent is on its way all the same.
func (m *purgeModel) exchange(s purging, p int, to func(step, purging)) {
	i, j := pairs[p][0], pairs[p][1]
	e, name := s.pairs[p], pairNames[p]
	says := func(what string, c content, n purging) { to(step{name, what, c}, n) }
	if e.stage != idle {
		n := s
		n.pairs[p] = exchanging{}
		says("fails", nothing, n)
	}
	n := s
	x := &n.pairs[p]
	switch e.stage {
	case idle:
		if m.oneAtATime && m.busy(s) {
			return
		}
		*x = exchanging{stage: listed, theirs: s.at[j].stored, fence: s.at[j].fence, purge: s.at[j].purge}
		m.bound(s, p, x)
		if m.off != floorsReadFirst && x.proves == 0 {
			return // it would only move what write-backs can move
		}
		says("begins, the second lists", x.theirs, n)
	case listed:
		what := m.settle(&n, p)
		says(what, s.at[i].stored, n)
	case pulls:
		if s.at[j].stored == nothing {
			return // purged since: it fails
		}
		*x = exchanging{stage: toAsker, bound: e.bound, proves: e.proves, fence: e.fence, carried: s.at[j].stored}
		says("the second sends", x.carried, n)
	case toAsker, toOther:
		target := i
		if e.stage == toOther {
			target = j
		}
		var ok bool
		if n.at[target], ok = m.does(s.at[target], ask{replica.Exchange, e.carried, e.fence}); !ok {
			return // it fails
		}
		n.pairs[p] = exchanging{}
		m.prove(&n, p, e.proves)
		says("the other has now, or more than,", e.carried, n)
	}
}

func (m *purgeModel) busy(s purging) bool {
	for _, e := range s.pairs {
		if e.stage != idle {
			return true
		}
	}
	return false
}

// bound notes up to where an exchange proves what it finds.
func (m *purgeModel) bound(s purging, p int, x *exchanging) {
	x.bound = min(s.at[pairs[p][0]].floor, s.at[pairs[p][1]].floor)
	x.proves = min(x.bound, hintsAbove(s.stand))
	if m.off == hintsLieAbove {
		x.proves = x.bound
	}
}

// settle has the asker list its record and decide what moves.
func (m *purgeModel) settle(n *purging, p int) string {
	i := pairs[p][0]
	x, mine := &n.pairs[p], n.at[i]
	if m.off == floorsReadFirst {
		m.bound(*n, p, x)
	}
	proves := x.proves
	theirs, own := x.theirs, mine.stored
	mark := max(x.purge, mine.purge)
	if theirs.dead(mark) {
		theirs = nothing
	}
	if own.dead(mark) {
		own = nothing
	}
	if m.off == provedWhenMoved {
		m.prove(n, p, proves)
	}
	winner := merged(own, theirs)
	loser := own
	if winner == own {
		loser = theirs
	}
	switch {
	case own == theirs || loser != nothing && loser.at() > x.bound:
		n.pairs[p] = exchanging{}
		m.prove(n, p, proves)
		return "both agree, the first has"
	case winner == own:
		*x = exchanging{stage: toOther, bound: x.bound, proves: proves, fence: mine.fence, carried: own}
		return "the first sends"
	}
	*x = exchanging{stage: pulls, bound: x.bound, proves: proves, fence: x.fence}
	return "the first asks for the other's, it has"
}

func (m *purgeModel) prove(n *purging, p int, proves moment) {
	if proves == above {
		n.proved |= only(p)
	}
}

// broken is what must not be in any state (contract, sections 1, 4 and 6).
func (m *purgeModel) broken(s purging) string {
	if s.lost {
		return "what a replica has acknowledged is not there, though nothing has deleted it"
	}
	for _, pair := range pairs {
		i, j := pair[0], pair[1]
		if s.settled && merged(s.at[i].stored, s.at[j].stored) == value {
			return fmt.Sprintf("%s and %s read the value, though two have held its delete", nodes[i], nodes[j])
		}
	}
	if last := s.at[replicas-1]; s.stand.hint != nothing && last.fence >= s.stand.hint.at() && last.stored < s.stand.hint {
		return "a hint, which an answer may have counted, lies below the fence of whom it is for"
	}
	return ""
}

// unsound is what must not be in any state either, so that none can go wrong from it.
func (m *purgeModel) unsound(s purging) string {
	for i, p := range s.at {
		switch {
		case p.purge == above && p.stored == value && s.settled:
			return nodes[i] + " holds the value below a watermark that it has adopted"
		}
	}
	return m.broken(s)
}

// Rules 5, 7 and 8: a deleted key never comes back, and no hint that counts lies
// below a watermark.
func TestPurgedKeysStayAwayInEveryOrder(t *testing.T) {
	m := &purgeModel{committer: newCommitter(allRules)}
	allIsWell(t, search(purging{}, m.next, m.unsound))
}

func TestEachRuleOfPurgingIsNeeded(t *testing.T) {
	for _, off := range []rule{
		fenceStopsWriteBacks, fenceStopsHints, fenceStopsExchanges, floorStopsWrites, floorStopsHints, hintsLieAbove, floorsReadFirst,
		provedWhenMoved, allPairsProve, allReplicasProve, purgedBelowMark,
	} {
		t.Run(string(off), func(t *testing.T) {
			// What goes wrong with one exchange at a time goes wrong with more.
			m := &purgeModel{committer: newCommitter(off), oneAtATime: true}
			isBroken(t, search(purging{}, m.next, m.broken))
		})
	}
}

// The two rounds of a watermark are more than this needs: once all pairs have proved
// that all hold the delete, each replica either holds it or has purged it behind its own
// fence. They keep that simple, and a fence, wherever it is met, the word of all.
func TestEitherRoundOfAWatermarkCouldBeMissed(t *testing.T) {
	for _, off := range []rule{allAgreeFirst, purgedWhenAdopted} {
		t.Run(string(off), func(t *testing.T) {
			m := &purgeModel{committer: newCommitter(off), oneAtATime: true}
			allIsWell(t, search(purging{}, m.next, m.broken))
		})
	}
}
