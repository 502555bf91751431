package repair

import (
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
)

// Counters count what a Core did. They only rise.
type Counters struct {
	// Comparisons are ROOTS that this node began, Exchanges those of one partition.
	Comparisons, Exchanges struct{ Done, Failed uint64 }
	// Records that moved in exchanges that this node began: read from others, and
	// written to them; and their bytes.
	RecordsIn, RecordsOut         uint64
	RecordBytesIn, RecordBytesOut uint64
	// Bytes of messages.
	BytesIn, BytesOut uint64
	Refusals          uint64 // requests of others that were refused

	WatermarksAdopted   uint64 // of partitions that this node is the first of
	Purged, PurgedBytes uint64

	Rebuilt, RebuildsFailed uint64 // partitions put back into service; attempts that failed
	Restored                uint64 // records that rebuilds have taken
	Dropped                 uint64 // own records that they have removed
	Healed                  uint64 // damaged records that were replaced or removed

	Damaged    uint64 // records met that do not pass their checksum
	Conflicts  uint64 // one version with two contents: a broken invariant
	HintsBelow uint64 // hints at or below what was promised: a broken invariant
}

// Counters is a reading.
func (c *Core) Counters() Counters { return c.counters }

// Blame says who holds something back, and why. The zero Blame: nobody.
type Blame struct {
	Node ring.NodeID // may be this node itself
	Why  Reason
}

// AsOf is how far all replicas of a partition are proved to agree: all hold each
// record up to here that any of them holds, or a newer one of its key. 0: that is
// not known (yet). Blame is who holds it back most: of two that hold it equally,
// the first in the owners' order. It is asked of partitions that this node
// replicates; of others it knows nothing.
func (c *Core) AsOf(partition int) (hlc.Timestamp, Blame) {
	p := c.part(partition)
	if p == nil {
		return 0, Blame{c.o.Self, NotOwner}
	}
	asOf, _ := c.whole(p)
	return asOf, c.blame(p, asOf)
}

// Strict is as AsOf, but counts only what was proved when no member kept a hint at
// or below it any more: no path brings to one replica alone what lies below it. It
// is what watermarks are proposed from.
func (c *Core) Strict(partition int) hlc.Timestamp {
	p := c.part(partition)
	if p == nil {
		return 0
	}
	_, strict := c.whole(p)
	return strict
}

// blame looks first at the pairs of this node that hold it back, then at what the
// others have told of theirs.
func (c *Core) blame(p *part, asOf hlc.Timestamp) Blame {
	if c.local.Marks(p.partition).Quarantined {
		return Blame{c.o.Self, Quarantined}
	}
	for _, x := range p.pairs {
		switch {
		case x.asOf != asOf:
		case !c.local.Reachable(x.with):
			return Blame{x.with, Unreachable}
		case x.why != None:
			return Blame{x.with, x.why}
		}
	}
	for _, x := range p.pairs {
		switch {
		case len(p.pairs) < 2 || x.told != asOf:
		case !c.local.Reachable(x.with):
			return Blame{x.with, Unreachable}
		case asOf == 0:
			return Blame{x.with, NotYet}
		case !c.fresh(asOf):
			return Blame{x.with, Behind}
		}
	}
	return Blame{}
}

// fresh says whether an as-of is no older than a full cycle of comparisons makes
// it: a pair proves once in an interval, and tells of it in the next.
func (c *Core) fresh(asOf hlc.Timestamp) bool {
	return asOf != 0 && asOf.Millis() >= c.local.Clock().Millis()-c.o.AgeLimit-5*c.o.ExchangeInterval/2
}

// States count this node's partitions by how well they are proved.
type States struct {
	Proven  int // as far as the schedule allows
	Behind  int
	Blocked int // behind, and a replica cannot be reached, is quarantined or refuses
	Unknown int // nothing is proved yet
}

// States is a reading; oldest is the least as-of of all partitions, 0 if one is
// unknown.
func (c *Core) States() (s States, oldest hlc.Timestamp) {
	for i, p := range c.parts {
		asOf, _ := c.whole(p)
		if i == 0 || asOf < oldest {
			oldest = asOf
		}
		why := c.blame(p, asOf).Why
		switch {
		case c.fresh(asOf):
			s.Proven++
		case why == Unreachable || why == Quarantined || why == OtherEpoch || why == Damaged || why == Refused:
			s.Blocked++
		case asOf == 0:
			s.Unknown++
		default:
			s.Behind++
		}
	}
	return s, oldest
}

// Watermark is that of a partition as this node has adopted it, and who keeps it
// from rising: of the proposal that is under way, or of the proof that the next one
// needs. Only the first natural replica knows of proposals.
func (c *Core) Watermark(partition int) (hlc.Timestamp, Blame) {
	p := c.part(partition)
	if p == nil {
		return 0, Blame{c.o.Self, NotOwner}
	}
	marks := c.local.Marks(partition)
	if p.proposal != nil {
		for i := range p.proposal.voters {
			v := &p.proposal.voters[i]
			switch {
			case v.yes:
			case v.id != c.o.Self && !c.local.Reachable(v.id):
				return marks.Purge, Blame{v.id, Unreachable}
			case v.why != None:
				return marks.Purge, Blame{v.id, v.why}
			}
		}
		return marks.Purge, Blame{}
	}
	if c.fresh(marks.Purge) {
		return marks.Purge, Blame{}
	}
	asOf, strict := c.whole(p)
	if blame := c.blame(p, asOf); blame != (Blame{}) {
		return marks.Purge, blame
	}
	if strict < asOf {
		return marks.Purge, c.hintsBlame()
	}
	return marks.Purge, Blame{}
}

// hintsBlame is the member whose hints reach lowest, as far as is known; nobody,
// where no hint holds anything back, but only how far the floors have come.
func (c *Core) hintsBlame() (lowest Blame) {
	least := never
	if above := c.hintsAbove(); above < c.local.Floor() {
		least, lowest = above, Blame{c.o.Self, HintBelow}
	}
	for _, p := range c.peers {
		switch {
		case p.above == 0:
			return Blame{p.id, HintsUnknown}
		case p.above >= least:
		case !c.local.Reachable(p.id):
			least, lowest = p.above, Blame{p.id, Unreachable}
		case p.above < p.floor:
			least, lowest = p.above, Blame{p.id, HintBelow}
		}
	}
	return lowest
}

// never is above every time.
const never = ^hlc.Timestamp(0)
