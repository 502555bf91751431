package models

import (
	"fmt"
	"testing"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/paxos"
)

// The model of votes that are given up (topology.Core.AcceptLoss). Three voters decide the
// next epoch in a register; a fourth member has no vote. It proposes a value, as ever.
// Two voters may lose their memory: what they had voted for, and what they know to be
// decided. They do not vote any more then, and say so. Where there is no majority without
// them, an operator may have a value decided by all that remember; and another operator.
// No two members may ever act on different values.
//
// When members say what they act on nothing is on its way any more that a voter has sent
// before it lost its memory, but for its votes: a proposer may still be counting them.

const (
	allSayFirst     rule = "all members say, once the loss is known, that they act on nothing"
	noneCounts      rule = "nobody says so who counts votes"
	foundIsCarried  rule = "what one of them has voted for is carried on"
	forgottenIsMute rule = "who has forgotten does not vote"
)

const members = replicas + 1

// The proposers. The number is the ballot of each, and its own value.
const (
	asEver = 1 + iota
	oneOperator
	anotherOperator
	proposersEnd
)

// register is that of a voter.
type register struct {
	promised, accepted, value uint8
	forgot                    bool
}

// proposal is how far a proposer is.
type proposal struct {
	voters   mask // who shall decide; 0: it has not begun
	promises mask
	found    uint8 // the highest ballot at which one of these had accepted a value
	carried  uint8 // that value
	value    uint8 // that it asks to accept; 0: it asks for promises
	accepts  mask
	over     bool
}

// losing is a state of the model.
type losing struct {
	at    [replicas]register
	knows [members]uint8 // the value that a member acts on; 0: none
	said  mask           // members that have said, since the last loss, that they act on nothing
	by    [proposersEnd]proposal
	clash bool // a member was told of two values
}

type lossModel struct{ off rule }

var memberNames = [members]string{"A", "B", "C", "D"}

func (m *lossModel) next(s losing, to func(step, losing)) {
	for i := range s.at {
		m.lose(s, i, to)
	}
	for i, name := range memberNames {
		if n := s; s.knows[i] == 0 && !m.counts(&s, i) {
			n.said |= only(i)
			to(step{who: name, what: "says that it acts on nothing"}, n)
		}
		for _, value := range s.knows {
			if value != 0 {
				to(step{who: name, what: fmt.Sprint("hears of value ", value)}, s.told(i, value))
			}
		}
	}
	for b := uint8(asEver); b < proposersEnd; b++ {
		m.propose(s, b, to)
	}
}

// counts says whether a member counts votes, so that it must not say that it acts on
// nothing: it may do so in a moment. The one who proposes as ever is the last.
func (m *lossModel) counts(s *losing, i int) bool {
	p := &s.by[asEver]
	return i == members-1 && p.value != 0 && !p.over && m.off != noneCounts
}

// told is the state in which a member is told what is decided.
func (s losing) told(i int, value uint8) losing {
	s.clash = s.clash || s.knows[i] != 0 && s.knows[i] != value
	s.knows[i] = value
	return s
}

// lose takes the memory of a voter away.
func (m *lossModel) lose(s losing, i int, to func(step, losing)) {
	if remember := s.remember(); !remember.has(i) || !remember.isQuorum() {
		return
	}
	s.at[i], s.knows[i], s.said = register{forgot: true}, 0, 0
	to(step{who: memberNames[i], what: "loses its memory"}, s)
}

// remember are the voters that do.
func (s *losing) remember() (voters mask) {
	for i, r := range s.at {
		if !r.forgot {
			voters |= only(i)
		}
	}
	return voters
}

// begins are the voters that shall decide on a ballot; 0: it cannot begin now.
func (m *lossModel) begins(s *losing, b uint8) mask {
	remember := s.remember()
	switch {
	case b == asEver:
		return everyone
	case remember.isQuorum():
		return 0
	case s.said != only(members)-1 && m.off != allSayFirst:
		return 0
	}
	return remember
}

func (m *lossModel) propose(s losing, b uint8, to func(step, losing)) {
	p, who := s.by[b], fmt.Sprint("proposer ", b)
	if p.over {
		return
	}
	if p.voters == 0 {
		if p.voters = m.begins(&s, b); p.voters != 0 {
			s.by[b] = p
			to(step{who: who, what: "begins"}, s)
		}
		return
	}
	n := s
	n.by[b].over = true
	to(step{who: who, what: "gives up"}, n)
	for i := range s.at {
		if p.voters.has(i) && (!s.at[i].forgot || m.off == forgottenIsMute) {
			m.vote(s, b, i, to)
		}
	}
	if p.value != 0 && m.enough(&p, p.accepts) {
		home := members - 1
		if b != asEver {
			home = 0
			for !p.voters.has(home) {
				home++
			}
		}
		n := s.told(home, p.value)
		n.by[b].over = true
		to(step{who: who, what: fmt.Sprint("sees value ", p.value, " decided")}, n)
	}
}

// vote asks a voter for what the proposer needs now.
func (m *lossModel) vote(s losing, b uint8, i int, to func(step, losing)) {
	p, a := &s.by[b], s.at[i].acceptor()
	if p.value != 0 {
		if answer, _ := a.Accept(ballot(b), []byte{p.value}); answer.OK {
			s.at[i].take(&a)
			p.accepts |= only(i)
			to(step{who: memberNames[i], what: fmt.Sprint("accepts value ", p.value, " at ballot ", b)}, s)
		}
		return
	}
	answer, _ := a.Prepare(ballot(b))
	if !answer.OK {
		return
	}
	s.at[i].take(&a)
	p.promises |= only(i)
	if found := uint8(answer.Accepted.Time); found > p.found && m.off != foundIsCarried {
		p.found, p.carried = found, answer.Value[0]
	}
	if m.enough(p, p.promises) {
		if p.value = p.carried; p.value == 0 {
			p.value = b
		}
	}
	to(step{who: memberNames[i], what: fmt.Sprint("promises ballot ", b)}, s)
}

// enough says whether those that have agreed decide.
func (m *lossModel) enough(p *proposal, agreed mask) bool {
	if p.voters == everyone {
		return agreed.isQuorum()
	}
	return agreed == p.voters
}

// acceptor is the real one.
func (r *register) acceptor() paxos.Acceptor {
	a := paxos.Acceptor{Promised: ballot(r.promised), Accepted: ballot(r.accepted)}
	if r.value != 0 {
		a.Value = []byte{r.value}
	}
	return a
}

func (r *register) take(a *paxos.Acceptor) {
	r.promised, r.accepted, r.value = uint8(a.Promised.Time), uint8(a.Accepted.Time), 0
	if len(a.Value) > 0 {
		r.value = a.Value[0]
	}
}

func ballot(b uint8) hlc.Version {
	return hlc.Version{Time: hlc.Timestamp(b), Writer: uint64(b)}
}

// differ says what does not hold in a state.
func differ(s losing) string {
	for _, a := range s.knows {
		for _, b := range s.knows {
			if a != 0 && b != 0 && a != b || s.clash {
				return "members act on different values of one epoch"
			}
		}
	}
	return ""
}

// Rules 8 and 9: votes that are forgotten can be given up by name, and no two values of an
// epoch come of it, whoever loses its memory when, and however often it is done.
func TestGivingUpForgottenVotesDecidesOneValue(t *testing.T) {
	m := &lossModel{off: allRules}
	allIsWell(t, search(losing{}, m.next, differ))
}

// Each rule is needed: without it two values come about.
func TestGivingUpForgottenVotesNeedsItsRules(t *testing.T) {
	for _, off := range []rule{allSayFirst, noneCounts, foundIsCarried, forgottenIsMute} {
		t.Run(string(off), func(t *testing.T) {
			m := &lossModel{off: off}
			isBroken(t, search(losing{}, m.next, differ))
		})
	}
}
