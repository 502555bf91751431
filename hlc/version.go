package hlc

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
)

// VersionBytes is the length of an encoded Version.
const VersionBytes = 16

// ErrVersion is returned by ParseVersion for a text that is not 32 hex digits.
var ErrVersion = errors.New("not a version: 32 hex digits are needed")

// Version orders the writes of a key: hybrid time first, then the writer's
// random id, which makes it unique. The zero Version is older than all and
// stands for "nothing".
//
// Encoded: 8 bytes time, 8 bytes writer, both big-endian, so that the bytes
// compare as the versions do. As text: the same in 32 lower-case hex digits.
type Version struct {
	Time   Timestamp
	Writer uint64
}

// Compare is -1, 0 or +1 as v is older than, the same as, or newer than o.
func (v Version) Compare(o Version) int {
	if c := cmp.Compare(v.Time, o.Time); c != 0 {
		return c
	}
	return cmp.Compare(v.Writer, o.Writer)
}

// Less says whether v is older than o.
func (v Version) Less(o Version) bool { return v.Compare(o) < 0 }

// IsZero says whether v stands for "nothing".
func (v Version) IsZero() bool { return v == Version{} }

// Append appends the 16 encoded bytes to dst.
func (v Version) Append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(v.Time))
	return binary.BigEndian.AppendUint64(dst, v.Writer)
}

// Bytes is the encoded form.
func (v Version) Bytes() (b [VersionBytes]byte) {
	binary.BigEndian.PutUint64(b[:8], uint64(v.Time))
	binary.BigEndian.PutUint64(b[8:], v.Writer)
	return b
}

// String is the text form, 32 lower-case hex digits.
func (v Version) String() string {
	b := v.Bytes()
	return hex.EncodeToString(b[:])
}

// VersionFrom decodes the first 16 bytes of b, which must have as many.
func VersionFrom(b []byte) Version {
	_ = b[VersionBytes-1]
	return Version{Timestamp(binary.BigEndian.Uint64(b)), binary.BigEndian.Uint64(b[8:])}
}

// ParseVersion reads the text form; digits of either case are taken. Its error
// is ErrVersion.
func ParseVersion(s string) (Version, error) {
	var b [VersionBytes]byte
	if len(s) != 2*VersionBytes {
		return Version{}, fmt.Errorf("%w, got %q", ErrVersion, s)
	}
	if _, err := hex.Decode(b[:], []byte(s)); err != nil {
		return Version{}, fmt.Errorf("%w, got %q", ErrVersion, s)
	}
	return VersionFrom(b[:]), nil
}
