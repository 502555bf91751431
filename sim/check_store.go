package sim

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/replica"
)

// holding is what a disk holds of a key, as the checker's books say.
type holding struct {
	synced  hlc.Version // what survives a power cut
	decided hlc.Version // that, and what the batch in work has decided
}

// applied checks what a replica has decided about a batch: a write stands only
// if no higher version was there, and is beaten only by one that was; a fresh
// one that was stamped too long ago is refused.
func (c *checker) applied(n *node, now replica.Now, writes []replica.Write) {
	for i := range writes {
		w := &writes[i]
		k := c.s.history.find(w.Namespace, w.Key)
		switch {
		case w.Kind == replica.System:
			continue
		case w.Kind == replica.Void && w.Result.Code == contract.OK:
			c.voided(n, w)
			continue
		case w.Result.Code != contract.OK:
			if w.Result.Code == contract.Clock && w.Result.Kind == contract.StampGivenUp {
				c.s.mark(markVoidRefused)
			}
			continue
		}
		o := c.s.written(k, w.Record)
		if o == nil || o.key != k {
			c.s.fail("REG", "fabricated: %v merges a record for key %q that nobody wrote: %s", n, w.Key, dump(w.Record))
			return
		}
		h := &n.held[o.key.index]
		switch winner := w.Result.Winner; {
		case o.key.damaged == n.index:
			c.s.failKey(o.key, "STORE", "%v takes a write where its record is damaged", n)
		case w.Kind == replica.Fresh && o.version.Time.Millis() < now.Physical-c.s.plan.AgeLimit.Milliseconds():
			c.s.failKey(o.key, "STORE", "%v takes %v as a fresh write at %d", n, o.version, now.Physical)
		case winner.IsZero() && o.version.Less(h.decided):
			c.s.failKey(o.key, "STORE", "%v says that %v stands, but held %v", n, o.version, h.decided)
		case winner.IsZero():
			c.againstVoid(n, w, o)
			c.buries(n, now, o, w.Kind, h.decided)
			h.decided = o.version
			o.stood |= 1 << n.index
		case winner != h.decided || !o.version.Less(winner):
			c.s.failKey(o.key, "TRUTH", "%v says that %v is beaten by %v, but held %v", n, o.version, winner, h.decided)
		default:
			o.beaten |= 1 << n.index
		}
	}
}

// synced checks a disk after its sync: it holds what was decided, and never
// less than before.
func (c *checker) synced(n *node, writes []replica.Write) {
	for i := range writes {
		if w := &writes[i]; w.Kind < replica.System && w.Result.Code == contract.OK {
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
	for _, k := range c.s.history.keys {
		c.settle(n, k, true)
	}
}

// settle compares what a disk holds synced of a key with the books.
func (c *checker) settle(n *node, k *key, crashed bool) {
	if k.damaged == n.index {
		return
	}
	h := &n.held[k.index]
	v := hlc.Version{}
	if rec := n.disk.synced(k); rec != nil {
		o := c.s.written(k, rec)
		if o == nil {
			c.s.failKey(k, "REG", "fabricated: %v holds %s", n, dump(rec))
			return
		}
		v, o.present = o.version, true
		c.ghost(o)
	}
	if v.Less(h.synced) || !crashed && v != h.decided {
		c.s.failKey(k, "STORE", "%v holds %v, after %v; it decided for %v", n, v, h.synced, h.decided)
	}
	*h = holding{v, v}
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
// one, synced.
func (c *checker) holders(k *key, v hlc.Version) int {
	q := c.holding(k, v)
	return q.total()
}

// holding is how many do in each domain.
func (c *checker) holding(k *key, v hlc.Version) (q needs) {
	for _, i := range k.owners {
		if n := c.s.nodes[i]; !n.held[k.index].synced.Less(v) {
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
