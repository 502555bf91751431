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
}

// issueEvery is how often an open loop starts what has become due. Several
// operations may be due at once and share a flush, as with many users.
const issueEvery = time.Millisecond

// Ticket stands for one operation that was issued.
type Ticket struct {
	run *run
	due time.Duration // since the start of the run
}

// Done tells the answer's code. It is called once.
func (t Ticket) Done(code contract.Code) { t.run.done(t.due, code) }

// run is one Closed or Open under way.
type run struct {
	o     Options
	start time.Time
	free  chan struct{} // closed loop: a token for each place that is free

	mu     sync.Mutex // guards what follows
	result Result
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
	tick := time.NewTicker(issueEvery)
	defer tick.Stop()
	issued := 0
	for now := time.Duration(0); now < o.Duration && ctx.Err() == nil; {
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
		now = min(time.Since(r.start), o.Duration)
		wanted := int(rate * now.Seconds())
		if issued == wanted {
			continue
		}
		for ; issued < wanted; issued++ {
			r.issue(target, g.Next(), time.Duration(float64(issued)/rate*float64(time.Second)))
		}
		target.Flush()
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
	over := time.NewTimer(o.Duration)
	defer over.Stop()
	for now := time.Duration(0); now < o.Duration && ctx.Err() == nil; now = time.Since(r.start) {
		select {
		case <-r.free:
			r.issue(target, g.Next(), now)
			continue
		default:
		}
		target.Flush()
		select {
		case <-r.free:
			r.issue(target, g.Next(), time.Since(r.start))
		case <-over.C:
		case <-ctx.Done():
		}
	}
	target.Flush()
	return r.end(ctx)
}

func (r *run) issue(target Target, op *Op, due time.Duration) {
	r.mu.Lock()
	r.result.Offered++
	r.open++
	r.mu.Unlock()
	target.Issue(op, Ticket{r, due})
}

func (r *run) done(due time.Duration, code contract.Code) {
	took := time.Since(r.start) - due
	r.mu.Lock()
	if r.open > 0 {
		r.open--
		r.result.tell(code, took, r.o.Deadline)
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
