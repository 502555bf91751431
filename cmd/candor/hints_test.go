package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
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

// Hints that are being dropped are still counted for a moment, which is said.
func TestHintsBeingDroppedAreTold(t *testing.T) {
	r := keptFor()
	r.Holders[1].Targets[0].Dropping = true
	v := &hintsView{r}
	if text := v.screen(false).String(); !strings.Contains(text, "\nbeing dropped: those kept by n2 for n3; the counts fall to 0\n") {
		t.Errorf("%s", text)
	}
	if text := (&hintsView{keptFor()}).screen(false).String(); strings.Contains(text, "dropped: ") {
		t.Errorf("%s", text)
	}
}

// A node keeps no hints for itself: that it is down leaves nothing open about those for
// it, and they cannot be replayed meanwhile.
func TestHintsForANodeThatIsDown(t *testing.T) {
	nodes := []member{{Name: "n1", ID: "01"}, {Name: "n3", ID: "03"}}
	down := errors.New("connection refused")
	of := func(target string) *hintsReport {
		t.Helper()
		kept := &hintHolder{Targets: []hintTarget{{Node: "n3", ID: "03", Hints: 2}}}
		r, err := hintsOf(target, nodes, []*hintHolder{kept, nil}, []error{nil, down})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, who := range []string{"n3", "03"} {
		r := of(who)
		if r.Partial || len(r.Holders) != 1 || len(r.nodes) != 1 {
			t.Errorf("%s: %+v", who, r)
		}
		for reachable, want := range map[bool]string{
			false: "nothing can be replayed while " + who + " is down: connection refused",
			true:  "n1: it has no admin port", // its own admin port alone does not answer here: its hints are tried
		} {
			admin, _ := answering(t, fmt.Sprintf(`{"cluster":{"name":"dev","epoch":7},"nodes":[{"name":"n3","id":"03","reachable":%v}]}`, reachable), nil)
			if err := r.replay(t.Context(), adminOptions{admin: admin, target: target{timeout: time.Minute}}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", who, err, want)
			}
		}
	}
	if r := of(""); !r.Partial || len(r.Holders) != 2 { // it may keep hints for others
		t.Errorf("%+v", r)
	}
}
