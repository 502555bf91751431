package main

import (
	"context"
	"strings"

	"github.com/candordb/candor/bench/driver/candor"
	"github.com/candordb/candor/bench/driver/cassandra"
	"github.com/candordb/candor/bench/driver/echo"
	"github.com/candordb/candor/bench/driver/etcd"
	"github.com/candordb/candor/bench/driver/memcached"
	"github.com/candordb/candor/bench/driver/nats"
	"github.com/candordb/candor/bench/driver/redis"
	"github.com/candordb/candor/bench/driver/resp"
	"github.com/candordb/candor/bench/peer"
	"github.com/candordb/candor/bench/report"
	"github.com/candordb/candor/bench/trial"
)

// variant is one of Candor: so many nodes and copies, of a class.
func (o *options) variant(nodes int, class peer.Class) *candor.Peer {
	return &candor.Peer{Program: o.candor, Nodes: nodes, Durable: class, Settings: o.set, Procs: o.procs}
}

// comparisons are all that there are, in the order in which they run, less what is
// not asked for.
func comparisons(o *options) (all []*trial.Comparison) {
	dynomite := &resp.Endpoint{Is: "dynomite", Of: peer.D0, Variable: "BENCH_DYNOMITE", Setup: "Dynomite on three racks with DC_SAFE_QUORUM", Commands: resp.Redis}
	olric := &resp.Endpoint{Is: "olric", Of: peer.D0, Variable: "BENCH_OLRIC", Setup: "three nodes of Olric with read and write quorum 2", Commands: resp.Olric}
	for _, c := range []struct {
		peer  peer.Peer
		nodes int
		class peer.Class
		cells []trial.Cell
	}{
		{new(echo.Peer), 3, peer.D2, o.floor()},
		{new(echo.Peer), 1, peer.D2, o.alone()},
		{new(echo.Peer), 3, peer.D1, o.floor()},
		{&redis.Peer{Log: redis.Off}, 1, peer.D1, o.usual()},
		{&redis.Peer{Log: redis.EverySec}, 1, peer.D1, o.usual()},
		{&redis.Peer{Log: redis.Always}, 1, peer.D2, o.usual()},
		{&redis.Peer{Log: redis.EverySec, Replicas: 2}, 3, peer.D1, o.usual()},
		{&redis.Peer{Log: redis.Always, Replicas: 2}, 3, peer.D2, o.usual()},
		{new(memcached.Peer), 1, peer.D1, o.usual()},
		{etcd.New(), 3, peer.D2, o.usual()},
		{nats.New(peer.D1), 3, peer.D1, o.usual()},
		{nats.New(peer.D2), 3, peer.D2, o.usual()},
		{cassandra.New(peer.D1), 3, peer.D1, o.usual()},
		{cassandra.New(peer.D2), 3, peer.D2, o.usual()},
		{dynomite, 3, peer.D1, o.usual()},
		{olric, 3, peer.D1, o.usual()},
	} {
		all = append(all, &trial.Comparison{Peer: c.peer, Candor: o.variant(c.nodes, c.class), Cells: chosen(c.cells, o.cells)})
	}
	return named(all, o.only)
}

// named are those whose name has one of the words in it.
func named(all []*trial.Comparison, words string) (some []*trial.Comparison) {
	for _, c := range all {
		for word := range strings.SplitSeq(words, ",") {
			if strings.Contains(c.Name(), word) {
				some = append(some, c)
				break
			}
		}
	}
	return some
}

// guarded are the comparisons of a guard: short, and without any peer but the echo.
func guarded(o *options) []*trial.Comparison {
	return []*trial.Comparison{
		{Peer: new(echo.Peer), Candor: o.variant(3, peer.D2), Cells: chosen(o.floor(), report.CellGet16+","+report.CellPut16)},
		{Peer: new(echo.Peer), Candor: o.variant(1, peer.D2), Cells: chosen(o.alone(), report.CellGet16+","+report.CellPut64)},
	}
}

// settled puts class D2 in the place of D1 where this build of Candor has only that: in
// none of the comparisons that is in its favour. What is left without a purpose goes.
func settled(ctx context.Context, o *options, all []*trial.Comparison) (some []*trial.Comparison, none *report.Absent) {
	for _, c := range all {
		if variant, ok := c.Candor.(*candor.Peer); ok && variant.Durable == peer.D1 {
			if missing := c.Candor.Missing(ctx); missing != nil {
				none = &report.Absent{Peer: "candor (D1)", Reason: missing.Error()}
				if _, floor := c.Peer.(*echo.Peer); floor {
					continue // D2 has that already
				}
				c.Candor = o.variant(variant.Nodes, peer.D2)
			}
		}
		some = append(some, c)
	}
	return some, none
}
