package sim

import (
	"slices"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/storage"
)

// Rule 8, of what may be less than a node has told others: it neither serves nor votes
// until it was rebuilt; and when it does again, every write that a majority has
// acknowledged has as many copies as it was said to have.

// isOut says whether a replica has lost something of a partition that is not made up
// for yet.
func (c *checker) isOut(n *node, partition int) bool { return n.out != nil && n.out[partition] }

// wrecks notes that a disk is not what it was, in some partitions; nil: in all.
func (c *checker) wrecks(n *node, partitions []int) {
	s := c.s
	if n.out == nil {
		n.out, n.fences = make([]bool, s.plan.Partitions), make([]hlc.Timestamp, s.plan.Partitions)
	}
	for p := range n.fences {
		n.fences[p] = max(n.fences[p], n.durable.Partition(p).Fence)
	}
	n.floor, n.wrecked = max(n.floor, n.durable.Floor), s.now
	n.durable = s.loadMarks(&n.disk)
	if n.outdated = false; partitions == nil {
		n.acted = 0
		c.forgets(n)
	}
	for p := range s.plan.Partitions {
		if !s.cluster.Ring.Owns(p, n.id) || partitions != nil && !slices.Contains(partitions, p) {
			continue
		}
		n.out[p] = true
		for _, k := range s.inPartition[p] {
			h := &n.held[k.index]
			*h = holding{lost: h.lost}.forgot(h.synced).forgot(h.purged)
			c.settle(n, k, true)
			k.loseCopy(n, s.now)
		}
	}
}

// loseCopy notes that one copy less is left of whatever was not acknowledged by a
// majority: a rebuild from a quorum of the others need not find it.
func (k *key) loseCopy(n *node, now time.Duration) {
	k.wrecked = now
	few := k.acked[0][:majority(k.sizes[0])] // an alias: what is moved is moved in acked
	copy(few, few[1:])
	few[len(few)-1] = hlc.Version{}
	near := k.acked[1+n.region]
	copy(near, near[1:])
	near[len(near)-1] = hlc.Version{}
	for _, o := range k.operations {
		if o.writes() {
			o.lost++
		}
	}
}

// outRecovers sees after a crash which partitions are in quarantine still: what would
// have ended that may not have become durable.
func (c *checker) outRecovers(n *node) {
	if n.out == nil {
		return
	}
	var missing storage.Missing
	if v, ok := n.disk.engine.Synced(storage.SystemKey(storage.MissingName)); ok {
		missing, _ = storage.ParseMissing(v)
	}
	marks := c.s.loadMarks(&n.disk)
	for p := range n.out {
		if c.s.cluster.Ring.Owns(p, n.id) && (marks.Partition(p).Quarantined || missing.System || missing.Covers(c.s.firstToken(p))) {
			n.out[p] = true
		}
	}
}

// whileOut checks what a replica does to a partition that is not made up for.
func (c *checker) whileOut(n *node, w *replica.Write) {
	s := c.s
	k := s.history.find(w.Namespace, w.Key)
	switch ok := w.Result.Code == contract.OK; {
	case !ok:
	case (w.Kind == replica.Exchange || w.Kind == replica.Agree) && w.Origin.Peer == nil && !n.process.lost.admitted:
		// What an exchange of its own has found, before it is told that it is behind, or that
		// is in quarantine: the rebuild drops what may not stay. It may also agree to a mark
		// that it has proposed itself: such exchanges have proved it of what it holds now. To
		// those of others it does not, as it answers none of their exchanges.
	case w.Kind < replica.System && w.Kind != replica.Stand, w.Kind == replica.Void, w.Kind == replica.Heal, w.Kind == replica.Agree:
		s.fail("STORE", "%v takes a write of kind %d for key %q in partition %d, where it may hold less than it has told others", n, w.Kind, w.Key, s.partitionOf(w.Token))
	case w.Kind == replica.Rebuild:
		if o := s.written(k, w.Record); o == nil || o.key != k {
			s.fail("REG", "fabricated: %v is rebuilt with a record for key %q that nobody wrote: %s", n, w.Key, dump(w.Record))
		}
	case w.Kind == replica.Note && k != nil:
		if o := s.history.byVersion[w.Version]; o != nil {
			o.noted |= 1 << n.index
			o.everNoted |= o.noted
		}
	}
}

// isOutOf says whether a write is one of whileOut.
func (c *checker) isOutOf(n *node, w *replica.Write) bool {
	switch w.Kind {
	case replica.System, replica.SetFloor, replica.Stand, replica.Unhint, replica.Unvoid, replica.Count, replica.Keep:
		return false
	}
	return n.out != nil && n.out[c.s.partitionOf(w.Token)]
}

// releases checks a partition that goes back into service: it holds what makes up for
// the copy that was lost, nothing that was purged, and nothing that was given up.
func (c *checker) releases(n *node, w *replica.Write) {
	s, p := c.s, c.s.partitionOf(w.Token)
	if !c.isOut(n, p) {
		return
	}
	n.out[p] = false
	s.mark(markRebuilt)
	for _, k := range s.inPartition[p] {
		h := &n.held[k.index]
		h.decided = h.synced
		switch o := s.history.byVersion[h.synced]; {
		case h.synced.IsZero():
		case h.synced.Less(k.purged):
			s.failKey(k, "STORE", "resurrected: %v is rebuilt and holds %v, but %v was purged", n, h.synced, k.purged)
		case o == nil:
			s.failKey(k, "REG", "fabricated: %v is rebuilt and holds %v", n, h.synced)
		default:
			o.present = true
			c.ghost(o)
		}
		// What all had, and may have forgotten since, counts as had here too.
		h.purged = k.purged
		for _, i := range k.owners {
			v := s.nodes[i].held[k.index].synced
			if o := s.history.byVersion[v]; o != nil && h.purged.Less(v) && c.deadOperation(o, c.watermark(p)) {
				h.purged = v
			}
		}
		c.copiesOf(k, k.acked[0], n)
	}
}

// copiesOf checks that what was acknowledged by a majority has as many copies as was
// said, where none is lost.
func (c *checker) copiesOf(k *key, acked []hlc.Version, who *node) {
	s := c.s
	for need := majority(k.sizes[0]); need < len(acked); need++ {
		have, v := 0, acked[need]
		for _, i := range k.owners {
			n := s.nodes[i]
			if c.isOut(n, k.partition) {
				return
			}
			if n.held[k.index].has(v) || !k.purged.Less(v) || k.damaged == i {
				have++
			}
		}
		if o := s.history.byVersion[v]; have < need && o != nil && !o.sloppy() && !c.deadOperation(o, c.watermark(k.partition)) {
			s.failKey(k, "STORE", "%v is back in service, but of %v, which %d replicas were said to hold, %d copies are left", who, o, need, have)
			return
		}
	}
}

// excused says whether an acknowledged write may be gone: so many copies of it were
// lost as it was said to have, or the hints that stood for them.
func (c *checker) excused(o *operation) bool {
	k := o.key
	few := o.need < majority(k.sizes[0]) && o.need <= o.lost+k.losses
	return o.need <= k.losses || few || o.sloppy() && (o.lost > 0 || o.invoked < c.s.hintsLost)
}

// still is a floor that was taken when a request was sent, as far as it is in force
// still: a copy may have been lost since.
func (k *key) still(floor hlc.Version, q *needs, since time.Duration) hlc.Version {
	if now := k.floor(q); k.wrecked >= since && k.wrecked > 0 && now.Less(floor) {
		return now
	}
	return floor
}

// admitted checks a node that begins to serve: by then it knows, where others do, that
// it holds less than it has told them.
func (c *checker) admitted(p *process) {
	s, n := c.s, p.node
	if s.wrecked != n || p.distrusted() != 0 || n.distrust != 0 || !slices.Contains(n.out, true) {
		return
	}
	if m := p.heal().marks; !slices.ContainsFunc(n.outs(), func(p int) bool { return !m.Partition(p).Quarantined }) {
		return
	}
	if p.found == nil {
		s.fail("TRUTH", "%v begins to serve, with parts of its disk missing, and they are not in quarantine", n)
		return
	}
	if _, silent := p.found.core.Asking(); len(silent) > 0 {
		// Not all have answered: an operator sees that, and starts it again.
		s.after(0, "not told", p, func() { s.crash(n, false); s.start(n) })
		p.lost.admitted = false
		return
	}
	s.fail("TRUTH", "%v begins to serve, with an older disk, and all others have told it what they heard", n)
}

// outs are the partitions that are not made up for.
func (n *node) outs() (all []int) {
	for p, out := range n.out {
		if out {
			all = append(all, p)
		}
	}
	return all
}
