package sim

import (
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/wire"
)

// Rule 8: a watermark is adopted where all natural replicas have agreed to it,
// durably, and no member keeps a hint at or below it; what is purged is dead below
// it, and all had it.

// adopts checks that a replica adopts a watermark that it may.
func (c *checker) adopts(n *node, w *replica.Write) {
	s := c.s
	partition := s.partitionOf(w.Token)
	if w.Mark <= n.durable.Partition(partition).Purge {
		return
	}
	s.mark(markAdopted)
	for _, i := range s.ownersOf(partition) {
		if o := s.nodes[i]; o.durable.Partition(partition).Fence < w.Mark && !c.isOut(o, partition) {
			s.fail("TRUTH", "%v adopts the watermark %v of partition %d, to which %v has not agreed: its fence is %v", n, w.Mark, partition, o, o.durable.Partition(partition).Fence)
		}
	}
	for _, o := range s.nodes {
		if o == s.wrecked {
			continue // its old hints go: they are never handed over
		}
		if oldest := o.disk.oldestHint(s, partition); oldest != 0 && oldest <= w.Mark {
			s.fail("TRUTH", "%v adopts the watermark %v of partition %d, but %v keeps a hint of %v", n, w.Mark, partition, o, oldest)
		}
	}
}

func (s *Sim) partitionOf(token uint64) int {
	return int(token >> (64 - s.cluster.Ring.Bits()))
}

// ownersOf are the natural replicas of a partition, as indices of nodes.
func (s *Sim) ownersOf(partition int) []uint16 { return s.cluster.Ring.Owners(partition) }

// oldestHint is the lowest time of a hint of a partition on a disk; 0: there is
// none.
func (d *disk) oldestHint(s *Sim, partition int) (oldest hlc.Timestamp) {
	for _, n := range s.nodes {
		lo, hi := storage.HintRange(n.id)
		err := d.engine.Scan(lo, hi, func(k, _ []byte) bool {
			h, err := storage.ParseHintKey(k)
			if err != nil {
				panic("sim: a foreign key in the range of hints: " + err.Error())
			}
			if partition >= 0 && s.partitionOf(h.Token) != partition {
				return true
			}
			if oldest == 0 || h.Version.Time < oldest {
				oldest = h.Version.Time
			}
			return false
		})
		if err != nil {
			return 0 // it has stopped: a start will show
		}
	}
	return oldest
}

// purges checks that what a replica removes may go: it is dead below the watermark
// that the replica has adopted, to which all have agreed, and all hold it, or a
// higher version, or have purged it.
func (c *checker) purges(n *node, w *replica.Write) {
	s := c.s
	k := s.history.find(w.Namespace, w.Key)
	if k == nil || n.held[k.index].decided != w.Version {
		return // there was nothing
	}
	h := &n.held[k.index]
	o := s.history.byVersion[w.Version]
	mark := n.durable.Partition(k.partition).Purge
	switch {
	case w.Version.Time >= mark || o.kind == wire.OpPut && (o.ttl == 0 || hlc.Make(o.expiresAt(), 0) >= mark):
		s.failKey(k, "TRUTH", "%v purges %v, which is not dead below its watermark %v", n, o, mark)
		return
	case o.kind == wire.OpPut:
		s.mark(markExpiredPurged)
	default:
		s.mark(markTombstonePurged)
	}
	for _, i := range k.owners {
		other := s.nodes[i]
		if fence := other.durable.Partition(k.partition).Fence; fence < w.Version.Time && !c.isOut(other, k.partition) {
			s.failKey(k, "TRUTH", "%v purges %v, but the fence of %v is %v", n, o, other, fence)
		}
		if !other.held[k.index].has(w.Version) && other != n && !c.isOut(other, k.partition) {
			s.failKey(k, "TRUTH", "%v purges %v, but %v never had it", n, o, other)
		}
	}
	h.decided, h.purging = hlc.Version{}, w.Version
}

// dead says whether a record counts as absent, for the highest watermark that any
// replica of its key has adopted.
func (c *checker) dead(k *key, rec []byte) bool {
	r, err := record.Parse(rec)
	return err == nil && replica.Dead(&r, c.watermark(k.partition))
}

// watermark is the highest that any replica of a partition has adopted, durably.
func (c *checker) watermark(partition int) (mark hlc.Timestamp) {
	for _, i := range c.s.ownersOf(partition) {
		mark = max(mark, c.s.nodes[i].durable.Partition(partition).Purge)
	}
	return mark
}

// unvoids checks that a note is forgotten only where the fence refuses the version
// anyhow, or, at a node that owns no copy, the floor.
func (c *checker) unvoids(n *node, w *replica.Write) {
	o := c.s.history.byVersion[w.Version]
	if o == nil {
		return
	}
	bound := n.durable.Partition(o.key.partition).Fence
	if !c.s.cluster.Ring.Owns(o.key.partition, n.id) {
		bound = n.durable.Floor
	}
	if w.Version.Time > bound {
		c.s.failKey(o.key, "STORE", "%v forgets that %v was given up, above its bound %v", n, o, bound)
	}
	c.s.mark(markVoidForgotten)
	o.noted &^= 1 << n.index
}

// marksStay checks after a crash that no mark has gone back.
func (c *checker) marksStay(n *node) {
	s, was := c.s, n.durable
	n.durable = s.loadMarks(&n.disk)
	if n.durable.Floor < was.Floor {
		s.fail("STORE", "the floor of %v goes back in a crash from %v to %v", n, was.Floor, n.durable.Floor)
	}
	for p := range s.plan.Partitions {
		if a, b := was.Partition(p), n.durable.Partition(p); b.Fence < a.Fence || b.Purge < a.Purge {
			s.fail("STORE", "the marks of partition %d on %v go back in a crash from %+v to %+v", p, n, a, b)
		}
	}
}
