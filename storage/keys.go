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
//
// Big-endian, so that the order of the keys is the order of the tokens, and a
// partition, which is a range of tokens, is one contiguous range of keys.
const (
	prefixRecord = 'r'
	prefixVoid   = 'v'
	prefixSystem = 's'
)

// recordHead is the size of what stands before the user's key.
const recordHead = 1 + 8 + 4

// syncedName is the system key of the synced-offset mark (see mark). Names
// that begin with "storage." belong to this package.
const syncedName = "storage.synced"

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

// VoidVersion is the version that a void key ends with. Its error is ErrCorrupt.
func VoidVersion(stored []byte) (hlc.Version, error) {
	if len(stored) < recordHead+1+hlc.VersionBytes || stored[0] != prefixVoid {
		return hlc.Version{}, fmt.Errorf("storage: void key %x: %w", stored, ErrCorrupt)
	}
	return hlc.VersionFrom(stored[len(stored)-hlc.VersionBytes:]), nil
}

// VoidRange returns the bounds, for Scan, of all voids.
func VoidRange() (lo, hi []byte) { return []byte{prefixVoid}, []byte{prefixVoid + 1} }

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
