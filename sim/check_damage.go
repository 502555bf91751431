package sim

import (
	"slices"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/replica"
)

// Rule 8, of a single bad record: it takes no write, and counts as no answer, until
// what a quorum of the others hold has been put in its place.

// heals notes what is put where a record was damaged.
func (c *checker) heals(n *node, w *replica.Write) {
	k := c.s.history.find(w.Namespace, w.Key)
	if k == nil || k.damaged != n.index || n.held[k.index].mending {
		return // it is not damaged any more, and stays
	}
	h := &n.held[k.index]
	h.mending, h.mended = true, hlc.Version{}
	if w.Record != nil {
		o := c.s.written(k, w.Record)
		if o == nil || o.key != k {
			c.s.fail("REG", "fabricated: %v heals key %q with a record that nobody wrote: %s", n, w.Key, dump(w.Record))
			return
		}
		h.mended = o.version
	}
	h.decided = h.mended
}

// rots notes that a disk holds less of a key than it did, and nobody can tell yet.
func (c *checker) rots(n *node, k *key, rec []byte) {
	h := &n.held[k.index]
	*h = holding{purged: h.purged, lost: h.lost}.forgot(h.synced)
	if o := c.s.written(k, rec); o != nil {
		h.synced = o.version
	}
	h.decided = h.synced
	if n.rotten == nil {
		n.rotten = make([]bool, c.s.plan.Partitions)
	}
	n.rotten[k.partition] = true
	k.rotten, k.rotted, k.wrecked = n.index, c.s.now, c.s.now
	k.loseAny(n)
	if !c.lacks(n, k) {
		k.rotten = -1 // no other copy had it: it is gone
	}
}

// found notes that a replica has made up for what rotted there.
func (c *checker) found(n *node, k *key) {
	if k.rotten == n.index && !c.lacks(n, k) {
		k.rotten = -1
		c.s.mark(markRotFound)
	}
}

// lacks says whether another copy has of what rotted on a node, and it has not.
func (c *checker) lacks(n *node, k *key) bool {
	h := &n.held[k.index]
	return slices.ContainsFunc(k.owners, func(i int) bool {
		v := c.s.nodes[i].held[k.index].synced
		return !h.has(v) && !h.lost.Less(v)
	})
}

// forgot is a holding that once had a version.
func (h holding) forgot(v hlc.Version) holding {
	if h.lost.Less(v) {
		h.lost = v
	}
	return h
}

// loseAny notes that one copy less is left of everything that was acknowledged.
func (k *key) loseAny(n *node) {
	k.losses++
	for domain := range k.acked {
		if domain == 0 || domain == 1+n.region {
			copy(k.acked[domain], k.acked[domain][1:])
			k.acked[domain][len(k.acked[domain])-1] = hlc.Version{}
		}
	}
}

// mended says whether a damaged record was healed, durably. It may be less than what
// it was before: then one copy less of everything up to there is left, as if its disk
// had been lost.
func (c *checker) mended(n *node, k *key, h *holding) bool {
	if !h.mending {
		return false
	}
	rec := n.disk.synced(k)
	if _, err := record.Verify(k.space.number, k.name, rec); rec != nil && err != nil {
		h.mending = false // the crash has lost it
		return false
	}
	was := h.synced
	if o := c.s.history.byVersion[was]; rec == nil && o != nil && c.deadOperation(o, n.durable.Partition(k.partition).Purge) {
		h.purging = was // as good as purged
	}
	h.synced = h.mended
	k.damaged, k.mendedAt = -1, c.s.now
	c.copiesOf(k, k.ackedThen, n)
	c.s.mark(markMended)
	if h.mended.Less(was) && h.purged.Less(was) && h.purging.IsZero() {
		*h = h.forgot(was)
		k.loseAny(n)
	}
	return true
}
