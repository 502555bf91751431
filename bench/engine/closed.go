package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/candordb/candor/bench/peer"
	"github.com/candordb/candor/load"
)

// Timing of a run.
type Timing struct {
	Warm     time.Duration // before the measured part
	Measure  time.Duration // the measured part
	Deadline time.Duration // of each request, and how long answers are waited for at the end
}

// errAllBroken is returned when no connection is left.
var errAllBroken = errors.New("engine: all connections broke")

// Dial opens the connections of a cell.
func Dial(ctx context.Context, p peer.Peer, c Cell, deadline time.Duration) (links []peer.Link, err error) {
	for i := range c.Conns {
		l, err := p.Dial(ctx, i, peer.Options{Deadline: deadline, ValueSize: c.ValueSize})
		if err != nil {
			hangUp(links)
			return nil, fmt.Errorf("connection %d to %s: %w", i, p.Name(), err)
		}
		links = append(links, l)
	}
	return links, nil
}

// hangUp closes connections.
func hangUp(links []peer.Link) {
	for _, l := range links {
		if l.Net != nil {
			_ = l.Net.Close() // nothing is lost with it
		}
		if l.Caller != nil {
			_ = l.Caller.Close()
		}
	}
}

// hasCaller says whether a client library is asked.
func hasCaller(links []peer.Link) bool { return len(links) > 0 && links[0].Caller != nil }

// operations is where a worker gets its requests from; nil: there is none left.
type operations interface{ next() *load.Op }

// race is a closed loop under way: what its workers share. They only read it, but
// for the counters.
type race struct {
	cell   Cell
	timing Timing
	ctx    context.Context
	budget atomic.Int64 // operations that may still be started, if the cell has a Count
	phase  atomic.Int32 // of the phases below
	all    []*worker
}

// The phases of a run: before, within, and behind the measured part.
const (
	warming int32 = iota
	measuring
	over
)

// Fill writes every key of the cell once. It ends when all were answered.
func Fill(ctx context.Context, p peer.Peer, c Cell, seed uint64, deadline time.Duration) (Result, error) {
	c.Reads, c.Count = 0, 0
	source := NewSource(Cell{Keys: c.Keys, ValueSize: c.ValueSize, Uniform: true}, seed)
	r := &race{cell: c, ctx: ctx, timing: Timing{Measure: fillMax, Deadline: deadline}}
	return r.run(p, Marks{}, func(i, of int) operations { return &sweep{source: source, at: i, of: of} })
}

// fillMax is how long a Fill may take.
const fillMax = time.Hour

// Closed keeps all places of a cell filled until the time is over, the cell's Count
// is reached, or ctx ends. An error says that nothing was measured.
func Closed(ctx context.Context, p peer.Peer, c Cell, seed uint64, t Timing, m Marks) (Result, error) {
	source := NewSource(c, seed)
	r := &race{cell: c, ctx: ctx, timing: t}
	return r.run(p, m, func(i, of int) operations { return source.stream(i, of) })
}

// run dials, starts a worker for each connection (or place, with a Caller), and waits.
func (r *race) run(p peer.Peer, m Marks, from func(i, of int) operations) (Result, error) {
	links, err := Dial(r.ctx, p, r.cell, r.timing.Deadline)
	if err != nil {
		return Result{}, err
	}
	defer hangUp(links)
	r.budget.Store(int64(r.cell.Count))
	for i, l := range links {
		places := 1
		if l.Caller != nil {
			places = r.cell.Depth
		}
		for j := range places {
			r.all = append(r.all, &worker{race: r, link: l, operations: from(i*places+j, len(links)*places)})
		}
	}
	var begin time.Time
	if r.timing.Warm == 0 {
		begin = r.begin(m) // before the first request, as all of them count
	}
	var running sync.WaitGroup
	for _, w := range r.all {
		running.Go(w.work)
	}
	ended := make(chan struct{})
	go func() { running.Wait(); close(ended) }()
	elapsed := r.conduct(m, begin, ended)
	<-ended
	sum := Result{Elapsed: elapsed, Library: hasCaller(links)}
	broken := 0
	for _, w := range r.all {
		sum.merge(&w.result)
		if w.result.Err != nil {
			broken++
		}
	}
	if broken == len(r.all) {
		return sum, fmt.Errorf("%w: %w", errAllBroken, sum.Err)
	}
	return sum, r.ctx.Err()
}

// begin begins the measured part.
func (r *race) begin(m Marks) time.Time {
	if m.Begin != nil {
		m.Begin()
	}
	r.phase.Store(measuring)
	return time.Now()
}

// conduct goes through the phases, and returns how long the measured one took. It has
// begun already if there is no warm-up.
func (r *race) conduct(m Marks, begin time.Time, ended <-chan struct{}) time.Duration {
	wait := func(d time.Duration) {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ended:
		case <-r.ctx.Done():
		}
	}
	if begin.IsZero() {
		wait(r.timing.Warm)
		begin = r.begin(m)
	}
	wait(r.timing.Measure)
	r.phase.Store(over)
	elapsed := time.Since(begin)
	if m.End != nil {
		m.End()
	}
	return elapsed
}

// take asks for n of the operations that may still be started.
func (r *race) take(n int) int {
	if r.cell.Count == 0 {
		return n
	}
	left := r.budget.Add(-int64(n)) + int64(n)
	return int(max(min(left, int64(n)), 0))
}

// worker is what one goroutine has.
type worker struct {
	race *race
	link peer.Link
	operations
	result Result
}

func (w *worker) work() {
	if w.link.Caller != nil {
		w.call()
		return
	}
	s := newSession(w.link.Protocol, w.race.cell)
	w.result.Err = w.exchange(s)
	w.result.Silent += uint64(s.waiting())
}

// call asks by a client library, one request after the other.
func (w *worker) call() {
	r := w.race
	for {
		phase := r.phase.Load()
		if phase == over || r.ctx.Err() != nil || r.take(1) == 0 {
			return
		}
		op := w.next()
		if op == nil {
			return
		}
		kind, began := op.Kind, time.Now()
		ctx, cancel := context.WithTimeout(r.ctx, r.timing.Deadline)
		a := w.link.Caller.Call(ctx, op)
		cancel()
		if r.phase.Load() == measuring {
			w.result.settle(kind, judge(kind, a, r.cell.ValueSize), time.Since(began), phase == measuring)
		}
		w.result.Waves++
	}
}

// exchange sends waves and takes answers until the run is over and all have come.
func (w *worker) exchange(s *session) error {
	r, nc := w.race, w.link.Net
	stop := context.AfterFunc(r.ctx, func() { _ = nc.SetDeadline(time.Now()) }) // ends a read
	defer stop()
	var out []byte
	started, patient := time.Now(), time.Duration(0)
	for last := false; ; {
		last = last || r.phase.Load() == over || r.ctx.Err() != nil
		if !last {
			out, last = w.wave(s, out[:0])
		}
		if s.waiting() == 0 {
			return nil
		}
		if len(out) > 0 {
			w.result.Waves++
			if _, err := nc.Write(out); err != nil {
				return err
			}
			out = out[:0]
		}
		if s.now >= patient {
			// Once a second is often enough, and costs nothing.
			patient = s.now + time.Second
			err := nc.SetReadDeadline(started.Add(patient + r.timing.Deadline))
			if err = errors.Join(err, r.ctx.Err()); err != nil {
				return err // the end of ctx may have set another deadline just before
			}
		}
		if err := w.receive(s, started); err != nil {
			if errors.Is(err, errTimeout) && (last || r.phase.Load() == over) {
				return nil // what is left is silent, and is counted so
			}
			return err
		}
	}
}

// receive reads once, and settles what was answered.
func (w *worker) receive(s *session, started time.Time) error {
	if err := s.receive(w.link.Net); err != nil {
		return err
	}
	phase := w.race.phase.Load()
	s.now, s.timed = time.Since(started), phase == measuring
	return s.answers(func(p place, a peer.Answer) {
		if phase == measuring {
			w.result.settle(p.kind, judge(p.kind, a, w.race.cell.ValueSize), s.now-p.sent, p.timed)
		}
	})
}

// wave encodes requests for all places that are free. last: there are no more.
func (w *worker) wave(s *session, out []byte) (_ []byte, last bool) {
	free := s.free()
	for range w.race.take(free) {
		op := w.next()
		if op == nil {
			return s.fence(out), true
		}
		out = s.request(out, op)
	}
	return s.fence(out), w.race.cell.Count > 0 && w.race.budget.Load() <= 0
}
