package coordinator

import (
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/traitor"
)

// Hedging (rule 4, last point; Dean and Barroso, The Tail at Scale, 2013): when a
// replica has not answered a read after the time within which it answers nearly
// all of them, another one is asked. The first answers that are enough win.
// Nothing else changes: who was asked is asked, who answers counts once, and a
// late answer is one of those that are waited for. So a hedge can never make an
// answer weaker, only sooner.

// Hedging says when reads are hedged. Zero: never.
type Hedging struct {
	// Percentile is after how many of a hundred of its own answers a replica is
	// late.
	Percentile int
	// Percent is how many extra messages there may be for a hundred that reads
	// send to replicas anyway. At 0 nothing is timed, so that no replica is known to
	// be slow either.
	Percent int
}

// Hedges count the extra messages, by whether the answer took one, and the
// requests that would have been hedged if there had been any left.
type Hedges struct {
	Won, Lost, Denied uint64
}

// Of the budget.
const (
	hedgePrice = 100 // of one message; each message of a read brings Percent
	hedgeBurst = 10  // so many can be saved up
	hedgeFirst = 1   // and are there to begin with
)

// hedging is what a Core knows for hedging.
type hedging struct {
	Hedging
	budget  int
	members map[ring.NodeID]*latency
	counts  Hedges

	seen    []sighting // since the last Share
	shared  int64      // when that was, in microseconds
	stalled bool       // it came late
	changes uint64     // of the Paces, up to which they have been taken over
	uneven  bool       // some member may be slow
	avoided int        // reads that have avoided a slow replica since the last probe
	probes  uint32     // so far; the number of each stands in its call, where those of requests have the generation

	stragglers []straggler
}

func newHedging(h Hedging) hedging {
	return hedging{Hedging: h, budget: hedgeFirst * hedgePrice, members: make(map[ring.NodeID]*latency), seen: make([]sighting, 0, seenMost), stragglers: make([]straggler, 0, stragglersMost)}
}

// earn adds what the messages of a read allow.
func (h *hedging) earn(messages int) {
	h.budget = min(h.budget+messages*h.Percent, hedgeBurst*hedgePrice)
}

// sample takes the time that owner i took to answer what it was asked last.
func (h *hedging) sample(s *slot, i int, out *Effects) {
	if h.Percent == 0 || i == s.Self {
		return
	}
	id, micros := s.node(i), max(out.Micros-s.sent[i], 0)
	h.member(id).add(micros, h.Percentile)
	h.see(id, micros)
}

// member is what is known of a member, kept from now on.
func (h *hedging) member(id ring.NodeID) *latency {
	l := h.members[id]
	if l == nil {
		l = new(latency)
		h.members[id] = l
	}
	return l
}

// Hedges is what has become of the hedges so far.
func (c *Core) Hedges() Hedges { return c.hedging.counts }

// Hedge asks further replicas for the reads, and for the headers that ordered
// writes wait for, whose replicas are late. It is called behind Tick, unless the
// node has no room for extra work; a Core whose slots are nearly all in use
// hedges nothing by itself.
func (c *Core) Hedge(out *Effects) {
	if c.hedging.Percent == 0 || c.open == 0 || c.open*5 > c.limit*4 {
		return
	}
	for at, s := range c.slots {
		if s.open && s.waiting != 0 && (s.phase == ordering || s.Op == OpGet && (s.phase == reading || s.phase == fetching)) {
			c.hedging.watch(s, out)
			c.hedge(s, uint32(at), out)
		}
	}
}

// hedge asks for one request, as far as the budget goes.
func (c *Core) hedge(s *slot, at uint32, out *Effects) {
	late := c.late(s, out)
	if late == 0 {
		return
	}
	if late&s.source != 0 && meets(s.Parts, s.answered, 0) && !s.heads[s.newest()].version.Less(s.After) {
		// Enough have answered without the one that told of a newer record and now
		// cannot be heard: it is as if it had not been asked.
		s.phase, s.source = reading, 0
		c.decideRead(s, at, out)
		return
	}
	for of := s.wanting(late); of != 0; of = s.wanting(late) {
		i := s.next(of)
		if i < 0 {
			return
		}
		if c.hedging.budget < hedgePrice {
			if !s.denied {
				s.denied = true
				c.hedging.counts.Denied++
			}
			return
		}
		c.hedging.budget -= hedgePrice
		s.noteLate(late, out)
		s.hedgeWith(i, c.call(at, s), late, out)
	}
}

// hedgeWith asks owner i in place of late ones: for the whole record, if none is
// here and it would have come from them.
func (s *slot) hedgeWith(i int, call uint64, late Mask, out *Effects) {
	what := AskDigest
	if s.phase != ordering && s.best == nil && s.waiting.without(late)&s.full == 0 {
		what = AskRead
	}
	if late&s.source != 0 {
		// The winner's record is not waited for any longer. If it comes, it counts.
		s.phase, s.source = reading, 0
	}
	s.hedges.add(i)
	s.ask(i, call, what, nil, out)
}

// late is the owners that are waited for longer than usual. This node's own
// replica answers at once, or not at all.
func (c *Core) late(s *slot, out *Effects) (late Mask) {
	for i := range s.sent {
		silent := out.Micros - s.sent[i]
		if s.waiting.has(i) && i != s.Self && silent > leastMicros && silent > c.hedging.members[s.node(i)].patience() {
			late.add(i)
		}
	}
	return late
}

// wanting is the owners one of which has to be asked if late ones are not counted
// on: none, if the others can be enough.
func (s *slot) wanting(late Mask) Mask {
	rest := s.waiting.without(late)
	switch {
	case s.phase == ordering && (s.answered|rest).count() < s.quorum():
		return everyone
	case s.phase == ordering:
		return 0
	case rest == 0 && meets(s.Parts, s.answered, 0):
		return everyone // as what they hold is too old, or cannot be fetched
	}
	return lacking(s.Parts, s.answered|rest)
}

// noteLate says in the trace who is hedged against.
func (s *slot) noteLate(late Mask, out *Effects) {
	for i := range s.heads {
		if late.has(i) {
			s.note(out, i, "late: hedged")
		}
	}
}

// settleHedges counts the hedges whose answers were needed: without them, those
// of have are not enough. What is left counts as lost at the end of the request.
func (c *Core) settleHedges(s *slot, enough func(have Mask) bool, have Mask) {
	if s.hedges == 0 {
		return
	}
	for i := range s.heads {
		if s.hedges.has(i) && !enough(have.without(bit(i))) {
			s.hedges.remove(i)
			c.hedging.counts.Won++
		}
	}
}

// hedgeTwice is a planted bug: the answer to a hedge counts for those that were
// late, too.
func (s *slot) hedgeTwice(i int) {
	if !traitor.Is(traitor.HedgeTwice) || !s.hedges.has(i) {
		return
	}
	for j := range s.heads {
		if s.waiting.has(j) {
			s.heads[j] = s.heads[i]
		}
	}
	s.answered |= s.waiting
	s.waiting = 0
}
