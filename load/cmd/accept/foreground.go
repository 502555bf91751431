package main

import (
	"context"
	"time"

	"github.com/candordb/candor/load"
	"github.com/candordb/candor/load/raw"
)

const (
	valueBytes = 100
	// deadline is that of a request of the foreground.
	deadline = 5 * time.Second
	// slice is how long one run of a foreground lasts that fills up.
	slice = 2 * time.Second
	// spanLasts is how finely the requests of a book can be told apart by time.
	spanLasts = 500 * time.Millisecond
)

// foreground is the clients: requests at a fixed rate to some nodes, which stay.
type foreground struct {
	target    *raw.Target
	generator *load.Generator
	rate      float64
	written   int // the number of the last key that an insert was asked for; the first is 1
}

// inserts is a workload of new keys only.
func inserts() load.Workload {
	w := load.Workload{Name: "inserts", Keys: 1, ValueSize: valueBytes}
	w.Shares[load.Insert] = 100
	return w
}

func newForeground(nodes []*node, w load.Workload, rate float64) (*foreground, error) {
	target, err := raw.Dial(clients(nodes), 4, deadline)
	if err != nil {
		return nil, err
	}
	return &foreground{target: target, generator: load.NewGenerator(w, 1), rate: rate}, nil
}

func (f *foreground) close() { f.target.Close() }

// again connects anew, after nodes have come back, and goes on behind the last key.
func (f *foreground) again(nodes []*node) error {
	target, err := raw.Dial(clients(nodes), 4, deadline)
	if err != nil {
		return err
	}
	f.target.Close()
	f.target = target
	return nil
}

// lasts makes requests for a while.
func (f *foreground) lasts(ctx context.Context, d time.Duration) load.Result {
	r := load.Open(ctx, f.target, f.generator, f.rate, load.Options{Duration: d, Deadline: deadline, Grace: deadline + time.Second})
	f.written += int(r.Offered)
	return r
}

// full is how many requests are under way when as much is written as is possible:
// more than keeps all busy, so that no node waits for it. Some may be refused.
const full = 256

// fast writes as fast as is possible for a while.
func (f *foreground) fast(ctx context.Context, d time.Duration) load.Result {
	r := load.Closed(ctx, f.target, f.generator, full, load.Options{Duration: d, Deadline: deadline, Grace: deadline + time.Second})
	f.written += int(r.Offered)
	return r
}

// fills writes as fast as is possible until so many keys are there.
func (f *foreground) fills(ctx context.Context, keys int) (r load.Result) {
	for r.Good < uint64(keys) && ctx.Err() == nil {
		one := f.fast(ctx, slice)
		r.Follow(&one)
	}
	return r
}

// span is what became of the requests of a short time.
type span struct {
	from, to time.Time
	load.Result
}

// book is the spans of a load that goes on, in their order.
type book []span

// goesOn makes requests until something has ended.
func (f *foreground) goesOn(ctx context.Context, ended <-chan struct{}) (b book) {
	for ctx.Err() == nil {
		select {
		case <-ended:
			return b
		default:
			from := time.Now()
			b = append(b, span{from, from.Add(spanLasts), f.lasts(ctx, spanLasts)})
		}
	}
	return b
}

// all is the whole book.
func (b book) all() (r load.Result) {
	for i := range b {
		r.Follow(&b[i].Result)
	}
	return r
}

// between is the spans that overlap a time.
func (b book) between(from, to time.Time) (r load.Result) {
	for i := range b {
		if b[i].from.Before(to) && b[i].to.After(from) {
			r.Follow(&b[i].Result)
		}
	}
	return r
}
