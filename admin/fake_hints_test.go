package admin

import (
	"slices"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/ring"
)

// hintFake is the Hinter of a fake: hints for n3, which is down, one of them
// refused, and none any more for n2.
type hintFake struct{ replayed, dropped []ring.NodeID }

func (f *hintFake) Hints() []HintTarget {
	return []HintTarget{
		{Target: nodeID(2), BytesMax: 1 << 30, Counters: []Counter{{"stored", 9}, {"replayed", 9}}},
		{
			Target: nodeID(3), Count: 81_204, Bytes: 212 << 20, BytesMax: 1 << 30, Oldest: testVersion.Time, Refused: 1, DirtyPartitions: 2,
			Counters: []Counter{{"stored", 81_210}, {"replayed", 6}},
		},
	}
}

func (f *hintFake) RefusedHints() ([]RefusedHint, int64) {
	return []RefusedHint{
		{Target: nodeID(3), Namespace: 1, Key: []byte("user:42"), Version: testVersion, Counted: true, Code: contract.Clock, Late: true, At: testTime.UnixMilli()},
		{Target: nodeID(3), Namespace: 9, Key: []byte{0xff}, Version: newer, Code: contract.BadRequest, At: testTime.UnixMilli()},
	}, 3
}

func (f *hintFake) has(id ring.NodeID) bool {
	return slices.ContainsFunc(f.Hints(), func(t HintTarget) bool { return t.Target == id && t.Count > 0 })
}

func (f *hintFake) ReplayHints(id ring.NodeID) bool {
	f.replayed = append(f.replayed, id)
	return f.has(id)
}

func (f *hintFake) CountedHints(ring.NodeID) (int64, error) { return 3, nil }

func (f *hintFake) DropHints(id ring.NodeID) bool {
	f.dropped = append(f.dropped, id)
	return f.has(id)
}
