package sim

import (
	"math/bits"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/replica"
)

// holding is what a disk holds of a key, as the checker's books say.
type holding struct {
	synced  hlc.Version // what survives a power cut
	decided hlc.Version // that, and what the batch in work has decided
	purged  hlc.Version // the highest that was purged there
	purging hlc.Version // by the batch in work
	lost    hlc.Version // the highest that it held where its record was damaged, and healed to less
	mended  hlc.Version // what the batch in work puts there
	mending bool
}

// has says whether a replica holds a version or a higher one, or has held such a
// one until it was purged.
func (h *holding) has(v hlc.Version) bool { return !h.synced.Less(v) || !h.purged.Less(v) }

// had says whether it holds or once held such a version, however it went.
func (h *holding) had(v hlc.Version) bool { return h.has(v) || !h.lost.Less(v) }

// applied checks what a replica has decided about a batch, whose marks were those
// before it.
func (c *checker) applied(n *node, now replica.Now, before *replica.Marks, writes []replica.Write) {
	for i := range writes {
		w := &writes[i]
		ok := w.Result.Code == contract.OK
		switch {
		case w.Kind == replica.Release && ok:
			c.releases(n, w)
		case c.isOutOf(n, w):
			c.whileOut(n, w)
		case w.Kind <= replica.Exchange && w.Kind != replica.Stand:
			c.merged(n, now, before, writes, i)
		case !ok:
		case w.Kind == replica.Stand:
			c.keeps(n, w)
		case w.Kind == replica.Unhint:
			c.unhints(n, w)
		case w.Kind == replica.Void:
			c.voided(n, w)
		case w.Kind == replica.Unvoid:
			c.unvoids(n, w)
		case w.Kind == replica.Purge:
			c.purges(n, w)
		case w.Kind == replica.Adopt:
			c.adopts(n, w)
		case w.Kind == replica.Heal:
			c.heals(n, w)
		}
	}
}

// merged checks what a replica has decided about a record: it stands only if no
// higher version was there, and is beaten only by one that was; a fresh one that
// was stamped too long ago is refused, and so is all that is at or below the fence.
func (c *checker) merged(n *node, now replica.Now, before *replica.Marks, writes []replica.Write, i int) {
	w := &writes[i]
	if w.Result.Code != contract.OK {
		c.refused(w)
		return
	}
	k := c.s.history.find(w.Namespace, w.Key)
	o := c.s.written(k, w.Record)
	if o == nil || o.key != k {
		c.s.fail("REG", "fabricated: %v merges a record for key %q that nobody wrote: %s", n, w.Key, dump(w.Record))
		return
	}
	h := &n.held[k.index]
	switch winner := w.Result.Winner; {
	case k.damaged == n.index && !h.mending:
		c.s.failKey(k, "STORE", "%v takes a write where its record is damaged", n)
	case w.Kind == replica.Fresh && o.version.Time.Millis() < now.Physical-c.s.plan.AgeLimit.Milliseconds():
		c.s.failKey(k, "STORE", "%v takes %v as a fresh write at %d", n, o.version, now.Physical)
	case w.Kind == replica.Fresh && o.version.Time <= n.durable.Floor:
		c.s.failKey(k, "STORE", "%v takes %v as a fresh write, at or below its floor %v", n, o.version, n.durable.Floor)
	case winner.IsZero() && o.version.Less(h.decided):
		c.s.failKey(k, "STORE", "%v says that %v stands, but held %v", n, o.version, h.decided)
	case winner.IsZero() && h.decided.IsZero() && asGoodAsDone(before, writes, i):
		c.s.mark(markLateWriteBack)
		if h.purged.Less(o.version) {
			h.purged = o.version
		}
		o.stood |= 1 << n.index
	case winner.IsZero():
		c.belowFence(n, w, o, h)
		c.againstVoid(n, w, o)
		c.buries(n, now, o, w.Kind, h.decided)
		if w.Kind == replica.Deliver && h.decided.Less(o.version) {
			c.s.mark(markReplayed)
		}
		h.decided = o.version
		o.twice = o.twice || w.Kind == replica.Fresh && o.stood&(1<<n.index) != 0
		o.stood |= 1 << n.index
	case winner != h.decided || !o.version.Less(winner):
		c.s.failKey(k, "TRUTH", "%v says that %v is beaten by %v, but held %v", n, o.version, winner, h.decided)
	default:
		o.twice = o.twice || w.Kind == replica.Fresh && o.stood&(1<<n.index) != 0
		o.beaten |= 1 << n.index
	}
}

// refused notes why a record was not taken.
func (c *checker) refused(w *replica.Write) {
	if w.Result.Code != contract.Clock {
		return
	}
	switch old := w.Result.Kind == contract.StampOld; {
	case w.Result.Kind == contract.StampGivenUp:
		c.s.mark(markVoidRefused)
	case old && w.Kind == replica.Deliver:
		c.s.mark(markHintFenced)
	case old && w.Kind == replica.Repair:
		c.s.mark(markLateWriteBack)
	case old && w.Kind == replica.Fresh:
		c.s.mark(markFloorRefused)
	}
}

// asGoodAsDone says whether a record that comes to where nothing is need not be
// stored, as it could only be purged: it is dead below what the replica had agreed
// to when it came, or adopted.
func asGoodAsDone(before *replica.Marks, writes []replica.Write, i int) bool {
	w := &writes[i]
	marks, partitions := before.Of(w.Token), bits.TrailingZeros(uint(before.Partitions()))
	for j := range writes[:i] {
		if m := &writes[j]; (m.Kind == replica.Agree || m.Kind == replica.Adopt) && m.Result.Code == contract.OK && m.Token>>(64-partitions) == w.Token>>(64-partitions) {
			marks.Fence = max(marks.Fence, m.Mark)
			if m.Kind == replica.Adopt {
				marks.Purge = max(marks.Purge, m.Mark)
			}
		}
	}
	rec, err := record.Parse(w.Record)
	return err == nil && (w.Kind == replica.Repair && replica.Dead(&rec, marks.Fence) || w.Kind == replica.Exchange && replica.Dead(&rec, marks.Purge))
}

// belowFence checks a record that changes what a replica holds: below the fence
// only another replica that knew of it may bring it, and nothing at all brings back
// what lies below a purged version.
func (c *checker) belowFence(n *node, w *replica.Write, o *operation, h *holding) {
	if o.version == h.decided {
		return
	}
	fence := n.durable.Partition(o.key.partition).Fence
	if o.version.Time <= fence && !(w.Kind == replica.Exchange && w.Mark >= fence) {
		c.s.failKey(o.key, "STORE", "%v takes %v, by %s, at or below its fence %v", n, o, kindNames[w.Kind], fence)
	}
	if o.version.Less(o.key.purged) {
		c.s.failKey(o.key, "STORE", "resurrected: %v takes %v, by %s, but %v was purged", n, o, kindNames[w.Kind], o.key.purged)
	}
}

// kindNames are for people.
var kindNames = [...]string{
	replica.Fresh: "a client's write", replica.Repair: "a write-back", replica.Deliver: "a hint", replica.Stand: "a hint to keep", replica.Exchange: "an exchange",
}

// synced checks a disk after its sync: it holds what was decided, and never
// less than before but what was purged.
func (c *checker) synced(n *node, writes []replica.Write) {
	for i := range writes {
		w := &writes[i]
		if w.Result.Code != contract.OK {
			continue
		}
		switch {
		case w.Kind == replica.Stand:
			c.kept(n, w)
		case w.Kind == replica.Purge || w.Kind == replica.Heal || w.Kind == replica.Drop || w.Kind == replica.Note || w.Kind == replica.Rebuild:
			if k := c.s.history.find(w.Namespace, w.Key); k != nil {
				c.settle(n, k, false)
			}
		case w.Kind < replica.System:
			if o := c.s.written(nil, w.Record); o != nil {
				c.settle(n, o.key, false)
				if o.class != open {
					c.s.mark(markLateAck)
				}
			}
		}
	}
}

// recovered checks a disk after a crash.
func (c *checker) recovered(n *node) {
	c.outRecovers(n)
	for _, k := range c.s.history.keys {
		c.settle(n, k, true)
	}
	c.marksStay(n)
}

// settle compares what a disk holds synced of a key with the books.
func (c *checker) settle(n *node, k *key, crashed bool) {
	h := &n.held[k.index]
	if k.damaged == n.index && !c.mended(n, k, h) {
		return
	}
	v := hlc.Version{}
	if c.isOut(n, k.partition) {
		// Whatever is there may be less, and more than was given up or purged since.
		if o := c.s.written(k, n.disk.synced(k)); o != nil {
			v = o.version
		}
		*h = holding{synced: v, decided: v, lost: h.lost}
		c.recoverNotes(n, k)
		return
	}
	if rec := n.disk.synced(k); rec != nil {
		o := c.s.written(k, rec)
		if o == nil {
			c.s.failKey(k, "REG", "fabricated: %v holds %s", n, dump(rec))
			return
		}
		v, o.present = o.version, true
		c.ghost(o)
	}
	if purged := !h.purging.IsZero() && (v != h.synced || v.IsZero()); purged && h.purged.Less(h.purging) {
		h.purged = h.purging
		if k.purged.Less(h.purged) {
			k.purged = h.purged
		}
	}
	if v.Less(h.synced) && h.purged.Less(h.synced) || !crashed && v != h.decided {
		c.s.failKey(k, "STORE", "%v holds %v, after %v; it decided for %v", n, v, h.synced, h.decided)
	}
	*h = holding{synced: v, decided: v, purged: h.purged, lost: h.lost}
	c.found(n, k)
	if crashed {
		c.recoverNotes(n, k)
	}
}

// recoverNotes sees which notes of versions that were given up a crash has left.
func (c *checker) recoverNotes(n *node, k *key) {
	for _, o := range k.operations {
		if bit := uint16(1) << n.index; o.everNoted&bit != 0 && (o.noted&bit != 0) != n.disk.notes(k, o) {
			o.noted ^= bit
		}
	}
}

// holders is how many natural replicas of a key hold a version, or a higher
// one, synced, or did until that was purged.
func (c *checker) holders(k *key, v hlc.Version) int {
	q := c.holding(k, v)
	return q.total()
}

// holding is how many do in each domain.
func (c *checker) holding(k *key, v hlc.Version) (q needs) {
	for _, i := range k.owners {
		if n := c.s.nodes[i]; n.held[k.index].had(v) {
			q[0]++
			q[1+n.region]++
		}
	}
	return q
}

// meets says whether as many hold a version, or a higher one, as is needed.
func (c *checker) meets(k *key, q *needs, v hlc.Version) bool {
	have := c.holding(k, v)
	return have.enough(q)
}

// inStep is how many natural replicas hold the highest version that any of them
// does, if its write has ended; all, if it has not.
func (c *checker) inStep(k *key) int {
	var best hlc.Version
	for _, i := range k.owners {
		if v := c.s.nodes[i].held[k.index].synced; best.Less(v) {
			best = v
		}
	}
	if w := c.s.history.byVersion[best]; w == nil || w.class == open {
		return len(k.owners)
	}
	return c.holders(k, best)
}
