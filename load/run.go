package load

import (
	"context"
	"sync"
	"time"

	"github.com/candordb/candor/contract"
)

// Target carries out operations. Its methods are called by one goroutine.
type Target interface {
	// Issue begins an operation and does not wait for it. The bytes of op are
	// good until it returns. The ticket is kept and its Done called, by any
	// goroutine, with the code of the answer.
	Issue(op *Op, t Ticket)
	// Flush is called when nothing more is issued for the moment: what was
	// gathered has to be sent.
	Flush()
}

// Options of a run.
type Options struct {
	Duration time.Duration // in which operations are started
	// Deadline is how long an answer is worth something. The Target hands it on
	// with each request, if it can.
	Deadline time.Duration
	// Grace is how long after the last start answers are still counted; what has
	// none by then is silent. It should be longer than the deadline.
	Grace time.Duration
	// Count is how many operations are started at most; 0: as many as there is time
	// for.
	Count int
	// Grain is how long an open loop waits at least before it starts what has become
	// due meanwhile: operations that are due at once share a flush, as with many
	// users. 0 is a millisecond. The wait counts as latency: to measure a fast
	// system, it has to be short.
	Grain time.Duration
	// Watch is called with a Glance every WatchEvery until the run returns, by a
	// goroutine of its own; nil: never.
	Watch      func(Glance)
	WatchEvery time.Duration
}

// grainUsual is the Grain where none is given.
const grainUsual = time.Millisecond

// Ticket stands for one operation that was issued.
type Ticket struct {
	run  *run
	kind Kind
	due  time.Duration // since the start of the run
}

// Due is when the operation had to start, from where its latency counts.
func (t Ticket) Due() time.Time { return t.run.start.Add(t.due) }

// Done tells the answer's code. It is called once.
func (t Ticket) Done(code contract.Code) { t.Settled(code, code.Class()) }

// Settled is Done for a Target that knows better than the code alone what the
// answer means: a read has no effect whatever its code, and a write that was sent
// twice may have one whatever its last code.
func (t Ticket) Settled(code contract.Code, class contract.Class) { t.run.done(t, code, class) }

// run is one Closed or Open under way.
type run struct {
	o     Options
	start time.Time
	free  chan struct{} // closed loop: a token for each place that is free

	watching sync.WaitGroup

	mu     sync.Mutex // guards what follows
	result Result
	glance glance
	open   uint64
	over   bool
	idle   chan struct{} // closed when over and nothing is open
}

func newRun(o Options) *run {
	return &run{o: o, start: time.Now(), idle: make(chan struct{}), result: Result{Codes: make(map[contract.Code]uint64)}}
}

// Open issues rate operations per second until the time is over or ctx ends,
// whether or not earlier ones were answered.
func Open(ctx context.Context, target Target, g *Generator, rate float64, o Options) Result {
	r := newRun(o)
	stop := r.watch()
	defer stop()
	grain := o.Grain
	if grain == 0 {
		grain = grainUsual
	}
	due := func(n int) time.Duration { return time.Duration(float64(n) / rate * float64(time.Second)) }
	wake := time.NewTimer(0)
	defer wake.Stop()
	for issued := 0; ctx.Err() == nil; {
		now := min(time.Since(r.start), o.Duration)
		before := issued
		for ; due(issued) < now && r.more(issued); issued++ {
			r.issue(target, g.Next(), due(issued))
		}
		if issued > before {
			target.Flush()
		}
		if now == o.Duration || !r.more(issued) {
			break
		}
		// A nanosecond more, as what is due at the very end is not started.
		wake.Reset(min(max(due(issued)-now+1, grain), o.Duration-now))
		select {
		case <-wake.C:
		case <-ctx.Done():
		}
	}
	return r.end(ctx)
}

// Closed keeps so many operations in flight until the time is over or ctx ends.
func Closed(ctx context.Context, target Target, g *Generator, clients int, o Options) Result {
	r := newRun(o)
	r.free = make(chan struct{}, clients)
	for range clients {
		r.free <- struct{}{}
	}
	stop := r.watch()
	defer stop()
	over := time.NewTimer(o.Duration)
	defer over.Stop()
	issued := 0
	for now := time.Duration(0); now < o.Duration && r.more(issued) && ctx.Err() == nil; now = time.Since(r.start) {
		select {
		case <-r.free:
			r.issue(target, g.Next(), now)
			issued++
			continue
		default:
		}
		target.Flush()
		select {
		case <-r.free:
			r.issue(target, g.Next(), time.Since(r.start))
			issued++
		case <-over.C:
		case <-ctx.Done():
		}
	}
	target.Flush()
	return r.end(ctx)
}

// more says whether one more operation may be started.
func (r *run) more(issued int) bool { return r.o.Count == 0 || issued < r.o.Count }

func (r *run) issue(target Target, op *Op, due time.Duration) {
	lag := time.Since(r.start) - due
	r.mu.Lock()
	r.result.Offered++
	r.result.Lag.Record(lag)
	r.open++
	r.mu.Unlock()
	target.Issue(op, Ticket{r, op.Kind, due})
}

func (r *run) done(t Ticket, code contract.Code, class contract.Class) {
	took := time.Since(r.start) - t.due
	r.mu.Lock()
	if r.open > 0 {
		r.open--
		r.result.tell(t.kind, code, class, took, r.o.Deadline)
		if r.o.Watch != nil && class == contract.Done {
			r.glance.lately.Record(took)
		}
		if r.over && r.open == 0 {
			close(r.idle)
		}
	}
	r.mu.Unlock()
	if r.free != nil {
		r.free <- struct{}{}
	}
}

// end waits for what is still open, and counts the rest as silent.
func (r *run) end(ctx context.Context) Result {
	elapsed := time.Since(r.start)
	r.mu.Lock()
	r.over = true
	open := r.open
	r.mu.Unlock()
	if open > 0 {
		grace := time.NewTimer(r.o.Grace)
		defer grace.Stop()
		select {
		case <-r.idle:
		case <-grace.C:
		case <-ctx.Done():
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Silent, r.result.Elapsed = r.open, elapsed
	r.open = 0 // who comes now, comes too late
	return r.result
}
