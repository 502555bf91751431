package merkle

import (
	"errors"
	"fmt"
	"math/bits"
)

// Limits of a shape. A leaf's number has two bytes on disk and on the wire.
const (
	LeavesMax = 1 << 16
	FanOutMax = 1 << 10
)

// Leaves and fan-out of a cluster that asks for nothing else.
const (
	LeavesDefault = 1024
	FanOutDefault = 32
)

// ErrShape is returned by NewShape for numbers that no tree can have.
var ErrShape = errors.New("merkle: no tree has this shape")

// Shape is the form of a tree. Level 0 is the root alone, level Depth the
// leaves. The zero Shape has one leaf, which is the root.
type Shape struct {
	leafBits, fanBits uint8
	depth             uint8 // fanBits * depth >= leafBits: the root may have fewer children than the others
}

// NewShape is the shape with so many leaves, each inner node having fanOut
// children (the root may have fewer). Both are powers of two, leaves from 1 to
// LeavesMax, fanOut from 2 to FanOutMax; else the error is ErrShape.
func NewShape(leaves, fanOut int) (Shape, error) {
	if leaves < 1 || leaves > LeavesMax || bits.OnesCount(uint(leaves)) != 1 {
		return Shape{}, fmt.Errorf("%w: %d leaves; want a power of two from 1 to %d", ErrShape, leaves, LeavesMax)
	}
	if fanOut < 2 || fanOut > FanOutMax || bits.OnesCount(uint(fanOut)) != 1 {
		return Shape{}, fmt.Errorf("%w: fan-out %d; want a power of two from 2 to %d", ErrShape, fanOut, FanOutMax)
	}
	s := Shape{leafBits: log2(leaves), fanBits: log2(fanOut)}
	s.depth = (s.leafBits + s.fanBits - 1) / s.fanBits
	return s, nil
}

// log2 of a power of two.
func log2(n int) uint8 { return uint8(bits.TrailingZeros(uint(n))) }

// Leaves is the number of leaves.
func (s Shape) Leaves() int { return 1 << s.leafBits }

// Depth is the level of the leaves.
func (s Shape) Depth() int { return int(s.depth) }

// Size is the number of nodes of a level.
func (s Shape) Size(level int) int { return 1 << s.bits(level) }

// bits is how many bits number the nodes of a level.
func (s Shape) bits(level int) uint8 {
	return s.leafBits - min(s.leafBits, s.below(level))
}

// below is how many bits of a leaf's number are cut off to get the number of the
// node above it on a level.
func (s Shape) below(level int) uint8 { return (s.depth - uint8(level)) * s.fanBits }

// children is the span of the children of a node: numbers on the next level, the
// end excluded.
func (s Shape) children(level, index int) (first, end int) {
	width := s.bits(level+1) - s.bits(level)
	return index << width, (index + 1) << width
}

// Leaf is the leaf of a token, in a ring of 2^partitionBits partitions: the
// token's bits after those of the partition.
func (s Shape) Leaf(token uint64, partitionBits uint8) int {
	return int(token << partitionBits >> (64 - s.leafBits))
}

// Tokens is the span of tokens of one leaf of one partition of 2^partitionBits:
// the first and the last, both in it. partitionBits is at most 16.
func (s Shape) Tokens(partition int, partitionBits uint8, leaf int) (first, last uint64) {
	rest := 64 - partitionBits - s.leafBits
	first = uint64(partition)<<s.leafBits | uint64(leaf)
	first <<= rest
	return first, first | (1<<rest - 1)
}

// String is, for instance, "1024 leaves, fan-out 32".
func (s Shape) String() string {
	return fmt.Sprintf("%d leaves, fan-out %d", s.Leaves(), 1<<s.fanBits)
}
