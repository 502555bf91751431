package storage

import (
	"encoding/binary"
	"fmt"
	"math"
)

// TokenRange is the tokens from First to Last, both included.
type TokenRange struct {
	First, Last uint64
}

// AllTokens is the whole ring.
var AllTokens = TokenRange{0, math.MaxUint64}

// Part is a part of what a database holds.
type Part uint8

// The parts.
const (
	// Records are records and void notes. Both lie by token.
	Records Part = iota
	// System are system values: what this node has promised (clock bound, epochs,
	// ballots). They are one part, whichever of them is lost.
	System
	// Hints are what is kept for other nodes.
	Hints
	// Trees are the kept leaves of trees. They only save work: they can be counted
	// anew from the records.
	Trees
)

// String names the part, for people.
func (p Part) String() string { return [...]string{"records", "system values", "hints", "trees"}[p] }

// Damage is a place where bytes on disk are not what was written. What lies
// there is to be counted as no answer, never as absent.
type Damage struct {
	// Part is what may lie there. A place where several may lie is several damages.
	Part Part
	// Tokens are, for Records, those whose records or void notes may lie there.
	Tokens TokenRange
	// Key is the one record that is damaged, as it is stored (ParseRecordKey). Nil:
	// it is not known what lies there, anything in the range may be gone.
	Key []byte
	// Err says what was found; ErrCorrupt is in it.
	Err error
}

// String is one line for people.
func (d Damage) String() string {
	switch {
	case d.Part != Records:
		return fmt.Sprintf("%v: %v", d.Part, d.Err)
	case d.Key != nil:
		return fmt.Sprintf("the record %x: %v", d.Key, d.Err)
	}
	return fmt.Sprintf("tokens %016x to %016x: %v", d.Tokens.First, d.Tokens.Last, d.Err)
}

// parts are the parts by the first byte of their keys.
var parts = []struct {
	prefix byte
	part   Part
}{
	{prefixHint, Hints}, {prefixRecord, Records}, {prefixSystem, System}, {prefixTree, Trees}, {prefixVoid, Records},
}

// between are the damages of a hole in a table: nothing is known of the keys
// from lo to hi, both included. There is always one at least.
func between(lo, hi []byte, err error) (all []Damage) {
	for _, p := range parts {
		from, to := []byte{p.prefix}, []byte{p.prefix + 1}
		if string(hi) < string(from) || string(lo) >= string(to) {
			continue
		}
		d := Damage{Part: p.part, Err: err}
		if p.part == Records {
			d.Tokens = AllTokens
			if string(lo) > string(from) {
				d.Tokens.First = tokenOf(lo)
			}
			if string(hi) < string(to) {
				d.Tokens.Last = tokenOf(hi)
			}
		}
		all = append(all, d)
	}
	if len(all) == 0 { // keys that this program does not know
		all = append(all, Damage{Part: System, Err: err})
	}
	return all
}

// tokenOf is the token of a record's or void's key.
func tokenOf(stored []byte) uint64 {
	var token [8]byte
	copy(token[:], stored[min(1, len(stored)):])
	return binary.BigEndian.Uint64(token[:])
}
