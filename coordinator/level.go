package coordinator

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/traitor"
)

// Part is a set of a key's replicas, Need of which have to stand behind an
// answer. Most levels are one part, all replicas; each_quorum has one per region.
type Part struct {
	Of   Mask
	Need int
}

// AppendParts appends what a level asks of the owners of a key, in a cluster of
// N natural replicas, and is false for a level that none can meet (a number
// above N) or that is no matter of natural replicas (serial). Level any is level
// one of a sloppy write. region
// is the coordinator's, which is what the local levels mean.
func AppendParts(dst []Part, level contract.Level, v *ring.View, owners []uint16, region string) ([]Part, bool) {
	if need, ok := level.Need(v.N()); ok {
		return append(dst, Part{everyone, need}), true
	}
	switch level {
	case contract.Any:
		return append(dst, Part{everyone, 1}), true
	case contract.LocalOne:
		return append(dst, local(inRegion(v, owners, region), 1)), true
	case contract.LocalQuorum:
		of := inRegion(v, owners, region)
		return append(dst, local(of, contract.QuorumOf(of.count()))), true
	case contract.EachQuorum:
		return appendRegions(dst, v, owners), true
	}
	return dst, false
}

// local is the part of a local level.
func local(of Mask, need int) Part {
	if traitor.Is(traitor.LocalIsAnywhere) {
		of = everyone
	}
	return Part{of, need}
}

// everyone is all replicas of any key.
const everyone = ^Mask(0)

// inRegion is the owners that are members of a region.
func inRegion(v *ring.View, owners []uint16, region string) Mask {
	var of Mask
	for i, m := range owners {
		if m != ring.NoOwner && v.Member(int(m)).Region == region {
			of.add(i)
		}
	}
	return of
}

// appendRegions appends a quorum of each region that owns a replica.
func appendRegions(dst []Part, v *ring.View, owners []uint16) []Part {
	var done Mask
	for i, m := range owners {
		if m == ring.NoOwner || done.has(i) {
			continue
		}
		of := inRegion(v, owners, v.Member(int(m)).Region)
		of.add(i)
		done |= of
		dst = append(dst, Part{of, contract.QuorumOf(of.count())})
	}
	return dst
}

// NeedOf is how many replicas the parts ask for together.
func NeedOf(parts []Part) int {
	n := 0
	for _, p := range parts {
		n += p.Need
	}
	return n
}

// meets says whether the replicas of have, and extra more, are enough for every
// part.
func meets(parts []Part, have Mask, extra int) bool {
	for _, p := range parts {
		if (have&p.Of).count()+extra < p.Need {
			return false
		}
	}
	return true
}

// lacking is the replicas of the parts for which have is not enough.
func lacking(parts []Part, have Mask) Mask {
	var of Mask
	for _, p := range parts {
		if (have & p.Of).count() < p.Need {
			of |= p.Of
		}
	}
	return of
}
