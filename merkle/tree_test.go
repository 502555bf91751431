package merkle

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// fingerprint gives number n a fingerprint that is as good as random: the
// finaliser of splitmix64. 0 is no record.
func fingerprint(n uint64) Sum {
	if n == 0 {
		return Sum{}
	}
	mix := func(x uint64) uint64 {
		x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
		x = (x ^ x>>27) * 0x94d049bb133111eb
		return x ^ x>>31
	}
	return Sum{mix(n * 0x9e3779b97f4a7c15), mix(n*0x9e3779b97f4a7c15 + 1)}
}

// contents is the dumb second implementation: what each slot holds, as a number
// (0: nothing). Slot k lies in leaf k modulo the number of leaves.
type contents []uint64

func (c contents) tree(s Shape) *Tree {
	t := New(s)
	for k, n := range c {
		t.Update(k%s.Leaves(), Sum{}, fingerprint(n))
	}
	return t
}

// leaf counts one leaf anew.
func (c contents) leaf(s Shape, leaf int) (n Node) {
	for k := leaf; k < len(c); k += s.Leaves() {
		if c[k] != 0 {
			n = n.Plus(fingerprint(c[k]))
		}
	}
	return n
}

func anyContents(slots int) *rapid.Generator[contents] {
	return rapid.Map(rapid.SliceOfN(rapid.Uint64Range(0, 5), slots, slots), func(c []uint64) contents { return c })
}

func mustEqual(t *rapid.T, a, b *Tree) {
	t.Helper()
	for level := range a.levels {
		if !slices.Equal(a.levels[level], b.levels[level]) {
			t.Fatalf("level %d differs:\n%v\n%v", level, a.levels[level], b.levels[level])
		}
	}
}

// Rule 6: inner nodes are sums of children, whatever was done.
func TestInnerNodesAreSumsOfChildren(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := shapes(8).Draw(t, "shape")
		tree := anyContents(100).Draw(t, "records").tree(s)
		tree.Set(rapid.IntRange(0, s.Leaves()-1).Draw(t, "leaf"), Node{fingerprint(9), 7})
		for level := range s.Depth() {
			for index := range s.Size(level) {
				var sum Node
				for _, child := range tree.Children(level, index) {
					sum = sum.plus(child)
				}
				if got := tree.Node(level, index); got != sum {
					t.Fatalf("%s: node %d of level %d is %v, its children add up to %v", s, index, level, got, sum)
				}
			}
		}
		if tree.Node(0, 0) != tree.Root() || tree.Node(s.Depth(), 0) != tree.Leaf(0) {
			t.Fatal("root and leaves are not where they should be")
		}
	})
}

// Rule 6: the sum can be kept up in the write path from the old and the new
// record alone. Any history of puts, deletes and purges ends in the tree that is
// counted from what is left.
func TestKeptUpEqualsCountedAnew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := shapes(6).Draw(t, "shape")
		kept, now := New(s), make(contents, 40)
		for range rapid.IntRange(0, 100).Draw(t, "writes") {
			k, n := rapid.IntRange(0, len(now)-1).Draw(t, "slot"), rapid.Uint64Range(0, 5).Draw(t, "record")
			kept.Update(k%s.Leaves(), fingerprint(now[k]), fingerprint(n))
			now[k] = n
		}
		mustEqual(t, kept, now.tree(s))
		counted := New(s)
		for leaf := range s.Leaves() {
			counted.Set(leaf, now.leaf(s, leaf))
		}
		mustEqual(t, kept, counted)
	})
}

func TestOrderOfUpdatesDoesNotMatter(t *testing.T) {
	type update struct {
		leaf     int
		old, new uint64
	}
	updates := rapid.Custom(func(t *rapid.T) update {
		return update{rapid.IntRange(0, 63).Draw(t, "leaf"), rapid.Uint64Range(0, 5).Draw(t, "old"), rapid.Uint64Range(0, 5).Draw(t, "new")}
	})
	s := mustShape(t, 64, 4)
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(updates, 0, 30).Draw(t, "updates")
		one, other := New(s), New(s)
		for _, u := range all {
			one.Update(u.leaf, fingerprint(u.old), fingerprint(u.new))
		}
		for _, u := range rapid.Permutation(all).Draw(t, "in another order") {
			other.Update(u.leaf, fingerprint(u.old), fingerprint(u.new))
		}
		mustEqual(t, one, other)
	})
}

// Rule 6: unlike XOR, two equal additions do not cancel; nor do two records that
// came and went in different leaves.
func TestEqualAdditionsDoNotCancel(t *testing.T) {
	s := mustShape(t, 1024, 32)
	tree, empty := New(s), New(s).Root()
	f := fingerprint(1)
	tree.Update(5, Sum{}, f)
	once := tree.Root()
	tree.Update(5, Sum{}, f)
	if twice := tree.Root(); twice == empty || twice == once || twice.Count != 2 {
		t.Fatalf("after two equal additions %v, after one %v", twice, once)
	}
	tree.Update(5, f, Sum{})
	tree.Update(5, f, Sum{})
	if tree.Root() != empty {
		t.Fatalf("both taken away again: %v", tree.Root())
	}
	// The largest numbers carry over into the high half and wrap at 2^128.
	all := Sum{^uint64(0), ^uint64(0)}
	if got := (Sum{0, ^uint64(0)}).plus(Sum{0, 1}); got != (Sum{1, 0}) {
		t.Errorf("carry: %v", got)
	}
	if got := all.plus(Sum{0, 2}); got != (Sum{0, 1}) || got.minus(Sum{0, 2}) != all {
		t.Errorf("wrap: %v", got)
	}
}

// The count tells apart what the sum alone cannot.
func TestCountDiffersWhereSumsAgree(t *testing.T) {
	s := mustShape(t, 1024, 32)
	one, two := New(s), New(s)
	one.Update(0, Sum{}, Sum{0, 7})
	two.Update(0, Sum{}, Sum{0, 3})
	two.Update(0, Sum{}, Sum{0, 4})
	if one.Root().Sum != two.Root().Sum || one.Root() == two.Root() {
		t.Fatalf("%v, %v", one.Root(), two.Root())
	}
}

func TestUpdateAllocatesNothing(t *testing.T) {
	tree := New(mustShape(t, 1024, 32))
	if n := testing.AllocsPerRun(100, func() { tree.Update(3, fingerprint(1), fingerprint(2)) }); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

// BenchmarkUpdate is what a write pays for the tree beside its fingerprints.
func BenchmarkUpdate(b *testing.B) {
	tree := New(mustShape(b, 1024, 32))
	old, leaf := Sum{}, 0
	for b.Loop() {
		next := Sum{old.Hi + 0x9e3779b97f4a7c15, old.Lo + 0xbf58476d1ce4e5b9}
		leaf = (leaf + 389) & 1023
		tree.Update(leaf, old, next)
		old = next
	}
}
