package sim

import (
	"encoding/binary"
	"slices"

	"github.com/candordb/candor/hinted"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/storage"
)

// Rule 5: a hint that stands for somebody in an acknowledged write is synced and
// goes only when that node has the write; any other goes then, or leaves a dirty
// mark. No hint is kept for a write without effect, nor below a watermark.

// keeps checks a hint that goes into a batch.
func (c *checker) keeps(n *node, w *replica.Write) {
	o := c.s.written(c.s.history.find(w.Namespace, w.Key), w.Record)
	if o == nil {
		c.s.fail("REG", "fabricated: %v keeps a hint for key %q that nobody wrote: %s", n, w.Key, dump(w.Record))
		return
	}
	o.hinted = true
	for _, other := range c.s.nodes {
		if fence := other.durable.Partition(o.key.partition).Fence; o.version.Time <= fence {
			c.s.failKey(o.key, "TRUTH", "%v keeps a hint of %v at or below the fence %v of %v", n, o, fence, other)
		}
	}
	c.ghost(o)
}

// kept notes a hint that is durable.
func (c *checker) kept(n *node, w *replica.Write) {
	o := c.s.written(nil, w.Record)
	if o != nil && w.Counted {
		o.stoodIn |= 1 << n.index
		if target, ok := c.s.cluster.Ring.Index(ring.NodeID(w.Target)); ok {
			o.stoodFor |= 1 << target
		}
	}
}

// unhints checks that a hint which is erased is not needed any more.
func (c *checker) unhints(n *node, w *replica.Write) {
	s := c.s
	o := s.history.byVersion[w.Version]
	target, member := s.cluster.Ring.Index(ring.NodeID(w.Target))
	if o == nil || !member {
		s.fail("TRUTH", "%v erases a hint of version %v that nobody wrote", n, w.Version)
		return
	}
	value, there := n.disk.engine.Synced(storage.AppendHintKey(nil, w.Target, w.Version, w.Token, w.Namespace, w.Key))
	t := s.nodes[target]
	if !there || t.held[o.key.index].had(o.version) || o.everNoted&(1<<target) != 0 || slices.Contains(n.out, true) {
		return
	}
	_, counted, err := hinted.ParseValue(w.Version, value)
	switch {
	case err != nil || counted:
		s.failKey(o.key, "TRUTH", "%v erases the hint of %v that stands for %v, which has not got it", n, o, t)
	case n.disk.dirty(t.id, o.key.partition) < o.version.Time:
		s.failKey(o.key, "TRUTH", "%v erases the hint of %v for %v, which has not got it, and has no dirty mark of it", n, o, t)
	default:
		s.mark(markHintExpired)
	}
}

// dirty is up to when a disk says that a node may lack writes of a partition.
func (d *disk) dirty(id ring.NodeID, partition int) (at hlc.Timestamp) {
	value, _ := d.engine.Synced(storage.SystemKey(hinted.MarksPrefix + id.String()))
	for i := 1; i+10 <= len(value); i += 10 {
		if int(binary.BigEndian.Uint16(value[i:])) == partition {
			at = hlc.Timestamp(binary.BigEndian.Uint64(value[i+2:]))
		}
	}
	return at
}

// hintsAreAbove checks what members have told of themselves: that no hint is kept
// at or below what they say, and that they have not said more of their floor than
// what is durable.
func (c *checker) hintsAreAbove() {
	s := c.s
	for _, n := range s.nodes {
		oldest := n.disk.oldestHint(s, -1)
		for _, o := range s.nodes {
			if o.process == nil || o.process.healing == nil || o == n {
				continue
			}
			floor, above := o.process.healing.repair.Told(n.id)
			if floor > max(n.durable.Floor, n.floor) {
				s.fail("TRUTH", "%v has heard that the floor of %v is %v, but its disk says %v", o, n, floor, n.durable.Floor)
			}
			if oldest != 0 && above >= oldest && !slices.Contains(n.out, true) {
				s.fail("TRUTH", "%v has heard that the hints of %v lie above %v, but it keeps one of %v", o, n, above, oldest)
			}
		}
	}
}
