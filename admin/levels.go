package admin

import (
	"math/bits"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/coordinator"
	"github.com/candordb/candor/ring"
)

// reachable is which owners of a partition can be reached; if it has to be sure,
// without those that are silent.
func (s *Snapshot) reachable(partition int, sure bool) (up coordinator.Mask, owners int) {
	for i, o := range s.View.Owners(partition) {
		if o == ring.NoOwner {
			continue
		}
		owners++
		if m := &s.Members[o]; m.Reachable && !(sure && m.Suspect) {
			up |= 1 << i
		}
	}
	return up, owners
}

// impossible lists the partitions in which a level cannot be met now, by the very
// rule that the coordinator refuses requests by; if it has to be sure, those too
// in which it takes a node that is silent. It is false for a level that is none of
// natural replicas (serial), or a number above N.
func (s *Snapshot) impossible(level contract.Level, sure bool) (list []int, ok bool) {
	list = []int{}
	var parts []coordinator.Part
	for p := range s.View.Q() {
		parts, ok = coordinator.AppendParts(parts[:0], level, s.View, s.View.Owners(p), s.Region)
		if !ok {
			return nil, false
		}
		if up, _ := s.reachable(p, sure); !meets(parts, up) {
			list = append(list, p)
		}
	}
	return list, true
}

func meets(parts []coordinator.Part, up coordinator.Mask) bool {
	for _, part := range parts {
		if bits.OnesCount64(uint64(up&part.Of)) < part.Need {
			return false
		}
	}
	return true
}
