package sim

import (
	"math/bits"
	"slices"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/wire"
)

// Buried: a write that says what its writer has seen is told the highest live
// version above that, and below its own, which a counted replica replaced by it.

// buries notes what a write that stands on a node has replaced there, if its
// writer had not seen it. A write that was there already has replaced nothing.
func (c *checker) buries(n *node, now replica.Now, o *operation, kind replica.Kind, before hlc.Version) {
	if !o.saysSaw || kind != replica.Fresh || !o.saw.Less(before) || !before.Less(o.version) {
		return
	}
	if lost := c.s.history.byVersion[before]; lost == nil || !lost.liveAt(now.Physical) {
		return
	}
	if o.replaced == nil {
		o.replaced = make([]hlc.Version, len(c.s.nodes))
	}
	o.replaced[n.index] = before
}

// buriedTruth checks what the answer to a write says that it buried. Which
// replicas were counted only the coordinator knows; of those that have decided,
// every choice of so many replaced at least what the least of them did. One that a
// new epoch let begin anew is a repetition, of which nothing need be told.
func (c *checker) buriedTruth(o *operation, a *wire.WriteAnswer) {
	s := c.s
	switch {
	case !a.Buried.IsZero() && !o.saysSaw:
		s.failKey(o.key, "TRUTH", "%v buries %v, which it did not ask", o, a.Buried)
	case !a.Buried.IsZero() && !slices.Contains(o.replaced, a.Buried):
		s.failKey(o.key, "TRUTH", "%v buries %v, which no replica replaced: %v", o, a.Buried, o.replaced)
	case !a.Buried.IsZero():
		s.mark(markBuried)
	}
	if o.replaced == nil || o.tries > 1 || o.twice || o.doubled || a.Receipt.Acked < 1 {
		return
	}
	var each []hlc.Version
	for i, v := range o.replaced {
		if (o.stood|o.beaten)&(1<<i) != 0 {
			each = append(each, v)
		}
	}
	if len(each) == 0 {
		return // what the receipt counts is found wrong elsewhere
	}
	slices.SortFunc(each, hlc.Version.Compare)
	if least := each[min(a.Receipt.Acked, len(each))-1]; a.Buried.Less(least) {
		s.failKey(o.key, "TRUTH", "%v counts %d of %d replicas and is told that it buried %v, but they replaced at least %v", o, a.Receipt.Acked, bits.OnesCount16(o.stood|o.beaten), a.Buried, least)
	}
}
