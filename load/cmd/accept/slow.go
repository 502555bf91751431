package main

import (
	"context"
	"time"

	"github.com/candordb/candor/load"
	"github.com/candordb/candor/load/linkproxy"
	"github.com/candordb/candor/load/process"
)

const (
	slowBar   = 2.0 // times the healthy p99
	slowDelay = 200 * time.Millisecond
	// slowRate is how many requests are made in a second: few, so that the time of
	// one is its own.
	slowRate = 300
	slowKeys = 10_000
)

// measureSlow delays one replica's answers. Reads and writes are judged apart and
// together, through the other nodes: whoever asks the slow node itself is slow.
func measureSlow(ctx context.Context, b *bench) error {
	others := b.nodes[:len(b.nodes)-1]
	fill, err := newForeground(others, inserts(), slowRate)
	if err != nil {
		return err
	}
	fill.fills(ctx, slowKeys)
	fill.close()
	process.Pause(ctx, settleAfter)
	for _, kind := range []struct {
		name string
		gets int
	}{{"GET", 100}, {"PUT", 0}} {
		w := load.Workload{Name: kind.name, Keys: slowKeys, ValueSize: valueBytes}
		w.Shares[load.Get], w.Shares[load.Put] = kind.gets, 100-kind.gets
		if err := b.slow(ctx, others, w); err != nil {
			return err
		}
	}
	return nil
}

// slow measures one workload, healthy and not, in turn: what else the machine does
// shall not hit one of them alone.
func (b *bench) slow(ctx context.Context, others []*node, w load.Workload) error {
	f, err := newForeground(others, w, slowRate)
	if err != nil {
		return err
	}
	defer f.close()
	f.lasts(ctx, slice)
	var healthy, with load.Result
	const rounds = 3
	for range rounds {
		r := f.lasts(ctx, b.o.steady/rounds)
		healthy.Follow(&r)
		b.proxy.Set(weather(alone(len(others), len(b.nodes)), linkproxy.Weather{Delay: slowDelay / 2}))
		process.Pause(ctx, slice)
		r = f.lasts(ctx, b.o.steady/rounds)
		with.Follow(&r)
		b.proxy.Set(nil)
		process.Pause(ctx, slice)
	}
	b.tell("healthy: %s", outcome(&healthy))
	b.tell("one slow: %s", outcome(&with))
	b.note(told(w.Name+": QUORUM p50 and p99, healthy", "%s, %s", short(healthy.Latency.Quantile(0.5)), short(p99(&healthy))))
	b.note(told(w.Name+": QUORUM p50 and p99, one replica slow", "%s, %s", short(with.Latency.Quantile(0.5)), short(p99(&with))))
	b.note(most(w.Name+": QUORUM p99 with a slow replica, of the healthy one", ratio(&with, &healthy), slowBar, ""))
	b.note(holds(w.Name+": requests that were not good", with.Good == with.Offered, "%d", with.Offered-with.Good))
	return ctx.Err()
}
