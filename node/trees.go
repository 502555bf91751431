package node

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hinted"
	"github.com/candordb/candor/merkle"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/stored"
)

// trees are the hash trees of this node's partitions, the committer's to change
// and the exchanger's to read.
type trees struct {
	mu sync.Mutex
	of *replica.Trees // nil before epoch 1
	// mark is the value of treesName, if that is to be stored once all is counted.
	mark []byte
}

// treesName is the system value that says that trees have been kept up since the
// first record, and of which shape: 1 byte format, 4 bytes leaves, 4 bytes fan-out,
// 8 bytes seed, big-endian. It is no part of a database that was renewed
// (storage.Dir.Renew): the leaves are none either.
const (
	treesName   = "storage.trees"
	treesFormat = 1
)

// countEvery is how often some leaves are counted while the trees are not known.
const countEvery = time.Millisecond

// loadHealing reads the marks and the trees, once this node knows how many
// partitions there are. It is called before anything else of the epoch is done.
func (n *Node) loadHealing(view *ring.View, seed uint64) error {
	if n.trees.of != nil {
		return nil
	}
	partitions := view.Q()
	floor, err := system(n.engine, replica.FloorName)
	if err != nil {
		return err
	}
	saved, err := system(n.engine, replica.MarksName)
	if err != nil {
		return err
	}
	marks, err := replica.ParseMarks(partitions, floor, saved)
	if err != nil {
		return fmt.Errorf("%w: %w", storage.ErrCorrupt, err)
	}
	shape, err := merkle.NewShape(merkle.LeavesDefault, merkle.FanOutDefault)
	if err != nil {
		return err
	}
	t := replica.NewTrees(shape, seed, partitions)
	if err := n.loadTrees(t, partitions); err != nil {
		return err
	}
	n.trees.mu.Lock()
	n.trees.of = t
	n.trees.mu.Unlock()
	n.marks.Store(marks.Quarantining(n.lost.missed(view)))
	return nil
}

// loadTrees takes what is on disk. Where trees were not kept up from the start, in
// another shape, or nothing is known, all is counted.
func (n *Node) loadTrees(t *replica.Trees, partitions int) error {
	mark := binary.BigEndian.AppendUint32([]byte{treesFormat}, uint32(t.Shape().Leaves()))
	mark = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(mark, merkle.FanOutDefault), t.Seed())
	kept, err := system(n.engine, treesName)
	if err != nil {
		return err
	}
	missing, err := storage.ReadMissing(n.engine)
	if err != nil {
		return err
	}
	if string(kept) != string(mark) || !missing.None() {
		return n.beginTrees(t, partitions, mark)
	}
	var bad error
	lo, hi := storage.TreeRange()
	err = n.engine.Scan(lo, hi, func(k, v []byte) bool {
		p, err := storage.ParseTreeKey(k)
		if err == nil && p < partitions && t.Load(p, v) != nil {
			n.log.Warn("the kept leaves of a hash tree cannot be read: they are counted anew", "partition", p)
		}
		bad = errors.Join(bad, err)
		return true
	})
	return errors.Join(bad, err)
}

// beginTrees begins to keep trees up. Where something is stored already, all of it
// is counted, and kept on disk, before it is noted that the trees on disk can be
// relied on: countTrees does that.
func (n *Node) beginTrees(t *replica.Trees, partitions int, mark []byte) error {
	records, err := n.anything(storage.RecordRange(0, math.MaxUint64))
	if err != nil {
		return err
	}
	leaves, err := n.anything(storage.TreeRange()) // of another shape, or of what is missing
	if err != nil {
		return err
	}
	if !records && !leaves {
		w := replica.Write{Kind: replica.System, Key: []byte(treesName), Record: mark}
		n.committer.Submit([]replica.Write{w}) // it is durable no later than the first record
		return nil
	}
	for p := range partitions {
		t.Unknown(p)
	}
	n.trees.mark = mark
	return nil
}

// anything says whether something is stored in a range, intact or not.
func (n *Node) anything(lo, hi []byte) (some bool, err error) {
	err = n.engine.Scan(lo, hi, func(_, _ []byte) bool { some = true; return false })
	if errors.Is(err, storage.ErrCorrupt) {
		return true, nil
	}
	return some, err
}

// tree lets use look at the tree of a partition. It is false while that is being
// counted.
func (t *trees) tree(partition int, use func(*merkle.Tree)) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil {
		return false
	}
	tree, known := t.of.Tree(partition)
	if !known {
		return false
	}
	if tree == nil {
		tree = merkle.New(t.of.Shape())
	}
	use(tree)
	return true
}

// toCount is a partition whose tree has to be counted, the first from one on.
func (t *trees) toCount(from int) (partition int, some bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil {
		return 0, false
	}
	return t.of.ToCount(from)
}

// mortal is the first run of leaves, from one on, that may hold what can be purged
// one day.
func (t *trees) mortal(partition, leaf int) (first, last int, some bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.of.Mortal(partition, leaf)
}

// recount counts the tree of a partition anew from what is stored, every record
// read and checked.
func (n *Node) recount(ctx context.Context, partition int) (records, bytes uint64, ok bool) {
	for {
		if code := n.commitOne(ctx, replica.Write{Kind: replica.Count, Token: n.tokenOf(partition)}); code != contract.OK {
			return records, bytes, false
		}
		n.trees.mu.Lock()
		more := n.trees.of.Counting(partition)
		root, _ := n.trees.of.Root(partition)
		n.trees.mu.Unlock()
		if !more {
			return root.Count, root.Count * recordGuess, true
		}
	}
}

// countTrees counts the trees that are not known, a few leaves with each committer
// step, until ctx ends.
func (n *Node) countTrees(ctx context.Context) error {
	tick := time.NewTicker(countEvery)
	defer tick.Stop()
	var c counter
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		p, some := c.next(n.trees.toCount, n.clock.mono())
		switch {
		case some:
			tick.Reset(countEvery)
			code := n.commitOne(ctx, replica.Write{Kind: replica.Count, Token: n.tokenOf(p)})
			if c.took(p, code, n.clock.mono()) {
				n.log.Error("a hash tree cannot be counted yet, as a stored record is damaged; it will be once that is healed", "partition", p)
			}
		case len(c.damaged) > 0, n.marks.Load() != nil && n.relyOnTrees(ctx):
			tick.Reset(time.Second) // a tree becomes unknown by itself only at a start, or by damage
		}
	}
}

// counter takes the partitions that have to be counted one after the other. One with
// a damaged record is left alone for a while, and holds up none behind it.
type counter struct {
	at      int
	damaged map[int]int64 // by partition: not before, monotonic milliseconds
}

// damagedRest is how long, in milliseconds, a partition with a damaged record is left
// alone.
const damagedRest = 10_000

// next is what to count now. toCount is the first that has to be, from one on.
func (c *counter) next(toCount func(from int) (int, bool), now int64) (partition int, some bool) {
	for p, until := range c.damaged { // each by itself: order does not matter
		if now >= until {
			delete(c.damaged, p)
		}
	}
	for range len(c.damaged) + 1 {
		if partition, some = toCount(c.at); !some {
			c.damaged = nil
			return 0, false
		}
		if _, bad := c.damaged[partition]; !bad {
			c.at = partition
			return partition, true
		}
		c.at = partition + 1
	}
	return 0, false
}

// took takes how a step has ended, and says whether a record is damaged.
func (c *counter) took(partition int, code contract.Code, now int64) (damaged bool) {
	if code != contract.Corrupt {
		return false
	}
	if c.damaged == nil {
		c.damaged = make(map[int]int64)
	}
	c.at, c.damaged[partition] = partition+1, now+damagedRest
	return true
}

// relyOnTrees notes that the trees on disk can be relied on, once all were counted
// and kept; false if that has to be tried again.
func (n *Node) relyOnTrees(ctx context.Context) bool {
	if n.trees.mark == nil {
		return true
	}
	for p := range n.Cluster().Ring.Q() {
		if n.commitOne(ctx, replica.Write{Kind: replica.Keep, Token: n.tokenOf(p)}) != contract.OK {
			return false
		}
	}
	if n.commitOne(ctx, replica.Write{Kind: replica.System, Key: []byte(treesName), Record: n.trees.mark}) != contract.OK {
		return false
	}
	n.trees.mark = nil
	return true
}

// tokenOf is the first token of a partition.
func (n *Node) tokenOf(partition int) uint64 {
	return uint64(partition) << (64 - n.Cluster().Ring.Bits())
}

// commitOne has a write committed and waits for what becomes of it.
func (n *Node) commitOne(ctx context.Context, w replica.Write) contract.Code {
	done := make(chan contract.Code, 1)
	w.Origin = replica.Origin{Result: func(r replica.Result) { done <- r.Code }}
	if !n.control.submit(ctx, w) {
		return contract.NotReady
	}
	select {
	case code := <-done:
		return code
	case <-ctx.Done():
		return contract.NotReady
	}
}

// keepTrees keeps the trees on disk at an orderly stop, so that the next start
// need not count.
func (n *Node) keepTrees() {
	c := n.Cluster()
	if c == nil || n.engine.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), keepTimeout)
	defer cancel()
	for p := range c.Ring.Q() {
		n.trees.mu.Lock()
		keep := n.trees.of.Marked(p)
		n.trees.mu.Unlock()
		if keep && !n.control.submit(ctx, replica.Write{Kind: replica.Keep, Token: n.tokenOf(p)}) {
			return
		}
	}
}

// keepTimeout bounds how long a stop is held up by that.
const keepTimeout = 5 * time.Second

// beginBatch hands the committer's Applier what there is since an epoch is known.
func (n *Node) beginBatch() {
	n.applier.Full = n.engine.Room() != storage.RoomForAll
	c := n.Cluster()
	if c == nil {
		return // there are no records yet, only system values
	}
	n.applier.AgeLimit = c.AgeLimit
	if n.applier.Trees == nil {
		n.applier.Trees, n.applier.Marks = n.trees.of, n.marks.Load()
	}
}

// publish shows what a durable batch has changed: the trees before the marks, so
// that whoever sees a floor or a fence sees all that was taken below it.
func (n *Node) publish() {
	if n.applier.Trees == nil {
		return
	}
	n.trees.mu.Lock()
	wrong := n.applier.Trees.Publish()
	n.trees.mu.Unlock()
	n.marks.Store(n.applier.Marks)
	if wrong > 0 {
		n.log.Error("a hash tree did not show what is stored; it does now", "leaves", wrong)
	}
}

// undo takes back what was changed for a batch for which the disk had no room: this
// node goes on, and must not go by what a restart would not find.
func (n *Node) undo(writes []replica.Write) {
	n.trees.mu.Lock()
	n.applier.Undo()
	n.trees.mu.Unlock()
	for i := range writes {
		if w := &writes[i]; w.Kind == replica.Stand && w.Result.Code == contract.OK {
			n.hints.with(func(c *hinted.Core) { c.Missed(stored.HintOf(w)) })
		}
	}
}

// Marks implements router.Healing.
func (n *Node) Marks() *replica.Marks { return n.marks.Load() }

// recordGuess is about how many bytes a record takes, for figures of progress.
const recordGuess = 128
