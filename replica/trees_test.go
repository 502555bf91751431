package replica

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/merkle"
	"github.com/candordb/candor/record"
)

const treeSeed = 42

// newTrees are trees of 16 leaves each.
func newTrees(t testing.TB) *Trees {
	t.Helper()
	shape, err := merkle.NewShape(16, 4)
	if err != nil {
		t.Fatal(err)
	}
	return NewTrees(shape, treeSeed, partitions)
}

// counted is what the leaves of a partition are by what is stored.
func counted(t *Trees, m *memory, partition int) []merkle.Node {
	leaves := make([]merkle.Node, t.shape.Leaves())
	for _, r := range m.rows {
		if t.partition(r.token) == partition {
			leaf := t.shape.Leaf(r.token, t.bits)
			leaves[leaf] = leaves[leaf].Plus(t.fingerprint(r.namespace, r.key, r.rec))
		}
	}
	return leaves
}

// shown is what the tree of a partition shows, false while it is not known.
func shown(t *Trees, partition int) ([]merkle.Node, bool) {
	tree, known := t.Tree(partition)
	leaves := make([]merkle.Node, t.shape.Leaves())
	for i := range leaves {
		if tree != nil {
			leaves[i] = tree.Leaf(i)
		}
	}
	return leaves, known
}

// treeWorld is a node's disk and its trees, for some keys of three tokens each in
// two partitions.
type treeWorld struct {
	a *Applier
	m *memory
}

var treeTokens = []uint64{0, 1, 1 << 56, 0x0fff << 48, 0x3 << 60, 0x3<<60 + 1<<58}

var treePartitions = []int{0, 3}

func (w *treeWorld) draw(t *rapid.T) Write {
	token := rapid.SampledFrom(treeTokens).Draw(t, "token")
	key := rapid.SampledFrom([]string{"x", "y"}).Draw(t, "key")
	v := at(rapid.Int64Range(-4, 4).Draw(t, "time"), 1)
	one := Write{Token: token, Namespace: ns, Key: []byte(key), Version: v, Mark: mark(rapid.Int64Range(-6, 0).Draw(t, "mark"))}
	one.Kind = rapid.SampledFrom([]Kind{Fresh, Fresh, Repair, Repair, Deliver, Exchange, Rebuild, Purge, Purge, Adopt, Agree, Count, Count, Keep, Void}).Draw(t, "kind")
	switch rapid.IntRange(0, 2).Draw(t, "form") {
	case 0:
		one.Record = tombstone(key, v)
	case 1:
		one.Record = expiring(key, v, "v", physical+rapid.Int64Range(-4, 1).Draw(t, "expiry"))
	default:
		one.Record = value(key, v, "v")
	}
	return one
}

// start begins anew with what is on disk, as after a crash; Load is told what there
// is.
func (w *treeWorld) start(t *rapid.T, tb testing.TB) {
	w.a = newApplier()
	var err error
	if w.a.Marks, err = ParseMarks(partitions, value0(w.m, FloorName), value0(w.m, MarksName)); err != nil {
		t.Fatal(err)
	}
	w.a.Trees = newTrees(tb)
	for p := range partitions {
		if leaves, kept := w.m.leaves[p]; kept {
			if err := w.a.Trees.Load(p, []byte(leaves)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// check holds the trees and the disk to rule 6.
func (w *treeWorld) check(t *rapid.T, tb testing.TB) {
	for _, p := range treePartitions {
		want := counted(w.a.Trees, w.m, p)
		if got, known := shown(w.a.Trees, p); known && !slices.Equal(want, got) {
			t.Fatalf("partition %d shows what is not so: %s", p, cmp.Diff(want, got))
		}
		disk := newTrees(tb)
		if leaves, kept := w.m.leaves[p]; kept {
			if err := disk.Load(p, []byte(leaves)); err != nil {
				t.Fatal(err)
			}
		}
		if got, known := shown(disk, p); known && !slices.Equal(want, got) {
			t.Fatalf("the disk claims of partition %d what is not so: %s", p, cmp.Diff(want, got))
		} else if known == w.a.Trees.Marked(p) {
			t.Fatalf("partition %d: known on disk %v, marked %v", p, known, w.a.Trees.Marked(p))
		}
	}
}

// Rule 6: the update goes into the record's own batch, or a durable dirty mark
// does, and the leaf is recomputed from storage before use. After a crash no tree
// claims what is not so.
func TestTreesShowWhatIsStored(t *testing.T) {
	for range 10 {
		rapid.Check(t, func(rt *rapid.T) { treesShowWhatIsStored(rt, t) })
	}
}

func treesShowWhatIsStored(rt *rapid.T, t testing.TB) {
	w := &treeWorld{m: &memory{}}
	w.start(rt, t)
	for range rapid.IntRange(1, 12).Draw(rt, "steps") {
		writes := rapid.SliceOfN(rapid.Custom(w.draw), 1, 8).Draw(rt, "batch")
		w.a.Apply(now(), w.m, writes, w.m)
		if rapid.IntRange(0, 5).Draw(rt, "crash") == 0 {
			if rapid.Bool().Draw(rt, "durable") {
				w.m.commit() // it was, and nobody could be told
			}
			w.m.lose()
			w.start(rt, t)
			w.check(rt, t)
			continue
		}
		before, _ := shown(w.a.Trees, 0)
		was := counted(w.a.Trees, w.m, 0)
		if _, known := shown(w.a.Trees, 0); known && !slices.Equal(before, was) {
			rt.Fatal("a tree shows what is not durable yet")
		}
		w.m.commit()
		if wrong := w.a.Trees.Publish(); wrong != 0 {
			rt.Fatalf("%d leaves were wrong", wrong)
		}
		w.check(rt, t)
	}
	for p, some := w.a.Trees.ToCount(0); some; p, some = w.a.Trees.ToCount(0) {
		apply(w.a, w.m, Write{Kind: Count, Token: uint64(p) << 60})
		w.a.Trees.Publish()
	}
	for _, p := range treePartitions {
		if got, want := must(shown(w.a.Trees, p)), counted(w.a.Trees, w.m, p); !slices.Equal(want, got) {
			rt.Fatalf("partition %d after the count: %s", p, cmp.Diff(want, got))
		}
		if got := apply(w.a, w.m, Write{Kind: Keep, Token: uint64(p) << 60}); got[0] != (Result{}) {
			rt.Fatalf("partition %d is not kept: %+v", p, got)
		}
		w.a.Trees.Publish()
	}
	w.check(rt, t)
	w.start(rt, t)
	if p, some := w.a.Trees.ToCount(0); some {
		rt.Fatalf("partition %d was kept, and is to be counted", p)
	}
	w.check(rt, t)
}

func must(leaves []merkle.Node, known bool) []merkle.Node {
	if !known {
		panic("the leaves of a partition are not known after their count")
	}
	return leaves
}

// Whatever a record comes by, it is in the tree.
func TestEveryKindOfWriteIsInTheTree(t *testing.T) {
	if b := everyKindIsInTheTree(t); b != "" {
		t.Error(b)
	}
}

func everyKindIsInTheTree(t testing.TB) (b broken) {
	for _, kind := range []Kind{Fresh, Repair, Deliver, Exchange, Rebuild} {
		a, m := newApplier(), &memory{}
		a.Trees = newTrees(t)
		for i, rec := range [][]byte{value("a", at(0, 1), "v"), value("a", at(1, 1), "w"), tombstone("a", at(2, 1))} {
			apply(a, m, write(kind, "a", rec))
			a.Trees.Publish()
			got, known := shown(a.Trees, 0)
			b.check(known && slices.Equal(got, counted(a.Trees, m, 0)), "kind %d, write %d: the tree does not show it", kind, i)
		}
		apply(a, m, write(kind, "a", value("a", at(1, 1), "w"))) // superseded
		a.Trees.Publish()
		got, _ := shown(a.Trees, 0)
		b.check(slices.Equal(got, counted(a.Trees, m, 0)), "kind %d: the tree shows what was not stored", kind)
	}
	return b
}

// Unknown is for a node whose disk says nothing that can be relied on. From its
// first count or change on a partition is marked, so that the disk says so.
func TestAPartitionThatIsUnknownIsMarkedBeforeItIsUsed(t *testing.T) {
	for name, first := range map[string]Write{"a count": {Kind: Count}, "a write": write(Fresh, "a", value("a", at(0, 1), "v"))} {
		a, m := newApplier(), &memory{}
		m.set(5, ns, []byte("x"), value("x", at(0, 1), "v"))
		a.Trees = newTrees(t)
		a.Trees.Unknown(0)
		if _, known := a.Trees.Root(0); known || !a.Trees.Marked(0) || mortalLeaves(a.Trees) != 16 {
			t.Fatal("it is known")
		}
		apply(a, m, first)
		if m.leaves[0] != string(LeavesUnknown) {
			t.Errorf("after %s the disk says %x", name, m.leaves[0])
		}
	}
	// The disk claims leaves, and nothing is stored.
	a, m := newApplier(), &memory{leaves: map[int]string{0: "what was kept once"}}
	a.Trees = newTrees(t)
	a.Trees.Unknown(0)
	if apply(a, m, Write{Kind: Count}); m.leaves[0] != string(LeavesUnknown) {
		t.Errorf("after a count of nothing the disk says %x", m.leaves[0])
	}
}

// fillLeaves stores n records of bytes bytes at each of these leaves of partition 0.
func fillLeaves(t *Trees, m *memory, n, size int, leaves ...int) {
	for _, leaf := range leaves {
		first, _ := t.shape.Tokens(0, t.bits, leaf)
		for i := range n {
			key := fmt.Sprintf("k%06d", i)
			m.rows = append(m.rows, row{first, ns, []byte(key), value(key, at(0, 1), string(make([]byte, size)))})
		}
	}
}

// A Count looks at whole leaves, until it has seen enough records or bytes.
func TestACountEndsAtTheLeafThatIsEnough(t *testing.T) {
	for _, tc := range []struct {
		name    string
		n, size int
		leaves  []int
		steps   []int // leaves known after each Count
	}{
		{"nothing", 0, 0, nil, []int{16}},
		{"few", 1, 10, []int{0, 7, 15}, []int{16}},
		{"just enough in the first leaf", countStep, 10, []int{0, 1}, []int{1, 16}},
		{"one too few", countStep - 1, 10, []int{0, 1, 2}, []int{2, 16}},
		{"more than enough in one leaf", 3 * countStep, 10, []int{3, 4}, []int{4, 16}},
		{"enough in the last leaf", countStep, 10, []int{15}, []int{16}},
		{"a hole behind what is enough", countStep, 10, []int{0, 9, 15}, []int{1, 10, 16}},
		{"large records", 8, 64 * countBytes, []int{0, 1, 2}, []int{1, 2, 16}},
		{"a leaf of several steps", 2*countMost + 1, 10, []int{2, 9}, []int{2, 2, 9, 9, 16}},
		{"a leaf of whole steps", 2 * countMost, 10, []int{2, 9}, []int{2, 3, 9, 16}},
		{"a leaf of large records", 80, 64 * countBytes, []int{15}, []int{15, 15, 16}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, m := newApplier(), &memory{}
			a.Trees = newTrees(t)
			a.Trees.Unknown(0)
			fillLeaves(a.Trees, m, tc.n, tc.size, tc.leaves...)
			for _, want := range tc.steps {
				if got := apply(a, m, Write{Kind: Count}, Write{Kind: Count}); got[0] != (Result{}) || got[1] != (Result{}) {
					t.Fatalf("%+v", got)
				}
				if a.Trees.Publish(); a.Trees.parts[0].counted != want {
					t.Fatalf("%d leaves are known, want %d", a.Trees.parts[0].counted, want)
				}
			}
			if got, known := shown(a.Trees, 0); !known || !cmp.Equal(got, counted(a.Trees, m, 0)) {
				t.Errorf("known %v, %v", known, got)
			}
		})
	}
}

// Rule 6: trees are recomputed from real storage on a slow schedule, which also
// finds what has changed behind their back. That is told, mended, and durable: a
// start after it does not bring the wrong leaves back.
func TestARecountFindsWhatIsWrong(t *testing.T) {
	a, m := newApplier(), &memory{}
	a.Trees = newTrees(t)
	fillLeaves(a.Trees, m, countStep, 10, 0, 1, 2)
	a.Trees.Unknown(0)
	count := func() (wrong int) {
		t.Helper()
		if got := apply(a, m, Write{Kind: Count}); got[0] != (Result{}) {
			t.Fatal(got)
		}
		return a.Trees.Publish()
	}
	for range 10 {
		if wrong := count(); wrong != 0 {
			t.Errorf("%d leaves were wrong that nobody knew", wrong)
		}
	}
	count()
	apply(a, m, Write{Kind: Keep})
	if a.Trees.Publish(); a.Trees.Marked(0) || len(m.leaves[0]) != 1+3*leafBytes {
		t.Fatalf("kept: %d bytes", len(m.leaves[0]))
	}
	m.rows = m.rows[:len(m.rows)-1] // a record of leaf 2 is gone
	wrong := [8]int{}
	for i := range wrong {
		wrong[i] = count()
	}
	sum := 0
	for _, n := range wrong {
		sum += n
	}
	if got, known := shown(a.Trees, 0); sum != 1 || !known || !cmp.Equal(got, counted(a.Trees, m, 0)) {
		t.Errorf("wrong leaves %v, known %v", wrong, known)
	}
	if m.leaves[0] != string(LeavesUnknown) || !a.Trees.Marked(0) {
		t.Errorf("the disk still says %x", m.leaves[0])
	}
}

// The count of a tree that is in use costs nothing but time: a partition that
// holds nothing takes no memory by it.
func TestCountingNothingMakesNoTree(t *testing.T) {
	a, m := newApplier(), &memory{}
	a.Trees = newTrees(t)
	a.Trees.Unknown(1)
	apply(a, m, Write{Kind: Count}, Write{Kind: Count, Token: 1 << 60})
	a.Trees.Publish()
	for p := range 2 {
		if tree, known := a.Trees.Tree(p); tree != nil || !known {
			t.Errorf("partition %d: a tree %v, known %v", p, tree != nil, known)
		}
	}
}

// What is damaged cannot be counted, and is no leaf.
func TestACountStopsAtDamage(t *testing.T) {
	a, m := newApplier(), &memory{}
	a.Trees = newTrees(t)
	a.Trees.Unknown(0)
	fillLeaves(a.Trees, m, 1, 10, 0, 1)
	m.damage(t, "k000000")
	if got := apply(a, m, Write{Kind: Count}); got[0].Code != contract.Corrupt || a.Counters.Corrupt != 1 {
		t.Errorf("%+v", got)
	}
	if a.Trees.Publish(); a.Trees.parts[0].counted != 0 {
		t.Error("leaves were counted")
	}
	m.bad, m.at = errStopped, 0
	if got := apply(a, m, Write{Kind: Count}); got[0].Code != contract.NotReady {
		t.Errorf("stopped: %+v", got)
	}
	for _, kind := range []Kind{Count, Keep} {
		if got := apply(newApplier(), &memory{}, Write{Kind: kind}); got[0].Code != contract.NotReady {
			t.Errorf("without trees: %+v", got)
		}
	}
}

// Leaves are not kept while they are not known, nor in a batch that changes them.
func TestLeavesAreKeptWhenTheyAreWhatIsStored(t *testing.T) {
	a, m := newApplier(), &memory{}
	a.Trees = newTrees(t)
	later := Result{Code: contract.Overloaded}
	keep, w := Write{Kind: Keep}, write(Fresh, "a", value("a", at(0, 1), "v"))
	if got := apply(a, m, w, keep); got[1] != later {
		t.Errorf("behind a change: %+v", got)
	}
	a.Trees.Publish()
	w.Record = value("a", at(1, 1), "w")
	if got := apply(a, m, keep, w); got[0] != (Result{}) || m.leaves[0] != string(LeavesUnknown) {
		t.Errorf("before a change: %+v, the disk says %x", got, m.leaves[0])
	}
	if a.Trees.Publish(); !a.Trees.Marked(0) {
		t.Error("it was changed since it was kept")
	}
	if apply(a, m, keep); len(m.leaves[0]) != 1+leafBytes {
		t.Errorf("the disk says %x", m.leaves[0])
	}
	a.Trees.Publish()
	a.Trees.Unknown(0)
	if got := apply(a, m, keep); got[0] != later {
		t.Errorf("unknown: %+v", got)
	}
	if got := apply(a, m, Write{Kind: Count, Token: 1 << 60}, Write{Kind: Keep, Token: 1 << 60}); got[1] != later {
		t.Errorf("behind a count: %+v", got)
	}
}

// mortalLeaves is how many leaves of partition 0 may hold what can be purged.
func mortalLeaves(t *Trees) (n int) {
	for first, last, some := t.Mortal(0, 0); some; first, last, some = t.Mortal(0, last+1) {
		n += last - first + 1
	}
	return n
}

// What can be purged one day is looked for only in the leaves that hold it, also after
// a start, and no longer than they do (rule 8).
func TestOnlyLeavesWithMortalRecordsAreMortal(t *testing.T) {
	a, m := newApplier(), &memory{}
	a.Trees, a.Marks = newTrees(t), NewMarks(partitions)
	token := func(leaf int) uint64 { first, _ := a.Trees.shape.Tokens(0, a.Trees.bits, leaf); return first }
	step := func(w Write, leaf int) []int {
		t.Helper()
		w.Token = token(leaf)
		if got := apply(a, m, w); got[0] != (Result{}) {
			t.Fatalf("%+v", got)
		}
		a.Trees.Publish()
		var leaves []int
		for first, last, some := a.Trees.Mortal(0, 0); some; first, last, some = a.Trees.Mortal(0, last+1) {
			leaves = append(leaves, first, last)
		}
		return leaves
	}
	for i, c := range []struct {
		w    Write
		leaf int
		want []int // runs
	}{
		{write(Fresh, "a", value("a", at(0, 1), "v")), 3, nil},
		{write(Fresh, "a", tombstone("a", at(1, 1))), 3, []int{3, 3}},
		{write(Fresh, "b", expiring("b", at(1, 1), "v", physical+1)), 4, []int{3, 4}},
		{write(Fresh, "c", tombstone("c", at(1, 1))), 15, []int{3, 4, 15, 15}},
		{write(Fresh, "c", tombstone("c", at(2, 1))), 15, []int{3, 4, 15, 15}},
		{write(Fresh, "b", value("b", at(2, 1), "v")), 4, []int{3, 3, 15, 15}},
		{Write{Kind: Adopt, Mark: mark(5)}, 0, []int{3, 3, 15, 15}},
		{Write{Kind: Purge, Namespace: ns, Key: []byte("a"), Version: at(1, 1)}, 3, []int{15, 15}},
		{Write{Kind: Count}, 0, []int{15, 15}},
		{Write{Kind: Keep}, 0, []int{15, 15}},
	} {
		if got := step(c.w, c.leaf); !slices.Equal(got, c.want) {
			t.Fatalf("step %d: %v, want %v", i, got, c.want)
		}
	}
	again := newTrees(t)
	if err := again.Load(0, []byte(m.leaves[0])); err != nil || mortalLeaves(again) != 1 {
		t.Errorf("after a start: %v, %d leaves", err, mortalLeaves(again))
	}
	a.Trees.Unknown(0)
	if n := mortalLeaves(a.Trees); n != 16 {
		t.Errorf("of leaves that are not known %d may be mortal", n)
	}
	for a.Trees.Counting(0) {
		step(Write{Kind: Count}, 0)
	}
	if n := mortalLeaves(a.Trees); n != 1 {
		t.Errorf("counted: %d leaves", n)
	}
}

// A leaf of any size is counted in bounded steps, and what is written to it in between
// is in the count: before the place that it has come to, at it, and behind (rule 6).
func TestALargeLeafIsCountedInStepsWhileItChanges(t *testing.T) {
	const step = countMost/17 + 1 // records of one step, each of which counts as 17
	for _, known := range []bool{false, true} {
		a, m := newApplier(), &memory{}
		a.Trees, a.Marks = newTrees(t), NewMarks(partitions)
		fillLeaves(a.Trees, m, 3*step, 16*countBytes, 5)
		a.Trees.Unknown(0)
		do := func(writes ...Write) {
			for _, r := range apply(a, m, writes...) {
				if r != (Result{}) {
					t.Fatal(r)
				}
			}
			if wrong := a.Trees.Publish(); wrong > 0 {
				t.Fatalf("%d leaves were wrong", wrong)
			}
			if n := mortalLeaves(a.Trees); !known && a.Trees.parts[0].counted < 16 && n != 16 || n == 0 && len(writes) > 1 {
				t.Fatalf("%d leaves are mortal", n)
			}
		}
		count := func() { do(Write{Kind: Count}) }
		for known && a.Trees.Counting(0) {
			count()
		}
		token, steps := m.rows[0].token, 0
		for i := int64(1); steps == 0 || a.Trees.Counting(0); i++ {
			count()
			steps++
			if part := a.Trees.parts[0].part; part != nil { // the very place that it has come to
				key := string(part.at.key)
				w := write(Fresh, key, value(key, at(i, 0), "v"))
				w.Token = token
				do(w)
			}
			for _, n := range []int{0, step - 1, step, 2*step + 7, 3*step - 1} {
				key := fmt.Sprintf("k%06d", n)
				w := write(Fresh, key, value(key, at(i, uint64(n+2)), "v"))
				if n == 0 {
					w.Record = tombstone(key, at(i, 1))
				}
				w.Token = token
				fresh := fmt.Sprintf("k%06d+%d", n, i)
				other := write(Fresh, fresh, value(fresh, at(i, uint64(n+2)), "v"))
				other.Token = token
				do(w, other, Write{Kind: Count})
			}
		}
		if got, is := shown(a.Trees, 0); !is || !cmp.Equal(got, counted(a.Trees, m, 0)) || mortalLeaves(a.Trees) != 1 {
			t.Errorf("known %v: the leaf is not what is stored, or %d leaves are mortal", known, mortalLeaves(a.Trees))
		}
	}
}

// A partition that cannot be counted is not in the way of the others.
func TestCountingGoesRound(t *testing.T) {
	trees := newTrees(t)
	for _, p := range []int{2, 5} {
		trees.Unknown(p)
	}
	for from, want := range map[int]int{0: 2, 2: 2, 3: 5, 6: 2, partitions: 2} {
		if p, some := trees.ToCount(from); !some || p != want {
			t.Errorf("from %d on: %d, want %d", from, p, want)
		}
	}
}

// What a damaged record was counted as nobody knows. That it is gone makes the tree
// unknown when it is durable, not before; and the leaves are not kept beside it.
func TestAHealMakesATreeUnknownOnceItIsDurable(t *testing.T) {
	a, m := newApplier(), &memory{}
	a.Trees, a.Marks = newTrees(t), NewMarks(partitions)
	fillLeaves(a.Trees, m, 1, 10, 0)
	m.damage(t, "k000000")
	heal := Write{Kind: Heal, Token: m.rows[0].token, Namespace: ns, Key: []byte("k000000")}
	got := apply(a, m, heal, Write{Kind: Keep})
	if got[0] != (Result{}) || got[1].Code != contract.Overloaded {
		t.Errorf("%+v", got)
	}
	if _, known := a.Trees.Root(0); !known {
		t.Error("unknown before it is durable")
	}
	a.Trees.Publish()
	if _, known := a.Trees.Root(0); known || m.leaves[0] != string(LeavesUnknown) {
		t.Errorf("known %v, the disk says %x", known, m.leaves[0])
	}
}

func TestDamagedLeavesAreCountedAnew(t *testing.T) {
	a, m := newApplier(), &memory{}
	a.Trees = newTrees(t)
	fillLeaves(a.Trees, m, 2, 10, 3, 9)
	a.Trees.Unknown(0)
	apply(a, m, Write{Kind: Count})
	a.Trees.Publish()
	apply(a, m, Write{Kind: Keep})
	good := []byte(m.leaves[0])
	swapped := bytes.Clone(good)
	copy(swapped[1:], good[1+leafBytes:])
	copy(swapped[1+leafBytes:], good[1:1+leafBytes])
	for name, bad := range map[string][]byte{
		"nothing": {}, "half a leaf": good[:len(good)-1], "a later format": append([]byte{3}, good[1:]...), "falling leaves": swapped,
		"a leaf that the shape has not": append(bytes.Clone(good[:1+leafBytes]), append([]byte{0, 16}, good[3+leafBytes:]...)...),
	} {
		trees := newTrees(t)
		if err := trees.Load(0, bad); !errors.Is(err, ErrLeaves) {
			t.Errorf("%s: %v", name, err)
		}
		if p, some := trees.ToCount(0); !some || p != 0 {
			t.Errorf("%s: it is not counted", name)
		}
		// What is on disk cannot be read, so that the first change has to mark it.
		b := &memory{}
		apply(&Applier{AgeLimit: ageLimit, Trees: trees}, b, write(Fresh, "a", value("a", at(0, 1), "v")))
		if b.leaves[0] != string(LeavesUnknown) {
			t.Errorf("%s: not marked: %x", name, b.leaves[0])
		}
	}
	// The form before this one did not say what can be purged.
	before := newTrees(t)
	if err := before.Load(0, append([]byte{1, 1}, good[1:1+26]...)); err != nil || !before.Counting(0) {
		t.Errorf("format 1: %v, counting %v", err, before.Counting(0))
	}
	trees := newTrees(t)
	if err := trees.Load(0, good); err != nil || !cmp.Equal(must(shown(trees, 0)), counted(trees, m, 0)) {
		t.Errorf("the good ones: %v", err)
	}
}

// BenchmarkApply measures a batch of writes over stored records, and what the trees
// cost.
func BenchmarkApply(b *testing.B) {
	const batch = 64
	for _, size := range []int{100, 4096} {
		for _, trees := range []bool{false, true} {
			b.Run(fmt.Sprintf("%dB/trees=%v", size, trees), func(b *testing.B) {
				a, m := newApplier(), &memory{}
				shape, err := merkle.NewShape(merkle.LeavesDefault, merkle.FanOutDefault)
				if err != nil {
					b.Fatal(err)
				}
				if a.Marks = NewMarks(partitions); trees {
					a.Trees = NewTrees(shape, treeSeed, partitions)
				}
				writes := [2][]Write{}
				for i := range batch {
					key := fmt.Sprintf("%c-user:%06d", 'a'+i%16, i)
					for turn := range writes {
						rec := record.Append(nil, ns, []byte(key), record.Record{Version: at(int64(turn), 1), Value: make([]byte, size)})
						writes[turn] = append(writes[turn], Write{Kind: Fresh, Token: uint64(i) << 58, Namespace: ns, Key: []byte(key), Record: rec})
					}
				}
				apply(a, m, writes[0]...)
				b.ReportAllocs()
				for b.Loop() {
					a.Apply(now(), m, writes[1], nothing{})
					a.Trees.Publish()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/write")
			})
		}
	}
}
