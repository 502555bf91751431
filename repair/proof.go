package repair

import (
	"slices"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
)

// part is a partition that this node replicates.
type part struct {
	partition int
	first     ring.NodeID // the first natural replica, who proposes watermarks
	pairs     []*pair     // with each other replica, in the owners' order
	reset     uint64      // serial of this node when it or another replica was last found in quarantine
	isolated  bool        // this node's own replica is quarantined

	proposal     *proposal
	proposed     int64 // when the last one was made, and of which mark; 0: there was none
	proposedMark hlc.Timestamp
	swept        hlc.Timestamp // the purge mark up to which nothing dead is left

	// Of a partition in quarantine: what is done about it, when that is tried again,
	// and why it failed or waits.
	rebuild *rebuild
	retry   int64
	blame   Blame
}

// pair is this node and another replica of a partition.
type pair struct {
	with ring.NodeID
	// asOf: both sides hold every record up to here that either holds, or a newer
	// one of its key. strict <= asOf: besides, when that was found out no member kept a
	// hint at or below it. 0: not proved.
	asOf, strict hlc.Timestamp
	// told is the least of the other replica's own pairs, as it last said, and said
	// what it was told last of this node's, rounded as messages round.
	told, toldStrict hlc.Timestamp
	said, saidStrict hlc.Timestamp
	why              Reason // why the last attempt proved nothing
}

// newPart keeps, of the same partition before, what stays true over an epoch.
func (c *Core) newPart(partition int, before []*part) *part {
	p := &part{partition: partition, reset: c.serial}
	var old *part
	if i, found := slices.BinarySearchFunc(before, partition, func(o *part, n int) int { return o.partition - n }); found {
		old = before[i]
	}
	for place, owner := range c.view.Owners(partition) {
		if owner == ring.NoOwner {
			break
		}
		id := c.view.Member(int(owner)).ID
		if place == 0 {
			p.first = id
		}
		if id == c.o.Self {
			continue
		}
		with := &pair{with: id, why: NotYet}
		if old != nil && old.pair(id) != nil {
			with.asOf = old.pair(id).asOf
		}
		p.pairs = append(p.pairs, with)
		peer := c.peer(id)
		peer.common = append(peer.common, partition)
	}
	if old != nil {
		p.swept = old.swept
	}
	return p
}

// pair is the pair with another replica; nil if it is none.
func (p *part) pair(with ring.NodeID) *pair {
	for _, x := range p.pairs {
		if x.with == with {
			return x
		}
	}
	return nil
}

// prove notes that the pair agrees. What was proved before stays so.
func (c *Core) prove(p *part, x *pair, bound, strict hlc.Timestamp) {
	x.asOf, x.strict, x.why = max(x.asOf, bound), max(x.strict, min(bound, strict)), None
}

// forget takes back all that was proved with a replica that has lost records, or
// with with nil by this node's own.
func (c *Core) forget(p *part, with *pair) {
	p.reset = c.serial
	for _, x := range p.pairs {
		if with == nil || x == with {
			*x = pair{with: x.with, said: x.said, saidStrict: x.saidStrict, why: Quarantined}
			c.kept.fell = true
		}
	}
	if p.proposal != nil && !p.proposal.adopting {
		p.proposal = nil // it stood on that
	}
	c.stop(func(e *exchange) bool { return e.part == p && (with == nil || e.pair == with) }, Quarantined)
}

// quarantines looks which of the own replicas are in quarantine, or are not any
// more.
func (c *Core) quarantines() {
	for _, p := range c.parts {
		is := c.local.Marks(p.partition).Quarantined
		if is && !p.isolated {
			c.forget(p, nil)
			p.proposal = nil // the others hear from whoever is first when it is healed
		}
		p.isolated = is
	}
}

// own is the least of this node's own pairs; a partition with one replica is
// proved by itself.
func (c *Core) own(p *part) (asOf, strict hlc.Timestamp) {
	if c.local.Marks(p.partition).Quarantined {
		return 0, 0
	}
	if len(p.pairs) == 0 {
		asOf = c.local.Floor()
		return asOf, min(asOf, c.least())
	}
	asOf, strict = p.pairs[0].asOf, p.pairs[0].strict
	for _, x := range p.pairs[1:] {
		asOf, strict = min(asOf, x.asOf), min(strict, x.strict)
	}
	return asOf, strict
}

// whole is the least over all pairs of replicas: the own ones, and those of which
// the others tell. With two replicas there is no other pair.
func (c *Core) whole(p *part) (asOf, strict hlc.Timestamp) {
	asOf, strict = c.own(p)
	if len(p.pairs) < 2 {
		return asOf, strict
	}
	for _, x := range p.pairs {
		asOf, strict = min(asOf, x.told), min(strict, x.toldStrict)
	}
	return asOf, strict
}
