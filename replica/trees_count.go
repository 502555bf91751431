package replica

import (
	"errors"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/merkle"
	"github.com/candordb/candor/record"
)

// Trees are counted anew, from what is stored, a step with each batch: leaves that are
// not known, or all of a tree that is in use, to find what has changed behind its back.

// count is a leaf that was counted in the batch.
type count struct {
	partition, leaf int
	node            merkle.Node
	mortals         int
}

// partial is what was counted of a leaf that is too large for one step: all records up
// to a place. What is written there meanwhile is added to it.
type partial struct {
	leaf    int
	at      place
	node    merkle.Node
	mortals int
}

// pause is where a count in the batch has stopped: within a leaf, or not (nil).
type pause struct {
	partition int
	part      *partial
}

// countStep is how many records one Count looks at, about: leaves are counted
// whole, unless they are larger than countMost, and each countBytes of a record count
// for one more.
const (
	countStep  = 512
	countMost  = 4 * countStep
	countBytes = 4 << 10
)

// Counting says whether a count of a partition has begun and not ended.
func (t *Trees) Counting(partition int) bool {
	p := &t.parts[partition]
	return p.counted < t.shape.Leaves() || p.recount != 0 || p.part != nil
}

// ToCount is a partition whose leaves are not known, the first from one on, or else
// from the beginning; false: there is none.
func (t *Trees) ToCount(from int) (partition int, some bool) {
	for i := range t.parts {
		if p := (from + i) % len(t.parts); t.parts[p].counted < t.shape.Leaves() {
			return p, true
		}
	}
	return 0, false
}

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
	c := counting{t: t, view: view, partition: p, leaf: from}
	if part.part != nil {
		c.leaf, c.at, c.node, c.mortals = part.part.leaf, part.part.at, part.part.node, part.part.mortals
	}
	end, err := c.run()
	if err != nil {
		if errors.Is(err, record.ErrCorrupt) {
			a.Counters.Corrupt++
			return Result{Code: contract.Corrupt}
		}
		return Result{Code: contract.NotReady}
	}
	wrong := part.disk == diskOther
	for _, set := range c.sets {
		wrong = wrong || part.leaf(set.leaf) != set.node
	}
	if wrong { // else a crash after this would bring the wrong leaves back
		t.mark(p, batch)
	}
	t.sets, t.pauses = append(t.sets, c.sets...), append(t.pauses, pause{p, c.paused})
	if part.counted == t.shape.Leaves() {
		t.remember(p)
		part.recount = end % t.shape.Leaves()
	}
	return Result{}
}

// counting is one step of a count.
type counting struct {
	t         *Trees
	view      Store
	partition int
	seen      int // records, the large ones for more
	sets      []count
	paused    *partial

	// Of the leaf that is being counted: the last record that an earlier step has
	// looked at (key nil: none), and what was found so far.
	leaf    int
	at      place
	node    merkle.Node
	mortals int
}

// run counts until countStep records were seen and a leaf is whole, countMost were, or
// the partition is at its end; end is the first leaf that is not whole.
func (c *counting) run() (end int, err error) {
	t, leaves := c.t, c.t.shape.Leaves()
	first, _ := t.shape.Tokens(c.partition, t.bits, c.leaf)
	_, last := t.shape.Tokens(c.partition, t.bits, leaves-1)
	if c.at.key != nil {
		first = c.at.token
	}
	var bad error
	enough := false
	err = c.view.Range(first, c.at.namespace, c.at.key, last, func(token uint64, namespace uint32, key, rec []byte) bool {
		if enough = c.skipTo(t.shape.Leaf(token, t.bits)); enough {
			return false
		}
		if c.seen >= countMost {
			enough = true
			return false
		}
		if _, bad = record.Verify(namespace, key, rec); bad != nil {
			witness(c.view, token, namespace, key)
			return false
		}
		c.node = c.node.Plus(t.fingerprint(namespace, key, rec))
		c.mortals += mortal(rec)
		if c.seen += 1 + len(rec)/countBytes; c.seen >= countMost {
			c.paused = &partial{c.leaf, place{token, namespace, append([]byte{}, key...)}, c.node, c.mortals}
		}
		return true
	})
	if err = errors.Join(err, bad); err != nil {
		return 0, err
	}
	if !enough {
		c.skipTo(leaves)
	}
	return c.leaf, nil
}

// skipTo ends the leaves before one; it stops, and says so, behind the first behind
// which enough was seen.
func (c *counting) skipTo(leaf int) (enough bool) {
	for c.leaf < leaf {
		c.sets = append(c.sets, count{c.partition, c.leaf, c.node, c.mortals})
		c.leaf, c.node, c.mortals, c.paused = c.leaf+1, merkle.Node{}, 0, nil
		if c.seen >= countStep && leaf < c.t.shape.Leaves() {
			return true
		}
	}
	return false
}

// publishCounts makes what was counted part of the trees.
func (t *Trees) publishCounts() (wrong int) {
	for _, c := range t.sets {
		p := &t.parts[c.partition]
		p.marked = p.disk != diskSame
		p.count(c.leaf, c.mortals-p.mortalsOf(c.leaf), t.shape)
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
	for _, s := range t.pauses {
		t.parts[s.partition].part = s.part
	}
	return wrong
}

func (p *tree) mortalsOf(leaf int) int {
	if p.mortals == nil {
		return 0
	}
	return int(p.mortals[leaf])
}
