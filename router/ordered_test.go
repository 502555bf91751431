package router

import (
	"fmt"
	"strings"
	"testing"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/wire"
)

// protocol.md, ordered: the node stamps it, above what a quorum holds, also where
// its own clock is far behind that.
func TestOrderedStandsAboveWhatAQuorumHolds(t *testing.T) {
	c := newCluster(t, 4)
	ahead := c.version(3_600_000)
	for from := range c.nodes { // an owner of the key or not
		key := fmt.Sprint("key ", from)
		token := placeOf(key)
		for _, o := range c.epoch.Ring.Replicas(ringToken(token))[:2] {
			c.nodes[o].set(key, record.Record{Version: ahead, Value: []byte("of a clock that was off")})
		}
		k := c.client(from)
		if a := k.put(key, "plain"); a.Code != contract.OK || a.Write.Outcome != contract.Superseded || a.Write.Winner != ahead {
			t.Fatalf("a plain write: %v %+v", a.Code, a.Write)
		}
		a := k.do(wire.Request{Op: wire.OpPut, Key: []byte(key), Value: []byte("ordered"), Flags: contract.Ordered, TTL: 5000, HasTTL: true, Level: contract.All})
		v := a.Write.Version
		if a.Code != contract.OK || a.Write.Outcome != contract.Applied || !ahead.Less(v) || v.Time != ahead.Time+1 || v.Writer == ahead.Writer {
			t.Fatalf("%v %+v", a.Code, a.Write)
		}
		get := k.get(key, contract.Quorum)
		if string(get.Get.Value) != "ordered" || get.Get.Version != v || get.Get.ExpiresAt != v.Time.Millis()+5000 {
			t.Errorf("reads %+v", get.Get)
		}
		del := k.do(wire.Request{Op: wire.OpDelete, Key: []byte(key), Flags: contract.Ordered})
		if del.Code != contract.OK || !v.Less(del.Write.Version) || k.get(key, contract.Quorum).Get.Found {
			t.Errorf("DELETE: %v %+v", del.Code, del.Write)
		}
	}
	// Where the clock is ahead of what is stored it is the clock that stamps.
	a := c.client(0).do(wire.Request{Op: wire.OpPut, Key: []byte("new"), Value: []byte("v"), Flags: contract.Ordered})
	if a.Code != contract.OK || a.Write.Version.Time.Millis() != physical || a.Write.Version.Writer != uint64(c.nodes[0].id[0]) {
		t.Errorf("%v %+v", a.Code, a.Write)
	}
}

// Rule 4: ordered writes ask a quorum, whatever their level. Where that cannot be
// asked nothing is written: no effect.
func TestOrderedNeedsAQuorum(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	q := wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte("v"), Level: contract.One, Flags: contract.Ordered}
	c.kill(1)
	if a := k.do(q); a.Code != contract.OK || a.Write.Receipt.Need != 1 || a.Write.Receipt.Asked != 2 {
		t.Errorf("with two of three: %v %+v", a.Code, a.Write.Receipt)
	}
	c.kill(2)
	if a := k.do(q); a.Code != contract.Unavailable || a.Error.Need != 2 || a.Error.Reachable != 1 || a.Error.N != 3 {
		t.Errorf("with one: %v %+v", a.Code, a.Error)
	}
	c.heal()
	c.nodes[0].peers[nodeID(1)].stuck, c.nodes[0].peers[nodeID(2)].stuck = true, true
	before := c.nodes[0].holds("k2")
	q.Key = []byte("k2")
	k.open(q)
	c.pump()
	c.pass(2000)
	if a := k.one(); a.Code != contract.Unavailable || a.Error.Reachable != 1 || c.nodes[0].holds("k2") != before {
		t.Errorf("at its deadline: %v %+v, stored %s", a.Code, a.Error, c.nodes[0].holds("k2"))
	}
	if c.nodes[0].router.Open() != 0 {
		t.Error("it is still open")
	}
}

// The clock is fenced while a quorum is asked: nothing is stamped or written.
func TestOrderedWithoutAClockHasNoEffect(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	k.open(wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte("v"), Flags: contract.Ordered})
	c.nodes[0].fenced = true
	c.pump()
	if a := k.one(); a.Code != contract.Clock || a.Error.Kind != contract.ClockFenced {
		t.Errorf("%v kind %d", a.Code, a.Error.Kind)
	}
	for i, n := range c.nodes {
		if n.holds("k") != "nothing" {
			t.Errorf("node %d holds %s", i, n.holds("k"))
		}
	}
}

// Rule 4: a link without room counts as down, before anything is sent, for ordered
// writes too.
func TestOrderedWritesNeedRoomOnTheLinks(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	for i := 1; i < 3; i++ {
		c.nodes[0].peers[nodeID(i)].room = 1000
	}
	q := wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte(strings.Repeat("x", 1000)), Flags: contract.Ordered}
	if a := k.do(q); a.Code != contract.Unavailable || a.Error.Reachable != 1 {
		t.Errorf("%v, reachable %d", a.Code, a.Error.Reachable)
	}
	q.Value = q.Value[:800]
	for range 5 {
		if a := k.do(q); a.Code != contract.OK {
			t.Errorf("the room was not given back: %v", a.Code)
		}
	}
}

// Ordered operations of a BATCH on one key are stamped in array order too, each
// above what a quorum held before and above one another, wherever the clock is. The
// last of them stands.
func TestBatchOfOrderedWritesOfOneKey(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	ahead := c.version(3_600_000)
	for _, before := range []hlc.Version{{}, ahead} {
		if !before.IsZero() {
			for _, n := range c.nodes {
				n.set("k", record.Record{Version: ahead, Value: []byte("old")})
			}
		}
		var ops []wire.Request
		for i := range 10 {
			q := putOp("k", fmt.Sprint(i))
			q.Flags = contract.Ordered
			ops = append(ops, q)
		}
		versions := make(map[hlc.Version]string)
		highest := hlc.Version{}
		for i, r := range k.batch(ops...).Results {
			if r.Code != contract.OK || !before.Less(r.Write.Version) || r.Write.Winner.IsZero() != (r.Write.Outcome == contract.Applied) {
				t.Errorf("%d: %v %+v", i, r.Code, r.Write)
			}
			if !highest.Less(r.Write.Version) {
				t.Errorf("%d: stamped %v behind %v", i, r.Write.Version, highest)
			}
			versions[r.Write.Version], highest = fmt.Sprint(i), r.Write.Version
		}
		if get := k.get("k", contract.All).Get; get.Version != highest || string(get.Value) != versions[highest] || len(versions) != 10 {
			t.Errorf("reads %q at %v, the highest is %v, %d versions", get.Value, get.Version, highest, len(versions))
		}
	}
}

// An ordered write of an empty value is a value.
func TestOrderedEmptyValueIsAValue(t *testing.T) {
	k := newCluster(t, 3).client(0)
	k.do(wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte{}, Flags: contract.Ordered})
	if a := k.get("k", contract.Quorum); !a.Get.Found || a.Get.Value == nil || len(a.Get.Value) != 0 {
		t.Errorf("%+v", a.Get)
	}
}
