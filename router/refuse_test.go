package router

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/wire"
)

// Every refusal of protocol.md that one request can meet by what it asks for.
// None has an effect: the key is not there afterwards.
func TestRefusals(t *testing.T) {
	key, value := []byte("k"), []byte("v")
	long := func(n int) []byte { return []byte(strings.Repeat("x", n)) }
	get := func(q wire.Request) wire.Request { q.Op = wire.OpGet; q.Key = key; return q }
	put := func(q wire.Request) wire.Request {
		if q.Op = wire.OpPut; q.Key == nil {
			q.Key = key
		}
		if q.Value == nil {
			q.Value = value
		}
		return q
	}
	const bad, unsupported, wrongMode = contract.BadRequest, contract.Unsupported, contract.WrongMode
	c := newCluster(t, 3)
	stamp := c.version(0)
	for _, tc := range []struct {
		name string
		q    wire.Request
		code contract.Code
		more wire.Error // of the detail
	}{
		{"a key of 0 bytes", wire.Request{Op: wire.OpGet, Key: []byte{}}, bad, wire.Error{}},
		{"a namespace in upper case", put(wire.Request{Namespace: []byte("Default")}), bad, wire.Error{}},
		{"a namespace of 65 characters", put(wire.Request{Namespace: long(65)}), bad, wire.Error{}},
		{"a number above N", put(wire.Request{Level: 4}), bad, wire.Error{}},
		{"a number above N, read", get(wire.Request{Level: 63}), bad, wire.Error{}},
		{"any on a read", get(wire.Request{Level: contract.Any}), bad, wire.Error{}},
		{"sloppy on a read", get(wire.Request{Flags: contract.Sloppy}), bad, wire.Error{}},
		{"ordered on a read", get(wire.Request{Flags: contract.Ordered}), bad, wire.Error{}},
		{"weaken on a write", put(wire.Request{Flags: contract.Weaken}), bad, wire.Error{}},
		{"ordered together with a version", put(wire.Request{Flags: contract.Ordered, Version: stamp, HasVersion: true}), bad, wire.Error{}},
		{"a ttl that is no time", put(wire.Request{TTL: 1 << 63, HasTTL: true}), bad, wire.Error{}},
		{"an ordered write with a ttl that is no time", put(wire.Request{Flags: contract.Ordered, TTL: 1 << 63, HasTTL: true}), bad, wire.Error{}},
		{"OUTCOME of version 0", wire.Request{Op: wire.OpOutcome, Key: key}, bad, wire.Error{}},
		{"a cursor of nobody", wire.Request{Op: wire.OpScan, Level: 1, Cursor: []byte("x")}, bad, wire.Error{}},

		{"a key above the limit", put(wire.Request{Key: long(4097)}), contract.TooLarge, wire.Error{Limit: 4096}},
		{"a value above the limit", put(wire.Request{Value: long(1<<20 + 1)}), contract.TooLarge, wire.Error{Limit: 1 << 20}},
		{"a prefix above the limit of keys", wire.Request{Op: wire.OpScan, Level: 1, Prefix: long(4097)}, contract.TooLarge, wire.Error{Limit: 4096}},

		{"a namespace that is not there", put(wire.Request{Namespace: []byte("nowhere")}), contract.UnknownNamespace, wire.Error{}},
		{"a scan of one", wire.Request{Op: wire.OpScan, Level: 1, Namespace: []byte("nowhere")}, contract.UnknownNamespace, wire.Error{}},

		{"ADD", wire.Request{Op: wire.OpAdd, Key: key, Delta: 1}, wrongMode, wire.Error{Mode: "lww"}},
		{"a condition", put(wire.Request{Condition: wire.Condition{Kind: wire.IfAbsent}}), wrongMode, wire.Error{Mode: "lww"}},
		{"a condition of a DELETE", wire.Request{Op: wire.OpDelete, Key: key, Condition: wire.Condition{Kind: wire.IfExists}}, wrongMode, wire.Error{Mode: "lww"}},
		{"level serial", get(wire.Request{Level: contract.Serial}), wrongMode, wire.Error{Mode: "lww"}},
		{"a write at level serial", put(wire.Request{Level: contract.Serial}), wrongMode, wire.Error{Mode: "lww"}},

		{"an unknown flag", get(wire.Request{Flags: 32}), unsupported, wire.Error{}},
		{"an unknown flag among known ones", put(wire.Request{Flags: 1<<40 | contract.Rows}), unsupported, wire.Error{}},
		{"an unknown level", get(wire.Request{Level: 71}), unsupported, wire.Error{}},
		{"a scan at a number above N", wire.Request{Op: wire.OpScan, Level: 4}, bad, wire.Error{}},
		{"a scan at any", wire.Request{Op: wire.OpScan, Level: contract.Any}, bad, wire.Error{}},
		{"a scan at serial", wire.Request{Op: wire.OpScan, Level: contract.Serial}, wrongMode, wire.Error{Mode: "lww"}},
		{"a sloppy scan", wire.Request{Op: wire.OpScan, Flags: contract.Sloppy}, bad, wire.Error{}},
		{"an ordered scan", wire.Request{Op: wire.OpScan, Flags: contract.Ordered}, bad, wire.Error{}},
		{"EXPLAIN of a key above the limit", wire.Request{Op: wire.OpExplain, Key: long(4097)}, contract.TooLarge, wire.Error{Limit: 4096}},
		{"EXPLAIN in a namespace that is not there", wire.Request{Op: wire.OpExplain, Namespace: []byte("nowhere"), Key: key}, contract.UnknownNamespace, wire.Error{}},
		{"a value above the namespace's limit", put(wire.Request{Namespace: []byte("small"), Value: long(101)}), contract.TooLarge, wire.Error{Limit: 100}},
		{"AUTH", wire.Request{Op: wire.OpAuth}, unsupported, wire.Error{}},
		{"WATCH", wire.Request{Op: wire.OpWatch}, unsupported, wire.Error{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			k := c.client(0)
			a := k.do(tc.q)
			if a.Code != tc.code || a.Error.Message == "" || a.Error.RetryAfterMS != 0 {
				t.Errorf("%v %q, want %v", a.Code, a.Error.Message, tc.code)
			}
			if tc.more.Message = a.Error.Message; !cmp.Equal(a.Error, tc.more) {
				t.Errorf("detail: %s", cmp.Diff(tc.more, a.Error))
			}
			if a.Epoch != 1 || a.Clock.Millis() < physical || k.closed || k.session.InFlight() != 0 {
				t.Errorf("epoch %d, clock %v, closed %v, %d in flight", a.Epoch, a.Clock, k.closed, k.session.InFlight())
			}
		})
	}
	for i, n := range c.nodes {
		if len(n.store.records) != 0 || n.router.Open() != 0 {
			t.Errorf("node %d has %d records and %d requests", i, len(n.store.records), n.router.Open())
		}
	}
}

// Contract, section 6, and the issue: with two of three nodes lost QUORUM is
// refused at once, and says need 2, reachable 1; ONE goes on.
func TestUnavailableHasItsDetail(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	c.kill(1)
	if a := k.put("k", "one is lost"); a.Code != contract.OK || a.Write.Receipt.Asked != 2 {
		t.Fatalf("%v %+v", a.Code, a.Write.Receipt)
	}
	c.kill(2)
	want := wire.Error{Need: 2, Reachable: 1, N: 3, Down: [][16]byte{nodeID(1), nodeID(2)}}
	for _, q := range []wire.Request{
		{Op: wire.OpPut, Key: []byte("k"), Value: []byte("refused")}, {Op: wire.OpGet, Key: []byte("k")}, {Op: wire.OpDelete, Key: []byte("k")},
		{Op: wire.OpOutcome, Key: []byte("k"), Version: c.version(0)},
	} {
		a := k.do(q)
		want.Message = a.Error.Message
		// The order is the owners', which the test does not care for.
		if len(a.Error.Down) == 2 && a.Error.Down[0] == nodeID(2) {
			a.Error.Down[0], a.Error.Down[1] = a.Error.Down[1], a.Error.Down[0]
		}
		if a.Code != contract.Unavailable || !cmp.Equal(a.Error, want) {
			t.Errorf("%v: %v %s", q.Op, a.Code, cmp.Diff(want, a.Error))
		}
	}
	if a := k.get("k", contract.One); a.Code != contract.OK || string(a.Get.Value) != "one is lost" {
		t.Errorf("ONE: %v %q", a.Code, a.Get.Value)
	}
	if a := k.do(wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte("alone"), Level: contract.One}); a.Code != contract.OK {
		t.Errorf("ONE: %v", a.Code)
	}
}

// A link without room counts as down, before anything is sent; the room is given
// back at the end of the turn.
func TestLinksWithoutRoomAreUnreachable(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	for i := 1; i < 3; i++ {
		c.nodes[0].peers[nodeID(i)].room = 1000
	}
	if a := k.put("k", strings.Repeat("x", 1000)); a.Code != contract.Unavailable || a.Error.Reachable != 1 {
		t.Errorf("%v, reachable %d", a.Code, a.Error.Reachable)
	}
	for range 5 {
		if a := k.put("k", strings.Repeat("x", 800)); a.Code != contract.OK {
			t.Errorf("the room was not given back: %v", a.Code)
		}
	}
	for i := 1; i < 3; i++ {
		if p := c.nodes[0].peers[nodeID(i)]; p.reserved != 0 {
			t.Errorf("%d bytes are reserved for ever", p.reserved)
		}
	}
}

// A node whose storage has stopped is no replica; it can coordinate.
func TestNodeThatDoesNotServeIsNoReplica(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	k.put("k", "v")
	c.nodes[0].serving = false
	if a := k.get("k", contract.Quorum); a.Code != contract.OK || string(a.Get.Value) != "v" {
		t.Errorf("%v %q", a.Code, a.Get.Value)
	}
	if a := k.do(wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte("w"), Level: contract.All}); a.Code != contract.Unavailable || a.Error.Reachable != 2 {
		t.Errorf("%v, reachable %d", a.Code, a.Error.Reachable)
	}
	// Another node does not know it yet, asks it, and is told.
	other := c.client(1)
	if a := other.get("k", contract.All); a.Code != contract.Unavailable || a.Error.Reachable != 2 {
		t.Errorf("%v, reachable %d", a.Code, a.Error.Reachable)
	}
}

// protocol.md: a client may have max_inflight requests open, a BATCH counts its
// operations; the surplus is OVERLOADED, with advice when to try again.
func TestSurplusIsOverloaded(t *testing.T) {
	c := newCluster(t, 3, func(l *Limits) { l.InFlight = 5 })
	k := c.client(0)
	put := wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte("v")}
	batch := func(n int) []byte {
		k.id++
		f := wire.BeginBatch(nil, k.id, 0, n)
		for range n {
			f = put.AppendOp(f)
		}
		return wire.EndFrame(f, 0)
	}
	k.open(put)
	k.send(batch(3))
	k.open(put)
	if len(k.out) != 0 {
		t.Fatalf("answered early: %+v", k.answers())
	}
	for _, frame := range [][]byte{batch(1), nil} {
		if frame == nil {
			k.open(put)
		} else {
			k.send(frame)
		}
		if a := k.one(); a.Code != contract.Overloaded || a.Error.RetryAfterMS == 0 || k.closed {
			t.Errorf("%v, retry after %d ms", a.Code, a.Error.RetryAfterMS)
		}
	}
	c.pump()
	if all := k.answers(wire.OpPut, wire.OpPut, wire.OpPut); len(all) != 3 || k.session.inFlight != 0 {
		t.Errorf("%d answers, %d in flight", len(all), k.session.inFlight)
	}
	k.send(batch(5))
	c.pump()
	if a := k.one(wire.OpPut, wire.OpPut, wire.OpPut, wire.OpPut, wire.OpPut); a.Code != contract.OK {
		t.Errorf("five at once: %v", a.Code)
	}
}

func TestNodeWithoutASlotIsOverloaded(t *testing.T) {
	c := newCluster(t, 3, func(l *Limits) { l.Slots = 1 })
	k := c.client(0)
	put := wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte("v")}
	k.open(put)
	second := k.open(put)
	if a := k.one(); a.ID != second || a.Code != contract.Overloaded || a.Error.RetryAfterMS == 0 {
		t.Errorf("%d %v", a.ID, a.Code)
	}
	c.pump()
	if a := k.one(); a.Code != contract.OK {
		t.Errorf("the first: %v", a.Code)
	}
}

// Where every committer's queue is full the write has no effect and can be tried
// again.
func TestFullCommittersAreOverloaded(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	for _, n := range c.nodes {
		n.queueMax = 0
	}
	if a := k.put("k", "v"); a.Code != contract.Overloaded || a.Error.RetryAfterMS == 0 {
		t.Errorf("%v", a.Code)
	}
	c.nodes[0].queueMax = 1
	if a := k.put("k", "v"); a.Code != contract.InDoubt || a.Error.Receipt.Acked != 1 {
		t.Errorf("one has it: %v %+v", a.Code, a.Error.Receipt)
	}
}

// G8 of testing.md and protocol.md: a client's stamp is checked against the
// node's hybrid clock.
func TestStampsOutOfBoundsAreRefused(t *testing.T) {
	c := newCluster(t, 3)
	for _, tc := range []struct {
		millis int64
		kind   contract.ClockKind // 0: taken
	}{
		{0, 0}, {1000, 0}, {1001, contract.StampAhead}, {600_000, contract.StampAhead}, {365 * 24 * 3600_000, contract.StampAhead},
		{-30_000, 0}, {-30_001, contract.StampOld}, {-600_000, contract.StampOld}, {-physical, contract.StampOld},
	} {
		key := []byte(fmt.Sprint("k", tc.millis))
		v := c.version(tc.millis)
		a := c.client(0).do(wire.Request{Op: wire.OpPut, Key: key, Value: []byte("v"), Version: v, HasVersion: true})
		if tc.kind == 0 {
			if a.Code != contract.OK || a.Write.Version != v {
				t.Errorf("%d ms: %v %v", tc.millis, a.Code, a.Write.Version)
			}
			continue
		}
		if a.Code != contract.Clock || a.Error.Kind != tc.kind || a.Error.Clock.Millis() != physical {
			t.Errorf("%d ms: %v kind %d, clock %v", tc.millis, a.Code, a.Error.Kind, a.Error.Clock)
		}
		for i, n := range c.nodes {
			if got := n.holds(string(key)); got != "nothing" || n.applier.Counters.Refused != 0 {
				t.Errorf("%d ms: node %d holds %s, and refused %d", tc.millis, i, got, n.applier.Counters.Refused)
			}
		}
	}
	// It is the hybrid clock that counts, not the physical one.
	c.nodes[0].clock = hlc.Make(physical+700, 0)
	if a := c.client(0).do(wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte("v"), Version: c.version(1700), HasVersion: true}); a.Code != contract.OK {
		t.Errorf("ahead of the physical clock: %v", a.Code)
	}
}

// Rule 1: a node whose clock is fenced stops coordinating, reads and the
// client's own stamps too; it goes on serving as a replica.
func TestFencedClockStampsNothing(t *testing.T) {
	c := newCluster(t, 3)
	c.nodes[0].fenced = true
	k := c.client(0)
	for name, q := range map[string]wire.Request{
		"a write":         {Op: wire.OpPut, Key: []byte("k"), Value: []byte("v")},
		"a stamped write": {Op: wire.OpPut, Key: []byte("k"), Value: []byte("v"), Version: c.version(0), HasVersion: true},
		"a read":          {Op: wire.OpGet, Key: []byte("k")},
		"a scan":          {Op: wire.OpScan, Level: contract.One},
		"an ordered one":  {Op: wire.OpPut, Key: []byte("k"), Value: []byte("v"), Flags: contract.Ordered},
		"an OUTCOME":      {Op: wire.OpOutcome, Key: []byte("k"), Version: c.version(0)},
		"an EXPLAIN":      {Op: wire.OpExplain, Key: []byte("k")},
	} {
		if a := k.do(q); a.Code != contract.Clock || a.Error.Kind != contract.ClockFenced {
			t.Errorf("%s: %v kind %d", name, a.Code, a.Error.Kind)
		}
	}
	if a := c.client(1).do(wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte("v"), Level: contract.All}); a.Code != contract.OK {
		t.Errorf("through another node, with the fenced one as a replica: %v", a.Code)
	}
}

// A replica whose clock says that the write is too old refuses it for good.
func TestReplicasRefuseOldWrites(t *testing.T) {
	c := newCluster(t, 3)
	for _, n := range c.nodes {
		n.applier.AgeLimit = 10
	}
	a := c.client(0).do(wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte("v"), Version: c.version(-11), HasVersion: true})
	if a.Code != contract.Clock || a.Error.Kind != contract.StampOld {
		t.Errorf("%v kind %d", a.Code, a.Error.Kind)
	}
}
