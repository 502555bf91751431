package sim

import (
	"time"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/merkle"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/repair"
)

// TRUTH (7), of what is proved: up to there all replicas hold what any of them
// holds. And trees show what is stored.

// healingEvery is how often it is looked at what nodes say of themselves.
const healingEvery = time.Second

// healingOn looks at what nodes say of themselves, again and again.
func (c *checker) healingOn() {
	s := c.s
	s.after(healingEvery, "check", nil, func() {
		for _, n := range s.nodes {
			if n.process != nil && n.process.healing != nil {
				c.proofs(n.process.healing)
			}
		}
		c.hintsAreAbove()
		if n := s.nodes[s.checkDice.IntN(len(s.nodes))]; n.process != nil && n.process.healing != nil {
			c.treesTruth(n)
			c.blocked(n.process.healing)
		}
		c.healingOn()
	})
}

// proofs checks what a node says is proved, where it says more than before.
func (c *checker) proofs(h *healing) {
	s := c.s
	if h.proved == nil {
		h.proved = make([][2]hlc.Timestamp, s.plan.Partitions)
	}
	for p := range s.plan.Partitions {
		if len(s.inPartition[p]) == 0 || c.isOut(h.p.node, p) || !s.cluster.Ring.Owns(p, h.p.node.id) {
			continue
		}
		asOf, _ := h.repair.AsOf(p)
		strict := h.repair.Strict(p)
		if asOf > h.proved[p][0] {
			if len(s.ownersOf(p)) > 1 {
				s.mark(markProved)
			}
			c.asOfTruth(h.p.node, p, asOf, false)
		}
		if strict > h.proved[p][1] {
			c.asOfTruth(h.p.node, p, strict, true)
		}
		h.proved[p] = [2]hlc.Timestamp{asOf, strict}
	}
}

// asOfTruth checks that all replicas of a partition hold every record up to a time
// that any of them holds. What is dead below a watermark counts as absent. Where
// hints are not looked at, one may have come to one of them since.
func (c *checker) asOfTruth(who *node, partition int, at hlc.Timestamp, strict bool) {
	s := c.s
	for _, k := range s.inPartition[partition] {
		for _, i := range k.owners {
			v := s.nodes[i].held[k.index].synced
			if v.IsZero() || v.Time > at || c.isOut(s.nodes[i], partition) {
				continue
			}
			for _, j := range k.owners {
				o := s.history.byVersion[v]
				if s.nodes[j].held[k.index].has(v) || c.isOut(s.nodes[j], partition) || k.rotten == j || !strict && o.hinted || c.deadOperation(o, c.watermark(partition)) {
					continue
				}
				s.failKey(k, "TRUTH", "%v says that all replicas agree up to %v (strictly: %v); %v holds %v, %v does not", who, at, strict, s.nodes[i], o, s.nodes[j])
				return
			}
		}
	}
}

// deadOperation says whether what an operation wrote is dead below a watermark.
func (c *checker) deadOperation(o *operation, mark hlc.Timestamp) bool {
	return o.version.Time < mark && !o.liveAt(1<<62) && (o.ttl == 0 || hlc.Make(o.expiresAt(), 0) < mark)
}

// treesTruth checks that each tree of a node that may be used is that of what the
// node has stored. Where a record is damaged it shows what was stored.
func (c *checker) treesTruth(n *node) {
	s, h := c.s, n.process.healing
	if n.disk.engine.Err() != nil {
		return
	}
	sums := make([]merkle.Node, s.plan.Partitions<<s.leafBits())
	damaged := make([]bool, s.plan.Partitions)
	var scratch []byte
	bits := s.cluster.Ring.Bits()
	err := n.disk.Range(0, 0, nil, ^uint64(0), func(token uint64, namespace uint32, key, rec []byte) bool {
		partition := s.partitionOf(token)
		f, more, err := record.FingerprintOf(scratch, s.treeSeed, namespace, key, rec)
		scratch = more
		k := s.history.find(namespace, key)
		if err != nil || k == nil || k.damaged == n.index {
			damaged[partition] = true
			return true
		}
		at := partition<<s.leafBits() + s.shape.Leaf(token, uint8(bits))
		sums[at] = sums[at].Plus(merkle.Sum{Hi: f.Hi, Lo: f.Lo})
		return true
	})
	if err != nil {
		s.fail("TREE", "the disk of %v cannot be read: %v", n, err)
	}
	for p := range s.plan.Partitions {
		tree, known := h.trees.Tree(p)
		if !known || damaged[p] || n.rotten != nil && n.rotten[p] {
			continue
		}
		for leaf := range s.shape.Leaves() {
			var shown merkle.Node
			if tree != nil {
				shown = tree.Leaf(leaf)
			}
			if want := sums[p<<s.leafBits()+leaf]; shown != want {
				s.fail("TREE", "leaf %d of partition %d on %v shows %d records, sum %v; stored are %d, sum %v", leaf, p, n, shown.Count, shown.Sum, want.Count, want.Sum)
				return
			}
		}
	}
}

// leafBits is how many bits number a leaf.
func (s *Sim) leafBits() (n int) {
	for 1<<n < s.shape.Leaves() {
		n++
	}
	return n
}

// blocked notes a watermark that does not rise as a replica is down.
func (c *checker) blocked(h *healing) {
	p := c.s.checkDice.IntN(c.s.plan.Partitions)
	if !c.s.cluster.Ring.Owns(p, h.p.node.id) {
		return
	}
	if _, blame := h.repair.Watermark(p); blame.Why == repair.Unreachable {
		if i, ok := c.s.cluster.Ring.Index(blame.Node); ok && c.s.nodes[i].process == nil {
			c.s.mark(markBlocked)
		}
	}
}
