package router

import (
	"fmt"
	"testing"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

// drag lets time pass until a client is answered, in ticks, and tells how long it
// took in milliseconds.
func (c *cluster) drag(k *client) (a wire.Answer, millis int) {
	c.t.Helper()
	for c.pump(); len(k.out) == 0; millis += 5 {
		if millis > 10_000 {
			c.t.Fatal("no answer")
		}
		c.now.Micros += 5000
		c.pass(5)
	}
	return k.one(), millis
}

// Rule 4: a replica that is silent, though its link is up, costs a read the time
// within which it usually answers and one more message, not its deadline.
func TestReadIsHedgedAgainstASilentReplica(t *testing.T) {
	for _, q := range []wire.Request{
		{Op: wire.OpGet, Level: contract.Quorum},
		{Op: wire.OpGet, Level: contract.Quorum, Flags: contract.Weaken},
		{Op: wire.OpPut, Level: contract.Quorum, Flags: contract.Ordered, Value: []byte("w")},
	} {
		c := newCluster(t, 3)
		k := c.client(0)
		key := c.secondAt(1)
		k.do(wire.Request{Op: wire.OpPut, Key: []byte(key), Value: []byte("v"), Level: contract.All})
		for range 30 { // until the replicas are known to be fast
			k.get(key, contract.Quorum)
		}
		c.nodes[0].peers[nodeID(1)].stuck = true
		q.Key = []byte(key)
		k.open(q)
		a, millis := c.drag(k)
		r := a.Get.Receipt
		if q.Op == wire.OpPut {
			r = a.Write.Receipt
		}
		if a.Code != contract.OK || r.Acked != 2 || r.Asked != 3 || millis > 20 {
			t.Errorf("%v %v: %v after %d ms, %+v", q.Op, q.Flags, a.Code, millis, r)
		}
		if h := c.nodes[0].router.Hedges(); h.Won != 1 || h.Lost != 0 {
			t.Errorf("%v %v: hedges %+v", q.Op, q.Flags, h)
		}
	}
}

// Rule 4: nothing is hedged where more than 80 % of what is let in is being worked
// on, and no more than the share: the rest of the reads ends as it would without.
func TestHedgesEnd(t *testing.T) {
	for _, busy := range []bool{true, false} {
		c := newCluster(t, 3)
		k := c.client(0)
		key := c.secondAt(1)
		k.put(key, "v")
		c.nodes[0].peers[nodeID(1)].stuck = true
		c.nodes[0].full = busy
		for i := range 5 {
			k.open(wire.Request{Op: wire.OpGet, Key: []byte(key), DeadlineMS: 1000})
			a, millis := c.drag(k)
			switch hedged := !busy && i == 0; {
			case hedged && (a.Code != contract.OK || millis > 60):
				t.Errorf("the first read, which there is a hedge for: %v after %d ms", a.Code, millis)
			case !hedged && (a.Code != contract.Timeout || millis != 1000):
				t.Errorf("busy %v, read %d: %v after %d ms", busy, i, a.Code, millis)
			}
		}
		if h := c.nodes[0].router.Hedges(); (h.Denied == 4) == busy || (h.Won == 1) == busy {
			t.Errorf("busy %v: hedges %+v", busy, h)
		}
	}
}

// Rule 3: a replica that answers late is asked behind the others after few reads,
// whatever Core they are of and whatever asks: GET, the headers of an ordered write,
// a BATCH, a SCAN. Writes go to it as ever.
func TestASlowReplicaSlowsNobody(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	var keys []string
	for i := range 100 {
		keys = append(keys, fmt.Sprint("key-", i))
		k.put(keys[i], "v")
	}
	timed := func(q wire.Request) (a wire.Answer, millis int) {
		c.now.Micros += 5000
		c.pass(5)
		k.open(q)
		return c.drag(k)
	}
	get := func(key string) wire.Request {
		return wire.Request{Op: wire.OpGet, Key: []byte(key), Level: contract.Quorum}
	}
	c.nodes[0].peers[nodeID(1)].delay = 200_000
	late := 0
	for _, key := range keys {
		if _, millis := timed(get(key)); millis > 0 {
			late++
		}
	}
	if late == 0 || late > 15 {
		t.Errorf("%d of the first %d reads were late", late, len(keys))
	}
	all := []wire.Request{{Op: wire.OpScan, Level: contract.Quorum}, {Op: wire.OpScan, Level: contract.Two}}
	for _, key := range keys {
		all = append(all, get(key), wire.Request{Op: wire.OpPut, Key: []byte(key), Value: []byte("w"), Level: contract.Quorum},
			wire.Request{Op: wire.OpPut, Key: []byte(key), Value: []byte("x"), Flags: contract.Ordered})
	}
	for i, q := range all {
		a, millis := timed(q)
		if a.Code != contract.OK || millis > 0 {
			t.Fatalf("request %d, %v of %s: %v after %d ms", i, q.Op, q.Key, a.Code, millis)
		}
		if q.Op == wire.OpGet && (a.Get.Receipt.Asked != 2 || a.Get.Receipt.Acked != 2) {
			t.Fatalf("the receipt counts what the read did not ask: %+v", a.Get.Receipt)
		}
	}
	c.now.Micros += 5000
	c.pass(5)
	if a := k.batch(getOp(keys[0]), getOp(keys[1]), getOp(keys[2])); a.Code != contract.OK {
		t.Errorf("a BATCH: %+v", a)
	}
}

// secondAt is a key that a read of node 0 asks that node and another one for.
func (c *cluster) secondAt(other int) string {
	for i := range 1000 {
		key := fmt.Sprint("key-", i)
		p := placeOf(key)
		for _, m := range c.epoch.Ring.Owners(int(p.Token >> 60)) {
			if id := c.epoch.Ring.Member(int(m)).ID; id == nodeID(other) {
				return key
			} else if id != nodeID(0) {
				break
			}
		}
	}
	c.t.Fatal("no such key")
	return ""
}
