package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/candordb/candor/load/linkproxy"
	"github.com/candordb/candor/load/process"
)

const (
	crashBar = 5 * time.Second
	// watched is how long after a crash requests are looked at.
	watched = 15 * time.Second
	// probeEvery is how often one is made.
	probeEvery = 10 * time.Millisecond
	// slowAt is what counts as slow: so many times the p99 before, and no less than
	// slowLeast, which no hedge takes and a busy machine seldom.
	slowAt    = 5
	slowLeast = 500 * time.Millisecond
)

// probe is one request that was made: when, how long it took, whether it was
// answered as it should.
type probe struct {
	at   time.Time
	took time.Duration
	ok   bool
}

// probes makes a request every so often, whatever becomes of the others, until ctx
// ends: every other one a PUT. They go to the nodes in turn.
func (b *bench) probes(ctx context.Context, nodes []*node) (all []probe) {
	var mu sync.Mutex // guards all
	var running sync.WaitGroup
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			running.Wait()
			return all
		case at := <-tick.C:
			n := nodes[i/2%len(nodes)]
			running.Go(func() {
				method := http.MethodGet
				if i%2 == 0 {
					method = http.MethodPut
				}
				// Not bounded by ctx: what was begun is ended.
				_, err := n.over(context.Background(), method, fmt.Sprintf("/v1/keys/probe%d?timeout=4s", rand.IntN(1000)))
				mu.Lock()
				defer mu.Unlock()
				all = append(all, probe{at, time.Since(at), err == nil})
			})
		}
	}
}

// troubled is how long after a crash a request was last in trouble: failed, or slow.
// 0: none was. It counts from the crash until that request had its answer.
func troubled(all []probe, crash time.Time, slow time.Duration) (last time.Duration, failed, late int) {
	for _, p := range all {
		end := p.at.Add(p.took)
		if end.Before(crash) || p.ok && p.took <= slow {
			continue
		}
		last = max(last, end.Sub(crash))
		if p.ok {
			late++
		} else {
			failed++
		}
	}
	return last, failed, late
}

// measureCrash has a node crash again and again: every other time the process is
// killed, and the connections break; else it falls silent, as when the machine is
// gone, and nothing breaks.
func measureCrash(ctx context.Context, b *bench) error {
	victim := b.nodes[len(b.nodes)-1]
	others := b.nodes[:len(b.nodes)-1]
	for i := range 1000 { // so that reads find something
		if _, err := others[0].over(ctx, http.MethodPut, fmt.Sprintf("/v1/keys/probe%d", i)); err != nil {
			return err
		}
	}
	var routed, convicted []time.Duration
	for i := range b.o.kills {
		silent := i%2 == 1
		r, c, err := b.crash(ctx, victim, others, silent)
		if err != nil {
			return err
		}
		routed, convicted = append(routed, r), append(convicted, c)
		if err := b.recover(ctx, victim, silent); err != nil {
			return err
		}
	}
	b.note(limit(fmt.Sprintf("last request in trouble after a crash, p99 of %d", len(routed)), highest(routed, 0.99), crashBar))
	b.note(told("the same, p50", "%s", short(highest(routed, 0.5))))
	b.note(limit(fmt.Sprintf("the crashed node is asked last by all, p99 of %d", len(convicted)), highest(convicted, 0.99), crashBar))
	b.note(told("the same, p50", "%s", short(highest(convicted, 0.5))))
	return nil
}

// highest is the duration that a share of all does not exceed.
func highest(all []time.Duration, share float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}

// crash is one of them: how long until no request is in trouble any more, and until
// all others have convicted the node.
func (b *bench) crash(ctx context.Context, victim *node, others []*node, silent bool) (routed, convicted time.Duration, err error) {
	steady, cancel := context.WithTimeout(ctx, b.o.steady/2)
	healthy := b.probes(steady, others)
	cancel()
	var times []time.Duration
	for _, p := range healthy {
		times = append(times, p.took)
	}
	usual := highest(times, 0.99)
	slow := max(slowAt*usual, slowLeast)

	after, cancel := context.WithTimeout(ctx, watched)
	defer cancel()
	probed := make(chan []probe, 1)
	go func() { probed <- b.probes(after, others) }()
	process.Pause(ctx, time.Second)
	before := make([]int, len(others))
	for i, n := range others {
		before[i] = n.logged(logConvicted...)
	}
	crash := time.Now()
	if silent {
		b.proxy.Set(weather(alone(len(others), len(b.nodes)), linkproxy.Weather{Cut: true}))
	} else {
		victim.Signal(syscall.SIGKILL)
	}
	all := process.Until(after, watched, func() bool {
		for i, n := range others {
			if n.logged(logConvicted...) == before[i] {
				return false
			}
		}
		return true
	})
	convicted = time.Since(crash)
	if !all && ctx.Err() == nil {
		b.tell("not all others have convicted it within %v", watched)
	}
	seen := <-probed
	routed, failed, late := troubled(seen, crash, slow)
	b.tell("crash (silent: %t): %d requests, %d failed, %d above %s (p99 before: %s), the last after %s; convicted by all after %s", silent, len(seen),
		failed, late, short(slow), short(usual), short(routed), short(convicted))
	return routed, convicted, ctx.Err()
}

// recover brings the node back.
func (b *bench) recover(ctx context.Context, victim *node, silent bool) error {
	if silent {
		b.proxy.Set(nil)
	} else {
		victim.Kill()
		if err := b.start(victim); err != nil {
			return err
		}
		if err := victim.AwaitReady(ctx, readyWithin); err != nil {
			return err
		}
	}
	if !process.Until(ctx, rejoinWithin, func() bool { return b.merged(ctx) }) {
		return fmt.Errorf("the nodes do not reach each other again within %v", rejoinWithin)
	}
	return nil
}
