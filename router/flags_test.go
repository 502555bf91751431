package router

import (
	"fmt"
	"strings"
	"testing"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/wire"
)

// Contract, section 2: a writer may send the version it has seen; the answer then
// says whether its write buried a version that it had not seen.
func TestBuriedIsToldToWritersThatSayWhatTheySaw(t *testing.T) {
	for _, owner := range []bool{true, false} {
		c := newCluster(t, 4)
		k := c.client(c.place(t, "k", owner))
		k.testBuried(t)
	}
}

func (k *client) testBuried(t *testing.T) {
	none := hlc.Version{}
	buried := func(q wire.Request, seen *hlc.Version) wire.WriteAnswer {
		t.Helper()
		q.Key, q.Level = []byte("k"), contract.All
		if seen != nil {
			q.Seen, q.HasSeen = *seen, true
		}
		a := k.do(q)
		if a.Code != contract.OK || a.Write.Outcome != contract.Applied {
			t.Fatalf("%v %+v", a.Code, a.Write)
		}
		return a.Write
	}
	put, del := wire.Request{Op: wire.OpPut, Value: []byte("v")}, wire.Request{Op: wire.OpDelete}
	first := buried(put, &none)
	if !first.Buried.IsZero() {
		t.Errorf("the first of its key buried %v", first.Buried)
	}
	second := buried(put, &none)
	if second.Buried != first.Version {
		t.Errorf("knew of none, and buried %v", second.Buried)
	}
	third := buried(put, &second.Version)
	if !third.Buried.IsZero() {
		t.Errorf("knew the last, and buried %v", third.Buried)
	}
	fourth := buried(put, &second.Version)
	if fourth.Buried != third.Version {
		t.Errorf("knew the last but one, and buried %v", fourth.Buried)
	}
	if w := buried(put, nil); !w.Buried.IsZero() {
		t.Errorf("did not ask, and is told %v", w.Buried)
	}
	if w := buried(del, &fourth.Version); w.Buried.IsZero() {
		t.Error("a DELETE buried a value, and does not say so")
	}
	if w := buried(put, &none); !w.Buried.IsZero() {
		t.Errorf("a tombstone was buried: %v", w.Buried)
	}
	ordered := put
	ordered.Flags = contract.Ordered
	if w := buried(ordered, &none); w.Buried.IsZero() {
		t.Error("an ordered write buried a value, and does not say so")
	}
}

// protocol.md, trace: nil unless flag 4.
func TestTraceHasTheStepsInOrder(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	key := []byte("k")
	for _, q := range []wire.Request{
		{Op: wire.OpPut, Key: key, Value: []byte("v")}, {Op: wire.OpPut, Key: key, Value: []byte("v"), Flags: contract.Ordered}, {Op: wire.OpGet, Key: key},
		{Op: wire.OpDelete, Key: key}, {Op: wire.OpGet, Key: key, Level: contract.All},
	} {
		for _, flag := range []contract.Flags{0, contract.Trace} {
			traced := q
			traced.Flags |= flag
			id := k.open(traced)
			c.now.Mono, c.now.Micros = c.now.Mono+1, c.now.Micros+1234
			c.pump()
			a := k.one()
			steps := a.Write.Trace
			if q.Op == wire.OpGet {
				steps = a.Get.Trace
			}
			if a.Code != contract.OK || a.ID != id {
				t.Fatalf("%v: %v", q.Op, a.Code)
			}
			if flag == 0 {
				if steps != nil {
					t.Errorf("%v without the flag: %+v", q.Op, steps)
				}
				continue
			}
			last, nodes := uint64(0), make(map[[16]byte]bool)
			for _, s := range steps {
				if s.OffsetUS < last || s.What == "" || s.Node[0] < 1 || s.Node[0] > 3 {
					t.Errorf("%v: %+v", q.Op, steps)
				}
				last, nodes[s.Node] = s.OffsetUS, true
			}
			if last != 1234 || len(nodes) < 2 || steps[0].OffsetUS != 0 || !strings.HasSuffix(steps[0].What, "sent") || steps[len(steps)-1].What != "answered" {
				t.Errorf("%v: %+v", q.Op, steps)
			}
		}
	}
}

// Every flag and field does the same in a BATCH.
func TestBatchTakesEveryFlag(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	first := k.put("k", "first").Write.Version
	seen := putOp("k", "second")
	seen.HasSeen = true
	ordered := putOp("o", "ordered")
	ordered.Flags = contract.Ordered | contract.Trace | contract.Rows
	local := getOp("k")
	local.Level, local.Flags = contract.LocalOne, contract.Trace
	weak := getOp("k")
	weak.Level, weak.Flags = contract.All, contract.Weaken
	c.kill(2)
	a := k.batch(seen, ordered, local, weak)
	r := a.Results
	for i := range r {
		if r[i].Code != contract.OK {
			t.Fatalf("result %d: %v %+v", i, r[i].Code, r[i].Error)
		}
	}
	if r[0].Write.Buried != first || len(r[1].Write.Trace) == 0 || len(r[1].Write.Receipt.Rows) != 3 || len(r[2].Get.Trace) == 0 || r[2].Get.Receipt.Level != contract.LocalOne {
		t.Errorf("%+v", r)
	}
	if r[3].Get.Receipt.Level != contract.Quorum || r[0].Write.Trace != nil {
		t.Errorf("%+v", r)
	}
}

// The answer to a BATCH fits a frame, whatever is in it. Traces give way: they
// never push out a result.
func TestTracesOfABatchGiveWay(t *testing.T) {
	const frameBytes = 600_000
	c := newCluster(t, 3, func(l *Limits) { l.BatchOps, l.InFlight, l.FrameBytes = 1000, 1000, frameBytes })
	k := c.client(0)
	var ops []wire.Request
	for i := range 1000 {
		key := fmt.Sprint("k", i%7)
		k.put(key, "v")
		q := putOp(key, "v")
		if q.Flags = contract.Trace | contract.Rows | contract.Ordered; i%10 == 9 {
			q = getOp(key)
			q.Flags = contract.Trace | contract.Rows
		}
		ops = append(ops, q)
	}
	a := k.batch(ops...)
	if k.largest > frameBytes {
		t.Errorf("the answer has %d bytes", k.largest)
	}
	traced := 0
	for i, r := range a.Results {
		if r.Code != contract.OK || len(r.Write.Receipt.Rows)+len(r.Get.Receipt.Rows) == 0 {
			t.Fatalf("%d: %v %s", i, r.Code, r.Error.Message)
		}
		if r.Write.Trace != nil || r.Get.Trace != nil {
			traced++
		}
	}
	if traced < 100 || traced == 1000 {
		t.Errorf("%d of 1000 have a trace", traced)
	}
}
