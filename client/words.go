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
	// State is what one replica did for a request.
	State = contract.RowState
	// Version orders the writes of a key. Its text form is 32 hex digits, whose
	// order is that of the versions.
	Version = hlc.Version
)

// The levels. A plain number is one too; see Exactly.
const (
	One         = contract.One
	Two         = contract.Two
	Three       = contract.Three
	Quorum      = contract.Quorum
	All         = contract.All
	Any         = contract.Any    // writes: any one node, a stand-in too
	Serial      = contract.Serial // namespaces of mode serial
	LocalOne    = contract.LocalOne
	LocalQuorum = contract.LocalQuorum
	EachQuorum  = contract.EachQuorum
)

// Exactly is the level of n natural replicas, 1 to 63. With another n it is a
// level that every call refuses with ErrBadRequest.
func Exactly(n int) Level {
	if n < 1 || n > int(contract.LevelsExact) {
		return levelNone
	}
	return Level(n)
}

// levelNone is no level.
const levelNone Level = 255

// ParseLevel reads a level's text form: a name, or a number from 1 to 63.
func ParseLevel(s string) (Level, bool) { return contract.ParseLevel(s) }

// ParseVersion reads the text form of a version.
func ParseVersion(s string) (Version, error) { return hlc.ParseVersion(s) }
