package router

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/coordinator"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/wire"
)

func sloppyPut(value string, level contract.Level) wire.Request {
	return wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte(value), Level: level, Flags: contract.Sloppy | contract.Rows}
}

// hintsOf lists what a node keeps: target, key, version, whether it counts.
func (n *node) hintsOf() (all []string) {
	for _, h := range n.healing.hints {
		all = append(all, fmt.Sprintf("%x %s %v %v", h.Target[:1], h.Key, h.Version, h.Counted))
	}
	return all
}

// Contract, sections 1 and 6, and rule 4: for each replica that is down and needed
// the next reachable node of the ring stores a synced hint before the answer; it
// counts toward the level and is counted apart.
func TestSloppyWriteIsKeptByTheNextNodesOfTheRing(t *testing.T) {
	for _, from := range []string{"the owner that is left", "a node that is none"} {
		t.Run(from, func(t *testing.T) {
			c := newCluster(t, 6)
			owners, others := c.owners("k")
			at := owners[0]
			if from == "a node that is none" {
				at = others[2]
			}
			k := c.client(at)
			c.kill(owners[1])
			c.kill(owners[2])
			if a := k.put("k", "v"); a.Code != contract.Unavailable || a.Error.Reachable != 1 {
				t.Fatalf("not sloppy: %v", a.Code)
			}
			if total(c, func(n *node) int { return len(n.store.records) + len(n.healing.hints) }) != 0 {
				t.Fatal("it was refused, and something was stored")
			}
			for i, n := range c.nodes {
				n.committing = i == owners[0] // no hint is durable yet
			}
			id := k.open(sloppyPut("v", contract.Quorum))
			c.pump()
			if len(k.out) != 0 {
				t.Fatal("it was answered before the hint was durable")
			}
			for _, n := range c.nodes {
				n.committing = true
			}
			c.pump()
			a := k.one()
			want := contract.Receipt{Need: 2, Asked: 1, Acked: 1, Durable: 1, Hinted: 1, Level: contract.Quorum}
			rows := a.Write.Receipt.Rows
			if a.Write.Receipt.Rows = nil; a.Code != contract.OK || a.ID != id || !cmp.Equal(want, a.Write.Receipt) {
				t.Fatalf("%v %s", a.Code, cmp.Diff(want, a.Write.Receipt))
			}
			v := a.Write.Version
			states := make([]string, len(rows))
			for i, row := range rows {
				states[i] = fmt.Sprintf("%x %v", row.Node[:1], row.State)
			}
			name := func(i int) string { return fmt.Sprintf("%02x", i+1) }
			if want := []string{name(owners[0]) + " durable", name(owners[1]) + " down", name(owners[2]) + " down", name(others[0]) + " hinted"}; !slices.Equal(states, want) {
				t.Errorf("rows %q, want %q", states, want)
			}
			for i, n := range c.nodes {
				var want []string
				if i == others[0] {
					want = []string{fmt.Sprintf("%s k %v true", name(owners[1]), v)}
				}
				if got := n.hintsOf(); !slices.Equal(got, want) || n.healing.stood != len(want) {
					t.Errorf("node %d keeps %q, was told of %d, want %q", i, got, n.healing.stood, want)
				}
			}
			// The other one that lacks it gets a hint that counts for nothing.
			if got, want := c.nodes[at].healing.missed, fmt.Sprintf("%s %v", name(owners[2]), v); len(got) != 1 || !strings.HasPrefix(got[0], want) {
				t.Errorf("told that it is missed: %q, want %q", got, want)
			}
		})
	}
}

func total(c *cluster, of func(*node) int) (sum int) {
	for _, n := range c.nodes {
		sum += of(n)
	}
	return sum
}

// Level any goes on with any one node, also where that is the one that was asked,
// and says what was achieved.
func TestAnyGoesOnWithAnyOneNode(t *testing.T) {
	c := newCluster(t, 5)
	owners, others := c.owners("k")
	for _, o := range append(owners, others[1]) {
		c.kill(o)
	}
	k := c.client(others[0])
	a := k.do(wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte("v"), Level: contract.Any})
	want := contract.Receipt{Need: 1, Hinted: 1, Level: contract.Any}
	if a.Code != contract.OK || !cmp.Equal(want, a.Write.Receipt) || len(c.nodes[others[0]].healing.hints) != 1 {
		t.Fatalf("%v %s", a.Code, cmp.Diff(want, a.Write.Receipt))
	}
	// The read says so: nobody has it yet.
	if a := k.get("k", contract.One); a.Code != contract.Unavailable {
		t.Errorf("a read: %v", a.Code)
	}
	// A full one refuses before the answer; nothing is done.
	c.nodes[others[0]].healing.noRoom = true
	if a := k.put("k", "v"); a.Code != contract.Unavailable {
		t.Errorf("not sloppy: %v", a.Code)
	}
	a = k.do(wire.Request{Op: wire.OpDelete, Key: []byte("k"), Level: contract.Any})
	if a.Code != contract.Overloaded || len(c.nodes[others[0]].healing.hints) != 1 {
		t.Errorf("without room: %v, %d hints", a.Code, len(c.nodes[others[0]].healing.hints))
	}
	c.nodes[others[0]].serving = false
	if a := k.do(wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte("v"), Level: contract.Any}); a.Code != contract.Unavailable {
		t.Errorf("with no node that serves: %v", a.Code)
	}
}

// Reachable is up and suspect; suspects are asked last (rule 3).
func TestSuspectsStandInLast(t *testing.T) {
	c := newCluster(t, 6)
	owners, others := c.owners("k")
	for _, o := range owners {
		c.kill(o)
	}
	from := c.nodes[others[2]]
	from.peers[nodeID(others[0])].suspect = true
	k := c.client(others[2])
	k.do(sloppyPut("v", contract.Two))
	if a, b := len(c.nodes[others[1]].healing.hints), len(c.nodes[others[2]].healing.hints); a != 1 || b != 1 {
		t.Errorf("those that are up keep %d and %d", a, b)
	}
	if a := k.do(sloppyPut("v", contract.All)); a.Code != contract.OK || len(c.nodes[others[0]].healing.hints) != 1 {
		t.Errorf("%v, the suspect keeps %d", a.Code, len(c.nodes[others[0]].healing.hints))
	}
}

// A stand-in whose room is at its bound refuses, and the next one is asked.
func TestStandInWithoutRoomRefusesBeforeTheAnswer(t *testing.T) {
	c := newCluster(t, 6)
	owners, others := c.owners("k")
	c.kill(owners[1])
	c.kill(owners[2])
	c.nodes[others[0]].healing.noRoom = true
	k := c.client(owners[0])
	a := k.do(sloppyPut("v", contract.Quorum))
	if a.Code != contract.OK || a.Write.Receipt.Hinted != 1 || len(c.nodes[others[0]].healing.hints) != 0 || len(c.nodes[others[1]].healing.hints) != 1 {
		t.Errorf("%v %+v", a.Code, a.Write.Receipt)
	}
	// At its peers' port each item is answered by itself.
	stand := c.item("k", "v")
	stand.Kind, stand.Target = wire.Stand, nodeID(2)
	c = newCluster(t, 3)
	c.nodes[0].healing.noRoom = true
	p := c.peerConn(nodeID(1))
	p.send(writes(1, c.item("a", "v"), stand))
	c.pump()
	if words, _ := p.results(); !slices.Contains(words, "1 OK") || !slices.Contains(words, "2 OVERLOADED") {
		t.Errorf("%q", words)
	}
	c.nodes[0].healing.noRoom = false
	p.send(writes(1, stand))
	c.pump()
	if words, _ := p.results(); !slices.Equal(words, []string{"1 OK"}) || c.nodes[0].healing.stood != 1 {
		t.Errorf("%q, told of %d", words, c.nodes[0].healing.stood)
	}
	if got := c.nodes[0].hintsOf(); len(got) != 1 || !strings.HasPrefix(got[0], "03 k ") || c.nodes[0].holds("k") != "nothing" {
		t.Errorf("it keeps %q", got)
	}
}

// Rule 4: for a sloppy write OUTCOME asks all members, and a hint of v is delivered
// first. A member that cannot be asked may keep it: pending.
func TestOutcomeOfASloppyWriteFindsItsHint(t *testing.T) {
	c := newCluster(t, 5)
	owners, others := c.owners("k")
	for _, o := range owners {
		c.kill(o)
	}
	v := c.version(0)
	put := sloppyPut("v", contract.Any)
	put.Version, put.HasVersion = v, true
	if a := c.client(others[1]).do(put); a.Code != contract.OK || a.Write.Receipt.Hinted != 1 {
		t.Fatalf("%v %+v", a.Code, a.Write.Receipt)
	}
	keeper := others[0]
	if len(c.nodes[keeper].healing.hints) != 1 {
		t.Fatal("the next node of the ring keeps nothing")
	}
	c.heal()
	c.kill(keeper)
	outcome := wire.Request{Op: wire.OpOutcome, Key: []byte("k"), Version: v, Flags: contract.OutcomeSloppy}
	for i := range c.nodes {
		if i == keeper {
			continue
		}
		if a := c.client(i).do(outcome); a.Code != contract.OK || a.Outcome.Fate != contract.Pending {
			t.Errorf("from %d, its keeper is down: %v %v", i, a.Code, a.Outcome.Fate)
		}
	}
	if total(c, func(n *node) int { return len(n.store.voids) }) != 0 {
		t.Error("it was given up")
	}
	c.heal()
	if a := c.client(owners[0]).do(outcome); a.Code != contract.OK || a.Outcome.Fate != contract.Committed || a.Outcome.Winner != v {
		t.Errorf("all are up: %v %+v", a.Code, a.Outcome)
	}
	for _, o := range owners {
		if got := c.nodes[o].holds("k"); got != "v" {
			t.Errorf("owner %d holds %s", o, got)
		}
	}
	// Of one that nobody keeps all members are heard.
	outcome.Version.Writer++
	outcome.Key = []byte("another")
	if a := c.client(keeper).do(outcome); a.Outcome.Fate != contract.NotApplied {
		t.Errorf("nobody keeps it: %v %v", a.Code, a.Outcome.Fate)
	}
	// The node that was asked may be the keeper itself.
	own := ""
	for i := 0; own == ""; i++ {
		if key := fmt.Sprint("key ", i); !c.epoch.Ring.Owns(int(placeOf(key).Token>>60), nodeID(keeper)) {
			own = key
		}
	}
	c.nodes[keeper].does(own, replica.Write{
		Kind: replica.Stand, Target: nodeID(owners[0]), Counted: true, Origin: replica.Origin{Call: HintCalls},
		Record: record.Append(nil, 1, []byte(own), record.Record{Version: v, Value: []byte("mine")}),
	})
	outcome.Key, outcome.Version = []byte(own), v
	if a := c.client(keeper).do(outcome); a.Outcome.Fate != contract.Committed {
		t.Errorf("asked of its keeper: %v %v", a.Code, a.Outcome.Fate)
	}
}

// Contract, section 1: an acknowledged write is not given up, though whoever asks what
// became of it does not know that hints alone had acknowledged it. Without the flag a
// member that cannot be asked does not hold the answer back.
func TestOutcomeFindsAHintThatItIsNotToldOf(t *testing.T) {
	c := newCluster(t, 5)
	owners, others := c.owners("k")
	for _, o := range owners {
		c.kill(o)
	}
	put := sloppyPut("v", contract.Any)
	put.Version, put.HasVersion = c.version(0), true
	if a := c.client(others[1]).do(put); a.Code != contract.OK || a.Write.Receipt.Hinted != 1 {
		t.Fatalf("%v %+v", a.Code, a.Write.Receipt)
	}
	c.heal()
	outcome := wire.Request{Op: wire.OpOutcome, Key: []byte("k"), Version: put.Version}
	for i := range c.nodes {
		if a := c.client(i).do(outcome); a.Code != contract.OK || a.Outcome.Fate != contract.Committed {
			t.Errorf("from %d: %v %v", i, a.Code, a.Outcome.Fate)
		}
	}
	for _, o := range owners {
		if got := c.nodes[o].holds("k"); got != "v" {
			t.Errorf("owner %d holds %s", o, got)
		}
	}
	c.kill(others[0])
	outcome.Version.Time++
	if a := c.client(others[1]).do(outcome); a.Code != contract.OK || a.Outcome.Fate != contract.NotApplied {
		t.Errorf("of a write that nobody keeps, one member is down: %v %v", a.Code, a.Outcome.Fate)
	}
}

// protocol.md: after at or below a replica's watermark is met by that replica; and
// OUTCOME of such a version is decided: not applied, or forgotten.
func TestFencesAreToldBetweenNodes(t *testing.T) {
	for _, from := range []bool{true, false} { // an owner, and a node that is none
		c := newCluster(t, 4)
		c.heals()
		owners, _ := c.owners("k")
		k := c.client(c.place(t, "k", from))
		seen := c.version(-10)
		ask := wire.Request{Op: wire.OpGet, Key: []byte("k"), After: seen, Level: contract.Quorum}
		if a := k.do(ask); a.Code != contract.Unavailable {
			t.Fatalf("no fence: %v", a.Code)
		}
		c.nodes[owners[2]].does("k", replica.Write{Kind: replica.Agree, Mark: seen.Time})
		if a := k.do(ask); a.Code != contract.OK || a.Get.Found {
			t.Errorf("the third has agreed: %v %+v", a.Code, a.Get)
		}
		ask.After.Time++
		if a := k.do(ask); a.Code != contract.Unavailable {
			t.Errorf("one above the fence: %v", a.Code)
		}
		fate := func(v hlc.Version) contract.Fate {
			t.Helper()
			a := k.do(wire.Request{Op: wire.OpOutcome, Key: []byte("k"), Version: v})
			if a.Code != contract.OK {
				t.Fatalf("OUTCOME: %v", a.Code)
			}
			return a.Outcome.Fate
		}
		if got := fate(seen); got != contract.Forgotten {
			t.Errorf("absent: %v", got)
		}
		for _, o := range owners {
			c.nodes[o].set("k", record.Record{Version: c.version(-20), Value: []byte("old")})
		}
		if got := fate(seen); got != contract.NotApplied {
			t.Errorf("a lower version is there: %v", got)
		}
		if got := fate(c.version(-20)); got != contract.Committed {
			t.Errorf("it is there: %v", got)
		}
		if total(c, func(n *node) int { return len(n.store.voids) }) != 0 {
			t.Error("notes were made of what is decided")
		}
	}
}

// The tail fields of a READ: the fence, and a hint for whomever.
func TestReadTellsFenceAndHint(t *testing.T) {
	c := newCluster(t, 3)
	c.heals()
	n := c.nodes[0]
	n.does("k", replica.Write{Kind: replica.Agree, Mark: 77})
	v := c.version(0)
	n.set("k", record.Record{Version: v, Value: []byte("stored")})
	hint := record.Append(nil, 1, []byte("k"), record.Record{Version: c.version(5), Value: []byte("kept for another")})
	n.does("k", replica.Write{Kind: replica.Stand, Record: hint, Target: nodeID(1), Origin: replica.Origin{Call: RepairCalls | 9}})
	k := c.peerConn(nodeID(1))
	for _, tc := range []struct {
		op      wire.Op
		want    wire.Want
		version hlc.Version
		bytes   int
		mark    hlc.Timestamp
	}{
		{wire.OpRead, 0, hlc.Version{}, record.Bytes(record.Record{Value: []byte("stored")}), 0},
		{wire.OpRead, wire.WantMark, hlc.Version{}, record.Bytes(record.Record{Value: []byte("stored")}), 77},
		{wire.OpDigest, wire.WantMark, hlc.Version{}, record.Bytes(record.Record{}), 77},
		{wire.OpRead, wire.WantHint, c.version(5), len(hint), 0},
		{wire.OpRead, wire.WantHint, v, 0, 0}, // it is stored, and no hint
	} {
		var box wire.Outbox
		box.Read(tc.op, 1, 0, &wire.ReadItem{Call: 1, DeadlineMS: 1000, Place: placeOf("k"), Want: tc.want, Version: tc.version})
		k.send(box.Take(nil))
		body, _, err := wire.NextFrame(k.out, 1<<20)
		var a wire.PeerAnswer
		if err != nil || wire.DecodePeerAnswer(body, &a) != nil {
			t.Fatal(err)
		}
		k.out = nil
		var r wire.ReadResult
		if more, err := a.NextRead(&r); !more || err != nil || r.Code != contract.OK || len(r.Record) != tc.bytes || r.Mark != tc.mark {
			t.Errorf("%v want %d: %v, %d bytes, mark %d", tc.op, tc.want, r.Code, len(r.Record), r.Mark)
		}
	}
}

// Rule 8: a partition in quarantine neither serves nor votes. Others do, and a scan
// ends in front of it and goes on elsewhere.
func TestQuarantineIsServedByOthers(t *testing.T) {
	c := newCluster(t, 3)
	c.heals()
	k := c.client(0)
	var keys []string
	for i := range 60 {
		key := fmt.Sprintf("key %02d", i)
		if a := k.do(wire.Request{Op: wire.OpPut, Key: []byte(key), Value: []byte("v"), Level: contract.All}); a.Code != contract.OK {
			t.Fatal(a.Code)
		}
		keys = append(keys, key)
	}
	n := c.nodes[0]
	n.does(keys[7], replica.Write{Kind: replica.Quarantine})
	n.does(keys[8], replica.Write{Kind: replica.Quarantine})
	for i := range c.nodes {
		k := c.client(i)
		for _, key := range keys {
			if a := k.get(key, contract.One); a.Code != contract.OK || string(a.Get.Value) != "v" && string(a.Get.Value) != "w" {
				t.Fatalf("%s through %d: %v", key, i, a.Code)
			}
		}
		// It has refused, and is not called down.
		if a := k.get(keys[7], contract.All); a.Code != contract.Unavailable || len(a.Error.Down) != 0 || !strings.Contains(string(a.Error.Message), "refused by") {
			t.Errorf("all: %v, down %v, %s", a.Code, a.Error.Down, a.Error.Message)
		}
		a := k.put(keys[7], "w")
		if a.Code != contract.OK || a.Write.Receipt.Acked != 2 || n.holds(keys[7]) != "v" {
			t.Errorf("a write: %v %+v, and %s is stored", a.Code, a.Write.Receipt, n.holds(keys[7]))
		}
		// Rule 4: it does not vote on what was given up.
		if a := k.do(wire.Request{Op: wire.OpOutcome, Key: []byte(keys[7]), Version: c.version(1000)}); a.Outcome.Fate != contract.Pending {
			t.Errorf("OUTCOME: %v %v", a.Code, a.Outcome.Fate)
		}
		for _, level := range []contract.Level{contract.One, contract.Quorum} {
			q := scanOf("", 0)
			q.Level = level
			items, _, last := k.scanAll(q)
			if len(items) != len(keys) || last.Coverage.Done != last.Coverage.Asked || last.Coverage.MetLevel != last.Coverage.Asked {
				t.Errorf("a scan at %v through %d: %d of %d keys, %+v", level, i, len(items), len(keys), last.Coverage)
			}
		}
	}
	// In its own words: a range ends in front of the partition, and one that begins
	// there is not ready.
	p := ringToken(placeOf(keys[7]))
	first := uint64(p) &^ (1<<60 - 1)
	other := uint64(ringToken(placeOf(keys[8]))) &^ (1<<60 - 1)
	first = min(first, other)
	peer := c.peerConn(nodeID(1))
	ranged := func(from uint64) wire.RangeResult {
		t.Helper()
		q := wire.RangeRequest{Call: 1, DeadlineMS: 1000, Namespace: 1, From: from, Last: ^uint64(0), Limit: 1000, Bytes: 1 << 20}
		peer.send(q.Append(nil, wire.PeerHead{Op: wire.OpRange, ID: 9, Epoch: 1}))
		body, _, err := wire.NextFrame(peer.out, 1<<20)
		var a wire.PeerAnswer
		if err != nil || wire.DecodePeerAnswer(body, &a) != nil {
			t.Fatal(err)
		}
		peer.out = nil
		return a.Range
	}
	if r := ranged(first); r.Code != contract.NotReady || len(r.Items) != 0 {
		t.Errorf("from inside: %v, %d items", r.Code, len(r.Items))
	}
	if first > 0 {
		if r := ranged(0); r.Code != contract.OK || r.Done || r.NextToken != first || r.NextKey != nil {
			t.Errorf("from before: %+v", r)
		}
	}
	n.does(keys[7], replica.Write{Kind: replica.Release})
	n.does(keys[8], replica.Write{Kind: replica.Release})
	if a := k.get(keys[7], contract.All); a.Code != contract.OK || string(a.Get.Value) != "w" || n.holds(keys[7]) != "w" {
		t.Errorf("released: %v %s, and %s is stored", a.Code, a.Get.Value, n.holds(keys[7]))
	}
}

// protocol.md, EXPLAIN: how many hints wait for a replica here, and up to when the
// replicas are known to hold the same.
func TestExplainTellsHintsAndProof(t *testing.T) {
	c := newCluster(t, 3)
	c.nodes[0].healing.asOf = 12345
	for range 3 {
		c.nodes[0].healing.hints = append(c.nodes[0].healing.hints, replica.Hint{Target: nodeID(2)})
	}
	for from, want := range map[int][2]uint64{0: {12345, 3}, 1: {0, 0}} {
		a := c.client(from).do(wire.Request{Op: wire.OpExplain, Key: []byte("k")})
		if a.Explain.RepairedAsOf != want[0] {
			t.Errorf("from %d: as of %d", from, a.Explain.RepairedAsOf)
		}
		for _, row := range a.Explain.Rows {
			if pending := row.HintsPending; pending != want[1] && row.Node == nodeID(2) || pending != 0 && row.Node != nodeID(2) {
				t.Errorf("from %d: %d hints for %x", from, pending, row.Node[:1])
			}
		}
	}
}

// Rule 7: both sides of an exchange name their epoch; different ones: no exchange.
// What is refused is told to who asked.
func TestExchangeIsBetweenMembersOfOneEpoch(t *testing.T) {
	for _, tc := range []struct {
		name  string
		from  int
		epoch uint64
		code  contract.Code
	}{
		{"a member", 1, 1, contract.OK}, {"a stranger", 9, 1, contract.Forbidden},
		{"an older epoch", 1, 0, contract.StaleEpoch}, {"a newer epoch", 1, 2, contract.NotReady},
	} {
		c := newCluster(t, 3)
		k := c.peerConn(nodeID(tc.from))
		k.send(wire.AppendDocument(nil, wire.PeerHead{Op: wire.OpExchange, ID: 7, Epoch: tc.epoch}, []byte("roots")))
		if tc.code == contract.OK {
			if got, want := c.nodes[0].heard, []string{"EXCHANGE from 02: roots"}; !slices.Equal(got, want) || len(k.out) != 0 {
				t.Errorf("%s: %q", tc.name, got)
			}
			continue
		}
		if words, _ := k.results(); !slices.Equal(words, []string{"EXCHANGE " + tc.code.String()}) || strings.Contains(strings.Join(c.nodes[0].heard, " "), "roots") {
			t.Errorf("%s: %q, heard %q", tc.name, words, c.nodes[0].heard)
		}
	}
	c := newCluster(t, 3)
	n := c.nodes[0]
	for _, frame := range [][]byte{
		wire.AppendDocumentAnswer(nil, wire.Head{Op: wire.OpExchange, ID: 7, Epoch: 1}, []byte("roots")),
		fail(contract.StaleEpoch, "no").Append(nil, wire.Head{Op: wire.OpExchange, ID: 8, Epoch: 1, Code: contract.StaleEpoch}),
	} {
		body, _, err := wire.NextFrame(frame, 1<<20)
		n.router.Begin(&n.turn)
		if err != nil || !n.router.Answer(&n.turn, nodeID(1), body) {
			t.Fatal(err)
		}
		n.router.Finish(&n.turn)
	}
	if want := []string{"answer to EXCHANGE from 02: OK roots", "answer to EXCHANGE from 02: STALE_EPOCH "}; !slices.Equal(n.heard, want) {
		t.Errorf("heard %q, want %q", n.heard, want)
	}
}

// Calls of the background are nobody's of the Cores: their replies go to the World,
// whoever answers.
func TestRepliesToTheBackgroundGoToTheWorld(t *testing.T) {
	c := newCluster(t, 3)
	n := c.nodes[0]
	rec := record.Append(nil, 1, []byte("k"), record.Record{Version: c.version(0), Value: []byte("v")})
	p := n.peers[nodeID(1)]
	for _, call := range []uint64{HintCalls, HintCalls | 5, RepairCalls | 6} {
		n.does("k", replica.Write{Kind: replica.Repair, Record: rec, Origin: replica.Origin{Call: call}})
		p.box.Write(1, 0, &wire.WriteItem{Call: call, Kind: wire.Deliver, DeadlineMS: 1000, Place: placeOf("k"), Record: rec})
		p.box.Read(wire.OpRead, 1, 0, &wire.ReadItem{Call: call, DeadlineMS: 1000, Place: placeOf("k")})
		c.pump()
	}
	want := []uint64{HintCalls, HintCalls, HintCalls, HintCalls | 5, HintCalls | 5, HintCalls | 5, RepairCalls | 6, RepairCalls | 6, RepairCalls | 6}
	if !slices.Equal(n.healing.replies, want) {
		t.Errorf("%x", n.healing.replies)
	}
	if coordinator.ShardOf(HintCalls) < len(n.router.shards) {
		t.Error("a Core makes such calls")
	}
}

// Rule 5: the coordinator keeps a hint for a replica that was down, and for one
// that is silent for too long; the answer waits for neither.
func TestHintsAreLeftForWhoMayLackAWrite(t *testing.T) {
	c := newCluster(t, 3)
	owners, _ := c.owners("k")
	k := c.client(owners[0])
	n := c.nodes[owners[0]]
	hinted := func() (all []string) {
		all, n.healing.missed = n.healing.missed, nil
		return all
	}
	whole := record.Bytes(record.Record{Value: []byte("v")})
	want := func(i int, a wire.Answer) []string {
		return []string{fmt.Sprintf("%02x %v %d", i+1, a.Write.Version, whole)}
	}
	if k.put("k", "v"); len(hinted()) != 0 {
		t.Error("all have it, and there is a hint")
	}
	n.peers[nodeID(owners[2])].stuck = true
	a := k.put("k", "v")
	if got := hinted(); a.Code != contract.OK || len(got) != 0 {
		t.Errorf("%v, at once: %q", a.Code, got)
	}
	c.pass(1005)
	if got := hinted(); !slices.Equal(got, want(owners[2], a)) {
		t.Errorf("silent: %q", got)
	}
	n.peers[nodeID(owners[2])].stuck = false
	c.pump()
	c.kill(owners[1])
	a = k.put("k", "v")
	if got := hinted(); a.Code != contract.OK || !slices.Equal(got, want(owners[1], a)) {
		t.Errorf("down: %v %q", a.Code, got)
	}
	c.kill(owners[2])
	if a := k.put("k", "v"); a.Code != contract.Unavailable || len(hinted()) != 0 {
		t.Errorf("refused: %v", a.Code)
	}
	if open := n.router.Open(); open != 0 {
		t.Errorf("%d are open", open)
	}
}

// Rule 8: what a node refuses as its own replica is rebuilt takes next to no time. It is not
// told as the time of a read.
func TestRefusalsAreNoTimes(t *testing.T) {
	c := newCluster(t, 3)
	c.heals()
	k := c.client(0)
	if a := k.do(wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte("v"), Level: contract.All}); a.Code != contract.OK {
		t.Fatal(a.Code)
	}
	c.nodes[0].does("k", replica.Write{Kind: replica.Quarantine})
	var told []wire.Op
	c.nodes[0].router.o.Took = func(op wire.Op, _ int64) { told = append(told, op) }
	if a := k.get("k", contract.All); a.Code != contract.Unavailable || len(told) != 0 {
		t.Errorf("refused: %v, told %v", a.Code, told)
	}
	if a := k.get("k", contract.Quorum); a.Code != contract.OK || len(told) != 1 {
		t.Errorf("done: %v, told %v", a.Code, told)
	}
}
