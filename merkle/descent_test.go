package merkle

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// exchange runs a whole comparison over encoded messages, and counts their bytes
// without the root's.
func exchange(t fataler, mine, theirs *Tree) (leaves []uint16, bytes, messages int) {
	t.Helper()
	d := Descend(mine, theirs.Root())
	for {
		q, more := d.Question()
		if !more {
			return d.Leaves(), bytes, messages
		}
		if d.Leaves() != nil {
			t.Fatalf("leaves %v before the end", d.Leaves())
		}
		asked := q.Append(nil)
		heard, err := ParseQuestion(nil, asked)
		if err != nil {
			t.Fatalf("%v", err)
		}
		answer, err := theirs.Answer(nil, heard)
		if err != nil {
			t.Fatalf("%v", err)
		}
		told := answer.Append(nil)
		if answer, err = ParseNodes(nil, told); err != nil {
			t.Fatalf("%v", err)
		}
		if err := d.Take(mine, answer); err != nil {
			t.Fatalf("%v", err)
		}
		bytes, messages = bytes+len(asked)+len(told), messages+2
	}
}

type fataler interface {
	Helper()
	Fatalf(string, ...any)
}

// differ is the dumb second implementation of a comparison.
func differ(s Shape, a, b contents) (leaves []uint16) {
	for leaf := range s.Leaves() {
		for k := leaf; k < len(a); k += s.Leaves() {
			if a[k] != b[k] {
				leaves = append(leaves, uint16(leaf))
				break
			}
		}
	}
	return leaves
}

// Rule 7: the leaves that a comparison ends with are those where the sets of
// records differ, and no others; it looks the same from both sides.
func TestTreeDiffIsSetDiff(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := shapes(8).Draw(t, "shape")
		a := make(contents, 2*s.Leaves())
		for k := range a {
			a[k] = uint64(k + 1)
		}
		b := slices.Clone(a)
		for _, c := range []contents{a, b} {
			for range rapid.IntRange(0, 10).Draw(t, "writes") {
				// Numbers of their own for each slot: equal records under two keys
				// have two fingerprints.
				k := rapid.IntRange(0, len(a)-1).Draw(t, "slot")
				c[k] = rapid.SampledFrom([]uint64{0, uint64(k + 1), uint64(k + 1000), uint64(k + 2000)}).Draw(t, "record")
			}
		}
		ta, tb := a.tree(s), b.tree(s)
		want := differ(s, a, b)
		if got, _, _ := exchange(t, ta, tb); !slices.Equal(got, want) {
			t.Fatalf("%s: leaves %v, want %v", s, got, want)
		}
		if got, _, _ := exchange(t, tb, ta); !slices.Equal(got, want) {
			t.Fatalf("%s, from the other side: leaves %v, want %v", s, got, want)
		}
	})
}

// In sync is one root per partition; d scattered differences cost at most 3 KB
// each, of which the tree takes the smaller part (lists of keys take the rest).
func TestExchangeStaysWithin3KBPerDifference(t *testing.T) {
	const perDifference = 3 << 10
	s := mustShape(t, LeavesDefault, FanOutDefault)
	for _, d := range []int{0, 1, 2, 10, 100, 1000, 10_000} {
		rnd := rand.New(rand.NewPCG(1, uint64(d)))
		// 16 partitions in which the differences are scattered.
		bytes, found, partitions := 0, 0, 16
		mine, theirs := make([]*Tree, partitions), make([]*Tree, partitions)
		roots := Nodes{}
		for p := range partitions {
			mine[p], theirs[p] = New(s), New(s)
			for leaf := range s.Leaves() {
				same := Node{fingerprint(rnd.Uint64()), 10}
				mine[p].Set(leaf, same)
				theirs[p].Set(leaf, same)
			}
		}
		touched := map[[2]int]bool{}
		for i := range d {
			p, leaf := rnd.IntN(partitions), rnd.IntN(s.Leaves())
			theirs[p].Update(leaf, Sum{}, fingerprint(uint64(i+1)))
			touched[[2]int{p, leaf}] = true
		}
		for p := range partitions {
			roots.Nodes = append(roots.Nodes, theirs[p].Root())
			leaves, n, messages := exchange(t, mine[p], theirs[p])
			bytes, found = bytes+n, found+len(leaves)
			if messages > 2*s.Depth() {
				t.Errorf("%d messages for one partition of depth %d", messages, s.Depth())
			}
		}
		if found != len(touched) {
			t.Errorf("d = %d: %d leaves found, %d differ", d, found, len(touched))
		}
		if n := len(roots.Append(nil)); n > NodeBytes*partitions+headBytes {
			t.Errorf("%d bytes for %d roots", n, partitions)
		}
		if bytes > perDifference*d {
			t.Errorf("d = %d: %d bytes, %d per difference", d, bytes, bytes/d)
		}
		t.Logf("d = %d: %d bytes below the roots, %d per difference", d, bytes, bytes/max(d, 1))
	}
}

// However much differs, no message holds more than NodesMax nodes.
func TestMessagesAreBounded(t *testing.T) {
	for _, s := range []Shape{mustShape(t, LeavesMax, 32), mustShape(t, LeavesMax, FanOutMax), mustShape(t, LeavesMax, 2)} {
		mine, theirs := New(s), New(s)
		for leaf := range s.Leaves() {
			theirs.Update(leaf, Sum{}, fingerprint(uint64(leaf+1)))
		}
		leaves, _, messages := exchange(t, mine, theirs) // Append panics above the bound
		if len(leaves) != s.Leaves() {
			t.Errorf("%s: %d leaves found", s, len(leaves))
		}
		if least := 2 * s.Leaves() / NodesMax; messages < least {
			t.Errorf("%s: only %d messages", s, messages)
		}
	}
}

// A tree that changes between two messages costs at most leaves that are found
// in vain, and no difference that was there all the time is missed.
func TestTreeMayChangeDuringTheDescent(t *testing.T) {
	s := mustShape(t, 1024, 32)
	rapid.Check(t, func(t *rapid.T) {
		mine, theirs := New(s), New(s)
		lasting := uint16(rapid.IntRange(0, 1023).Draw(t, "lasting"))
		theirs.Update(int(lasting), Sum{}, fingerprint(1))
		var moved []uint16
		d := Descend(mine, theirs.Root())
		for {
			q, more := d.Question()
			if !more {
				break
			}
			answer, err := theirs.Answer(nil, q)
			if err != nil {
				t.Fatal(err)
			}
			leaf := rapid.IntRange(0, 1023).Draw(t, "moving")
			moved = append(moved, uint16(leaf))
			mine.Update(leaf, Sum{}, fingerprint(uint64(len(moved)+1)))
			if err := d.Take(mine, answer); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Contains(d.Leaves(), lasting) {
			t.Fatalf("leaf %d is missing in %v", lasting, d.Leaves())
		}
		for _, leaf := range d.Leaves() {
			if leaf != lasting && !slices.Contains(moved, leaf) {
				t.Fatalf("leaf %d was found and never differed", leaf)
			}
		}
	})
}

// What the other side gets wrong is an error and changes nothing.
func TestWhatDoesNotFitIsRefused(t *testing.T) {
	s := mustShape(t, 1024, 32)
	tree := New(s)
	for name, q := range map[string]Question{
		"leaves have no children": {Level: 2, Parents: []uint16{0}},
		"no such level":           {Level: 9, Parents: []uint16{0}},
		"a negative level":        {Level: -1, Parents: []uint16{0}},
		"no such parent":          {Level: 1, Parents: []uint16{32}},
		"too many":                {Level: 1, Parents: make([]uint16, NodesMax/32+1)},
	} {
		if _, err := tree.Answer(nil, q); !errors.Is(err, ErrMismatch) {
			t.Errorf("%s: %v", name, err)
		}
	}
	root := Node{fingerprint(1), 1}
	d := Descend(tree, root)
	for name, answer := range map[string]Nodes{
		"too few":     {Level: 1, Nodes: make([]Node, 31)},
		"too many":    {Level: 1, Nodes: make([]Node, 64)},
		"wrong level": {Level: 2, Nodes: make([]Node, 32)},
		"nothing":     {},
	} {
		if err := d.Take(tree, answer); !errors.Is(err, ErrMismatch) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := d.Take(New(mustShape(t, 1024, 16)), Nodes{Level: 1, Nodes: make([]Node, 32)}); !errors.Is(err, ErrMismatch) {
		t.Errorf("a tree of another shape: %v", err)
	}
	if q, more := d.Question(); !more || q.Level != 0 || !slices.Equal(q.Parents, []uint16{0}) {
		t.Errorf("the question is now %v, %t", q, more)
	}
	if err := Descend(tree, tree.Root()).Take(tree, Nodes{Level: 1, Nodes: make([]Node, 32)}); !errors.Is(err, ErrMismatch) {
		t.Errorf("an answer that nobody asked for: %v", err)
	}
}
