package router

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/wire"
)

// protocol.md, EXPLAIN: one row for each replica, and what it holds.
func TestExplain(t *testing.T) {
	c := newCluster(t, 4)
	key := "k"
	p := placeOf(key)
	owners := c.epoch.Ring.Replicas(ringToken(p))
	old, gone := c.version(0), c.version(5)
	c.nodes[owners[0]].set(key, record.Record{Version: old, Value: []byte("value"), ExpiresAt: physical + 1000})
	c.nodes[owners[1]].set(key, record.Record{Version: gone, Tombstone: true})
	explain := func(from int) wire.ExplainAnswer {
		t.Helper()
		a := c.client(from).do(wire.Request{Op: wire.OpExplain, Key: []byte(key)})
		if a.Code != contract.OK || a.Explain.Token != p.Token || a.Explain.Partition != p.Token>>60 || len(a.Explain.Rows) != 3 {
			t.Fatalf("%v %+v", a.Code, a.Explain)
		}
		return a.Explain
	}
	for from := range c.nodes {
		want := []wire.ExplainRow{
			{Node: c.nodes[owners[0]].id, Role: wire.RoleNatural, Reachable: true, Version: old, ExpiresAt: physical + 1000, ValueBytes: 5, ChecksumOK: true},
			{Node: c.nodes[owners[1]].id, Role: wire.RoleNatural, Reachable: true, Version: gone, Tombstone: true, ChecksumOK: true},
			{Node: c.nodes[owners[2]].id, Role: wire.RoleNatural, Reachable: true, ChecksumOK: true},
		}
		if a := explain(from); !cmp.Equal(want, a.Rows) || a.Winner != gone {
			t.Errorf("from node %d: winner %v %s", from, a.Winner, cmp.Diff(want, a.Rows))
		}
	}
	if got := c.nodes[owners[2]].holds(key); got != "nothing" {
		t.Errorf("it repaired what it was to show: %s", got)
	}
	for from, n := range c.nodes {
		for _, p := range n.peers {
			p.phi = 312
		}
		for i, row := range explain(from).Rows {
			if self := int(owners[i]) == from; row.HasPhi == self || row.Phi != 312 && !self {
				t.Errorf("from node %d: row %d has phi %d, %v", from, i, row.Phi, row.HasPhi)
			}
		}
	}
	c.nodes[owners[0]].damage(key)
	c.kill(int(owners[1]))
	from := 0
	for from == int(owners[1]) {
		from++
	}
	rows := explain(from).Rows
	if rows[0].ChecksumOK || !rows[0].Reachable || !rows[0].Version.IsZero() || rows[1].Reachable || !rows[2].Reachable {
		t.Errorf("one damaged, one down: %+v", rows)
	}
	// With nobody left it is answered all the same.
	for i := range c.nodes {
		c.kill(i)
		c.nodes[i].serving = false
	}
	for _, row := range explain(0).Rows {
		if row.Reachable {
			t.Errorf("%+v", row)
		}
	}
}
