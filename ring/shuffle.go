package ring

import (
	"math/bits"

	"github.com/spaolacci/murmur3"
)

// The hashes below decide which of many equally good tables a claim yields. They
// are not wire format (the table travels, not the rule), but every node of a
// cluster must compute the same, so changing one changes every plan.

// seedOf is a member's private seed.
func seedOf(id NodeID) uint64 {
	h1, _ := murmur3.Sum128(id[:])
	return h1
}

// mix is the finaliser of splitmix64 (Steele, Lea, Flood 2014): a bijection of 64
// bits in which every input bit reaches every output bit.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	x ^= x >> 31
	return x
}

// rank is a member's weight in partition p; the highest comes first.
func rank(seed uint64, p int) uint64 {
	return mix(seed + uint64(p)*0x9e3779b97f4a7c15)
}

// shuffle is the i-th of q partitions in a member's own order. For q a power of
// two, multiplying by an odd number, adding, and xoring the upper half into
// the lower are bijections, so every partition comes up exactly once.
func shuffle(seed uint64, i, q int) int {
	half := bits.Len(uint(q)) / 2
	mask := uint64(q - 1)
	x := (uint64(i)*(seed|1) + seed>>32) & mask
	x ^= x >> half
	x = (x*(mix(seed)|1) + mix(seed)>>32) & mask
	x ^= x >> half
	return int(x)
}
