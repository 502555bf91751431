package router

import (
	"fmt"
	"testing"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

// protocol.md: a region is what local_ levels mean. Here each key has three of
// five nodes, two of which are in eu.
func TestLevelsOfRegions(t *testing.T) {
	regions := []string{"eu", "us", "eu", "us", "us"}
	c := newClusterIn(t, regions)
	for i := range 40 {
		key := fmt.Sprint("key ", i)
		count := make(map[string]int)
		for _, o := range c.epoch.Ring.Replicas(ringToken(placeOf(key))) {
			count[regions[o]]++
		}
		quorum := func(n int) int { return n/2 + 1 }
		for from, region := range regions {
			here, each := count[region], 0
			for _, n := range count { // a sum: order does not matter
				each += quorum(n)
			}
			for level, need := range map[contract.Level]int{contract.LocalOne: 1, contract.LocalQuorum: quorum(here), contract.EachQuorum: each} {
				k := c.client(from)
				put := k.do(wire.Request{Op: wire.OpPut, Key: []byte(key), Value: []byte("v"), Level: level})
				get := k.get(key, level)
				if level != contract.EachQuorum && here == 0 {
					if put.Code != contract.Unavailable || get.Code != contract.Unavailable || put.Error.Reachable != 0 {
						t.Errorf("%s at %v in %s, which has none: %v %v", key, level, region, put.Code, get.Code)
					}
					continue
				}
				w, r := put.Write.Receipt, get.Get.Receipt
				if put.Code != contract.OK || w.Need != need || w.Acked < need || w.Level != level || w.Asked != 3 {
					t.Errorf("%s at %v in %s: %v %+v, need %d", key, level, region, put.Code, w, need)
				}
				if get.Code != contract.OK || r.Need != need || r.Acked < need || r.Level != level || r.Asked != need {
					t.Errorf("%s at %v in %s: %v %+v, need %d", key, level, region, get.Code, r, need)
				}
			}
		}
	}
}

// What a request does not say its namespace does: levels, ttl, the largest value.
func TestNamespaceDefaults(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	in := func(q wire.Request) wire.Answer { q.Namespace, q.Key = []byte("small"), []byte("k"); return k.do(q) }
	put := in(wire.Request{Op: wire.OpPut, Value: make([]byte, 100)})
	if r := put.Write.Receipt; put.Code != contract.OK || r.Level != contract.All || r.Acked != 3 {
		t.Errorf("PUT: %v %+v", put.Code, r)
	}
	get := in(wire.Request{Op: wire.OpGet})
	if r := get.Get.Receipt; get.Code != contract.OK || r.Level != contract.One || r.Asked != 1 || get.Get.ExpiresAt != put.Write.Version.Time.Millis()+60_000 {
		t.Errorf("GET: %v %+v", get.Code, get.Get)
	}
	// Said is said.
	put = in(wire.Request{Op: wire.OpPut, Value: []byte("v"), HasTTL: true, Level: contract.Two})
	if get = in(wire.Request{Op: wire.OpGet, Level: contract.Quorum}); get.Get.ExpiresAt != 0 || put.Write.Receipt.Level != contract.Two || get.Get.Receipt.Level != contract.Quorum {
		t.Errorf("a ttl of 0: %+v, PUT at %v", get.Get, put.Write.Receipt.Level)
	}
	// An ordered write has the namespace's ttl too, and a tombstone never.
	put = in(wire.Request{Op: wire.OpPut, Value: []byte("v"), Flags: contract.Ordered})
	if get = in(wire.Request{Op: wire.OpGet}); get.Get.ExpiresAt != put.Write.Version.Time.Millis()+60_000 {
		t.Errorf("ordered: %+v", get.Get)
	}
	in(wire.Request{Op: wire.OpDelete})
	c.pass(100_000)
	if get = in(wire.Request{Op: wire.OpGet}); get.Get.Found || get.Get.Version.IsZero() {
		t.Errorf("deleted: %+v", get.Get)
	}
	near := wire.Request{Op: wire.OpPut, Namespace: []byte("near"), Key: []byte("k"), Value: []byte("v")}
	if a := k.do(near); a.Code != contract.OK || a.Write.Receipt.Level != contract.LocalQuorum || a.Write.Receipt.Need != 2 {
		t.Errorf("local_quorum by default: %v %+v", a.Code, a.Write.Receipt)
	}
	if a := k.do(wire.Request{Op: wire.OpScan, Namespace: []byte("near")}); a.Code != contract.OK || len(a.Scan.Items) != 1 {
		t.Errorf("a scan at local_one by default: %v", a.Code)
	}
}
