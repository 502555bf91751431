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
// at ONE has to see what was acknowledged at ALL.

// read checks a GET that was answered.
func (c *checker) read(o *operation, a *wire.GetAnswer, when span) {
	c.s.fig.Reads++
	if o.need > 1 || len(o.key.owners) == 1 {
		c.s.fig.RegReads++
	}
	if a.Version.Less(o.floor) {
		c.s.failKey(o.key, "REG", "%v answers version %v, but %v was acknowledged or read before it began", o, a.Version, o.floor)
	}
	if a.Version.Less(o.after) {
		c.s.failKey(o.key, "REG", "%v answers version %v, older than the one it names", o, a.Version)
	}
	if k := o.key; k.damaged >= 0 && o.need == len(k.owners) && o.invoked > k.damagedAt {
		c.s.failKey(k, "REG", "%v is answered by all replicas, but the record of %v is damaged", o, c.s.nodes[k.damaged])
	}
	if a.Receipt.Repaired > 0 {
		c.s.mark("read written back before its answer")
	}
	o.key.told(o.need, a.Version)
	c.shown(o.key, a.Version, a.Found, a.Value, a.ExpiresAt, when)
}

// span is a stretch of a node's physical time, in which it decided whether a
// record has expired: one moment for a GET on its own, all the time that a BATCH
// takes for one of those.
type span struct{ from, to int64 }

// anyTime is for a SCAN, whose items were live by the clocks of the replicas
// that were asked.
var anyTime = span{0, 1<<63 - 1}

// shown checks that what a client is shown was written by somebody, under that
// version, and to this key.
func (c *checker) shown(k *key, v hlc.Version, found bool, value []byte, expires int64, when span) {
	if v.IsZero() {
		if found {
			c.s.failKey(k, "REG", "found, without a version")
		}
		return
	}
	w := c.s.history.byVersion[v]
	if w == nil || w.key != k {
		c.s.failKey(k, "REG", "fabricated: version %v was read, which nobody wrote here", v)
		return
	}
	w.seen = true
	c.ghost(w)
	canLive := w.kind == wire.OpPut && (w.ttl == 0 || w.expiresAt() > when.from)
	canBeGone := w.kind == wire.OpDelete || w.ttl != 0 && w.expiresAt() <= when.to
	switch {
	case found && !canLive, !found && !canBeGone:
		c.s.failKey(k, "REG", "found is %v within %v, but %v expires at %d", found, when, w, w.expiresAt())
	case found && expires != w.expiresAt():
		c.s.failKey(k, "REG", "expiry %d, but %v expires at %d", expires, w, w.expiresAt())
	case found && !bytes.Equal(value, w.value()):
		c.s.failKey(k, "REG", "a value of operation %d is shown as that of %v", operationOf(value), w)
	}
	if !found && w.kind == wire.OpPut {
		c.s.mark("expired value read as absent")
	}
}

// wrote checks a write that was answered OK. One that met an acknowledged
// higher version may not call itself applied.
func (c *checker) wrote(o *operation, a *wire.WriteAnswer) {
	c.s.fig.Writes++
	if a.Outcome == contract.Applied && o.version.Less(o.floor) {
		c.s.failKey(o.key, "REG", "%v is answered applied, but %v was acknowledged before it began", o, o.floor)
	}
	if a.Outcome == contract.Superseded {
		c.s.fig.Superseded++
		c.s.mark("answer superseded")
	}
	if o.tries > 1 {
		c.s.mark("same version retried through another node")
	}
	o.key.told(o.need, o.version)
}

// outcome checks an OUTCOME about a write.
func (c *checker) outcome(o *operation, a *wire.OutcomeAnswer) {
	quorum := needOf(contract.Quorum, c.s.plan.Replicas)
	switch a.Fate {
	case contract.Committed:
		if a.Winner != o.version {
			c.s.failKey(o.key, "TRUTH", "%v is committed, with winner %v", o, a.Winner)
		}
		o.acked = true
		c.s.mark("in-doubt write settled by OUTCOME")
	case contract.FateSuperseded:
		if !o.version.Less(a.Winner) || c.s.history.byVersion[a.Winner] == nil {
			c.s.failKey(o.key, "TRUTH", "%v is superseded by %v", o, a.Winner)
		}
		c.s.mark("OUTCOME superseded")
	case contract.Pending:
		if !o.version.Less(o.floor) {
			break
		}
		c.s.failKey(o.key, "REG", "OUTCOME of %v is pending, but %v was acknowledged before", o, o.floor)
	default:
		c.s.failKey(o.key, "TRUTH", "OUTCOME of %v is %v, which this build cannot know", o, a.Fate)
	}
	if a.Fate != contract.Pending {
		o.key.told(quorum, a.Winner)
	}
}
