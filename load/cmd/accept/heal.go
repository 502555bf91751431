package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/candordb/candor/client"
	"github.com/candordb/candor/load"
	"github.com/candordb/candor/load/process"
)

// The bars of a node that was away.
const (
	hintsBar  = time.Minute
	repairBar = 3 * time.Minute
	// healWithin is how long it is waited for, so that a bar that is missed has a
	// figure too.
	healWithin = 10 * time.Minute
	// lookEvery is how often it is looked whether a node has what it missed. To look
	// means to scrape all nodes, which takes processor time from what is measured.
	lookEvery = time.Second
)

// away is a node that was away, and what it missed.
type away struct {
	*bench
	node     *node // the last one
	load     *foreground
	client   *client.Client
	before   load.Result // the foreground with all nodes up
	missed   [][]byte    // a sample of the keys
	returned time.Time   // the process was started
}

// newAway takes the load up; the node is there still.
func newAway(ctx context.Context, b *bench) (a *away, err error) {
	a = &away{bench: b, node: b.nodes[len(b.nodes)-1]}
	if a.client, err = b.connect(ctx); err != nil {
		return a, err
	}
	a.load, err = newForeground(b.nodes[:len(b.nodes)-1], inserts(), b.o.rate)
	return a, err
}

// leave takes the load up, measures it, and ends a node for a while.
func leave(ctx context.Context, b *bench) (a *away, err error) {
	if a, err = newAway(ctx, b); err != nil {
		return a, err
	}
	a.before = a.load.lasts(ctx, b.o.steady)
	b.tell("before: %s", outcome(&a.before))
	first := a.load.written + 1
	a.node.Kill()
	away := a.load.lasts(ctx, b.o.down)
	b.tell("%s was away for %v: %s", a.node.Name, b.o.down, outcome(&away))
	a.missed = keysOf(first, a.load.written, sampled)
	return a, ctx.Err()
}

func outcome(r *load.Result) string {
	return fmt.Sprintf("%.0f/s offered, %.0f/s good, %d refused, %d in doubt, %d silent, p50 %s, p99 %s", r.OfferedRate(), r.GoodRate(), r.Refused,
		r.InDoubt, r.Silent, short(r.Latency.Quantile(0.5)), short(r.Latency.Quantile(0.99)))
}

func (a *away) close() error {
	if a.load != nil {
		a.load.close()
	}
	if a.client == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return a.client.Close(ctx)
}

// comeBack starts the node and looks, while the load goes on, until its replicas of
// the sample are equal and done says so too. Requests of the load are in the book by
// when they were made.
func (a *away) comeBack(ctx context.Context, done func() bool) (took time.Duration, b book, err error) {
	a.returned = time.Now()
	if err := a.start(a.node); err != nil {
		return 0, b, err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		apart := a.missed
		healed := false
		for end := a.returned.Add(healWithin); !healed && time.Now().Before(end) && process.Pause(ctx, lookEvery); {
			if !done() {
				continue
			}
			if len(apart) > 0 {
				apart = each(apart, func(key []byte) bool { return equal(ctx, a.client, key) })
			}
			healed = len(apart) == 0
		}
		if took = time.Since(a.returned); !healed {
			a.tell("%d of %d keys of the sample are still apart, such as %q", len(apart), len(a.missed), first(apart))
		}
	}()
	b = a.load.goesOn(ctx, ended)
	<-ended
	all := b.all()
	a.tell("meanwhile: %s", outcome(&all))
	return took, b, ctx.Err()
}

func first(keys [][]byte) []byte {
	if len(keys) == 0 {
		return nil
	}
	return keys[0]
}

// onDisk waits until nothing is kept for anybody, ends all nodes, and compares what
// they have.
func (a *away) onDisk(ctx context.Context) error {
	if !process.Until(ctx, hintsBar, func() bool {
		hints, err := a.total(ctx, "candor_hints")
		return err == nil && hints == 0
	}) {
		a.tell("hints are left")
	}
	if err := a.stopAll(); err != nil {
		return err
	}
	d, err := a.readDisks()
	if err != nil {
		return err
	}
	a.note(holds("keys that are not equal on all disks", len(d.apart) == 0, "%d of %d %.40q", len(d.apart), d.keys, first(d.apart)))
	return nil
}

// moved is how many records repair has moved so far. Each is counted once, where it
// is stored.
func (b *bench) moved(ctx context.Context) (float64, error) {
	return b.total(ctx, "candor_repair_records_total", `direction="in"`)
}

// measureHints has hints alone bring a node up to date: repair is paused, on the
// node itself as soon as it can be told.
func measureHints(ctx context.Context, b *bench) (err error) {
	if err := b.pauseRepair(ctx, b.nodes); err != nil {
		return err
	}
	a, err := leave(ctx, b)
	defer func() { err = errors.Join(err, a.close()) }()
	if err != nil {
		return err
	}
	h, err := a.healByHints(ctx)
	if err != nil {
		return err
	}
	b.note(told("hints that waited", "%.0f", h.hints))
	b.note(limit("equal again by hints alone, since the start of the process", h.took, hintsBar))
	b.note(holds("records that repair has moved", h.moved == 0, "%.0f", h.moved))
	b.note(told("replay, while there was some", "%.0f/s", h.rate()))
	b.note(told("foreground p99 before, while the node starts, while hints are replayed", "%s, %s, %s", short(p99(&a.before)), short(p99(&h.starting)), short(p99(&h.meanwhile))))
	return a.onDisk(ctx)
}

// pauseRepair pauses repair on nodes.
func (b *bench) pauseRepair(ctx context.Context, nodes []*node) error {
	for _, n := range nodes {
		if !n.Running() {
			continue
		}
		if _, err := n.over(ctx, http.MethodPost, "/v1/repair/pause?for=24h"); err != nil {
			return err
		}
	}
	return nil
}

// measureRepair has all hints dropped before the node is back.
func measureRepair(ctx context.Context, b *bench) (err error) {
	a, err := leave(ctx, b)
	defer func() { err = errors.Join(err, a.close()) }()
	if err != nil {
		return err
	}
	dropped, err := b.drop(ctx, a.node.Name)
	if err != nil {
		return err
	}
	from, err := b.moved(ctx)
	if err != nil {
		return err
	}
	took, book, err := a.comeBack(ctx, func() bool { return true })
	if err != nil {
		return err
	}
	meanwhile := book.all()
	to, err := b.moved(ctx)
	if err != nil {
		return err
	}
	b.note(told("hints that were dropped", "%.0f", dropped))
	b.note(limit("equal again by repair alone, since the start of the process", took, repairBar))
	b.note(told("records that repair has moved", "%.0f", to-from))
	b.note(told("foreground p99 before, meanwhile", "%s, %s", short(p99(&a.before)), short(p99(&meanwhile))))
	return a.onDisk(ctx)
}

// drop has all hints for a node dropped, and says how many that were.
func (b *bench) drop(ctx context.Context, target string) (float64, error) {
	label := `peer="` + target + `"`
	before, err := b.total(ctx, "candor_hints", label)
	if err != nil {
		return 0, err
	}
	for _, n := range b.nodes {
		if !n.Running() {
			continue
		}
		if one, err := n.metrics(ctx); err != nil || one.sum("candor_hints", label) == 0 {
			continue
		}
		if _, err := n.over(ctx, http.MethodPost, "/v1/hints/"+target+"/drop"); err != nil {
			return 0, err
		}
	}
	if !process.Until(ctx, hintsBar, func() bool {
		left, err := b.total(ctx, "candor_hints", label)
		return err == nil && left == 0
	}) {
		return 0, fmt.Errorf("hints for %s are left %v after they were dropped", target, hintsBar)
	}
	return before, nil
}
