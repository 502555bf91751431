package main

import (
	"encoding/json"
	"testing"
)

// keptFor is a cluster of which two nodes keep hints for n3 and one is silent, with
// invented figures.
func keptFor() *hintsReport {
	key, b64 := "user:42", "/w=="
	r := &hintsReport{
		APIVersion: apiVersion, Kind: "HintReport", Partial: true,
		Holders: []hintHolder{
			{Node: "n1", Targets: []hintTarget{
				{Node: "n2", Member: true, BytesMax: 1 << 30, Counters: map[string]uint64{"replayed": 12}},
				{
					Node: "n3", Member: true, Hints: 81_204, Bytes: 212 << 20, BytesMax: 1 << 30, Oldest: "2026-03-01T11:56:01.331Z", Refused: 2, Dirty: 14,
					Counters: map[string]uint64{"expired": 3, "overflowed": 1024},
				},
			}, Refused: []refusedHint{
				{Node: "n3", Namespace: "default", Key: &key, Version: "01a20325e5a800008f21c07d55aa1e04", Counted: true, Code: "CLOCK", Late: true, Time: "2026-03-01T12:00:01.331Z"},
				{Node: "n3", Namespace: "#9", KeyB64: &b64, Version: "01a20325e5a800008f21c07d55aa1e05", Code: "UNKNOWN_NAMESPACE", Time: "2026-03-01T12:00:01.332Z"},
			}, More: 7},
			{Node: "n2", Targets: []hintTarget{{Node: "n3", Member: true, Hints: 5, Bytes: 900, BytesMax: 1 << 30, Oldest: "2026-03-01T11:59:59.000Z"}}},
			{Node: "n3", Error: "10.0.0.3:7480: connection refused"},
		},
	}
	for i := range r.Holders[:2] {
		_ = json.Unmarshal([]byte(`{"seen_by":{"time":"2026-03-01T12:00:02.331Z"}}`), &r.Holders[i])
	}
	return r
}

func TestGoldenHints(t *testing.T) {
	goldenView(t, "hints", &hintsView{keptFor()})
	goldenView(t, "hints-refused", &refusedView{keptFor()})
	none := &hintsReport{Holders: []hintHolder{{Node: "n1"}, {Node: "n2"}}}
	goldenView(t, "hints-none", &hintsView{none})
	goldenView(t, "hints-refused-none", &refusedView{none})
	some, noneCounts := int64(1), int64(0)
	plan := &dropView{Node: "n3", Holders: []dropHolders{
		{Node: "n3", Error: "connection refused"}, {Node: "n1", Hints: 81_204, Bytes: 212 << 20, Oldest: "2026-03-01T11:56:01.331Z", Partitions: 614, Counted: &some},
	}}
	goldenView(t, "hints-drop", plan)
	plan.Holders[0] = dropHolders{Node: "n2", Hints: 5, Bytes: 900, Oldest: "2026-03-01T11:59:59.000Z", Partitions: 614, Counted: &noneCounts}
	golden(t, "hints-drop-all", plan.screen(false).String())
	plan.Applied = true
	golden(t, "hints-dropped", plan.screen(false).String())
}
