package coordinator

import (
	"slices"

	"github.com/candordb/candor/ring"
)

// choose sets the members to ask for the present partition: as many as the level
// needs, in order of preference. Where these are too few and the scan may be
// weakened, it is whoever is left, but no more than the level needs. False: it
// cannot go on here.
func (s *scan) choose() (lowered, ok bool) {
	owners := s.View.Owners(s.partition)
	s.parts, _ = AppendParts(s.parts[:0], s.Level, s.View, owners, s.Region)
	s.asked = s.asked[:0]
	var have Mask
	candidates := s.candidates(owners)
	for _, i := range candidates {
		if lacking(s.parts, have).has(i) {
			have.add(i)
			s.asked = append(s.asked, int(owners[i]))
		}
	}
	if meets(s.parts, have, 0) {
		return false, true
	}
	for _, i := range candidates { // those of other regions too, but no more than the level needs
		if !have.has(i) && len(s.asked) < NeedOf(s.parts) {
			s.asked = append(s.asked, int(owners[i]))
		}
	}
	return true, s.Weaken && len(s.asked) > 0
}

// can says whether the scan can go on in the present partition.
func (s *scan) can() bool {
	_, ok := s.choose()
	return ok
}

// candidates are the owners that can be asked, in order of preference.
func (s *scan) candidates(owners []uint16) []int {
	var can, others Mask
	p := preference{self: -1}
	p.region, p.zone = near(s.View, owners, s.Self)
	for i, o := range owners {
		if o == ring.NoOwner || !s.up[o] || s.failed[o] {
			continue
		}
		can.add(i)
		switch {
		case s.View.Member(int(o)).ID == s.Self:
			p.self = i
		case s.suspect[o]:
			p.suspect.add(i)
		default:
			others.add(i)
		}
	}
	p.slow = s.hedging.slow(s.View, owners, others)
	list := make([]int, 0, can.count())
	for ; can != 0; can.remove(list[len(list)-1]) {
		list = append(list, p.first(can))
	}
	return list
}

// run is the last token up to which the members that are asked hold every
// partition from the present one on, and are enough for the level.
func (s *scan) run(lowered bool) ring.Token {
	p := s.partition
	for !lowered && p+1 < s.View.Q() && s.enough(p+1) {
		p++
	}
	return min(s.Last, ring.PartitionEnd(p, s.View.Bits()))
}

// enough says whether the members that are asked hold a partition, and are as
// many as the level needs there.
func (s *scan) enough(partition int) bool {
	owners := s.View.Owners(partition)
	var have Mask
	for _, m := range s.asked {
		i := slices.Index(owners, uint16(m))
		if i < 0 {
			return false
		}
		have.add(i)
	}
	s.parts, _ = AppendParts(s.parts[:0], s.Level, s.View, owners, s.Region)
	return meets(s.parts, have, 0)
}

// askedIndex is which of the members that were asked a node is; -1: none.
func (s *scan) askedIndex(id ring.NodeID) int {
	m, member := s.View.Index(id)
	if !member {
		return -1
	}
	return slices.Index(s.asked, m)
}

// skip is a planted bug: it goes on behind the present partition.
func (s *scan) skip() bool {
	s.last = min(s.Last, ring.PartitionEnd(s.partition, s.View.Bits()))
	s.passed()
	return true
}
