package verdict

import (
	"math/bits"

	"github.com/candordb/candor/contract"
)

// part is a set of a partition's replicas, and how many of them a level needs: bit i
// is the i-th owner.
type part struct {
	of   uint64
	need int
}

// everyone is all replicas.
const everyone = ^uint64(0)

// parts are what a level asks of the owners of a partition in a cluster of N copies,
// by way of a node of the region. It is false for a level that is not known here. It
// is the coordinator's own rule, by which requests are refused; but any, which is met
// by any node, asks for none, and serial for a quorum.
func (e *evidence) parts(level contract.Level, owners []uint16, region string) ([]part, bool) {
	n := e.Cluster.Replicas
	if need, ok := level.Need(n); ok {
		return []part{{everyone, need}}, true
	}
	switch {
	case level == contract.Any:
		return nil, true
	case level == contract.Serial:
		return []part{{everyone, contract.QuorumOf(n)}}, true
	case level == contract.LocalOne:
		return []part{{e.inRegion(owners, region), 1}}, true
	case level == contract.LocalQuorum:
		of := e.inRegion(owners, region)
		return []part{{of, contract.QuorumOf(bits.OnesCount64(of))}}, true
	case level == contract.EachQuorum:
		return e.ofEachRegion(owners), true
	case level >= contract.One && level <= contract.LevelsExact:
		return []part{{everyone, int(level)}}, true // more than there are copies: never
	}
	return nil, false
}

func (e *evidence) inRegion(owners []uint16, region string) (of uint64) {
	for i, o := range owners {
		if e.Members[o].Region == region {
			of |= 1 << i
		}
	}
	return of
}

func (e *evidence) ofEachRegion(owners []uint16) (parts []part) {
	done := uint64(0)
	for i, o := range owners {
		if done&(1<<i) == 0 {
			of := e.inRegion(owners, e.Members[o].Region)
			done |= of
			parts = append(parts, part{of, contract.QuorumOf(bits.OnesCount64(of))})
		}
	}
	return parts
}

func meets(parts []part, up uint64) bool {
	for _, p := range parts {
		if bits.OnesCount64(up&p.of) < p.need {
			return false
		}
	}
	return true
}

// region is that of the collector.
func (e *evidence) region() string {
	if i, ok := e.index[e.SeenBy.ID]; ok {
		return e.Members[i].Region
	}
	return ""
}
