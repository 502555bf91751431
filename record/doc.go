// Package record is a value or a tombstone with its version, in the one form
// that it ever has: the coordinator encodes it once, and the same bytes go to
// every link, to disk and out again.
//
//	offset  bytes
//	0       1      format, 1
//	1       1      flags: 1 tombstone, 2 expires; others are 0
//	2       16     version: 8 bytes hybrid time, 8 bytes writer, big-endian
//	18      8      expires_at, milliseconds since 1970, big-endian; only with flag 2
//	18|26   4      CRC-32C, big-endian, over namespace number (4, big-endian), length
//	               of the key (4, big-endian), key, bytes 0..17|25, value
//	22|30   ...    value; empty in a tombstone
//
// The checksum covers namespace and key, which stand beside the record and not
// in it, so that a record that lies under the wrong key is found too. The
// format byte and the flags are append-only.
//
// Header is the part before the value. Two copies of a version are equal if
// their headers are, because the header has version, flags, expiry and the
// checksum over the value: the header is the digest of read repair.
//
// The merge law (Merge): the highest version wins. Expiry and tombstone never
// take part in the order. Merge is commutative, associative and idempotent and
// never lowers a stored version. One version with two contents is a broken
// invariant; the law decides it too, so that replicas agree, and says so.
//
// A value whose expires_at has passed reads as absent but keeps its version.
//
// Callers: Parse only looks at the form; Verify also checks the checksum, and
// has to be called wherever a record comes from disk or from another node.
package record
