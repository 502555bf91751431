package storage

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// MissingName is the system value that says what a database no longer holds for
// sure. Renew writes it; who has brought a part back writes what is left, in the
// batch that ends that part's quarantine.
const MissingName = "storage.missing"

// Missing is what a database once held, or may have held, and lost. A node
// neither serves nor votes for it before it has been rebuilt from others.
type Missing struct {
	// System says that system values are lost: what this node has promised is
	// not known, whatever the token.
	System bool
	// Hints says that hints may be gone. Who counts on them has to be repaired
	// from other replicas.
	Hints bool
	// Tokens are the ranges whose records and void notes may be gone: sorted, not
	// overlapping, with gaps between them.
	Tokens []TokenRange
}

// Everything is what a lost database is missing.
var Everything = Missing{System: true, Hints: true, Tokens: []TokenRange{AllTokens}}

// None says whether nothing is missing.
func (m Missing) None() bool { return !m.System && !m.Hints && len(m.Tokens) == 0 }

// Whole says whether everything is.
func (m Missing) Whole() bool {
	return m.System && m.Hints && slices.Equal(m.Tokens, Everything.Tokens)
}

// Covers says whether a token is in one of the ranges.
func (m Missing) Covers(token uint64) bool {
	return slices.ContainsFunc(m.Tokens, func(r TokenRange) bool { return r.First <= token && token <= r.Last })
}

// Add returns what is missing with a damage as well. Trees are never missing:
// Renew leaves all of them out.
func (m Missing) Add(d Damage) Missing {
	switch d.Part {
	case System:
		m.System = true
		return m
	case Hints:
		m.Hints = true
		return m
	case Trees:
		return m
	}
	all := append(slices.Clone(m.Tokens), d.Tokens)
	slices.SortFunc(all, func(a, b TokenRange) int { return cmp.Compare(a.First, b.First) })
	merged := all[:1]
	for _, r := range all[1:] {
		last := &merged[len(merged)-1]
		if last.Last == math.MaxUint64 || r.First <= last.Last+1 {
			last.Last = max(last.Last, r.Last)
		} else {
			merged = append(merged, r)
		}
	}
	m.Tokens = merged
	return m
}

// Without returns what is still missing when these tokens have been rebuilt.
func (m Missing) Without(back TokenRange) Missing {
	left := Missing{System: m.System, Hints: m.Hints}
	for _, r := range m.Tokens {
		if back.Last < r.First || r.Last < back.First {
			left.Tokens = append(left.Tokens, r)
			continue
		}
		if r.First < back.First {
			left.Tokens = append(left.Tokens, TokenRange{r.First, back.First - 1})
		}
		if back.Last < r.Last {
			left.Tokens = append(left.Tokens, TokenRange{back.Last + 1, r.Last})
		}
	}
	return left
}

// String is a few words for people.
func (m Missing) String() string {
	switch {
	case m.None():
		return "nothing"
	case m.Whole():
		return "everything"
	}
	var words []string
	if m.System {
		words = append(words, System.String())
	}
	if m.Hints {
		words = append(words, Hints.String())
	}
	if len(m.Tokens) > 0 {
		words = append(words, fmt.Sprintf("%d ranges of tokens", len(m.Tokens)))
	}
	return strings.Join(words, ", ")
}

// Encode returns the value that is stored under MissingName:
//
//	format (1)  1
//	parts (1)   1 if system values are missing, plus 2 if hints are
//	ranges      each: first token (8, big-endian) | last token (8, big-endian)
func (m Missing) Encode() []byte {
	b := []byte{missingFormat, 0}
	if m.System {
		b[1] |= missingSystem
	}
	if m.Hints {
		b[1] |= missingHints
	}
	for _, r := range m.Tokens {
		b = binary.BigEndian.AppendUint64(b, r.First)
		b = binary.BigEndian.AppendUint64(b, r.Last)
	}
	return b
}

const (
	missingFormat = 1

	missingSystem = 1
	missingHints  = 2
)

// ParseMissing reads what Encode made. Anything else is ErrCorrupt.
func ParseMissing(b []byte) (Missing, error) {
	if len(b) < 2 || b[0] != missingFormat || b[1] > missingSystem|missingHints || len(b)%16 != 2 {
		return Missing{}, fmt.Errorf("storage: %s holds %x: %w", MissingName, b, ErrCorrupt)
	}
	m := Missing{System: b[1]&missingSystem != 0, Hints: b[1]&missingHints != 0}
	for rest := b[2:]; len(rest) > 0; rest = rest[16:] {
		r := TokenRange{binary.BigEndian.Uint64(rest), binary.BigEndian.Uint64(rest[8:])}
		after := len(m.Tokens) > 0 && (m.Tokens[len(m.Tokens)-1].Last == math.MaxUint64 || r.First <= m.Tokens[len(m.Tokens)-1].Last+1)
		if r.First > r.Last || after {
			return Missing{}, fmt.Errorf("storage: %s holds %x, ranges out of order: %w", MissingName, b, ErrCorrupt)
		}
		m.Tokens = append(m.Tokens, r)
	}
	return m, nil
}

// ReadMissing returns what an engine says it is missing. Its errors are those of
// Get, but ErrNotFound, and ErrCorrupt.
func ReadMissing(e Engine) (Missing, error) {
	b, err := e.Get(SystemKey(MissingName))
	if err != nil {
		if errors.Is(err, ErrNotFound) {
			return Missing{}, nil
		}
		return Missing{}, err
	}
	return ParseMissing(b)
}

// DamagedError is returned by Open for a database that is damaged in what was
// acknowledged. Nothing was changed. Dir.Renew makes a database of what is left.
type DamagedError struct {
	// Missing is what cannot be read any more: ranges of tokens where the damage is
	// in tables, everything where a journal, the MANIFEST or CURRENT is.
	Missing Missing
	// Found are the damages, if they are in tables.
	Found []Damage
	// Err says what was found first; ErrCorrupt is in it.
	Err error
}

// Error says what was found, and what to do.
func (e *DamagedError) Error() string {
	return fmt.Sprintf("%v (missing: %v)", e.Err, e.Missing)
}

// Unwrap returns Err.
func (e *DamagedError) Unwrap() error { return e.Err }
