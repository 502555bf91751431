package replica

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/merkle"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/traitor"
)

// Trees are the hash trees of a node's partitions (rule 6). They are kept up by
// the Applier: it stages what a batch changes, and its owner publishes that once
// the batch is durable, so that no tree shows what could still be lost. Others may
// look at the trees under a lock that is held around Apply, Publish, Purged and
// Unknown.
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

	staged  []change
	sets    []count
	kept    []int // partitions whose leaves are in the batch
	scratch []byte
}

// tree is that of one partition.
type tree struct {
	*merkle.Tree        // nil: it holds nothing
	counted      int    // leaves that are known; all, when it may be used
	marked       bool   // its leaves are not on disk
	mortal       bool   // it may hold what can be purged one day
	changes      uint64 // so far

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
	mortal          bool
}

// count is a leaf that was counted in the batch.
type count struct {
	partition, leaf int
	node            merkle.Node
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

// Mortal says whether a partition may hold tombstones or values that expire, and
// Purged is told that it was seen to hold none.
func (t *Trees) Mortal(partition int) bool { return t.parts[partition].mortal }

// Purged notes that a partition holds nothing that can be purged one day.
func (t *Trees) Purged(partition int) { t.parts[partition].mortal = false }

// Changes counts the changes of a partition, so that two moments can be compared.
func (t *Trees) Changes(partition int) uint64 { return t.parts[partition].changes }

// Marked says whether a partition has changed since its leaves were kept on disk.
func (t *Trees) Marked(partition int) bool { return t.parts[partition].marked }

// Unknown makes the leaves of a partition unknown: they are counted before the
// tree is used again. The first count or change puts the mark on disk; until then
// whoever starts anew has to come to the same by itself. It is not called while
// Apply is.
func (t *Trees) Unknown(partition int) {
	t.parts[partition] = tree{disk: diskOther, marked: true, mortal: true, changes: t.parts[partition].changes}
}

// lost makes the leaves of a token's partition unknown, within a batch: a damaged
// record was removed, whose part of its leaf nobody knows.
func (t *Trees) lost(token uint64, batch Batch) {
	if t == nil {
		return
	}
	p := t.partition(token)
	t.Unknown(p)
	t.mark(p, batch)
}

// Counting says whether a count of a partition has begun and not ended.
func (t *Trees) Counting(partition int) bool {
	p := &t.parts[partition]
	return p.counted < t.shape.Leaves() || p.recount != 0
}

// ToCount is a partition whose leaves are not known; false: there is none.
func (t *Trees) ToCount() (partition int, some bool) {
	for i := range t.parts {
		if t.parts[i].counted < t.shape.Leaves() {
			return i, true
		}
	}
	return 0, false
}

// begin begins a batch.
func (t *Trees) begin() {
	if t != nil {
		t.staged, t.sets, t.kept = t.staged[:0], t.sets[:0], t.kept[:0]
	}
}

// replaced stages what a write does to its leaf: old is the record that it
// replaces, new the one that is stored now; nil: none. mortal says whether the new
// one can be purged one day.
func (t *Trees) replaced(w *Write, old, new []byte, mortal bool, batch Batch) {
	if t == nil || w.Kind == Repair && traitor.Is(traitor.TreeSkipsRepair) {
		return
	}
	c := change{partition: t.partition(w.Token), leaf: t.shape.Leaf(w.Token, t.bits), mortal: mortal}
	c.old, c.new = t.fingerprint(w.Namespace, w.Key, old), t.fingerprint(w.Namespace, w.Key, new)
	t.mark(c.partition, batch)
	t.staged = append(t.staged, c)
}

func (t *Trees) partition(token uint64) int {
	return int(token >> (64 - t.bits) & uint64(len(t.parts)-1))
}

// mark puts into the batch that the leaves on disk are not what is stored.
func (t *Trees) mark(partition int, batch Batch) {
	if p := &t.parts[partition]; p.disk != diskMarked && !traitor.Is(traitor.TreeUnmarked) {
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
	for _, c := range t.sets {
		p := &t.parts[c.partition]
		p.marked = p.disk != diskSame
		if p.leaf(c.leaf) != c.node {
			if p.counted == t.shape.Leaves() {
				wrong++
			}
			p.grown(t.shape).Set(c.leaf, c.node)
		}
	}
	for _, c := range t.sets { // its leaves may be used once all are known
		if p := &t.parts[c.partition]; p.counted == c.leaf {
			p.counted++
		}
	}
	for _, c := range t.staged {
		p := &t.parts[c.partition]
		p.grown(t.shape).Update(c.leaf, c.old, c.new)
		p.mortal = p.mortal || c.mortal
		p.changes++
		p.marked = true
	}
	for _, partition := range t.kept { // unless it was changed behind that
		p := &t.parts[partition]
		p.marked = p.disk != diskSame
	}
	t.begin()
	return wrong
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

// countStep is how many records one Count looks at, about: leaves are counted
// whole, and each countBytes of a record count for one more.
const (
	countStep  = 512
	countBytes = 4 << 10
)

// count counts the next leaves of a partition from what view holds, which is all
// but this batch. Their change by this batch is staged, before or after, as that
// of any leaf.
func (a *Applier) count(view Store, w *Write, batch Batch) Result {
	t := a.Trees
	if t == nil {
		return Result{Code: contract.NotReady}
	}
	p := t.partition(w.Token)
	part := &t.parts[p]
	from := part.counted
	if from == t.shape.Leaves() {
		from = part.recount
	}
	end, sets, err := t.countLeaves(view, p, from, t.sets)
	if err != nil {
		if errors.Is(err, record.ErrCorrupt) {
			a.Counters.Corrupt++
			return Result{Code: contract.Corrupt}
		}
		return Result{Code: contract.NotReady}
	}
	wrong := part.disk == diskOther
	for _, c := range sets[len(t.sets):] {
		wrong = wrong || part.leaf(c.leaf) != c.node
	}
	if wrong { // else a crash after this would bring the wrong leaves back
		t.mark(p, batch)
	}
	t.sets = sets
	if part.counted == t.shape.Leaves() {
		part.recount = end % t.shape.Leaves()
	}
	return Result{}
}

// countLeaves counts leaves from one on, whole ones, until countStep records were
// seen or the partition is at its end; end is the first that was not counted.
func (t *Trees) countLeaves(view Store, partition, from int, sets []count) (end int, _ []count, err error) {
	first, _ := t.shape.Tokens(partition, t.bits, from)
	_, last := t.shape.Tokens(partition, t.bits, t.shape.Leaves()-1)
	leaf, node, seen := from, merkle.Node{}, 0
	var bad error
	end = t.shape.Leaves()
	err = view.Range(first, 0, nil, last, func(token uint64, namespace uint32, key, rec []byte) bool {
		at := t.shape.Leaf(token, t.bits)
		for ; leaf < at; leaf++ {
			sets = append(sets, count{partition, leaf, node})
			node = merkle.Node{}
			if seen >= countStep {
				leaf++
				end = leaf
				return false
			}
		}
		if _, bad = record.Verify(namespace, key, rec); bad != nil {
			witness(view, token, namespace, key)
			return false
		}
		node = node.Plus(t.fingerprint(namespace, key, rec))
		seen += 1 + len(rec)/countBytes
		return true
	})
	if err = errors.Join(err, bad); err != nil {
		return from, sets, err
	}
	for ; leaf < end; leaf++ {
		sets = append(sets, count{partition, leaf, node})
		node = merkle.Node{}
	}
	return end, sets, nil
}

// keep puts the leaves of a partition into the batch. It waits for a batch that
// does not change the partition otherwise.
func (a *Applier) keep(w *Write, batch Batch) Result {
	t := a.Trees
	if t == nil {
		return Result{Code: contract.NotReady}
	}
	at := t.partition(w.Token)
	p := &t.parts[at]
	for _, c := range t.staged {
		if c.partition == at {
			return Result{Code: contract.Overloaded}
		}
	}
	if p.counted < t.shape.Leaves() || len(t.sets) > 0 {
		return Result{Code: contract.Overloaded}
	}
	if p.disk == diskSame {
		return Result{}
	}
	batch.PutLeaves(at, t.appendLeaves(nil, p))
	p.disk = diskSame
	t.kept = append(t.kept, at)
	return Result{}
}

// The form of the leaves of a partition on disk. All numbers are big-endian.
//
//	offset  bytes
//	0       1      format, 1; alone: the leaves are not known
//	1       1      1 if the partition may hold what can be purged one day
//	2       26 n   for each leaf that holds a record, rising: 2 bytes its number,
//	               16 bytes sum, 8 bytes count
const (
	leavesFormat = 1
	leafBytes    = 2 + merkle.NodeBytes
)

// ErrLeaves is returned for bytes that are not the leaves of a tree.
var ErrLeaves = errors.New("replica: bytes are not the leaves of a tree")

// LeavesUnknown is what PutLeaves of nil stands for on disk.
var LeavesUnknown = []byte{leavesFormat}

func (t *Trees) appendLeaves(dst []byte, p *tree) []byte {
	dst = append(dst, leavesFormat, flag(p.mortal))
	if p.Tree == nil {
		return dst
	}
	for i := range t.shape.Leaves() {
		n := p.Leaf(i)
		if n == (merkle.Node{}) {
			continue
		}
		dst = binary.BigEndian.AppendUint16(dst, uint16(i))
		dst = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, n.Sum.Hi), n.Sum.Lo)
		dst = binary.BigEndian.AppendUint64(dst, n.Count)
	}
	return dst
}

// Load takes what is on disk for a partition. Its error is ErrLeaves; then the
// leaves are unknown, as after a mark.
func (t *Trees) Load(partition int, leaves []byte) error {
	t.Unknown(partition)
	if len(leaves) == 1 && leaves[0] == leavesFormat {
		t.parts[partition].disk = diskMarked
		return nil
	}
	if len(leaves) < 2 || leaves[0] != leavesFormat || (len(leaves)-2)%leafBytes != 0 {
		return fmt.Errorf("%w: %d bytes for partition %d", ErrLeaves, len(leaves), partition)
	}
	p, before := &t.parts[partition], -1
	for row := leaves[2:]; len(row) > 0; row = row[leafBytes:] {
		i := int(binary.BigEndian.Uint16(row))
		if i <= before || i >= t.shape.Leaves() {
			t.Unknown(partition)
			return fmt.Errorf("%w: leaf %d after leaf %d in partition %d", ErrLeaves, i, before, partition)
		}
		before = i
		p.grown(t.shape).Set(i, merkle.Node{
			Sum:   merkle.Sum{Hi: binary.BigEndian.Uint64(row[2:]), Lo: binary.BigEndian.Uint64(row[10:])},
			Count: binary.BigEndian.Uint64(row[18:]),
		})
	}
	p.counted, p.disk, p.marked, p.mortal = t.shape.Leaves(), diskSame, false, leaves[1] != 0
	return nil
}
