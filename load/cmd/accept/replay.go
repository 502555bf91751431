package main

import (
	"context"
	"errors"
	"time"

	"github.com/candordb/candor/load"
)

// The bars of a replay.
const (
	replayBar    = 0.6 // of what a replica takes at most
	foregroundAt = 1.5 // times its p99 before
)

// measureReplay has so many hints replayed that it lasts: the p99 of a few seconds is
// that of the one moment in which a memory table was written out, or was not.
func measureReplay(ctx context.Context, b *bench) (err error) {
	if err := b.pauseRepair(ctx, b.nodes); err != nil {
		return err
	}
	a, err := newAway(ctx, b)
	defer func() { err = errors.Join(err, a.close()) }()
	if err != nil {
		return err
	}
	ingest, err := a.peak(ctx)
	if err != nil {
		return err
	}
	a.load.lasts(ctx, b.o.steady/2) // what was put off until there is time is not "before"
	a.before = a.load.lasts(ctx, b.o.steady)
	b.tell("before: %s", outcome(&a.before))
	first := a.load.written + 1
	a.node.Kill()
	if err := a.gather(ctx, b.o.hints); err != nil {
		return err
	}
	a.missed = keysOf(first, a.load.written, sampled)
	a.load.lasts(ctx, b.o.steady/2)
	h, err := a.healByHints(ctx)
	if err != nil {
		return err
	}
	b.note(told("hints that waited", "%.0f", h.hints))
	b.note(told("equal again by hints alone, since the start of the process", "%s", short(h.took)))
	b.note(holds("records that repair has moved", h.moved == 0, "%.0f", h.moved))
	b.note(told("most that a replica takes under plain writes", "%.0f/s", ingest))
	b.note(least("replay, of the most that a replica takes", h.rate()/ingest, replayBar, ""))
	b.note(told("replay, while there was some", "%.0f/s", h.rate()))
	b.note(most("foreground p99 while hints are replayed, of that before", ratio(&h.meanwhile, &a.before), foregroundAt, ""))
	b.note(told("foreground p99 before, while the node starts, while hints are replayed", "%s, %s, %s", short(p99(&a.before)), short(p99(&h.starting)), short(p99(&h.meanwhile))))
	return a.onDisk(ctx)
}

// gather writes as fast as is possible until so many hints wait for the node.
func (a *away) gather(ctx context.Context, hints int) error {
	for ctx.Err() == nil {
		a.load.fast(ctx, slice)
		waiting, err := a.total(ctx, "candor_hints", a.target())
		if err != nil || waiting >= float64(hints) {
			return err
		}
	}
	return ctx.Err()
}

// target is the label of what is kept for the node, in metrics.
func (a *away) target() string { return `peer="` + a.node.Name + `"` }

// healed is how a node got what it had missed.
type healed struct {
	replayed
	hints, moved        float64 // that waited; records that repair has moved meanwhile
	took                time.Duration
	starting, meanwhile load.Result // the foreground until the first hint, and from then to the last
}

// healByHints brings the node back, and looks on until no hint is left for it.
func (a *away) healByHints(ctx context.Context) (h healed, err error) {
	if h.hints, err = a.total(ctx, "candor_hints", a.target()); err != nil {
		return h, err
	}
	movedBefore, err := a.moved(ctx)
	if err != nil {
		return h, err
	}
	paused := false
	took, book, err := a.comeBack(ctx, func() bool {
		if !paused {
			paused = a.pauseRepair(ctx, a.nodes) == nil
		}
		all, err := a.metrics(ctx)
		if err != nil {
			return false
		}
		h.look(time.Now(), all.sum("candor_hints_replayed_total", a.target(), `result="delivered"`))
		return paused && all.sum("candor_hints", a.target()) == 0
	})
	if err != nil {
		return h, err
	}
	movedAfter, err := a.moved(ctx)
	h.took, h.moved = took, movedAfter-movedBefore
	h.starting, h.meanwhile = book.between(a.returned, h.began), book.between(h.began, h.last)
	return h, err
}

// peaks is how often the most that a replica takes is looked for.
const peaks = 5

// peak finds what a replica takes at most, written to as fast as is possible: the
// best of some times, as the machine may have had something else to do.
func (a *away) peak(ctx context.Context) (ingest float64, err error) {
	const name, label = "candor_replica_ops_total", `result="applied"`
	for range peaks {
		from, err := a.node.metrics(ctx)
		if err != nil {
			return 0, err
		}
		began := time.Now()
		a.load.fast(ctx, slice)
		to, err := a.node.metrics(ctx)
		if err != nil {
			return 0, err
		}
		ingest = max(ingest, (to.sum(name, label)-from.sum(name, label))/time.Since(began).Seconds())
	}
	return ingest, nil
}

func p99(r *load.Result) time.Duration { return r.Latency.Quantile(0.99) }

func ratio(a, b *load.Result) float64 { return float64(p99(a)) / float64(max(p99(b), 1)) }

// replayed is how far a replay has come: from when it began until the last hint.
type replayed struct {
	began, last  time.Time
	first, count float64
	seen         bool
}

// look takes in how many hints were delivered by now.
func (r *replayed) look(now time.Time, count float64) {
	switch {
	case !r.seen:
		r.seen, r.began, r.last, r.first, r.count = true, now, now, count, count
	case r.count == r.first && count == r.count:
		r.began, r.last = now, now // it has not begun
	case count > r.count:
		r.last, r.count = now, count
	}
}

// rate is the hints per second; 0 if there were none.
func (r *replayed) rate() float64 {
	if d := r.last.Sub(r.began).Seconds(); d > 0 {
		return (r.count - r.first) / d
	}
	return 0
}
