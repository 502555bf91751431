package coordinator

import (
	"math"
	"slices"

	"github.com/candordb/candor/ring"
)

// A replica that has become slow would make every read late that asks it, and the
// few hedges that there may be help few of them. So it is asked behind the others
// as long as it is slow against the best of them. That is told from the last few
// answers, so that it is noticed within some reads and forgotten as soon; the
// percentiles that hedges wait for change far too slowly for that.
//
// A Core sees few of the node's reads. What each has seen they tell each other
// through Paces, at every tick.

const (
	// slowTimes is how many times the pace of the best of the other replicas makes
	// one slow. That of the best counts as leastMicros at least: what is shorter
	// cannot be told apart.
	slowTimes = 4
	// silenceMicros is how long a quick replica has to be silent for that to be seen
	// before it answers: long enough to be slow beside another quick one.
	silenceMicros = slowTimes * leastMicros
	// paceSeen is of how many sightings a pace is told.
	paceSeen = 8
	// seenMost is how many sightings a Core keeps from one tick to the next. More
	// would say the same.
	seenMost = 64
	// stallMicros is how late a tick makes what has been seen since the last one
	// worthless: this node stood still, not its peers.
	stallMicros = 20_000
)

// Paces is how promptly the members answer reads at present, as all Cores of a
// node have seen it. Its owner hands it to each of them in turn (Core.Share).
type Paces struct {
	at      map[ring.NodeID]int // in members
	members []pace
	changes uint64 // of any usual time
}

// pace is the last sightings of one member.
type pace struct {
	id    ring.NodeID
	seen  [paceSeen]int64 // microseconds; 0 where there was none yet, which is quick
	next  int             // in seen
	usual int64           // their median
}

// sighting is how long a member took to answer a read, or has been silent.
type sighting struct {
	id     ring.NodeID
	micros int64
}

// add takes a sighting.
func (p *Paces) add(s sighting) {
	i, known := p.at[s.id]
	if !known {
		if p.at == nil {
			p.at = make(map[ring.NodeID]int)
		}
		i = len(p.members)
		p.at[s.id] = i
		p.members = append(p.members, pace{id: s.id})
	}
	m := &p.members[i]
	m.seen[m.next] = bucketEnd(bucketOf(s.micros)) // coarse, so that it seldom changes
	m.next = (m.next + 1) % paceSeen
	sorted := m.seen
	slices.Sort(sorted[:])
	if usual := sorted[(paceSeen-1)/2]; usual != m.usual {
		m.usual = usual
		p.changes++
	}
}

// Share tells the other Cores of the node what this one has seen, and takes over
// what they have. It is called with every tick, behind Tick and Hedge, with the
// same Paces for all Cores.
func (c *Core) Share(p *Paces, out *Effects) {
	h := &c.hedging
	h.watchStragglers(out.Micros)
	stalled := out.Micros-h.shared > stallMicros
	if !stalled && !h.stalled { // answers that lay here meanwhile are seen in the tick behind
		for _, s := range h.seen {
			p.add(s)
		}
	}
	h.seen, h.shared, h.stalled = h.seen[:0], out.Micros, stalled
	if h.changes == p.changes {
		return
	}
	h.changes, h.uneven = p.changes, false
	for i := range p.members {
		h.member(p.members[i].id).pace = p.members[i].usual
		h.uneven = h.uneven || p.members[i].usual >= slowTimes*leastMicros
	}
}

// see notes a sighting for the others.
func (h *hedging) see(id ring.NodeID, micros int64) {
	if len(h.seen) < seenMost {
		h.seen = append(h.seen, sighting{id, micros})
	}
}

// watch sees who has been silent for too long, once for each question. A silence
// that ends is seen by its full length too.
func (h *hedging) watch(s *slot, out *Effects) {
	of := s.silentNow().without(s.silent)
	for i, sent := range s.sent {
		if of.has(i) && out.Micros-sent >= silenceMicros && h.silent(s.node(i), out.Micros-sent) {
			s.silent.add(i)
		}
	}
}

// silent sees that a member is silent if that is long for it: a replica that is
// slow anyway is not seen before it answers.
func (h *hedging) silent(id ring.NodeID, micros int64) bool {
	if micros < slowTimes*max(h.pace(id), leastMicros) {
		return false
	}
	h.see(id, micros)
	return true
}

// slow is the owners, of some, that are slow against the best of these. One of
// which nothing is known is as good as any.
func (h *hedging) slow(v *ring.View, owners []uint16, among Mask) (slow Mask) {
	if !h.uneven {
		return 0
	}
	best := int64(math.MaxInt64 / slowTimes)
	for i, o := range owners {
		if among.has(i) {
			best = min(best, h.pace(v.Member(int(o)).ID))
		}
	}
	bound := slowTimes * max(best, leastMicros)
	for i, o := range owners {
		if among.has(i) && h.pace(v.Member(int(o)).ID) >= bound {
			slow.add(i)
		}
	}
	return slow
}

// pace is how long a member usually takes at present; 0 if that is not known.
func (h *hedging) pace(id ring.NodeID) int64 {
	if l := h.members[id]; l != nil {
		return l.pace
	}
	return 0
}
