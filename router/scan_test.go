package router

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

func scanOf(prefix string, limit uint64) wire.Request {
	return wire.Request{Op: wire.OpScan, Level: contract.One, Prefix: []byte(prefix), Limit: limit}
}

// scanAll follows a scan to its end and returns its items and its last page.
func (k *client) scanAll(q wire.Request) (items []wire.ScanItem, pages int, last wire.ScanAnswer) {
	k.n.c.t.Helper()
	for {
		a := k.do(q)
		if a.Code != contract.OK {
			k.n.c.t.Fatalf("page %d: %v %s", pages, a.Code, a.Error.Message)
		}
		items, pages = append(items, a.Scan.Items...), pages+1
		if q.Limit > 0 && len(a.Scan.Items) > int(q.Limit) {
			k.n.c.t.Fatalf("page %d has %d items", pages, len(a.Scan.Items))
		}
		if q.Cursor = a.Scan.Cursor; q.Cursor == nil {
			return items, pages, a.Scan
		}
	}
}

// protocol.md: order is by token, then key; deleted and expired ones are left out.
func TestScanFindsEachKeyOnce(t *testing.T) {
	c := newCluster(t, 5)
	k := c.client(0)
	var want []string
	for i := range 200 {
		key := fmt.Sprintf("user:%d", i)
		k.put(key, "value of "+key)
		want = append(want, key)
	}
	k.do(wire.Request{Op: wire.OpPut, Namespace: []byte("other"), Key: []byte("user:x"), Value: []byte("v")})
	k.put("deleted", "v")
	k.do(wire.Request{Op: wire.OpDelete, Key: []byte("deleted"), Level: contract.All})
	k.do(wire.Request{Op: wire.OpPut, Key: []byte("expired"), Value: []byte("v"), TTL: 1, HasTTL: true})
	c.pass(5)
	token := func(key string) ring.Token { t, _ := ring.TokenOf(nil, "default", []byte(key)); return t }
	slices.SortFunc(want, func(a, b string) int { return int(int64(token(a)>>1) - int64(token(b)>>1)) })
	for _, limit := range []uint64{0, 1, 7, 200, 1 << 60} {
		for i := range c.nodes {
			items, pages, last := c.client(i).scanAll(scanOf("", limit))
			var got []string
			for _, it := range items {
				got = append(got, string(it.Key))
				if string(it.Value) != "value of "+string(it.Key) || it.Version.IsZero() || it.ExpiresAt != 0 {
					t.Fatalf("%+v", it)
				}
			}
			if !slices.Equal(got, want) {
				t.Fatalf("limit %d: %d keys %v, want %v", limit, len(got), got, want)
			}
			if last.Coverage != (wire.Coverage{Done: 16, MetLevel: 16, Asked: 16}) || limit == 0 && pages != 1 {
				t.Errorf("limit %d: %d pages, %+v", limit, pages, last.Coverage)
			}
		}
	}
}

func TestScanOfAPrefix(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	for i := range 30 {
		k.put(fmt.Sprint("a:", i), "v")
		k.put(fmt.Sprint("b:", i), "v")
	}
	items, _, last := k.scanAll(scanOf("a:", 4))
	if len(items) != 30 || last.Coverage.Done != 16 {
		t.Errorf("%d items, %+v", len(items), last.Coverage)
	}
	q := scanOf("a:1", 0)
	q.KeysOnly = true
	items, _, _ = k.scanAll(q)
	for _, it := range items {
		if it.Value != nil || !strings.HasPrefix(string(it.Key), "a:1") {
			t.Errorf("%+v", it)
		}
	}
	if len(items) != 11 {
		t.Errorf("%d items", len(items))
	}
}

// protocol.md: keys that share a {tag} come in key order, and a prefix that
// contains a whole {...} asks one partition only.
func TestScanOfATagIsOneOrderedRange(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	for i := range 50 {
		k.put(fmt.Sprintf("{cart}:%02d", i), "v")
		k.put(fmt.Sprintf("{cart%d}", i), "v")
		k.put(fmt.Sprintf("x{cart}:%02d", i), "v")
	}
	items, _, last := k.scanAll(scanOf("{cart}", 8))
	for i, it := range items {
		if want := fmt.Sprintf("{cart}:%02d", i); string(it.Key) != want {
			t.Fatalf("item %d is %s", i, it.Key)
		}
	}
	if len(items) != 50 || last.Coverage != (wire.Coverage{Done: 1, MetLevel: 1, Asked: 1}) {
		t.Errorf("%d items, %+v", len(items), last.Coverage)
	}
	// No whole tag: every partition has to be asked.
	for _, prefix := range []string{"{car", "{}", "}{"} {
		if _, _, last := k.scanAll(scanOf(prefix, 0)); last.Coverage.Done != 16 {
			t.Errorf("prefix %q: %+v", prefix, last.Coverage)
		}
	}
	if items, _, _ := k.scanAll(scanOf("{cart", 0)); len(items) != 100 {
		t.Errorf("the open prefix finds %d", len(items))
	}
}

// A page ends at 1 MiB, and fits a frame, whatever the values' sizes; so do the
// answers of the replicas.
func TestPagesAndAnswersFitAFrame(t *testing.T) {
	c := newCluster(t, 4)
	k := c.client(0)
	for i := range 12 {
		size := []int{1 << 20, 1<<20 - 1, 600_000, 300_000, 100, 0}[i%6]
		if a := k.put(fmt.Sprintf("{t}%02d", i), strings.Repeat("x", size)); a.Code != contract.OK {
			t.Fatal(a.Code)
		}
	}
	// Every frame, to clients and between nodes, is checked where it is read.
	for _, prefix := range []string{"", "{t}"} {
		if items, pages, _ := k.scanAll(scanOf(prefix, 0)); len(items) != 12 || pages < 5 {
			t.Errorf("prefix %q: %d items on %d pages", prefix, len(items), pages)
		}
	}
}

// 50 ms of work end a page, also where one node does all of it in one turn.
func TestScanGivesWay(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	n := c.nodes[0]
	for i := range 30_000 {
		key := fmt.Sprint("k", i)
		token, _ := ring.TokenOf(nil, "default", []byte(key))
		n.store.PutRecord(uint64(token), 1, []byte(key), record.Append(nil, 1, []byte(key), record.Record{Version: c.version(0)}))
	}
	n.work = func() { c.now.Mono += 20 }
	q := scanOf("nothing begins like this", 0)
	a := k.do(q)
	if a.Code != contract.OK || a.Scan.Cursor == nil || len(a.Scan.Items) != 0 || a.Scan.Coverage.Done == 0 || a.Scan.Coverage.Done > 12 {
		t.Errorf("%v, cursor %x, %+v", a.Code, a.Scan.Cursor, a.Scan.Coverage)
	}
	if _, pages, last := k.scanAll(q); pages != 3 || last.Coverage.Done != 16 {
		t.Errorf("%d pages, %+v", pages, last.Coverage)
	}
}

// A scan goes on with another replica; where none is left it says so, and the
// same cursor may be tried again.
func TestScanFailsOver(t *testing.T) {
	c := newCluster(t, 5)
	k := c.client(0)
	for i := range 100 {
		k.do(wire.Request{Op: wire.OpPut, Key: []byte(fmt.Sprint("k", i)), Value: []byte("v"), Level: contract.All})
	}
	c.nodes[1].serving = false
	if items, _, _ := k.scanAll(scanOf("", 0)); len(items) != 100 {
		t.Errorf("one does not serve: %d items", len(items))
	}
	k.open(scanOf("", 0))
	c.kill(2)
	c.pump()
	if a := k.one(); a.Code != contract.OK || len(a.Scan.Items) != 100 {
		t.Errorf("one is lost on the way: %v, %d items", a.Code, len(a.Scan.Items))
	}
	c.kill(3)
	c.kill(4)
	q, found := scanOf("", 0), 0
	a := k.do(q)
	for a.Code == contract.OK && a.Scan.Cursor != nil {
		found += len(a.Scan.Items)
		q.Cursor = a.Scan.Cursor
		a = k.do(q)
	}
	if a.Code != contract.Unavailable || a.Error.Need != 1 || a.Error.Reachable != 0 || a.Error.N != 3 {
		t.Errorf("no replica is left: %v %+v", a.Code, a.Error)
	}
	c.heal()
	if items, _, last := k.scanAll(q); found+len(items) != 100 || last.Coverage.Done != 16 {
		t.Errorf("%d items before, %d behind the same cursor, %+v", found, len(items), last.Coverage)
	}
}

// Contract, section 3: damage is an error. An intact copy elsewhere is found.
func TestScanOverDamage(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	for i := range 20 {
		k.put(fmt.Sprint("k", i), "v")
	}
	c.nodes[0].damage("k7")
	if items, _, _ := k.scanAll(scanOf("", 0)); len(items) != 20 {
		t.Errorf("%d items", len(items))
	}
	c.nodes[1].damage("k7")
	c.nodes[2].damage("k7")
	q, found := scanOf("", 0), 0
	for {
		a := k.do(q)
		if a.Code == contract.Corrupt {
			break
		}
		if found += len(a.Scan.Items); a.Code != contract.OK || a.Scan.Cursor == nil {
			t.Fatalf("the damage was passed over: %v, %d items", a.Code, found)
		}
		q.Cursor = a.Scan.Cursor
	}
	if found >= 20 {
		t.Errorf("%d items in front of the damage", found)
	}
}

// protocol.md, SCAN: items are as a GET at that level would give them, winners
// written back; the dead are left out.
func TestScanAtHigherLevels(t *testing.T) {
	c := newCluster(t, 5)
	k := c.client(0)
	for i := range 60 {
		key := fmt.Sprintf("k%02d", i)
		owners := c.epoch.Ring.Replicas(ringToken(placeOf(key)))
		switch i % 6 {
		case 0: // one of three is behind
			k.do(wire.Request{Op: wire.OpPut, Key: []byte(key), Value: []byte("old"), Level: contract.All})
			for _, o := range owners[:2] {
				c.nodes[o].set(key, record.Record{Version: c.version(10), Value: []byte("v")})
			}
		case 1: // a quorum knows that it is deleted
			k.do(wire.Request{Op: wire.OpPut, Key: []byte(key), Value: []byte("v"), Level: contract.All})
			for _, o := range owners[1:] {
				c.nodes[o].set(key, record.Record{Version: c.version(10), Tombstone: true})
			}
		case 2: // on a quorum only
			for _, o := range owners[1:] {
				c.nodes[o].set(key, record.Record{Version: c.version(0), Value: []byte("v")})
			}
		case 3:
			k.do(wire.Request{Op: wire.OpPut, Key: []byte(key), Value: []byte("v"), TTL: 1, HasTTL: true, Level: contract.All})
		default:
			k.do(wire.Request{Op: wire.OpPut, Key: []byte(key), Value: []byte("v"), Level: contract.All})
		}
	}
	c.pass(5)
	for _, level := range []contract.Level{contract.Default, contract.Two, contract.Quorum, contract.All, contract.LocalQuorum, contract.EachQuorum} {
		for from := range c.nodes {
			for _, limit := range []uint64{0, 7} {
				q := wire.Request{Op: wire.OpScan, Level: level, Limit: limit, KeysOnly: from == 1}
				items, _, last := c.client(from).scanAll(q)
				for _, it := range items {
					if string(it.Value) != "v" && from != 1 || from == 1 && it.Value != nil {
						t.Fatalf("%v: %s = %q", level, it.Key, it.Value)
					}
				}
				if len(items) != 40 || last.Coverage != (wire.Coverage{Done: 16, MetLevel: 16, Asked: 16}) {
					t.Errorf("%v from %d, limit %d: %d items, %+v", level, from, limit, len(items), last.Coverage)
				}
			}
		}
	}
	for i := range 60 {
		key := fmt.Sprintf("k%02d", i)
		for _, o := range c.epoch.Ring.Replicas(ringToken(placeOf(key))) {
			if got, want := c.nodes[o].holds(key), map[bool]string{true: "tombstone", false: "v"}[i%6 == 1]; got != want {
				t.Errorf("behind a scan at all node %d holds %s under %s", o, got, key)
			}
		}
	}
}

// A partition that cannot meet the level is UNAVAILABLE; with weaken it is answered
// and not counted in partitions_met_level.
func TestWeakenedScanCountsWhatItMet(t *testing.T) {
	c := newCluster(t, 5)
	k := c.client(0)
	for i := range 100 {
		k.do(wire.Request{Op: wire.OpPut, Key: []byte(fmt.Sprint("k", i)), Value: []byte("v"), Level: contract.All})
	}
	c.kill(1)
	c.kill(2)
	met, some := uint64(0), 0
	for p := range c.epoch.Ring.Q() {
		up := 0
		for _, o := range c.epoch.Ring.Owners(p) {
			if o != 1 && o != 2 {
				up++
			}
		}
		if up >= 2 {
			met++
		}
		if up > 0 {
			some++
		}
	}
	if met == 16 || some != 16 {
		t.Fatalf("the test needs another ring: %d of 16 can be met, %d answered", met, some)
	}
	for _, limit := range []uint64{0, 3} {
		items, _, last := k.scanAll(wire.Request{Op: wire.OpScan, Level: contract.Quorum, Flags: contract.Weaken, Limit: limit})
		if len(items) != 100 || last.Coverage != (wire.Coverage{Done: 16, MetLevel: met, Asked: 16}) {
			t.Errorf("limit %d: %d items, %+v, %d can be met", limit, len(items), last.Coverage, met)
		}
	}
	q := wire.Request{Op: wire.OpScan, Level: contract.Quorum}
	for {
		a := k.do(q)
		if a.Code == contract.Unavailable {
			if a.Error.Need != 2 || a.Error.Reachable != 1 || len(a.Error.Down) != 2 {
				t.Errorf("%+v", a.Error)
			}
			break
		}
		if q.Cursor = a.Scan.Cursor; a.Code != contract.OK || q.Cursor == nil {
			t.Fatalf("a partition that cannot be met was passed over: %v %+v", a.Code, a.Scan.Coverage)
		}
	}
	c.heal()
	if _, _, last := k.scanAll(q); last.Coverage != (wire.Coverage{Done: 16, MetLevel: 16, Asked: 16}) {
		t.Errorf("the same cursor, healed: %+v", last.Coverage)
	}
}
