package ring

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
)

// ErrNodeID is returned for a text that is not a node id.
var ErrNodeID = errors.New("ring: not a node id")

// NodeID is the identity of a node: 16 random bytes, drawn once in its data
// directory and never reused. The zero value is no node.
type NodeID [16]byte

// ParseNodeID reads the text form that String writes: exactly 32 lower-case hex
// digits. Anything else, upper case too, is an error that wraps ErrNodeID, so
// that an id has one spelling in files, logs and on the wire.
func ParseNodeID(s string) (NodeID, error) {
	var id NodeID
	if len(s) != 2*len(id) {
		return NodeID{}, fmt.Errorf("%w: %d characters, want %d lower-case hex digits", ErrNodeID, len(s), 2*len(id))
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return NodeID{}, fmt.Errorf("%w: %q at position %d, want lower-case hex digits", ErrNodeID, c, i)
		}
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return NodeID{}, fmt.Errorf("%w: %w", ErrNodeID, err)
	}
	return id, nil
}

// MarshalText is String, for logs and JSON.
func (id NodeID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// String is the text form: 32 lower-case hex digits.
func (id NodeID) String() string { return hex.EncodeToString(id[:]) }

// IsZero tells whether id is the zero value, which names no node.
func (id NodeID) IsZero() bool { return id == NodeID{} }

// Compare orders ids as bytes: -1, 0 or +1.
func (id NodeID) Compare(other NodeID) int { return bytes.Compare(id[:], other[:]) }
