package sim

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/replica"
)

// holding is what a disk holds of a key, as the checker's books say.
type holding struct {
	synced  hlc.Version // what survives a power cut
	decided hlc.Version // that, and what the batch in work has decided
}

// written is the write that made a record; nil if nobody did.
func (s *Sim) written(rec []byte) *operation {
	r, err := record.Parse(rec)
	if err != nil {
		return nil
	}
	return s.history.byVersion[r.Version]
}

// applied checks what a replica has decided about a batch: a write stands only
// if no higher version was there, and is beaten only by one that was; a fresh
// one that was stamped too long ago is refused.
func (c *checker) applied(n *node, now replica.Now, writes []replica.Write) {
	for i := range writes {
		w := &writes[i]
		if w.Kind == replica.System || w.Result.Code != contract.OK {
			continue
		}
		o := c.s.written(w.Record)
		if o == nil {
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
		if w := &writes[i]; w.Kind != replica.System && w.Result.Code == contract.OK {
			if o := c.s.written(w.Record); o != nil {
				c.settle(n, o.key, false)
				if o.class != open {
					c.s.mark("late ack after the answer")
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
		o := c.s.written(rec)
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
}

// holders is how many natural replicas of a key hold a version, or a higher
// one, synced.
func (c *checker) holders(k *key, v hlc.Version) int {
	n := 0
	for _, i := range k.owners {
		if !c.s.nodes[i].held[k.index].synced.Less(v) {
			n++
		}
	}
	return n
}
