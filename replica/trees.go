package replica

import (
	"bytes"
	"cmp"
	"math/bits"

	"github.com/candordb/candor/merkle"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/traitor"
)

// Trees are the hash trees of a node's partitions (rule 6). They are kept up by
// the Applier: it stages what a batch changes, and its owner publishes that once
// the batch is durable, so that no tree shows what could still be lost. Others may
// look at the trees under a lock that is held around Apply, Publish and Unknown.
//
// On disk a partition has its leaves or, from its first change on, a mark that
// they are not known. After a crash the leaves of marked partitions are counted
// anew from what is stored, some with each committer step, before the tree is
// used. So no tree ever claims what is not so, and a write costs no leaf on disk.
type Trees struct {
	shape merkle.Shape
	seed  uint64 // of fingerprints
	bits  uint8  // of the partition's number
	parts []tree // by partition

	undos   []was // what the batch has changed already
	staged  []change
	sets    []count
	pauses  []pause
	kept    []int // partitions whose leaves are in the batch
	losses  []int // partitions of which nobody knows any more what they hold
	scratch []byte
}

// tree is that of one partition.
type tree struct {
	*merkle.Tree          // nil: it holds nothing
	mortals      []uint32 // by leaf: records that can be purged one day; nil: there are none
	counted      int      // leaves that are known; all, when it may be used
	part         *partial // of the leaf that is counted next; nil: nothing of it was
	marked       bool     // its leaves are not on disk

	// The Applier's alone.
	disk    onDisk
	recount int // leaves that a count of a known tree has come to
}

// onDisk is what the disk says of the leaves of a partition, with the batch that is
// being made.
type onDisk uint8

const (
	diskSame   onDisk = iota // these leaves; nothing, where the partition holds nothing
	diskMarked               // that they are not known
	diskOther                // neither: what it says, if anything, is not to be relied on
)

// change is what a write of the batch does to a leaf.
type change struct {
	partition, leaf int
	old, new        merkle.Sum
	mortal          int // how many more records of the leaf can be purged one day
	at              place
}

// was is what a batch changes of a tree before it is durable.
type was struct {
	partition int
	disk      onDisk
	recount   int
}

// place is where a record stands. The key is that of the write.
type place struct {
	token     uint64
	namespace uint32
	key       []byte
}

func (p place) compare(o place) int {
	return cmp.Or(cmp.Compare(p.token, o.token), cmp.Compare(p.namespace, o.namespace), bytes.Compare(p.key, o.key))
}

// NewTrees are the trees of a node with nothing stored, in a ring of so many
// partitions (a power of two). Load tells what is on disk.
func NewTrees(shape merkle.Shape, seed uint64, partitions int) *Trees {
	t := &Trees{shape: shape, seed: seed, bits: uint8(bits.TrailingZeros(uint(partitions))), parts: make([]tree, partitions)}
	for i := range t.parts {
		t.parts[i].counted = shape.Leaves()
	}
	return t
}

// Shape is that of every tree.
func (t *Trees) Shape() merkle.Shape { return t.shape }

// Seed is that of the fingerprints.
func (t *Trees) Seed() uint64 { return t.seed }

// Tree is the tree of a partition, to be read until the next Publish; nil where
// the partition holds nothing. It is false while its leaves are being counted.
func (t *Trees) Tree(partition int) (*merkle.Tree, bool) {
	p := &t.parts[partition]
	return p.Tree, p.counted == t.shape.Leaves()
}

// Root is the root of a partition's tree, false while that is being counted.
func (t *Trees) Root(partition int) (merkle.Node, bool) {
	p := &t.parts[partition]
	if p.Tree == nil {
		return merkle.Node{}, p.counted == t.shape.Leaves()
	}
	return p.Tree.Root(), p.counted == t.shape.Leaves()
}

// Mortal is the first run of leaves of a partition, from one on, that may hold
// tombstones or values that expire; false: there is none.
func (t *Trees) Mortal(partition, from int) (first, last int, some bool) {
	p, leaves := &t.parts[partition], t.shape.Leaves()
	if p.counted < leaves {
		return from, leaves - 1, from < leaves
	}
	for first = from; first < len(p.mortals) && p.mortals[first] == 0; first++ {
	}
	if first >= len(p.mortals) {
		return 0, 0, false
	}
	for last = first; last+1 < len(p.mortals) && p.mortals[last+1] != 0; last++ {
	}
	return first, last, true
}

// Marked says whether a partition has changed since its leaves were kept on disk.
func (t *Trees) Marked(partition int) bool { return t.parts[partition].marked }

// Unknown makes the leaves of a partition unknown: they are counted before the
// tree is used again. The first count or change puts the mark on disk; until then
// whoever starts anew has to come to the same by itself. It is not called while
// Apply is.
func (t *Trees) Unknown(partition int) {
	t.parts[partition] = tree{disk: diskOther, marked: true}
}

// lost makes the leaves of a token's partition unknown once the batch is durable: a
// damaged record is removed by it, whose part of its leaf nobody knows.
func (t *Trees) lost(token uint64, batch Batch) {
	if t == nil {
		return
	}
	p := t.partition(token)
	t.mark(p, batch)
	t.losses = append(t.losses, p)
}

// begin begins a batch.
func (t *Trees) begin() {
	if t != nil {
		t.staged, t.sets, t.pauses, t.kept, t.losses = t.staged[:0], t.sets[:0], t.pauses[:0], t.kept[:0], t.losses[:0]
		t.undos = t.undos[:0]
	}
}

// remember notes what a batch is about to change.
func (t *Trees) remember(partition int) {
	p := &t.parts[partition]
	t.undos = append(t.undos, was{partition, p.disk, p.recount})
}

// undo takes a batch back of which nothing was written.
func (t *Trees) undo() {
	if t == nil {
		return
	}
	for i := len(t.undos) - 1; i >= 0; i-- {
		u := &t.undos[i]
		t.parts[u.partition].disk, t.parts[u.partition].recount = u.disk, u.recount
	}
	t.begin()
}

// replaced stages what a write does to its leaf: old is the record that it
// replaces, new the one that is stored now; nil: none.
func (t *Trees) replaced(w *Write, old, new []byte, batch Batch) {
	if t == nil || w.Kind == Repair && traitor.Is(traitor.TreeSkipsRepair) {
		return
	}
	c := change{partition: t.partition(w.Token), leaf: t.shape.Leaf(w.Token, t.bits), at: place{w.Token, w.Namespace, w.Key}}
	c.mortal = mortal(new) - mortal(old)
	c.old, c.new = t.fingerprint(w.Namespace, w.Key, old), t.fingerprint(w.Namespace, w.Key, new)
	t.mark(c.partition, batch)
	t.staged = append(t.staged, c)
}

// mortal is 1 for a record that can be purged one day.
func mortal(rec []byte) int {
	if rec == nil {
		return 0
	}
	if r, err := record.Parse(rec); err == nil && !r.Tombstone && r.ExpiresAt == 0 {
		return 0
	}
	return 1
}

func (t *Trees) partition(token uint64) int {
	return int(token >> (64 - t.bits) & uint64(len(t.parts)-1))
}

// mark puts into the batch that the leaves on disk are not what is stored.
func (t *Trees) mark(partition int, batch Batch) {
	if p := &t.parts[partition]; p.disk != diskMarked && !traitor.Is(traitor.TreeUnmarked) {
		t.remember(partition)
		p.disk = diskMarked
		batch.PutLeaves(partition, nil)
	}
}

func (t *Trees) fingerprint(namespace uint32, key, rec []byte) merkle.Sum {
	if rec == nil {
		return merkle.Sum{}
	}
	f, scratch, err := record.FingerprintOf(t.scratch, t.seed, namespace, key, rec)
	if t.scratch = scratch; err != nil {
		panic("replica: a record that was verified has no fingerprint: " + err.Error())
	}
	return merkle.Sum{Hi: f.Hi, Lo: f.Lo}
}

// Publish makes the batch that has become durable part of the trees, and says how
// many leaves were found not to be what is stored.
func (t *Trees) Publish() (wrong int) {
	if t == nil {
		return 0
	}
	wrong = t.publishCounts()
	for i := range t.staged {
		c := &t.staged[i]
		p := &t.parts[c.partition]
		p.grown(t.shape).Update(c.leaf, c.old, c.new)
		p.count(c.leaf, c.mortal, t.shape)
		if p.part != nil && p.part.leaf == c.leaf && c.at.compare(p.part.at) <= 0 {
			p.part.node = p.part.node.Replace(c.old, c.new)
			p.part.mortals += c.mortal
		}
		p.marked = true
	}
	for _, partition := range t.kept { // unless it was changed behind that
		p := &t.parts[partition]
		p.marked = p.disk != diskSame
	}
	for _, partition := range t.losses {
		disk := t.parts[partition].disk
		t.Unknown(partition)
		t.parts[partition].disk = disk
	}
	t.begin()
	return wrong
}

// count adds to the records of a leaf that can be purged one day.
func (p *tree) count(leaf, more int, s merkle.Shape) {
	if more == 0 {
		return
	}
	if p.mortals == nil {
		p.mortals = make([]uint32, s.Leaves())
	}
	p.mortals[leaf] = uint32(max(int(p.mortals[leaf])+more, 0))
}

// grown is the tree, made on first use.
func (p *tree) grown(s merkle.Shape) *merkle.Tree {
	if p.Tree == nil {
		p.Tree = merkle.New(s)
	}
	return p.Tree
}

// leaf is one leaf.
func (p *tree) leaf(i int) merkle.Node {
	if p.Tree == nil {
		return merkle.Node{}
	}
	return p.Leaf(i)
}
