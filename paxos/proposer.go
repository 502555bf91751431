package paxos

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/candordb/candor/hlc"
)

// ErrProposal is returned by New for arguments that would not be safe.
var ErrProposal = errors.New("paxos: invalid proposal")

// VoterID names a voter; the bytes are the caller's.
type VoterID [16]byte

// votersMax is how many voters a set of bits holds.
const votersMax = 64

// Phase is how far a proposer has come.
type Phase uint8

const (
	// Preparing: prepare(ballot) is to be sent to the voters that have not answered.
	Preparing Phase = iota
	// Accepting: accept(ballot, Value) is to be sent to the voters that have not answered.
	Accepting
	// Chosen: the value is decided.
	Chosen
	// Lost: too many voters know a higher ballot. Nothing can come of this one
	// that is not there already; if accepts were sent, the value may still be
	// chosen by a later ballot.
	Lost
)

// String is the phase's word in logs.
func (p Phase) String() string {
	names := [...]string{Preparing: "preparing", Accepting: "accepting", Chosen: "chosen", Lost: "lost"}
	if int(p) < len(names) {
		return names[p]
	}
	return fmt.Sprintf("phase(%d)", uint8(p))
}

// Proposer is one attempt to have a value chosen under one ballot. Its methods
// take the answers in any order and any number of times; what belongs to another
// ballot or to no voter is ignored. It is a value: a copy is independent.
type Proposer struct {
	ballot hlc.Version
	voters []VoterID // never changed
	need   int       // votes that decide, a majority at least

	phase   Phase
	value   []byte      // own, or the one accepted under adopted
	adopted hlc.Version // the highest accepted ballot among the promises; zero: none
	highest hlc.Version // the highest ballot heard of, own included

	// Who answered, as bits by index into voters. A voter in refused has promised a
	// higher ballot: it will never vote for this one again.
	promised, accepted, refused uint64
}

// New begins an attempt. ballot must not have been used before. need is the
// number of votes that decide, from a majority of voters up to all of them; any
// two quorums must meet, so less is refused. value is the caller's own proposal;
// it and voters must not change from here on. Errors wrap ErrProposal.
func New(ballot hlc.Version, voters []VoterID, need int, value []byte) (Proposer, error) {
	if ballot.IsZero() {
		return Proposer{}, fmt.Errorf("%w: no ballot", ErrProposal)
	}
	if len(voters) == 0 || len(voters) > votersMax {
		return Proposer{}, fmt.Errorf("%w: %d voters, want 1 to %d", ErrProposal, len(voters), votersMax)
	}
	if 2*need <= len(voters) || need > len(voters) {
		return Proposer{}, fmt.Errorf("%w: %d of %d voters decide, want a majority to all", ErrProposal, need, len(voters))
	}
	for i, v := range voters {
		if slices.Contains(voters[:i], v) {
			return Proposer{}, fmt.Errorf("%w: voter %x is named twice", ErrProposal, v)
		}
	}
	return Proposer{ballot: ballot, voters: voters, need: need, value: value, highest: ballot}, nil
}

// NextBallot is a ballot for a new attempt: at now (a fresh tick of the caller's
// clock), or just above highest if that is later. writer must be fresh and
// random, never the id of the running node: the time may be one that another
// proposer draws too, and only the writer then keeps the ballots apart.
func NextBallot(highest hlc.Version, now hlc.Timestamp, writer uint64) hlc.Version {
	return hlc.Version{Time: max(now, highest.Time+1), Writer: writer}
}

// Ballot is the ballot of this attempt.
func (p *Proposer) Ballot() hlc.Version { return p.ballot }

// Phase is how far the attempt has come.
func (p *Proposer) Phase() Phase { return p.phase }

// Highest is the highest ballot heard of, for NextBallot.
func (p *Proposer) Highest() hlc.Version { return p.highest }

// Value is the value to accept. It is settled once Phase is Accepting; before
// that a promise may still replace it. The caller must not change it.
func (p *Proposer) Value() []byte { return p.value }

// Adopted tells whether Value is one that an earlier ballot proposed, in place of
// the caller's own.
func (p *Proposer) Adopted() bool { return !p.adopted.IsZero() }

// Chosen is the decided value; false as long as there is none.
func (p *Proposer) Chosen() ([]byte, bool) {
	if p.phase != Chosen {
		return nil, false
	}
	return p.value, true
}

// Waiting lists the voters whose answer in this phase is still out: whom to send
// to, first or again.
func (p *Proposer) Waiting() []VoterID {
	answered := p.refused
	switch p.phase {
	case Preparing:
		answered |= p.promised
	case Accepting:
		answered |= p.accepted
	default:
		return nil
	}
	var waiting []VoterID
	for i, v := range p.voters {
		if answered&(1<<i) == 0 {
			waiting = append(waiting, v)
		}
	}
	return waiting
}

// OnPromise takes the answer to a prepare and returns the phase after it. When
// that becomes Accepting, accept(Ballot, Value) is to be sent to all voters. The
// proposer may keep answer.Value, so it must not change.
func (p *Proposer) OnPromise(from VoterID, answer Promise) Phase {
	voter, known := p.bit(from)
	if !known || answer.Ballot != p.ballot {
		return p.phase
	}
	if !answer.OK {
		return p.OnRefused(from, answer.Seen)
	}
	if p.phase != Preparing || p.promised&voter != 0 {
		return p.phase // the value is settled, or this voter is counted
	}
	p.promised |= voter
	if answer.Accepted.Compare(p.adopted) > 0 {
		p.adopted, p.value = answer.Accepted, answer.Value
	}
	if bits.OnesCount64(p.promised) >= p.need {
		p.phase = Accepting
	}
	return p.phase
}

// OnAccepted takes the answer to an accept and returns the phase after it. To be
// alarmed about answer.Conflict is the caller's part; here it is no vote.
func (p *Proposer) OnAccepted(from VoterID, answer Reply) Phase {
	voter, known := p.bit(from)
	if !known || answer.Ballot != p.ballot {
		return p.phase
	}
	if !answer.OK {
		return p.OnRefused(from, answer.Seen)
	}
	if p.phase == Preparing {
		return p.phase // nobody can have accepted what was not sent
	}
	p.accepted |= voter
	if bits.OnesCount64(p.accepted) >= p.need {
		p.phase = Chosen
	}
	return p.phase
}

// OnRefused takes the news that a voter knows the ballot seen, and returns the
// phase after it. A seen that is not above this attempt's ballot refuses nothing:
// it answers a prepare that was repeated after its accept.
func (p *Proposer) OnRefused(from VoterID, seen hlc.Version) Phase {
	voter, known := p.bit(from)
	if !known || seen.Compare(p.ballot) <= 0 {
		return p.phase
	}
	if seen.Compare(p.highest) > 0 {
		p.highest = seen
	}
	p.refused |= voter
	// A voter that accepted before it saw the higher ballot still counts.
	out := p.refused &^ p.accepted
	if p.phase != Chosen && len(p.voters)-bits.OnesCount64(out) < p.need {
		p.phase = Lost
	}
	return p.phase
}

// bit is the voter's place in the sets; false if it is no voter.
func (p *Proposer) bit(v VoterID) (uint64, bool) {
	i := slices.Index(p.voters, v)
	return 1 << max(i, 0), i >= 0
}
