package client

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
)

// The words of the contract, so that a program needs this package only.
type (
	// Level says how many natural replicas must stand behind an answer. Zero is
	// the default: that of the DSN, else that of the namespace.
	Level = contract.Level
	// Code is the code of an answer; see docs/PROTOCOL.md.
	Code = contract.Code
	// Class says what a code means for the state of a key.
	Class = contract.Class
	// Fate is what Namespace.Outcome tells of a write.
	Fate = contract.Fate
	// State is what one replica did for a request.
	State = contract.RowState
	// Version orders the writes of a key. Its text form is 32 hex digits, whose
	// order is that of the versions.
	Version = hlc.Version
)

// The levels that this build's servers know. A plain number from 1 to 63 is a
// level too.
const (
	One    = contract.One
	Two    = contract.Two
	Three  = contract.Three
	Quorum = contract.Quorum
	All    = contract.All
)

// The fates of a write.
const (
	FatePending    = contract.Pending
	FateCommitted  = contract.Committed
	FateSuperseded = contract.FateSuperseded
	FateNotApplied = contract.NotApplied
	FateForgotten  = contract.Forgotten
)

// ParseLevel reads a level's text form: a name, or a number from 1 to 63.
func ParseLevel(s string) (Level, bool) { return contract.ParseLevel(s) }

// ParseVersion reads the text form of a version.
func ParseVersion(s string) (Version, error) { return hlc.ParseVersion(s) }

// Outcome is what became of a request; there is no fourth.
type Outcome uint8

// The outcomes.
const (
	// Done: as the receipt says.
	Done Outcome = iota
	// NotApplied: no attempt of this request had or will have an effect.
	NotApplied
	// InDoubt: it may be visible now, later, or never.
	InDoubt
)

// String is the outcome in words.
func (o Outcome) String() string {
	return [...]string{"done", "not applied", "in doubt"}[o]
}
