package paxos

import (
	"bytes"

	"github.com/candordb/candor/hlc"
)

// Acceptor is what one voter remembers of one register. The zero value has
// promised and accepted nothing.
//
// Accepted <= Promised holds always, and both only rise. Value is meaningful
// where Accepted is not zero.
type Acceptor struct {
	Promised hlc.Version // the highest ballot promised or accepted
	Accepted hlc.Version // the ballot under which Value was accepted
	Value    []byte
}

// Promise answers a prepare.
type Promise struct {
	OK     bool        // false: refused
	Ballot hlc.Version // the ballot that it answers
	Seen   hlc.Version // the highest ballot the acceptor knows; if refused, the one to jump above

	// What was accepted before, if OK; Accepted is zero if nothing was. Value aliases
	// the acceptor's.
	Accepted hlc.Version
	Value    []byte
}

// Reply answers an accept.
type Reply struct {
	OK     bool        // false: refused
	Ballot hlc.Version // the ballot that it answers
	Seen   hlc.Version // the highest ballot the acceptor knows; if refused, the one to jump above

	// Conflict: refused because another value was accepted under this very ballot.
	// Two proposers shared a ballot; that is a broken invariant, to be alarmed about.
	Conflict bool
}

// Prepare handles prepare(ballot): a promise to accept nothing below it any more.
// It is refused below an earlier promise, and at or below what was accepted.
//
// changed tells that the state must be written. Whether or not it changed, the
// answer may leave only once the present state is synced.
func (a *Acceptor) Prepare(ballot hlc.Version) (answer Promise, changed bool) {
	if ballot.Compare(a.Promised) < 0 || ballot.Compare(a.Accepted) <= 0 {
		return Promise{Ballot: ballot, Seen: a.Promised}, false
	}
	changed = ballot != a.Promised
	a.Promised = ballot
	return Promise{OK: true, Ballot: ballot, Seen: ballot, Accepted: a.Accepted, Value: a.Value}, changed
}

// Accept handles accept(ballot, value). It is refused below an earlier promise,
// and if another value was accepted under the same ballot. A repetition is
// answered like the first. value is copied. changed as in Prepare.
func (a *Acceptor) Accept(ballot hlc.Version, value []byte) (answer Reply, changed bool) {
	refused := Reply{Ballot: ballot, Seen: a.Promised}
	if ballot.IsZero() || ballot.Compare(a.Promised) < 0 {
		return refused, false
	}
	if ballot == a.Accepted {
		if !bytes.Equal(value, a.Value) {
			refused.Conflict = true
			return refused, false
		}
		return Reply{OK: true, Ballot: ballot, Seen: a.Promised}, false
	}
	a.Promised, a.Accepted, a.Value = ballot, ballot, bytes.Clone(value)
	return Reply{OK: true, Ballot: ballot, Seen: ballot}, true
}
