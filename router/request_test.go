package router

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/wire"
)

func TestPutThenGetThenDelete(t *testing.T) {
	c := newCluster(t, 3)
	for i := range c.nodes { // any node takes any request
		k := c.client(i)
		key := fmt.Sprint("key of ", i)
		put := k.put(key, "hello")
		receipt := contract.Receipt{Need: 2, Asked: 3, Acked: 2, Durable: 2, Level: contract.Quorum}
		want := wire.WriteAnswer{Version: put.Write.Version, Receipt: receipt}
		if diff := cmp.Diff(want, put.Write); diff != "" || put.Code != contract.OK || put.Write.Version.Time.Millis() != physical {
			t.Errorf("PUT: %v %s", put.Code, diff)
		}
		for _, n := range c.nodes {
			if got := n.holds(key); got != "hello" {
				t.Errorf("a replica holds %s", got)
			}
		}
		get := c.client((i+1)%3).get(key, contract.Default)
		receipt.Asked = 2
		if diff := cmp.Diff(wire.GetAnswer{Found: true, Value: []byte("hello"), Version: put.Write.Version, Receipt: receipt}, get.Get); diff != "" {
			t.Errorf("GET: %v %s", get.Code, diff)
		}
		del := k.do(wire.Request{Op: wire.OpDelete, Key: []byte(key), Level: contract.All})
		if del.Code != contract.OK || del.Write.Receipt.Acked != 3 || !put.Write.Version.Less(del.Write.Version) {
			t.Errorf("DELETE: %v %+v", del.Code, del.Write)
		}
		// NOT FOUND has the version of the tombstone.
		gone := k.get(key, contract.One)
		if gone.Code != contract.OK || gone.Get.Found || gone.Get.Value != nil || gone.Get.Version != del.Write.Version {
			t.Errorf("GET of what is deleted: %v %+v", gone.Code, gone.Get)
		}
	}
	if a := c.client(0).get("never seen", contract.Quorum); a.Code != contract.OK || a.Get.Found || !a.Get.Version.IsZero() || a.Get.Receipt.Acked != 2 {
		t.Errorf("GET of what never was: %v %+v", a.Code, a.Get)
	}
}

func TestLevelsAreMetAndNamed(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	for _, tc := range []struct {
		asked, named contract.Level
		need         int
	}{
		{contract.Default, contract.Quorum, 2}, {contract.One, contract.One, 1}, {contract.Two, contract.Two, 2},
		{contract.Three, contract.Three, 3}, {contract.Quorum, contract.Quorum, 2}, {contract.All, contract.All, 3},
	} {
		put := k.do(wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte("v"), Level: tc.asked}).Write.Receipt
		get := k.get("k", tc.asked).Get.Receipt
		for _, r := range []contract.Receipt{put, get} {
			if r.Level != tc.named || r.Need != tc.need || r.Acked < tc.need || r.Durable != r.Acked || r.Hinted != 0 || r.Rows != nil {
				t.Errorf("%v: %+v", tc.asked, r)
			}
		}
	}
}

func TestRowsNameEachReplica(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	c.kill(2)
	a := k.do(wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte("v"), Flags: contract.Rows})
	states := make(map[[16]byte]contract.RowState)
	for _, row := range a.Write.Receipt.Rows {
		states[row.Node] = row.State
		if held := row.State == contract.Durable; held != (row.Version == a.Write.Version.Bytes()) {
			t.Errorf("row %+v", row)
		}
	}
	want := map[[16]byte]contract.RowState{nodeID(0): contract.Durable, nodeID(1): contract.Durable, nodeID(2): contract.Down}
	if diff := cmp.Diff(want, states); diff != "" {
		t.Error(diff)
	}
	if a := k.do(wire.Request{Op: wire.OpGet, Key: []byte("k"), Flags: contract.Rows}); len(a.Get.Receipt.Rows) != 3 {
		t.Errorf("GET: %+v", a.Get.Receipt.Rows)
	}
}

func TestNamespacesAreApart(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	k.put("k", "in default")
	k.do(wire.Request{Op: wire.OpPut, Namespace: []byte("other"), Key: []byte("k"), Value: []byte("in other")})
	for namespace, want := range map[string]string{"": "in default", "default": "in default", "other": "in other"} {
		a := k.do(wire.Request{Op: wire.OpGet, Namespace: []byte(namespace), Key: []byte("k")})
		if string(a.Get.Value) != want {
			t.Errorf("namespace %q: %q", namespace, a.Get.Value)
		}
	}
}

func TestEmptyValueIsAValue(t *testing.T) {
	k := newCluster(t, 3).client(0)
	k.put("k", "")
	if a := k.get("k", contract.Quorum); !a.Get.Found || a.Get.Value == nil || len(a.Get.Value) != 0 {
		t.Errorf("%+v", a.Get)
	}
}

// protocol.md: a client's version makes a repeated request the same write, at
// any node, also with a ttl: expiry = version + ttl, so a repeat is the same bytes.
func TestRepeatWithTheSameVersionIsTheSameWrite(t *testing.T) {
	c := newCluster(t, 3)
	v := c.version(0)
	q := wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte("v"), Version: v, HasVersion: true, TTL: 5000, HasTTL: true, Level: contract.All}
	for i := range 3 {
		c.now.Physical += 100
		a := c.client(i).do(q)
		if a.Code != contract.OK || a.Write.Version != v || a.Write.Outcome != contract.Applied || a.Write.Receipt.Acked != 3 {
			t.Errorf("attempt %d: %v %+v", i, a.Code, a.Write)
		}
	}
	get := c.client(0).get("k", contract.All)
	if get.Get.ExpiresAt != v.Time.Millis()+5000 || get.Get.Version != v {
		t.Errorf("%+v", get.Get)
	}
	for _, n := range c.nodes {
		if n.applier.Counters.Conflicts != 0 || n.applier.Counters.Applied != 3 {
			t.Errorf("%+v", n.applier.Counters)
		}
	}
}

func TestTTL(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	put := k.do(wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte("v"), TTL: 1000, HasTTL: true})
	if a := k.get("k", contract.Quorum); !a.Get.Found || a.Get.ExpiresAt != put.Write.Version.Time.Millis()+1000 {
		t.Errorf("%+v", a.Get)
	}
	c.pass(995)
	if a := k.get("k", contract.Quorum); !a.Get.Found {
		t.Error("expired too early")
	}
	c.pass(5)
	// It reads as absent but keeps its version.
	if a := k.get("k", contract.Quorum); a.Get.Found || a.Get.Value != nil || a.Get.ExpiresAt != 0 || a.Get.Version != put.Write.Version {
		t.Errorf("expired: %+v", a.Get)
	}
	if a := k.do(wire.Request{Op: wire.OpPut, Key: []byte("l"), Value: []byte("v"), HasTTL: true}); a.Code != contract.OK {
		t.Fatal(a.Code)
	}
	if a := k.get("l", contract.Quorum); a.Get.ExpiresAt != 0 {
		t.Errorf("a ttl of 0 expires at %d", a.Get.ExpiresAt)
	}
}

// Contract, section 2: last write wins, but never in silence.
func TestSupersededNamesTheWinner(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	winner := k.put("k", "winner").Write.Version
	loser := wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte("loser"), Version: c.version(-1000), HasVersion: true}
	a := k.do(loser)
	if a.Code != contract.OK || a.Write.Outcome != contract.Superseded || a.Write.Winner != winner || a.Write.Version != loser.Version {
		t.Errorf("%v %+v", a.Code, a.Write)
	}
	if a := k.get("k", contract.All); string(a.Get.Value) != "winner" {
		t.Errorf("reads %q", a.Get.Value)
	}
}

// Contract, section 4: the winner is written back to a quorum before the answer.
func TestReadRepairsBeforeItAnswers(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	newer := c.version(10)
	c.nodes[0].set("k", record.Record{Version: c.version(0), Value: []byte("old")})
	for i := 1; i < 3; i++ { // whichever is asked beside node 0
		c.nodes[i].set("k", record.Record{Version: newer, Value: []byte("new")})
	}
	a := k.get("k", contract.Quorum)
	if a.Code != contract.OK || string(a.Get.Value) != "new" || a.Get.Receipt.Repaired != 1 || a.Get.Receipt.Acked != 2 {
		t.Errorf("%v %q %+v", a.Code, a.Get.Value, a.Get.Receipt)
	}
	if got := c.nodes[0].holds("k"); got != "new" {
		t.Errorf("node 0 holds %s", got)
	}
	// A write-back may be older than the request age limit.
	c.nodes[0].set("old", record.Record{Version: c.version(-3_600_000), Value: []byte("old")})
	if a := k.get("old", contract.All); a.Code != contract.OK || string(a.Get.Value) != "old" || a.Get.Receipt.Repaired != 2 {
		t.Errorf("%v %q %+v", a.Code, a.Get.Value, a.Get.Receipt)
	}
}

// protocol.md, after: the answer is at least as new as what the reader has seen,
// also at ONE, or the read fails.
func TestSessionNeverGoesBack(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	seen := c.version(0)
	c.nodes[2].set("k", record.Record{Version: seen, Value: []byte("seen")})
	if a := k.get("k", contract.One); a.Get.Found {
		t.Fatal("the test needs a node 0 that is behind")
	}
	a := k.do(wire.Request{Op: wire.OpGet, Key: []byte("k"), Level: contract.One, After: seen})
	if a.Code != contract.OK || string(a.Get.Value) != "seen" {
		t.Errorf("%v %+v", a.Code, a.Get)
	}
	if got := c.nodes[0].holds("k"); got != "seen" {
		t.Errorf("node 0 was behind, and now holds %s", got)
	}
	a = k.do(wire.Request{Op: wire.OpGet, Key: []byte("k"), Level: contract.One, After: c.version(1)})
	if a.Code != contract.Unavailable {
		t.Errorf("what nobody has: %v %+v", a.Code, a.Get)
	}
}

// Contract, section 3: damaged data is an error, never NOT FOUND.
func TestDamageIsNeverNotFound(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	k.put("k", "value")
	c.nodes[0].damage("k")
	for _, level := range []contract.Level{contract.One, contract.Quorum} {
		if a := k.get("k", level); a.Code != contract.OK || string(a.Get.Value) != "value" {
			t.Errorf("%v with one damaged copy: %v %q", level, a.Code, a.Get.Value)
		}
	}
	c.nodes[1].damage("k")
	if a := k.get("k", contract.Quorum); a.Code != contract.Corrupt {
		t.Errorf("with two: %v", a.Code)
	}
	c.nodes[2].damage("k")
	if a := k.get("k", contract.One); a.Code != contract.Corrupt {
		t.Errorf("with three: %v", a.Code)
	}
	if a := k.put("k", "new"); a.Code != contract.Corrupt {
		t.Errorf("a write to it: %v", a.Code)
	}
}

func TestDeadlines(t *testing.T) {
	for _, tc := range []struct{ asked, waited uint64 }{{0, 2000}, {300, 300}, {1, 5}, {1 << 40, 5000}, {1<<64 - 1, 5000}} {
		c := newCluster(t, 3)
		k := c.client(0)
		for _, p := range c.nodes[0].peers {
			p.stuck = true
		}
		put := k.open(wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte("v"), DeadlineMS: tc.asked})
		get := k.open(wire.Request{Op: wire.OpGet, Key: []byte("k"), DeadlineMS: tc.asked})
		c.pump()
		c.pass(int64(tc.waited) - 5)
		if len(k.out) != 0 {
			t.Errorf("%d: answered before its deadline", tc.asked)
		}
		c.pass(5)
		for _, a := range k.answers() {
			stamped := a.ID == put // and this node itself has answered both
			if a.Code != contract.Timeout || a.Error.Version.IsZero() == stamped || a.Error.Receipt.Acked != 1 || a.ID != put && a.ID != get {
				t.Errorf("%d: %d %v version %v %+v", tc.asked, a.ID, a.Code, a.Error.Version, a.Error.Receipt)
			}
		}
		if n := k.session.InFlight() + c.nodes[0].router.Open(); n != 0 {
			t.Errorf("%d: %d are still open", tc.asked, n)
		}
	}
}

// A node drops work whose deadline has passed.
func TestLateWorkIsDropped(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	for _, n := range c.nodes {
		n.committing = false
	}
	k.open(wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte("v"), DeadlineMS: 100})
	c.pump()
	c.pass(100)
	if a := k.one(); a.Code != contract.Timeout || a.Error.Receipt.Acked != 0 {
		t.Errorf("%v %+v", a.Code, a.Error)
	}
	for _, n := range c.nodes {
		n.committing = true
	}
	c.pump()
	for i, n := range c.nodes {
		if got := n.holds("k"); got != "nothing" || n.applier.Counters.Expired != 1 {
			t.Errorf("node %d holds %s, %+v", i, got, n.applier.Counters)
		}
	}
}

// Contract, section 3: the links are lost after sending: writes are in doubt, and
// reads ask elsewhere.
func TestLinkLostAfterSending(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	put := k.open(wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte("v")})
	c.kill(1)
	a := k.one()
	if a.ID != put || a.Code != contract.OK {
		t.Errorf("one link lost: %d %v", a.ID, a.Code)
	}
	put = k.open(wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte("v"), Level: contract.Two, Flags: contract.Rows})
	c.kill(2)
	a = k.one()
	if a.ID != put || a.Code != contract.InDoubt || a.Error.Version.IsZero() || a.Error.Receipt.Acked > 1 || len(a.Error.Receipt.Rows) != 3 {
		t.Errorf("%d %v %+v", a.ID, a.Code, a.Error)
	}
	c = newCluster(t, 3)
	k = c.client(0)
	k.put("k", "v")
	k.open(wire.Request{Op: wire.OpGet, Key: []byte("k")})
	asked := 1
	if c.nodes[0].peers[nodeID(1)].box.Waiting() == 0 {
		asked = 2
	}
	c.kill(asked)
	if a := k.one(); a.Code != contract.OK || string(a.Get.Value) != "v" || a.Get.Receipt.Asked != 3 {
		t.Errorf("a read: %v %+v", a.Code, a.Get)
	}
}

// A batch whose sync failed may or may not be there: in doubt, never no effect.
func TestFailedSyncIsInDoubt(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	for _, n := range c.nodes {
		n.failure = contract.Internal
	}
	if a := k.put("k", "v"); a.Code != contract.InDoubt || a.Error.Receipt.Acked != 0 {
		t.Errorf("%v", a.Code)
	}
	for _, n := range c.nodes {
		n.failure = contract.NotReady // definitely not written
	}
	if a := k.put("k", "v"); a.Code != contract.Unavailable || a.Error.Reachable != 0 {
		t.Errorf("%v, reachable %d", a.Code, a.Error.Reachable)
	}
}

// Contract, section 3: OUTCOME settles a write that is in doubt.
func TestOutcome(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	v := c.version(0)
	outcome := func(v hlc.Version) wire.OutcomeAnswer {
		t.Helper()
		a := k.do(wire.Request{Op: wire.OpOutcome, Key: []byte("k"), Version: v})
		if a.Code != contract.OK {
			t.Fatalf("%v: %s", a.Code, a.Error.Message)
		}
		return a.Outcome
	}
	c.kill(1)
	if o := outcome(v); o.Fate != contract.Pending || !o.Winner.IsZero() || o.Receipt.Acked != 0 || o.Receipt.Asked != 2 {
		t.Errorf("nobody that can be reached has it: %+v", o)
	}
	c.heal()
	c.nodes[2].set("k", record.Record{Version: v, Value: []byte("v")})
	if o := outcome(v); o.Fate != contract.Committed || o.Winner != v || o.Receipt.Acked < 2 {
		t.Errorf("one has it: %+v", o)
	}
	c.kill(2)
	if a := k.get("k", contract.Quorum); string(a.Get.Value) != "v" {
		t.Errorf("committed, but without its holder it reads %q", a.Get.Value)
	}
	if o := outcome(c.version(-1)); o.Fate != contract.FateSuperseded || o.Winner != v {
		t.Errorf("a lower version: %+v", o)
	}
	if o := outcome(c.version(1)); o.Fate != contract.Pending {
		t.Errorf("a higher version: %+v", o)
	}
	c.heal()
	if o := outcome(c.version(1)); o.Fate != contract.NotApplied || !o.Winner.IsZero() || o.Receipt.Acked != 3 {
		t.Errorf("a higher version, all can be reached: %+v", o)
	}
}

func TestPing(t *testing.T) {
	c := newCluster(t, 3)
	c.nodes[0].clock = hlc.Make(physical, 7)
	if a := c.client(0).do(wire.Request{Op: wire.OpPing, DeadlineMS: 10}); a.Code != contract.OK || a.Clock != hlc.Make(physical, 7) || a.Epoch != 1 {
		t.Errorf("%+v", a.Head)
	}
}

func TestRing(t *testing.T) {
	c := newCluster(t, 4)
	a := c.client(1).do(wire.Request{Op: wire.OpRing})
	r := a.Ring
	if a.Code != contract.OK || r.Q != 16 || r.N != 3 || len(r.Members) != 4 || len(r.Owners) != 2*16*3 || r.Members[2].Client != "n2:7400" {
		t.Errorf("%v %+v", a.Code, r)
	}
	for p := range 16 {
		for i, o := range c.epoch.Ring.Owners(p) {
			if at := 2 * (3*p + i); int(o) != int(r.Owners[at])<<8+int(r.Owners[at+1]) {
				t.Errorf("owner %d of partition %d", i, p)
			}
		}
	}
}

// A key's replicas are three of the four nodes; a node that is none of them
// coordinates all the same.
func TestNodeThatOwnsNothingOfTheKeyCoordinates(t *testing.T) {
	c := newCluster(t, 4)
	for i := range 20 {
		key := fmt.Sprint("key ", i)
		for n := range c.nodes {
			k := c.client(n)
			if a := k.put(key, fmt.Sprint("by ", n)); a.Code != contract.OK || a.Write.Receipt.Asked != 3 {
				t.Fatalf("%v %+v", a.Code, a.Write.Receipt)
			}
			if a := k.get(key, contract.All); string(a.Get.Value) != fmt.Sprint("by ", n) {
				t.Fatalf("%v %q", a.Code, a.Get.Value)
			}
		}
		holders := 0
		for _, n := range c.nodes {
			if n.holds(key) == "by 3" {
				holders++
			}
		}
		if holders != 3 {
			t.Errorf("%d nodes hold %s", holders, key)
		}
	}
}

// Contract, section 1: a node of weaker durability has said so, and receipts count what
// it answered for as acked, and not as durable, whoever coordinates.
func TestReceiptsSayWhatIsNotSynced(t *testing.T) {
	c := newCluster(t, 3)
	for i, want := range []int{3, 2, 1, 0} {
		if i > 0 {
			c.nodes[i-1].router.o.Periodic = true
		}
		for _, n := range c.nodes {
			k := c.client(slices.Index(c.nodes, n))
			put := k.do(wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte("v"), Level: contract.All, Flags: contract.Rows}).Write.Receipt
			get := k.do(wire.Request{Op: wire.OpGet, Key: []byte("k"), Level: contract.All, Flags: contract.Rows}).Get.Receipt
			for _, r := range []contract.Receipt{put, get} {
				durable := 0
				for _, row := range r.Rows {
					if row.State == contract.Durable {
						durable++
					} else if row.State != contract.RowApplied {
						t.Errorf("a row says %v", row.State)
					}
				}
				if r.Acked != 3 || r.Durable != want || durable != want {
					t.Errorf("%d nodes sync later: %v, %d rows durable", i, r, durable)
				}
			}
		}
	}
	k := c.dial(c.nodes[2], true)
	h := nodeHello()
	k.send(h.Append(nil))
	if a := k.one(); !a.Hello.Has(wire.FeaturePeriodic) {
		t.Errorf("HELLO tells %q", a.Hello.Features)
	}
}
