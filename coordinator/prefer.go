package coordinator

import (
	"math/bits"

	"github.com/candordb/candor/ring"
)

// preference is in which order a request asks the owners of its key (rules 3 and
// 4): this node; then those that can be reached and are not suspected, in the order
// in which they stand in the table, but those of its zone before others, and those
// of its region before those of other regions; then those that are slow; then
// suspects. It says who is asked first, never who counts.
type preference struct {
	self          int  // this node; -1: it owns no copy
	suspect, slow Mask // asked behind others
	region, zone  Mask // asked in front of others; zone is a part of region
}

// first is the one of some owners to ask first; -1 if there are none.
func (p *preference) first(of Mask) int {
	switch {
	case of == 0:
		return -1
	case p.self >= 0 && of.has(p.self):
		return p.self
	}
	// The one that matters most comes first: it narrows what the others choose from.
	for _, better := range [...]Mask{^p.suspect, ^p.slow, p.region, p.zone} {
		if of&better != 0 {
			of &= better
		}
	}
	return bits.TrailingZeros64(uint64(of))
}

// near is the owners in a member's region, and those of them in its zone too. A
// zone's name means nothing outside its region.
func near(v *ring.View, owners []uint16, id ring.NodeID) (region, zone Mask) {
	at, member := v.Index(id)
	if !member {
		return 0, 0
	}
	here := v.Member(at)
	for i, o := range owners {
		if o == ring.NoOwner || v.Member(int(o)).Region != here.Region {
			continue
		}
		region.add(i)
		if v.Member(int(o)).Zone == here.Zone {
			zone.add(i)
		}
	}
	return region, zone
}

// prefer sets in which order a read asks.
func (c *Core) prefer(s *slot) {
	p := &s.prefer
	p.region, p.zone = near(s.View, s.Owners, s.Coordinator)
	among := s.Up.without(s.Suspect)
	if s.Self >= 0 {
		among.remove(s.Self)
	}
	p.slow = c.hedging.slow(s.View, s.Owners, among)
}

// next is the owner to ask next, among those of; -1 if all have been asked.
func (s *slot) next(of Mask) int { return s.prefer.first(s.Up.without(s.asked) & of) }
