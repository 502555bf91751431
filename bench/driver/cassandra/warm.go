package cassandra

import (
	"context"
	"fmt"
	"time"

	"github.com/candordb/candor/bench/engine"
	"github.com/candordb/candor/bench/peer"
)

// Java compiles what has run some ten thousand times, and is several times slower
// until then. That is no property of a store that runs for months, so nodes are
// warmed up before they count as started: by as many requests as it takes on a table
// of their own, whose keyspace has no commit log, since syncs would only make it
// longer.
const (
	makeWarmKeyspace = "CREATE KEYSPACE IF NOT EXISTS warm WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3} AND durable_writes = false"
	dropWarmKeyspace = "DROP KEYSPACE warm"

	warmRequests = 300_000
	warmWithin   = 90 * time.Second // also if there were fewer, on a slow machine
)

// warmed is the same peer, asked for the table that is warmed up with.
type warmed struct{ *Peer }

// Dial implements peer.Peer.
func (w warmed) Dial(ctx context.Context, i int, _ peer.Options) (peer.Link, error) {
	return w.dial(ctx, i, "warm")
}

// warmUp asks all nodes until Java has compiled what requests need.
func (p *Peer) warmUp(ctx context.Context) error {
	if err := p.makeTable(ctx, makeWarmKeyspace, "warm"); err != nil {
		return err
	}
	cell := engine.Cell{Name: "warm-up", Reads: 50, Keys: 1000, ValueSize: 100, Conns: 8 * nodes, Depth: 16, Count: warmRequests}
	if _, err := engine.Closed(ctx, warmed{p}, cell, 1, engine.Timing{Measure: warmWithin, Deadline: sessionWithin}, engine.Marks{}); err != nil {
		return fmt.Errorf("cassandra: warm-up: %w", err)
	}
	return p.await(ctx, 0, "the table of the warm-up is gone", func(s *session) error { return s.query(dropWarmKeyspace, levelQuorum) })
}
