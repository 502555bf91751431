package router

import (
	"fmt"
	"strings"
	"testing"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/wire"
)

// batch sends a BATCH and returns its results.
func (k *client) batch(ops ...wire.Request) wire.Answer {
	k.n.c.t.Helper()
	k.id++
	frame := wire.BeginBatch(nil, k.id, 0, len(ops))
	kinds := make([]wire.Op, len(ops))
	for i := range ops {
		frame = ops[i].AppendOp(frame)
		kinds[i] = ops[i].Op
	}
	k.send(wire.EndFrame(frame, 0))
	k.n.c.pump()
	a := k.one(kinds...)
	if a.ID != k.id || a.Op != wire.OpBatch {
		k.n.c.t.Fatalf("a BATCH was answered as %v %d", a.Op, a.ID)
	}
	return a
}

func putOp(key, value string) wire.Request {
	return wire.Request{Op: wire.OpPut, Key: []byte(key), Value: []byte(value)}
}

func getOp(key string) wire.Request { return wire.Request{Op: wire.OpGet, Key: []byte(key)} }

// protocol.md: the BATCH's own code is 0 whenever its array was readable; each
// operation has a result of its own, in the same order.
func TestBatchResultsAreInOrder(t *testing.T) {
	c := newCluster(t, 4)
	k := c.client(0)
	k.put("there", "value")
	old := putOp("old", "v")
	old.Version, old.HasVersion = c.version(-600_000), true
	a := k.batch(
		getOp("there"), putOp("new", "v"), getOp("missing"), wire.Request{Op: wire.OpDelete, Key: []byte("there")},
		wire.Request{Op: wire.OpAdd, Key: []byte("n")}, wire.Request{Op: wire.OpScan}, wire.Request{Op: wire.OpPut, Key: []byte(""), Value: []byte("v")},
		putOp("large", strings.Repeat("x", 1<<20+1)), old, getOp("there"),
	)
	var got []string
	for _, r := range a.Results {
		got = append(got, r.Code.String())
	}
	want := "OK OK OK OK WRONG_MODE UNSUPPORTED BAD_REQUEST TOO_LARGE CLOCK OK"
	if a.Code != contract.OK || strings.Join(got, " ") != want {
		t.Fatalf("%v: %v", a.Code, got)
	}
	if r := a.Results; string(r[0].Get.Value) != "value" || r[2].Get.Found || r[7].Error.Limit != 1<<20 || r[8].Error.Kind != contract.StampOld || r[4].Error.Mode != "lww" {
		t.Errorf("%+v", r)
	}
	if k.session.InFlight() != 0 || k.session.inFlight != 0 || len(k.session.batches) != 0 {
		t.Errorf("left behind: %d ids, %d in flight, %d batches", k.session.InFlight(), k.session.inFlight, len(k.session.batches))
	}
}

func TestBatchStampsInArrayOrder(t *testing.T) {
	k := newCluster(t, 3).client(0)
	var ops []wire.Request
	for i := range 20 {
		ops = append(ops, putOp("k", fmt.Sprint(i)))
	}
	a := k.batch(ops...)
	last := hlc.Version{}
	for i, r := range a.Results {
		if r.Code != contract.OK || !last.Less(r.Write.Version) {
			t.Errorf("%d: %v %v after %v", i, r.Code, r.Write.Version, last)
		}
		last = r.Write.Version
	}
	if got := k.get("k", contract.All); string(got.Get.Value) != "19" || got.Get.Version != last {
		t.Errorf("the last of them: %q", got.Get.Value)
	}
}

func TestEmptyBatch(t *testing.T) {
	k := newCluster(t, 3).client(0)
	if a := k.batch(); a.Code != contract.OK || len(a.Results) != 0 || k.session.InFlight() != 0 {
		t.Errorf("%v, %d results", a.Code, len(a.Results))
	}
}

// A BATCH of too many operations would be too large at any time, so it is told
// so, and not to try again.
func TestTooManyOperationsAreTooLarge(t *testing.T) {
	k := newCluster(t, 3, func(l *Limits) { l.BatchOps, l.InFlight = 10, 10 }).client(0)
	var ops []wire.Request
	for i := range 11 {
		ops = append(ops, putOp(fmt.Sprint("k", i), "v"))
	}
	if a := k.batch(ops...); a.Code != contract.TooLarge || a.Error.Limit != 10 || k.session.inFlight != 0 {
		t.Errorf("%v, limit %d, %d in flight", a.Code, a.Error.Limit, k.session.inFlight)
	}
	if a := k.batch(ops[:10]...); a.Code != contract.OK || len(a.Results) != 10 {
		t.Errorf("%v, %d results", a.Code, len(a.Results))
	}
}

// protocol.md: results of GETs that would push the answer past max_frame are
// TOO_LARGE. The answer fits a frame whatever else is in it.
func TestBatchAnswerFitsAFrame(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	value := strings.Repeat("x", 300_000)
	var ops []wire.Request
	for i := range 10 {
		key := fmt.Sprint("k", i)
		k.put(key, value)
		ops = append(ops, getOp(key))
	}
	for range 40 {
		q := putOp("small", "v")
		q.Flags = contract.Rows
		ops = append(ops, q)
	}
	a := k.batch(ops...) // which checks the frame against max_frame
	values := 0
	for i, r := range a.Results {
		switch {
		case i < 10 && r.Code == contract.OK && string(r.Get.Value) == value:
			values++
		case i < 10 && r.Code == contract.TooLarge && r.Error.Limit == testLimits().FrameBytes:
		case i >= 10 && r.Code == contract.OK && len(r.Write.Receipt.Rows) == 3:
		default:
			t.Errorf("result %d: %v %+v", i, r.Code, r.Error)
		}
	}
	if values != 3 {
		t.Errorf("%d values, and 3 have room", values)
	}
}

// Operations that end at different times are one answer, at the end.
func TestBatchWaitsForItsLastResult(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	k.put("k", "v")
	c.nodes[0].committing, c.nodes[1].committing = false, false
	k.id++
	frame := wire.BeginBatch(nil, k.id, 500, 2)
	get, put := getOp("k"), putOp("k", "w")
	frame = put.AppendOp(get.AppendOp(frame))
	k.send(wire.EndFrame(frame, 0))
	c.pump()
	if c.pass(495); len(k.out) != 0 {
		t.Fatal("answered before all results were in")
	}
	c.pass(5)
	a := k.one(wire.OpGet, wire.OpPut)
	if a.Code != contract.OK || string(a.Results[0].Get.Value) != "v" || a.Results[1].Code != contract.Timeout || a.Results[1].Error.Receipt.Acked != 1 {
		t.Errorf("%+v", a.Results)
	}
}
