package hinted

import (
	"bytes"
	"cmp"
	"fmt"
	"math"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/ring"
)

// never is the time of what does not exist: above all others.
const never = hlc.Timestamp(math.MaxUint64)

// Place is where a hint lies among those for its target: in the order of
// versions, then of token, namespace number and key.
type Place struct {
	Version   hlc.Version
	Token     ring.Token
	Namespace uint32
	Key       []byte
}

// Compare is -1, 0 or +1 as p lies before, at or behind o.
func (p Place) Compare(o Place) int {
	if c := p.Version.Compare(o.Version); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(p.Token, o.Token), cmp.Compare(p.Namespace, o.Namespace), bytes.Compare(p.Key, o.Key))
}

// set copies o, its key into the memory of p's.
func (p *Place) set(o Place) {
	key := append(p.Key[:0], o.Key...)
	*p = o
	p.Key = key
}

// Hint is a write that is kept for a node that may lack it. Record is in its one
// stored form; the version is the record's.
type Hint struct {
	Target ring.NodeID
	Place
	Record  []byte
	Counted bool // it stands for the target in an acknowledged write
}

// hintOverhead is what a hint takes on disk besides key and record: the rest of
// its own key, and the head of its value.
const hintOverhead = 1 + 16 + hlc.VersionBytes + 8 + 4 + valueHead

// size is what a hint counts for, in bytes, against the bound of its target.
func size(key, rec []byte) int64 { return int64(hintOverhead + len(key) + len(rec)) }

const (
	valueFormat = 1
	valueHead   = 2

	flagCounted = 1
)

// AppendValue appends the value of a hint.
func AppendValue(dst, rec []byte, counted bool) []byte {
	flags := byte(0)
	if counted {
		flags = flagCounted
	}
	return append(append(dst, valueFormat, flags), rec...)
}

// ParseValue takes apart the value of a hint of this version. The record aliases
// value; its checksum is not looked at. The error wraps record.ErrCorrupt.
func ParseValue(version hlc.Version, value []byte) (rec []byte, counted bool, err error) {
	if len(value) < valueHead || value[0] != valueFormat || value[1]&^byte(flagCounted) != 0 {
		return nil, false, fmt.Errorf("hinted: %w: %d bytes are not the value of a hint", record.ErrCorrupt, len(value))
	}
	rec = value[valueHead:]
	parsed, err := record.Parse(rec)
	switch {
	case err != nil:
		return nil, false, fmt.Errorf("hinted: %w", err)
	case parsed.Version != version:
		return nil, false, fmt.Errorf("hinted: %w: a hint of version %v holds a record of %v", record.ErrCorrupt, version, parsed.Version)
	}
	return rec, value[1]&flagCounted != 0, nil
}
