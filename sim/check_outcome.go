package sim

import (
	"slices"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/wire"
)

// TRUTH (5): what OUTCOME calls committed is on a quorum, or a higher version
// that met it is; what it calls not applied never appears afterwards, in any
// answer or on any disk, however late a message comes.

// outcomeTruth checks an answer to OUTCOME as it leaves.
func (c *checker) outcomeTruth(o *operation, a *wire.OutcomeAnswer) {
	s, w := c.s, o.about
	quorum := needsOf(contract.Quorum, &o.key.sizes, 0)
	if w.class == open {
		s.mark(markOutcomeInFlight)
	}
	switch a.Fate {
	case contract.Committed, contract.FateSuperseded:
		wrong := a.Fate == contract.Committed && a.Winner != w.version
		higher := a.Fate == contract.FateSuperseded && (!w.version.Less(a.Winner) || s.history.byVersion[a.Winner] == nil)
		if wrong || higher {
			s.failKey(o.key, "TRUTH", "%v is %v, with winner %v", o, a.Fate, a.Winner)
		}
		if !c.meets(o.key, &quorum, a.Winner) {
			s.failKey(o.key, "TRUTH", "%v is %v, but %d of %d replicas hold %v", o, a.Fate, c.holders(o.key, a.Winner), len(o.key.owners), a.Winner)
		}
		if w.voided && a.Fate == contract.Committed {
			s.failKey(o.key, "TRUTH", "%v is committed, after it was not applied", o)
		}
	case contract.NotApplied:
		c.notApplied(o, w)
	case contract.Pending:
	case contract.Forgotten:
		if !c.fenced(o.key, w.version) {
			s.failKey(o.key, "TRUTH", "%v is forgotten, but no replica has a fence so high", o)
		}
	default:
		s.failKey(o.key, "TRUTH", "%v is %v, which this build cannot know", o, a.Fate)
	}
}

// notApplied checks that a write which is said to be given up is nowhere, and
// that every natural replica has noted it. A higher version may have come since.
func (c *checker) notApplied(o, w *operation) {
	s := c.s
	if w.doubtful {
		s.mark(markOutcomeNotApplied)
	}
	w.voided = true
	if w.acked {
		s.failKey(o.key, "TRUTH", "%v is not applied, but was acknowledged", o)
	}
	if c.fenced(o.key, w.version) {
		s.mark(markOutcomeByFence)
		c.ghost(w)
		return
	}
	for _, i := range o.key.owners {
		if n := s.nodes[i]; !n.disk.notes(o.key, w) && !(w.everNoted&(1<<i) != 0 && n.wrecked > w.invoked) {
			s.failKey(o.key, "TRUTH", "%v is not applied, but the disk of %v has no note of it", o, n)
		}
	}
	c.ghost(w)
}

// fenced says whether a replica has agreed to a watermark at or above a version:
// then all hold the same of what lies there, and nothing more comes.
func (c *checker) fenced(k *key, v hlc.Version) bool {
	return slices.ContainsFunc(k.owners, func(i int) bool {
		n := c.s.nodes[i]
		return n.durable.Partition(k.partition).Fence >= v.Time || n.fences != nil && n.fences[k.partition] >= v.Time
	})
}

// notes says whether a disk holds a durable note that a write was given up.
func (d *disk) notes(k *key, w *operation) bool {
	d.scratch = storage.AppendVoidKey(d.scratch[:0], k.token, k.space.number, k.name, w.version)
	_, noted := d.engine.Synced(d.scratch)
	return noted
}

// voided checks what a replica has decided about a note. It is in the batch that
// is about to be written, behind all before it.
func (c *checker) voided(n *node, w *replica.Write) {
	s := c.s
	o := s.history.byVersion[w.Version]
	if o == nil {
		s.fail("TRUTH", "%v is asked to note version %v of key %q, which nobody wrote", n, w.Version, w.Key)
		return
	}
	if !slices.Contains(o.key.owners, n.index) {
		s.mark(markBarred) // it only stands in
		return
	}
	h := &n.held[o.key.index]
	switch held := !h.decided.Less(o.version); {
	case o.key.damaged == n.index:
		s.failKey(o.key, "STORE", "%v notes that %v was given up where its record is damaged", n, o)
	case held != !w.Result.Winner.IsZero() || held && w.Result.Winner != h.decided:
		s.failKey(o.key, "STORE", "%v is asked to give up %v, holds %v, and says %v", n, o.version, h.decided, w.Result.Winner)
	case !held:
		o.noted |= 1 << n.index
		o.everNoted |= o.noted
		s.mark(markVoidNoted)
	}
}

// againstVoid checks a write that has been taken where it was given up: only a
// replica that holds it may have sent it.
func (c *checker) againstVoid(n *node, w *replica.Write, o *operation) {
	if o.noted&(1<<n.index) == 0 {
		return
	}
	if w.Kind != replica.Repair && w.Kind != replica.Exchange {
		c.s.failKey(o.key, "STORE", "%v takes %v as a fresh write, which its disk notes as given up", n, o)
		return
	}
	o.noted &^= 1 << n.index
	c.s.mark(markVoidErased)
}
