package record

import (
	"encoding/binary"

	"github.com/spaolacci/murmur3"
)

// Fingerprint is 128 bits that stand for one record under one key: what the
// leaves of the hash trees add up, and what replicas compare key by key. The
// zero Fingerprint is that of no record; no record has it.
//
// It is murmur3 x64 128, seeded with the low 32 bits of the cluster's seed, over
//
//	offset  bytes
//	0       4      high 32 bits of the cluster's seed, big-endian
//	4       4      namespace number, big-endian
//	8       22|30  header of the record: version, flags, expiry, checksum of the value
//	30|38   ...    key
//
// The header comes first because it says how long it is: no two records give
// the same bytes. The seed is random and fixed when the cluster is made, so that
// nobody can prepare records elsewhere whose sums agree here.
type Fingerprint struct{ Hi, Lo uint64 }

// FingerprintOf computes the fingerprint of an encoded record, or of its
// header, under its key. Its error is ErrCorrupt, for bytes that are no record;
// the checksum is not looked at.
//
// scratch is overwritten and returned, grown if need be; a caller that keeps it
// pays no allocation. (The hash library makes its argument escape.)
func FingerprintOf(scratch []byte, seed uint64, namespace uint32, key, record []byte) (Fingerprint, []byte, error) {
	head, err := Header(record)
	if err != nil {
		return Fingerprint{}, scratch, err
	}
	scratch = binary.BigEndian.AppendUint32(scratch[:0], uint32(seed>>32))
	scratch = binary.BigEndian.AppendUint32(scratch, namespace)
	scratch = append(scratch, head...)
	scratch = append(scratch, key...)
	hi, lo := murmur3.Sum128WithSeed(scratch, uint32(seed))
	if hi|lo == 0 {
		lo = 1 // zero means "no record"
	}
	return Fingerprint{hi, lo}, scratch, nil
}
