package router

import (
	"testing"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

// protocol.md, weaken: a lower level that was met is answered, and the receipt
// names it; nothing weaker unasked.
func TestWeakenedReadsNameTheirLevel(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	k.do(wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte("v"), Level: contract.All})
	read := func(level contract.Level) (contract.Level, contract.Receipt) {
		t.Helper()
		a := k.do(wire.Request{Op: wire.OpGet, Key: []byte("k"), Level: level, Flags: contract.Weaken})
		if a.Code != contract.OK || string(a.Get.Value) != "v" || a.Get.Receipt.Acked < a.Get.Receipt.Need {
			t.Fatalf("%v %+v", a.Code, a.Get)
		}
		return a.Get.Receipt.Level, a.Get.Receipt
	}
	if level, _ := read(contract.All); level != contract.All {
		t.Errorf("all are there: %v", level)
	}
	c.kill(2)
	if level, r := read(contract.All); level != contract.Quorum || r.Need != 2 {
		t.Errorf("two of three: %v %+v", level, r)
	}
	if level, _ := read(contract.Quorum); level != contract.Quorum {
		t.Errorf("quorum with two of three: %v", level)
	}
	c.kill(1)
	if level, r := read(contract.Quorum); level != contract.One || r.Need != 1 {
		t.Errorf("one of three: %v %+v", level, r)
	}
	if a := k.get("k", contract.Quorum); a.Code != contract.Unavailable {
		t.Errorf("unasked: %v %+v", a.Code, a.Get)
	}
	c.nodes[0].serving = false
	if a := k.do(wire.Request{Op: wire.OpGet, Key: []byte("k"), Flags: contract.Weaken}); a.Code != contract.Unavailable {
		t.Errorf("none of three: %v %+v", a.Code, a.Get)
	}
}

// Contract, section 4: "within half of the caller's deadline".
func TestWeakenedReadsWaitForHalfOfTheDeadline(t *testing.T) {
	for _, scan := range []bool{false, true} {
		c := newCluster(t, 3)
		k := c.client(0)
		k.do(wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte("v"), Level: contract.All})
		for _, p := range c.nodes[0].peers {
			p.stuck = true
		}
		q := wire.Request{Op: wire.OpGet, Key: []byte("k"), DeadlineMS: 1000, Flags: contract.Weaken}
		if scan {
			q = wire.Request{Op: wire.OpScan, DeadlineMS: 1000, Flags: contract.Weaken}
		}
		k.open(q)
		q.Flags = 0
		second := k.open(q)
		c.pump()
		if c.pass(495); len(k.out) != 0 {
			t.Fatalf("answered too early: %+v", k.answers())
		}
		c.pass(5)
		switch a := k.one(); {
		case a.ID == second || a.Code != contract.OK:
			t.Errorf("%v", a.Code)
		case scan && (a.Scan.Coverage.MetLevel != 0 || a.Scan.Coverage.Done == 0 || a.Scan.Cursor == nil): // the page ends here
			t.Errorf("%d items, %+v", len(a.Scan.Items), a.Scan.Coverage)
		case !scan && a.Get.Receipt.Level != contract.One:
			t.Errorf("%+v", a.Get.Receipt)
		}
		c.pass(500)
		if a := k.one(); a.ID != second || a.Code != contract.Timeout {
			t.Errorf("unasked: %v", a.Code)
		}
	}
}

// Half of the time counts from when the request was read, as its deadline does.
func TestHalfTimeOfALateRequest(t *testing.T) {
	for _, op := range []wire.Op{wire.OpGet, wire.OpScan} {
		c := newCluster(t, 3)
		k := c.client(0)
		k.do(wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte("v"), Level: contract.All})
		for _, p := range c.nodes[0].peers {
			p.stuck = true
		}
		q := wire.Request{Op: op, ID: 7, DeadlineMS: 1000, Flags: contract.Weaken}
		if op == wire.OpGet {
			q.Key = []byte("k")
		}
		k.sendLate(q.Append(nil), 400)
		c.pump()
		if c.pass(95); len(k.out) != 0 {
			t.Fatalf("%v was answered too early: %+v", op, k.answers())
		}
		c.pass(5)
		if a := k.one(); a.Code != contract.OK {
			t.Errorf("%v: %v", op, a.Code)
		}
	}
}
