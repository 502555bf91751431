package sim

import (
	"bytes"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/wire"
)

// REG: reads and writes whose levels overlap are a regular register with
// monotone reads. It is checked for every pair of levels: one that was told that
// W replicas hold v, and a later one that hears R, meet if W + R > N. So a read
// at ONE has to see what was acknowledged at ALL, and one at LOCAL_QUORUM what
// was acknowledged at EACH_QUORUM. A session never sees an older version of a
// key than it has seen, at any level; ordered writes follow each other in the
// order of their versions.

// read checks a GET that was answered.
func (c *checker) read(a *attempt, i int, r *wire.GetAnswer, when span) {
	o, q := a.operations[i], &a.asked[i]
	c.s.fig.Reads++
	needs, floor := c.achieved(a, i, r)
	floor = o.key.still(floor, &needs, o.invoked)
	if needs.total() > 1 || len(o.key.owners) == 1 {
		c.s.fig.RegReads++
	}
	if !o.key.meets(r.Version, floor) {
		c.s.failKey(o.key, "REG", "%v answers version %v, but %v was acknowledged or read before it began", o, r.Version, floor)
	}
	if !o.key.meets(r.Version, o.after) {
		c.s.failKey(o.key, "REG", "%v answers version %v, older than the one it names", o, r.Version)
	}
	if !o.after.IsZero() && r.Receipt.Asked > q.needs.total() {
		c.s.mark(markSessionElsewhere)
	}
	if k := o.key; k.damaged >= 0 && needs.total() == len(k.owners) && o.invoked > k.damagedAt {
		c.s.failKey(k, "REG", "%v is answered by all replicas, but the record of %v is damaged", o, c.s.nodes[k.damaged])
	}
	if r.Receipt.Repaired > 0 {
		c.s.mark(markWrittenBack)
	}
	o.key.told(&needs, r.Version, o.invoked)
	if w := c.shown(o.key, r.Version, r.ExpiresAt, when, r.Found); w != nil && r.Found {
		c.content(o.key, w, r.Value)
	}
}

// achieved is what a read was answered with: what it asked, or under weaken what
// its receipt names.
func (c *checker) achieved(a *attempt, i int, r *wire.GetAnswer) (needs, hlc.Version) {
	o, q := a.operations[i], &a.asked[i]
	if !o.has(contract.Weaken) || r.Receipt.Level == q.level {
		return q.needs, q.floor
	}
	n := needsOf(r.Receipt.Level, &o.key.sizes, a.node.region)
	return n, q.floors[n.total()]
}

// span is a stretch of a node's physical time, in which it decided whether a
// record has expired: one moment for a GET on its own, all the time that a BATCH
// takes for one of those.
type span struct{ from, to int64 }

// anyTime is for a SCAN, whose items were live by the clocks of the replicas
// that were asked.
var anyTime = span{0, 1<<63 - 1}

// shown checks that what a client is shown was written by somebody, under that
// version, and to this key. It returns the write.
func (c *checker) shown(k *key, v hlc.Version, expires int64, when span, found bool) *operation {
	if v.IsZero() {
		if found {
			c.s.failKey(k, "REG", "found, without a version")
		}
		return nil
	}
	w := c.s.history.byVersion[v]
	if w == nil || w.key != k {
		c.s.failKey(k, "REG", "fabricated: version %v was read, which nobody wrote here", v)
		return nil
	}
	w.shown = true
	c.ghost(w)
	canLive := w.liveAt(when.from)
	canBeGone := w.kind == wire.OpDelete || w.ttl != 0 && w.expiresAt() <= when.to
	switch {
	case found && !canLive, !found && !canBeGone:
		c.s.failKey(k, "REG", "found is %v within %v, but %v expires at %d", found, when, w, w.expiresAt())
	case found && expires != w.expiresAt():
		c.s.failKey(k, "REG", "expiry %d, but %v expires at %d", expires, w, w.expiresAt())
	}
	if !found && w.kind == wire.OpPut {
		c.s.mark(markExpiredRead)
	}
	return w
}

// content checks a value that is shown as that of a write.
func (c *checker) content(k *key, w *operation, value []byte) {
	if !bytes.Equal(value, w.value()) {
		c.s.failKey(k, "REG", "a value of operation %d is shown as that of %v", operationOf(value), w)
	}
}

// wrote checks a write that was answered OK. One that met an acknowledged
// higher version may not call itself applied.
func (c *checker) wrote(o *operation, q *asked, a *wire.WriteAnswer) {
	c.s.fig.Writes++
	needs, floor := q.needs, q.floor
	if o.sloppy() {
		// Only real copies count here: with so many that they are met by a later request.
		needs = needsOf(contract.Level(a.Receipt.Acked), &o.key.sizes, 0)
		floor = q.floors[min(a.Receipt.Acked, o.key.sizes[0])]
	}
	floor = o.key.still(floor, &needs, o.invoked)
	if a.Outcome == contract.Applied && o.version.Less(floor) {
		c.s.failKey(o.key, "REG", "%v is answered applied, but %v was acknowledged before it began", o, floor)
	}
	if o.has(contract.Ordered) && !q.quorum.Less(o.version) {
		c.s.failKey(o.key, "REG", "%v is ordered, but a quorum held %v before it began", o, q.quorum)
	}
	if a.Outcome == contract.Superseded {
		c.s.fig.Superseded++
		c.s.mark(markSuperseded)
	}
	if o.tries > 1 {
		c.s.mark(markOtherNode)
	}
	o.need = max(o.need, q.needs.total())
	o.key.told(&needs, o.version, o.invoked)
}

// outcome checks an OUTCOME about a write.
func (c *checker) outcome(o *operation, q *asked, a *wire.OutcomeAnswer) {
	w := o.about
	switch a.Fate {
	case contract.Committed:
		w.acked, w.need = true, max(w.need, q.needs.total())
		if w.class == doubt {
			w.class = done
		}
		if w.doubtful {
			c.s.mark(markOutcomeCommitted)
		}
	case contract.FateSuperseded:
		if w.doubtful {
			c.s.mark(markOutcomeSuperseded)
		}
	case contract.Pending:
		c.s.mark(markOutcomePending)
	case contract.Forgotten:
		c.s.mark(markOutcomeForgotten)
	}
	// Of what was purged, and is nowhere therefore, it can be pending; and where it
	// took all of the time to ask who may have stood in.
	floor := o.key.still(q.floor, &q.needs, o.invoked)
	gone := a.Fate == contract.Pending && (w.sloppy() || !o.key.purged.Less(floor))
	if (a.Fate == contract.Pending || a.Fate == contract.NotApplied) && !floor.Less(w.version) && !gone {
		c.s.failKey(o.key, "REG", "%v is %v, but %v was acknowledged before it began", o, a.Fate, floor)
	}
	if a.Fate == contract.Committed || a.Fate == contract.FateSuperseded {
		o.key.told(&q.needs, a.Winner, o.invoked)
	}
}
