package merkle

import (
	"errors"
	"testing"

	"pgregory.net/rapid"
)

func mustShape(t testing.TB, leaves, fanOut int) Shape {
	t.Helper()
	s, err := NewShape(leaves, fanOut)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// shapes draws any shape that is allowed, up to so many leaves.
func shapes(leafBitsMax int) *rapid.Generator[Shape] {
	return rapid.Custom(func(t *rapid.T) Shape {
		s, err := NewShape(1<<rapid.IntRange(0, leafBitsMax).Draw(t, "leaf bits"), 1<<rapid.IntRange(1, 10).Draw(t, "fan-out bits"))
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

func TestShapes(t *testing.T) {
	for _, c := range []struct {
		leaves, fanOut int
		sizes          []int // of the levels; nil: refused
	}{
		{LeavesDefault, FanOutDefault, []int{1, 32, 1024}},
		{2048, 32, []int{1, 2, 64, 2048}},
		{4096, 16, []int{1, 16, 256, 4096}},
		{65536, 1024, []int{1, 64, 65536}},
		{8, 2, []int{1, 2, 4, 8}},
		{8, 32, []int{1, 8}},
		{1, 32, []int{1}},
		{0, 32, nil},
		{-8, 32, nil},
		{1000, 32, nil},
		{131072, 32, nil},
		{1024, 1, nil},
		{1024, 0, nil},
		{1024, 33, nil},
		{1024, 2048, nil},
	} {
		s, err := NewShape(c.leaves, c.fanOut)
		if c.sizes == nil {
			if !errors.Is(err, ErrShape) {
				t.Errorf("%d, %d: %v", c.leaves, c.fanOut, err)
			}
			continue
		}
		if err != nil || s.Leaves() != c.leaves || s.Depth() != len(c.sizes)-1 {
			t.Fatalf("%d, %d: depth %d, %v", c.leaves, c.fanOut, s.Depth(), err)
		}
		for level, want := range c.sizes {
			if got := s.Size(level); got != want {
				t.Errorf("%s: level %d has %d nodes, want %d", s, level, got, want)
			}
		}
	}
}

// Every node but the root is the child of exactly one node.
func TestChildrenCoverTheNextLevel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := shapes(16).Draw(t, "shape")
		for level := range s.Depth() {
			next := 0
			for index := range s.Size(level) {
				first, end := s.children(level, index)
				if first != next || end <= first {
					t.Fatalf("%s: children of %d on level %d are [%d, %d), those before end at %d", s, index, level, first, end, next)
				}
				next = end
			}
			if next != s.Size(level+1) {
				t.Fatalf("%s: children of level %d end at %d of %d", s, level, next, s.Size(level+1))
			}
		}
	})
}

// Rule 6: leaf by the token's next bits after those of its partition.
func TestLeafIsTheTokensNextBits(t *testing.T) {
	s := mustShape(t, 1024, 32)
	for _, c := range []struct {
		token         uint64
		partitionBits uint8
		leaf          int
	}{
		{0, 10, 0},
		{^uint64(0), 10, 1023},
		{0xffc0_0000_0000_0000, 10, 0}, // partition 1023, its first leaf
		{0x0000_1000_0000_0000, 10, 1},
		{0x0000_0fff_ffff_ffff, 10, 0},
		{0x8000_0000_0000_0000, 0, 512},
		{0x0000_ffc0_0000_0000, 16, 1023},
	} {
		if got := s.Leaf(c.token, c.partitionBits); got != c.leaf {
			t.Errorf("token %016x, %d partition bits: leaf %d, want %d", c.token, c.partitionBits, got, c.leaf)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := shapes(16).Draw(t, "shape")
		bits := uint8(rapid.IntRange(0, 16).Draw(t, "partition bits"))
		token := rapid.Uint64().Draw(t, "token")
		partition, leaf := int(token>>(64-bits)), s.Leaf(token, bits)
		first, last := s.Tokens(partition, bits, leaf)
		if token < first || token > last {
			t.Fatalf("%s: token %016x is in leaf %d, which spans %016x to %016x", s, token, leaf, first, last)
		}
		for _, edge := range []uint64{first, last} {
			if s.Leaf(edge, bits) != leaf || int(edge>>(64-bits)) != partition {
				t.Fatalf("%s: leaf %d does not hold its own edge %016x", s, leaf, edge)
			}
		}
		if first > 0 && s.Leaf(first-1, bits) == leaf && int((first-1)>>(64-bits)) == partition {
			t.Fatalf("%s: leaf %d begins before %016x", s, leaf, first)
		}
	})
}
