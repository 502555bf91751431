package client

import (
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// A client's stamps rise, above every clock that a node has sent, whatever order
// and however late they come in; they carry its own writer id.
func TestStampsRise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var now int64
		c := newClock(42, func() int64 { return now })
		var highest hlc.Timestamp
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now += rapid.Int64Range(0, 3).Draw(t, "time")
			if rapid.Bool().Draw(t, "heard") {
				at := hlc.Make(1_000_000+now+rapid.Int64Range(-500, 500).Draw(t, "off"), uint16(rapid.IntRange(0, 9).Draw(t, "counter")))
				c.observe(ring.NodeID{byte(rapid.IntRange(0, 3).Draw(t, "node"))}, at, contract.OK, 0, true)
				if at < highest {
					continue
				}
			}
			v, ok := c.stamp()
			if !ok {
				continue
			}
			if v.Time <= highest || v.Writer != 42 {
				t.Fatalf("%v after %v", v, highest)
			}
			highest = v.Time
		}
	})
}

// The stamp is made of nodes' clocks: the client's wall clock takes no part.
func TestStampsComeFromTheNodesClocks(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, cl *cluster) {
		cl.node(1).ahead = 1000 * time.Hour
		c := cl.open("n1")
		pass(10 * time.Second) // and its own monotonic time since
		r, err := c.Put(t.Context(), []byte("k"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if off := cl.node(1).clock().Millis() - r.Version.Time.Millis(); off < 0 || off > 100 {
			t.Errorf("stamped %d ms behind the node's clock", off)
		}
	})
}

// algorithms.md, rule 1: "Clients take no clock from a node that answers CLOCK
// kind 3."
func TestFencedClockIsNotTaken(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, cl *cluster) {
		cl.node(1).ahead = time.Hour
		cl.node(1).on(refusing(contract.Clock, wire.Error{Kind: contract.ClockFenced}))
		c := cl.open(dsn)
		for _, f := range cl.order { // connect to all
			c.nodes[f.address].start()
		}
		synctest.Wait()
		key := cl.keyAt(1)
		if _, err := c.Get(t.Context(), key); err != nil { // meets the fenced one
			t.Fatal(err)
		}
		r, err := c.Put(t.Context(), key, nil)
		if err != nil {
			t.Fatal(err)
		}
		if at := r.Version.Time.Millis(); at > time.Now().Add(time.Minute).UnixMilli() {
			t.Errorf("stamped by the fenced clock: %v", r.Version.Time.Time())
		}
		cl.node(1).setAhead(0)
		cl.node(1).on(serve)
		pass(failedFor) // until then it comes last
		if _, err := c.Get(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		if c.clock.heard[cl.node(1).id].fenced {
			t.Error("a node that works again is still not believed")
		}
	})
}

// A stamp that was made by one node's wrong clock, and refused as too far ahead
// by another, is made anew; a stamp of the caller's is not.
func TestStampTooFarAheadIsMadeAnew(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, cl *cluster) {
		cl.node(3).ahead = time.Hour
		c := cl.open(dsn)
		for _, f := range cl.order {
			c.nodes[f.address].start()
		}
		synctest.Wait()
		cl.on(orRing(func(k *fakeConn, q *wire.Request) {
			if q.Version.Time.Millis() > k.n.clock().Millis()+1000 {
				k.refuse(q, contract.Clock, wire.Error{Kind: contract.StampAhead, Clock: k.n.clock()})
				return
			}
			serve(k, q)
		}))
		key := cl.keyAt(1)
		r, err := c.Put(t.Context(), key, nil)
		if err != nil || r.Version.Time.Millis() > time.Now().UnixMilli()+1000 {
			t.Fatalf("%v, %v", r.Version.Time.Time(), err)
		}
		mine := hlc.Version{Time: hlc.Make(time.Now().Add(time.Minute).UnixMilli(), 0), Writer: 1}
		if _, err := c.Put(t.Context(), key, nil, Stamp(mine)); err == nil {
			t.Error("the caller's stamp was replaced")
		}
	})
}

// One node that finds a stamp too far ahead may be behind itself: the stamp goes
// to the next, and no clock is given up.
func TestOneNodeThatIsBehindChangesNothing(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, cl *cluster) {
		cl.node(1).ahead = -time.Hour
		c := cl.openAll(dsn)
		cl.on(orRing(func(k *fakeConn, q *wire.Request) {
			if q.Version.Time.Millis() > k.n.clock().Millis()+1000 {
				k.refuse(q, contract.Clock, wire.Error{Kind: contract.StampAhead, Clock: k.n.clock()})
				return
			}
			serve(k, q)
		}))
		r, err := c.Put(t.Context(), cl.keyAt(1), nil)
		if err != nil {
			t.Fatal(err)
		}
		first, second := cl.node(1).requests(wire.OpPut), cl.node(2).requests(wire.OpPut)
		if len(first) != 1 || len(second) != 1 || first[0].Version != second[0].Version || r.Version != first[0].Version {
			t.Errorf("n1 got %d, n2 %d, stamped %v", len(first), len(second), r.Version)
		}
		if len(c.clock.heard) != 3 {
			t.Errorf("%d clocks are left of 3", len(c.clock.heard))
		}
	})
}

// When a second node agrees, the stamp is made anew from the clocks of the two;
// a third one's, which must have been wrong, is given up.
func TestTwoNodesThatRefuseAreBelieved(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, cl *cluster) {
		cl.node(3).ahead = time.Hour
		c := cl.openAll(dsn)
		cl.on(orRing(func(k *fakeConn, q *wire.Request) {
			if q.Version.Time.Millis() > k.n.clock().Millis()+1000 {
				k.refuse(q, contract.Clock, wire.Error{Kind: contract.StampAhead, Clock: k.n.clock()})
				return
			}
			serve(k, q)
		}))
		if _, err := c.Put(t.Context(), cl.keyAt(1), nil); err != nil {
			t.Fatal(err)
		}
		puts := append(cl.node(1).requests(wire.OpPut), cl.node(2).requests(wire.OpPut)...)
		if len(puts) != 3 || len(cl.node(3).requests(wire.OpPut)) != 0 {
			t.Errorf("%d attempts at n1 and n2, want 2 refused ones and a good one", len(puts))
		}
		if _, kept := c.clock.heard[cl.node(3).id]; kept || len(c.clock.heard) != 2 {
			t.Errorf("%d clocks are left, that of n3 %v", len(c.clock.heard), kept)
		}
	})
}

// Where there is one node only, it is asked again with the new stamp: its clock
// was set back, or this process slept and its monotonic clock with it.
func TestStampIsMadeAnewForTheSameNode(t *testing.T) {
	for name, was := range map[string]time.Duration{"ahead": time.Hour, "behind": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, 1, func(t *testing.T, cl *cluster) {
				cl.node(1).setAhead(was)
				c := cl.open("n1")
				cl.node(1).setAhead(0)
				cl.on(orRing(func(k *fakeConn, q *wire.Request) {
					switch off := q.Version.Time.Millis() - k.n.clock().Millis(); {
					case off > 1000:
						k.refuse(q, contract.Clock, wire.Error{Kind: contract.StampAhead})
					case off < -30_000:
						k.refuse(q, contract.Clock, wire.Error{Kind: contract.StampOld})
					default:
						serve(k, q)
					}
				}))
				if _, err := c.Put(t.Context(), []byte("k"), nil); err != nil || cl.count(wire.OpPut) != 2 {
					t.Errorf("%d attempts: %v", cl.count(wire.OpPut), err)
				}
			})
		})
	}
}
