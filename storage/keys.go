package storage

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/candordb/candor/hlc"
)

// One database holds everything a node keeps. The first byte of a key says
// what it is. These bytes are on disk: the list is append-only, and a number or
// layout is never used again for something else.
//
//	'r' | token (8, big-endian) | namespace number (4, big-endian) | key    -> record
//	'v' | token (8, big-endian) | namespace number (4, big-endian) | key | version (16) -> void (1: a format byte)
//	's' | name                                                              -> system
//	'h' | target node (16) | version (16) | token (8, big-endian) | namespace number (4, big-endian) | key -> hint (see package hinted)
//	't' | partition (2, big-endian)                                         -> leaves of its tree (see package replica)
//
// Big-endian, so that the order of the keys is the order of the tokens, and a
// partition, which is a range of tokens, is one contiguous range of keys.
const (
	prefixRecord = 'r'
	prefixVoid   = 'v'
	prefixSystem = 's'
	prefixTree   = 't'
	prefixHint   = 'h'
)

// recordHead is the size of what stands before the user's key.
const recordHead = 1 + 8 + 4

// syncedName is the system key of the synced-offset mark (see mark). Names
// that begin with "storage." belong to this package.
const syncedName = ownNames + "synced"

const ownNames = "storage."

// AppendRecordKey appends the key under which a record is stored.
func AppendRecordKey(dst []byte, token uint64, namespace uint32, key []byte) []byte {
	dst = append(dst, prefixRecord)
	dst = binary.BigEndian.AppendUint64(dst, token)
	dst = binary.BigEndian.AppendUint32(dst, namespace)
	return append(dst, key...)
}

// ParseRecordKey takes apart what AppendRecordKey made. The key aliases
// stored. Anything else is ErrCorrupt: only record keys lie in a RecordRange.
func ParseRecordKey(stored []byte) (token uint64, namespace uint32, key []byte, err error) {
	if len(stored) < recordHead || stored[0] != prefixRecord {
		return 0, 0, nil, fmt.Errorf("storage: record key %x: %w", stored, ErrCorrupt)
	}
	token = binary.BigEndian.Uint64(stored[1:])
	namespace = binary.BigEndian.Uint32(stored[9:])
	return token, namespace, stored[recordHead:], nil
}

// RecordRange returns the bounds, for Scan, of all records whose token is from
// first to last, both included. A range that wraps around the ring is two.
func RecordRange(first, last uint64) (lo, hi []byte) {
	lo = binary.BigEndian.AppendUint64([]byte{prefixRecord}, first)
	if last == math.MaxUint64 {
		return lo, []byte{prefixRecord + 1}
	}
	return lo, binary.BigEndian.AppendUint64([]byte{prefixRecord}, last+1)
}

// AppendVoidKey appends the key under which it is noted that a version of a
// record's key was given up, and is to be refused (algorithms, rule 4).
func AppendVoidKey(dst []byte, token uint64, namespace uint32, key []byte, version hlc.Version) []byte {
	at := len(dst)
	dst = AppendRecordKey(dst, token, namespace, key)
	dst[at] = prefixVoid
	return version.Append(dst)
}

// ParseVoidKey takes apart what AppendVoidKey made. The key aliases stored. Its
// error is ErrCorrupt.
func ParseVoidKey(stored []byte) (token uint64, namespace uint32, key []byte, version hlc.Version, err error) {
	version, err = VoidVersion(stored)
	if err != nil {
		return 0, 0, nil, version, err
	}
	return binary.BigEndian.Uint64(stored[1:]), binary.BigEndian.Uint32(stored[9:]), stored[recordHead : len(stored)-hlc.VersionBytes], version, nil
}

// VoidVersion is the version that a void key ends with. Its error is ErrCorrupt.
func VoidVersion(stored []byte) (hlc.Version, error) {
	if len(stored) < recordHead+1+hlc.VersionBytes || stored[0] != prefixVoid {
		return hlc.Version{}, fmt.Errorf("storage: void key %x: %w", stored, ErrCorrupt)
	}
	return hlc.VersionFrom(stored[len(stored)-hlc.VersionBytes:]), nil
}

// VoidRange returns the bounds, for Scan, of all voids.
func VoidRange() (lo, hi []byte) { return []byte{prefixVoid}, []byte{prefixVoid + 1} }

// VoidsOf returns the bounds, for Scan, of the voids of tokens from first to last,
// both included.
func VoidsOf(first, last uint64) (lo, hi []byte) {
	lo, hi = RecordRange(first, last)
	lo[0] = prefixVoid
	if len(hi) == 1 {
		return lo, []byte{prefixVoid + 1}
	}
	hi[0] = prefixVoid
	return lo, hi
}

// VoidFormat is the value of a void.
var VoidFormat = []byte{1}

// AppendSystemKey appends the key of a system value: incarnation, clock bound,
// epochs, watermarks.
func AppendSystemKey(dst []byte, name string) []byte {
	return append(append(dst, prefixSystem), name...)
}

// SystemKey is AppendSystemKey into a new slice.
func SystemKey(name string) []byte {
	return AppendSystemKey(make([]byte, 0, 1+len(name)), name)
}

// AppendTreeKey appends the key under which the leaves of a partition's tree are
// kept.
func AppendTreeKey(dst []byte, partition int) []byte {
	return binary.BigEndian.AppendUint16(append(dst, prefixTree), uint16(partition))
}

// ParseTreeKey is the partition of a tree key. Its error is ErrCorrupt.
func ParseTreeKey(stored []byte) (partition int, err error) {
	if len(stored) != 3 || stored[0] != prefixTree {
		return 0, fmt.Errorf("storage: tree key %x: %w", stored, ErrCorrupt)
	}
	return int(binary.BigEndian.Uint16(stored[1:])), nil
}

// TreeRange returns the bounds, for Scan, of the leaves of all partitions.
func TreeRange() (lo, hi []byte) { return []byte{prefixTree}, []byte{prefixTree + 1} }

// hintHead is the size of what stands before the user's key in a hint's key.
const hintHead = 1 + 16 + hlc.VersionBytes + 8 + 4

// AppendHintKey appends the key under which a write is kept for a node that may
// lack it. The version comes before the place: the oldest hint for a target is
// its first. A hint that is kept twice is one entry.
func AppendHintKey(dst []byte, target [16]byte, version hlc.Version, token uint64, namespace uint32, key []byte) []byte {
	dst = append(append(dst, prefixHint), target[:]...)
	dst = binary.BigEndian.AppendUint64(version.Append(dst), token)
	dst = binary.BigEndian.AppendUint32(dst, namespace)
	return append(dst, key...)
}

// HintKey is what a hint's key says.
type HintKey struct {
	Target    [16]byte
	Version   hlc.Version
	Token     uint64
	Namespace uint32
	Key       []byte
}

// ParseHintKey takes apart what AppendHintKey made. The key aliases stored. Its
// error is ErrCorrupt.
func ParseHintKey(stored []byte) (HintKey, error) {
	if len(stored) < hintHead || stored[0] != prefixHint {
		return HintKey{}, fmt.Errorf("storage: hint key %x: %w", stored, ErrCorrupt)
	}
	return HintKey{
		Target: [16]byte(stored[1:17]), Version: hlc.VersionFrom(stored[17:]),
		Token: binary.BigEndian.Uint64(stored[33:]), Namespace: binary.BigEndian.Uint32(stored[41:]), Key: stored[hintHead:],
	}, nil
}

// HintRange returns the bounds, for Scan, of the hints for a target.
func HintRange(target [16]byte) (lo, hi []byte) {
	lo = append([]byte{prefixHint}, target[:]...)
	hi = append([]byte(nil), lo...)
	for i := len(hi) - 1; ; i-- {
		// The prefix is no 0xff, so that this ends there at the latest.
		if hi[i]++; hi[i] != 0 {
			return lo, hi[:i+1]
		}
	}
}

// HintsRange returns the bounds, for Scan, of all hints, target by target.
func HintsRange() (lo, hi []byte) { return []byte{prefixHint}, []byte{prefixHint + 1} }

// SystemRange returns the bounds, for Scan, of the system values whose names
// begin with prefix, which must not end with the byte 0xff.
func SystemRange(prefix string) (lo, hi []byte) {
	lo, hi = SystemKey(prefix), SystemKey(prefix)
	hi[len(hi)-1]++
	return lo, hi
}

// SystemName is the name in a system key. Its error is ErrCorrupt.
func SystemName(stored []byte) (string, error) {
	if len(stored) == 0 || stored[0] != prefixSystem {
		return "", fmt.Errorf("storage: system key %x: %w", stored, ErrCorrupt)
	}
	return string(stored[1:]), nil
}
