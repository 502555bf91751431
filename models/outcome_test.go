package models

import (
	"testing"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/replica"
)

// The model of OUTCOME. One write, of which no replica knows yet, is on its way to
// all three, from its writer, from others that repeat it, and from who keeps a hint of
// it; any of it may come late, or never. OUTCOME is asked, given up and asked again. The
// last replica may lose its disk, or find an older copy in its place. Then the next
// epoch says so, and it is rebuilt.

const victim = replicas - 1

const firstEpoch = 1

// phase is how far an OUTCOME has come.
type phase uint8

const (
	notAsked phase = iota
	reading
	repairing
	voiding
)

// query is an OUTCOME that is open. A quorum read goes the same way as far as it
// finds the write.
type query struct {
	phase
	epoch    uint8
	answered mask // have told what they hold
	holds    mask // hold the write
	noted    mask // refuse it from now on
}

// settling is a state of the model.
type settling struct {
	at    [replicas]place
	epoch [replicas]uint8 // acted on, durable; 0: none is known
	last  uint8           // the last epoch that was decided

	took   mask  // sources whose notes the victim has
	copied mask  // sources whose records it has
	losses uint8 // so often it has lost its disk
	backup bool  // there is a copy of its disk, from when it held the write

	writer uint8 // the epoch in which the writer sends
	acked  mask  // by these, in that epoch
	seen   mask  // epochs in which a reader has read the write
	voids  mask  // epochs in which notes were asked for
	query

	kept, notApplied bool // it was answered that the write was committed, or was not applied
}

// outcomeModel is the model with a rule switched off.
type outcomeModel struct {
	*committer
	losses uint8 // so often the victim may lose its disk
}

func (m *outcomeModel) start() settling {
	s := settling{last: firstEpoch, writer: firstEpoch}
	for i := range s.epoch {
		s.epoch[i] = firstEpoch
	}
	return s
}

func (m *outcomeModel) next(s settling, to func(step, settling)) {
	reach := func(what step, n settling) {
		m.forget(&n)
		to(what, n)
	}
	for i := range s.at {
		if n := s; s.epoch[i] < s.last {
			n.epoch[i] = s.last
			reach(step{nodes[i], "takes up the new epoch", nothing}, n)
		}
		m.writes(s, i, reach)
		m.asked(s, i, reach)
	}
	m.waits(s, reach)
	m.open(s, reach)
	m.lose(s, reach)
	m.rebuild(s, reach)
}

// forget forgets what makes no difference any more: who waits for an answer of an epoch
// in which no replica is, or will be, and copies that nobody will put back.
func (m *outcomeModel) forget(s *settling) {
	if s.kept {
		s.acked, s.writer = 0, s.last
	}
	if s.losses == m.losses {
		s.backup = false
	}
	switch m.off {
	case acksOfOneEpoch, notesOfOneEpoch, readsOfOneEpoch, writeBacksOfOneEpoch:
		return // then it does
	}
	alive := only(int(s.last))
	for _, e := range s.epoch {
		alive |= only(int(e))
	}
	s.seen &= alive
	s.voids &= alive
	if !alive.has(int(s.writer)) {
		s.acked, s.writer = 0, s.last
	}
	if !alive.has(int(s.query.epoch)) {
		s.query = query{}
	}
}

// writes are the copies of the write that are on their way to a replica.
func (m *outcomeModel) writes(s settling, i int, to func(step, settling)) {
	n := s
	var done bool
	if n.at[i], done = m.does(s.at[i], ask{kind: replica.Fresh, of: doubtful}); done && s.writer == s.epoch[i] && !s.kept {
		n.acked |= only(i)
		n.kept = n.acked.isQuorum()
	}
	to(step{nodes[i], "is sent", doubtful}, n)
	n = s
	n.at[i] = first(m.apply(s.at[i], ask{kind: replica.Deliver, of: doubtful}))
	to(step{nodes[i], "is handed a hint of", doubtful}, n)
	if m.serves(s, i, s.seen) {
		n = s
		n.at[i] = first(m.apply(s.at[i], ask{kind: replica.Repair, of: doubtful}))
		to(step{nodes[i], "is sent, as a write-back,", doubtful}, n)
	}
	if m.serves(s, i, s.voids) {
		n = s
		n.at[i] = first(m.apply(s.at[i], ask{kind: replica.Void, of: doubtful}))
		to(step{nodes[i], "is asked late to note that nobody has", doubtful}, n)
	}
}

// serves says whether a replica takes what was sent in one of these epochs: its own
// has to be among them.
func (m *outcomeModel) serves(s settling, i int, epochs mask) bool {
	if m.off == writeBacksOfOneEpoch {
		return epochs&(only(int(s.epoch[i])+1)-1) != 0 // it was sent again
	}
	return epochs.has(int(s.epoch[i]))
}

// waits is what the one does that waits for acknowledgements. What it sends comes by
// writes.
func (m *outcomeModel) waits(s settling, to func(step, settling)) {
	if s.writer == s.last || s.kept {
		return
	}
	n := s
	if n.writer = s.last; m.off != acksOfOneEpoch {
		n.acked = 0
	}
	to(step{"the writer", "takes up the new epoch", nothing}, n)
}

// open opens an OUTCOME, gives it up, or takes it to another epoch.
func (m *outcomeModel) open(s settling, to func(step, settling)) {
	n := s
	if s.phase == notAsked {
		for e := uint8(firstEpoch); e <= s.last; e++ {
			n.query = query{phase: reading, epoch: e}
			to(step{"OUTCOME", "is asked of", doubtful}, n)
		}
		return
	}
	n.query = query{}
	to(step{"OUTCOME", "is given up", nothing}, n)
	if s.query.epoch == s.last {
		return
	}
	n.query = query{phase: reading, epoch: s.last}
	switch {
	case m.off == notesOfOneEpoch && s.phase == voiding, m.off == readsOfOneEpoch && s.phase != voiding:
		n.query = s.query
		n.query.epoch = s.last
	}
	to(step{"OUTCOME", "takes up the new epoch", nothing}, n)
}

// asked is the step of an OUTCOME at one replica.
func (m *outcomeModel) asked(s settling, i int, to func(step, settling)) {
	if s.phase == notAsked || s.epoch[i] != s.query.epoch {
		return
	}
	n := s
	q := &n.query
	switch {
	case s.phase == reading && !s.answered.has(i) && (!s.at[i].quarantined || m.off == quarantineMute):
		q.answered |= only(i)
		if s.at[i].stored != nothing {
			q.holds |= only(i)
			n.seen |= only(int(s.epoch[i]))
		}
		n.decide()
		to(step{nodes[i], "tells OUTCOME that it has", s.at[i].stored}, n)
	case s.phase == repairing && !s.holds.has(i):
		var done bool
		if n.at[i], done = m.does(s.at[i], ask{kind: replica.Repair, of: doubtful}); !done {
			return
		}
		q.holds |= only(i)
		n.decide()
		to(step{nodes[i], "takes from OUTCOME", doubtful}, n)
	case s.phase == voiding && !s.noted.has(i):
		m.void(s, i, to)
	}
}

// void is a replica that looks again and notes.
func (m *outcomeModel) void(s settling, i int, to func(step, settling)) {
	n := s
	after, result := m.apply(s.at[i], ask{kind: replica.Void, of: doubtful})
	switch {
	case result.Code != 0:
		return
	case result.Winner != (hlc.Version{}):
		n.phase, n.noted = reading, 0
		n.answered &^= only(i)
		to(step{nodes[i], "has it meanwhile, it tells OUTCOME", nothing}, n)
		return
	}
	n.at[i] = after
	n.noted |= only(i)
	if n.noted == everyone || m.off == allNote && n.noted.isQuorum() {
		n.query, n.notApplied = query{}, true
	}
	to(step{nodes[i], "notes that nobody has", doubtful}, n)
}

// decide goes on with an OUTCOME.
func (s *settling) decide() {
	q := &s.query
	switch {
	case q.holds.isQuorum():
		*q, s.kept = query{}, true
	case q.phase == reading && q.holds != 0 && q.answered.isQuorum():
		q.phase = repairing
	case q.phase == reading && q.answered == everyone && q.holds == 0:
		q.phase = voiding
		s.voids |= only(int(q.epoch))
	}
	if q.phase != reading {
		q.answered = 0
	}
}

// lose is what becomes of disks.
func (m *outcomeModel) lose(s settling, to func(step, settling)) {
	if m.off == notesDurable {
		for i := range s.at {
			n := s
			n.at[i].noted = false
			to(step{nodes[i], "crashes, and starts again", nothing}, n)
		}
	}
	n := s
	at := s.at[victim]
	if at.quarantined {
		return
	}
	if m.losses > 1 && at.stored != nothing && !at.noted {
		n.backup = true
		to(step{nodes[victim], "is copied, with", at.stored}, n)
	}
	if s.losses == m.losses {
		return
	}
	n = s
	n.at[victim] = m.must(place{}, ask{kind: replica.Quarantine})
	n.losses++
	if n.epoch[victim] = 0; m.off != sourcesRefuse {
		n.last++
	}
	to(step{nodes[victim], "loses its disk", nothing}, n)
	if s.backup {
		n.at[victim].stored = doubtful
		to(step{nodes[victim], "finds in place of its disk the copy that holds", doubtful}, n)
	}
}

// rebuild is how the victim comes back.
func (m *outcomeModel) rebuild(s settling, to func(step, settling)) {
	if !s.at[victim].quarantined || s.epoch[victim] != s.last {
		return
	}
	for i := range victim {
		m.source(s, i, to)
	}
	if s.copied == m.sources() || m.off == sourcesQuorum && s.copied != 0 {
		n := s
		n.at[victim] = m.must(s.at[victim], ask{kind: replica.Release})
		n.took, n.copied = 0, 0
		to(step{nodes[victim], "is rebuilt, and serves", nothing}, n)
	}
}

// sources are the others: two of two are a quorum.
func (m *outcomeModel) sources() mask { return everyone &^ only(victim) }

// source is what the victim takes from one of the others: notes, then records.
func (m *outcomeModel) source(s settling, i int, to func(step, settling)) {
	if s.epoch[i] != s.last {
		return
	}
	n := s
	at := &n.at[victim]
	if !s.took.has(i) {
		outweighs := at.stored == nothing || m.off != notesOutweigh
		if n.took |= only(i); s.at[i].noted && m.off != notesTravel && outweighs {
			*at = m.must(*at, ask{kind: replica.Note, of: doubtful})
		}
		to(step{nodes[victim], "takes the notes of " + nodes[i], nothing}, n)
		n, at = s, &n.at[victim]
	}
	ready := s.took == m.sources() || m.off == sourcesQuorum && s.took.has(i) || m.off == notesFirst
	if !s.copied.has(i) && ready {
		if n.copied |= only(i); s.at[i].stored != nothing {
			*at = m.must(*at, ask{kind: replica.Rebuild, of: s.at[i].stored})
		}
		to(step{nodes[victim], "takes the records of " + nodes[i], nothing}, n)
	}
}

// broken is what must not be in any state (contract, sections 2 and 4).
func (m *outcomeModel) broken(s settling) string {
	for i, p := range s.at {
		if s.notApplied && p.stored != nothing && !p.quarantined {
			return nodes[i] + " holds the write, though OUTCOME has answered that it was not applied"
		}
		if p.stored != nothing && p.noted && (m.off == allRules || m.off == writeBacksErase) {
			return nodes[i] + " holds the write, and refuses its repetition as given up"
		}
	}
	for _, pair := range pairs {
		a, b := s.at[pair[0]], s.at[pair[1]]
		if a.stored != nothing || b.stored != nothing || a.quarantined || b.quarantined {
			continue
		}
		if s.kept {
			return nodes[pair[0]] + " and " + nodes[pair[1]] + " do not hold the write, though it was committed"
		}
	}
	return ""
}

// Rule 4: what OUTCOME has answered stays true, whatever comes, and whatever becomes
// of one disk at a time.
func TestOutcomeStaysTrueInEveryOrder(t *testing.T) {
	m := &outcomeModel{newCommitter(allRules), 2}
	allIsWell(t, search(m.start(), m.next, m.broken))
}

func TestEachRuleOfOutcomeIsNeeded(t *testing.T) {
	for _, off := range []rule{
		notesDurable, notesRefuse, notesOnHints, notesLookAgain, writeBacksErase, allNote, sourcesQuorum, notesTravel, notesFirst, notesOutweigh,
		sourcesRefuse, quarantineMute, acksOfOneEpoch, notesOfOneEpoch, readsOfOneEpoch, writeBacksOfOneEpoch,
	} {
		t.Run(string(off), func(t *testing.T) {
			m := &outcomeModel{newCommitter(off), 1}
			if off == notesOutweigh {
				m.losses = 2
			}
			isBroken(t, search(m.start(), m.next, m.broken))
		})
	}
}
