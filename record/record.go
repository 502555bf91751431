package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/candordb/candor/hlc"
)

const (
	format = 1

	flagTombstone = 1
	flagExpires   = 2
	flagsKnown    = flagTombstone | flagExpires

	offVersion = 2
	offExpiry  = offVersion + hlc.VersionBytes
	crcBytes   = 4
)

// HeaderBytesMax is the length of the longest header.
const HeaderBytesMax = offExpiry + 8 + crcBytes

// ErrCorrupt is returned for bytes that are no record, or not the record of
// this key: a form that cannot be, or a checksum that does not match.
var ErrCorrupt = errors.New("record is damaged")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Record is a decoded record. Value aliases the bytes it was parsed from.
type Record struct {
	Version   hlc.Version
	Tombstone bool
	ExpiresAt int64 // milliseconds since 1970; 0: never
	Value     []byte
}

// Live says whether the record reads as present at a physical time in
// milliseconds: it is no tombstone and has not expired.
func (r Record) Live(now int64) bool {
	return !r.Tombstone && (r.ExpiresAt == 0 || r.ExpiresAt > now)
}

// ExpiresAt is the expiry of a record of version v with a time to live in
// milliseconds (0: none): the milliseconds of the version plus ttl, so that a
// repeat of the write is the same bytes. It is false where the sum is too
// large to be a time.
func ExpiresAt(v hlc.Version, ttl uint64) (int64, bool) {
	if ttl == 0 {
		return 0, true
	}
	if ttl > math.MaxInt64-hlc.MillisMax {
		return 0, false
	}
	return v.Time.Millis() + int64(ttl), true
}

// Append encodes the record of a key and appends it to dst.
func Append(dst []byte, namespace uint32, key []byte, r Record) []byte {
	start := len(dst)
	flags := byte(0)
	if r.Tombstone {
		flags |= flagTombstone
	}
	if r.ExpiresAt != 0 {
		flags |= flagExpires
	}
	dst = r.Version.Append(append(dst, format, flags))
	if r.ExpiresAt != 0 {
		dst = binary.BigEndian.AppendUint64(dst, uint64(r.ExpiresAt))
	}
	sum := checksum(namespace, key, dst[start:], r.Value)
	return append(binary.BigEndian.AppendUint32(dst, sum), r.Value...)
}

// Bytes is the length of the encoded record.
func Bytes(r Record) int {
	n := offExpiry + crcBytes + len(r.Value)
	if r.ExpiresAt != 0 {
		n += 8
	}
	return n
}

// headerLen is the length of the header of b, or 0 if b cannot be a record.
func headerLen(b []byte) int {
	if len(b) < offExpiry+crcBytes || b[0] != format || b[1]&^byte(flagsKnown) != 0 {
		return 0
	}
	n := offExpiry + crcBytes
	if b[1]&flagExpires != 0 {
		n += 8
	}
	if len(b) < n || b[1]&flagTombstone != 0 && (len(b) > n || b[1]&flagExpires != 0) {
		return 0
	}
	return n
}

// Header is the part of an encoded record that stands before its value, with
// version, flags, expiry and checksum: its digest. It aliases b. Its error is
// ErrCorrupt.
func Header(b []byte) ([]byte, error) {
	n := headerLen(b)
	if n == 0 {
		return nil, fmt.Errorf("%w: %d bytes are not a record", ErrCorrupt, len(b))
	}
	return b[:n], nil
}

// Parse decodes a record, or the header of one (whose value is then missing).
// It does not look at the checksum. The value aliases b. Its error is
// ErrCorrupt.
func Parse(b []byte) (Record, error) {
	n := headerLen(b)
	if n == 0 {
		return Record{}, fmt.Errorf("%w: %d bytes are not a record", ErrCorrupt, len(b))
	}
	r := Record{
		Version:   hlc.VersionFrom(b[offVersion:]),
		Tombstone: b[1]&flagTombstone != 0,
		Value:     b[n:],
	}
	if b[1]&flagExpires != 0 {
		r.ExpiresAt = int64(binary.BigEndian.Uint64(b[offExpiry:]))
		if r.ExpiresAt <= 0 {
			return Record{}, fmt.Errorf("%w: expiry %d", ErrCorrupt, r.ExpiresAt)
		}
	}
	return r, nil
}

// Verify decodes the record of a key and checks its checksum. Its error is
// ErrCorrupt.
func Verify(namespace uint32, key, b []byte) (Record, error) {
	r, err := Parse(b)
	if err != nil {
		return Record{}, err
	}
	head := b[:len(b)-len(r.Value)-crcBytes]
	if got := binary.BigEndian.Uint32(b[len(head):]); got != checksum(namespace, key, head, r.Value) {
		return Record{}, fmt.Errorf("%w: checksum of %d bytes does not match", ErrCorrupt, len(b))
	}
	return r, nil
}

// checksum is the CRC-32C of a record in its place.
func checksum(namespace uint32, key, head, value []byte) uint32 {
	place := uint64(namespace)<<32 | uint64(uint32(len(key)))
	sum := crc32.Update(placeSum(place), castagnoli, key)
	sum = crc32.Update(sum, castagnoli, head)
	return crc32.Update(sum, castagnoli, value)
}

// placeSum is the CRC-32C of 8 big-endian bytes. The bytes stay on the stack,
// which they would not if they were handed to crc32.Update.
func placeSum(place uint64) uint32 {
	sum := ^uint32(0)
	for shift := 56; shift >= 0; shift -= 8 {
		sum = castagnoli[byte(sum)^byte(place>>shift)] ^ sum>>8
	}
	return ^sum
}

// Merge is the merge law: of two records of one key, encoded, it returns the
// one that stands, and whether they are one version with different bytes, which
// cannot be (the caller counts it and raises an alarm). Then the tombstone
// stands, else the larger in byte order. nil is the record of a key that is
// not there. Both have to be well formed.
func Merge(a, b []byte) (winner []byte, conflict bool) {
	switch {
	case a == nil:
		return b, false
	case b == nil:
		return a, false
	}
	switch hlc.VersionFrom(a[offVersion:]).Compare(hlc.VersionFrom(b[offVersion:])) {
	case 1:
		return a, false
	case -1:
		return b, false
	}
	if bytes.Equal(a, b) {
		return a, false
	}
	if ta, tb := a[1]&flagTombstone, b[1]&flagTombstone; ta != tb {
		if ta != 0 {
			return a, true
		}
		return b, true
	}
	if bytes.Compare(a, b) > 0 {
		return a, true
	}
	return b, true
}
