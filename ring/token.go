package ring

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/spaolacci/murmur3"
)

// ErrHash is returned by CheckHash on a machine that computes other tokens than
// the rest of the cluster.
var ErrHash = errors.New("ring: this machine computes other tokens than the protocol asks for; it must not join a cluster")

// Token is the place of a key on the ring: the first 64 bits of murmur3 x64 128,
// seed 0, over namespace, one zero byte and routing part. Order is numeric.
type Token uint64

// Epoch numbers the ring views of a cluster. The first is 1, each change is the
// next; 0 means that the cluster has not been made yet.
type Epoch uint64

// defaultNamespace is what an empty namespace means everywhere.
const defaultNamespace = "default"

// RoutingPart is the part of key that decides its partition: what stands between
// the first '{' and the next '}', if that is not empty; else the whole key. It
// aliases key.
func RoutingPart(key []byte) []byte {
	open := bytes.IndexByte(key, '{')
	if open < 0 {
		return key
	}
	tag := key[open+1:]
	if end := bytes.IndexByte(tag, '}'); end > 0 {
		return tag[:end]
	}
	return key
}

// TokenOf computes the token of a key in a namespace ("" is `default`).
//
// scratch is overwritten and returned, grown if need be; a caller that keeps it
// (one per connection) pays no allocation. It exists because the hash library
// makes its argument escape: a buffer on the stack would cost one allocation
// per key.
func TokenOf(scratch []byte, namespace string, key []byte) (Token, []byte) {
	if namespace == "" {
		namespace = defaultNamespace
	}
	scratch = append(scratch[:0], namespace...)
	scratch = append(scratch, 0)
	scratch = append(scratch, RoutingPart(key)...)
	h1, _ := murmur3.Sum128(scratch)
	return Token(h1), scratch
}

// Partition is the partition that t falls into when there are 2^bits of them:
// its top bits. With bits 0 there is one partition, number 0.
func (t Token) Partition(bits uint8) int {
	return int(t >> (64 - bits))
}

// String is the text form: 16 lower-case hex digits.
func (t Token) String() string { return fmt.Sprintf("%016x", uint64(t)) }

// PartitionStart is the first token of partition p of 2^bits.
func PartitionStart(p int, bits uint8) Token {
	return Token(p) << (64 - bits)
}

// PartitionEnd is the last token of partition p of 2^bits; it belongs to p.
func PartitionEnd(p int, bits uint8) Token {
	return PartitionStart(p, bits) | (Token(1)<<(64-bits) - 1)
}

// golden holds murmur3's published check values and the protocol's example.
var golden = [...]struct {
	input string
	h1    uint64
}{
	{"", 0x0000000000000000},
	{"hello", 0xcbd8a7b341bd9b02},
	{"default\x00user:42", 0x27525313dfa73c54},
}

// CheckHash verifies the hash against known values. A node calls it at start
// and refuses to serve on an error (it wraps ErrHash): the library reads blocks
// in the machine's byte order, so that a big-endian machine would look for
// every key in the wrong place.
func CheckHash() error {
	for _, g := range golden {
		if h1, _ := murmur3.Sum128([]byte(g.input)); h1 != g.h1 {
			return fmt.Errorf("%w: murmur3 of %q is %016x, want %016x", ErrHash, g.input, h1, g.h1)
		}
	}
	return nil
}
