package engine

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/candordb/candor/bench/peer"
	"github.com/candordb/candor/load"
)

// openPlaces is how many requests an open loop may have in flight on one connection.
// What is due beyond that is silent. They have ids, which stay below what peer.Protocol says.
const openPlaces = 4096

// Open starts a cell's requests at so many each second, in turn on all its
// connections, and counts their latency from when each was due. The cell's Depth
// and Count mean nothing here.
func Open(ctx context.Context, p peer.Peer, c Cell, seed uint64, rate float64, t Timing, m Marks) (Result, error) {
	links, err := Dial(ctx, p, c, t.Deadline)
	if err != nil {
		return Result{}, err
	}
	o := newOpening(links, NewSource(c, seed), t.Deadline)
	defer o.close()
	if t.Warm > 0 {
		o.begin()
		pace(ctx, o, rate, t.Warm)
		o.end(ctx, t.Deadline)
	}
	if m.Begin != nil {
		m.Begin()
	}
	o.begin()
	pace(ctx, o, rate, t.Measure)
	elapsed := time.Since(o.start)
	if m.End != nil {
		m.End()
	}
	result := o.end(ctx, t.Deadline)
	result.Elapsed, result.Library = elapsed, hasCaller(links)
	return result, ctx.Err()
}

// opening is an open loop over links. One goroutine issues.
type opening struct {
	source *Source
	lines  []*line
	stream *stream
	next   int // of the lines
	wave   []*line
	start  time.Time
	lag    load.Histogram

	mu     sync.Mutex // guards what follows
	run    int        // which begin it is: answers to a former one do not count
	open   int        // requests without an answer
	over   bool
	idle   chan struct{} // closed when over and nothing is open
	last   time.Time     // the last answer
	result Result
}

func newOpening(links []peer.Link, s *Source, deadline time.Duration) *opening {
	o := &opening{source: s, stream: s.stream(0, 1)}
	for _, l := range links {
		n := &line{opening: o, link: l, deadline: deadline, wake: make(chan struct{}, 1), calls: make(chan call, openPlaces)}
		o.lines = append(o.lines, n)
		n.start()
	}
	return o
}

// begin forgets all that was counted.
func (o *opening) begin() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.run++
	o.open, o.over, o.idle, o.result = 0, false, make(chan struct{}), Result{}
	o.start = time.Now()
	o.last = o.start
	o.lag.Reset()
}

// end waits for what is still open, and returns what was counted.
func (o *opening) end(ctx context.Context, patience time.Duration) Result {
	o.mu.Lock()
	o.over = true
	waits := o.open > 0
	o.mu.Unlock()
	if waits {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case <-o.idle:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.run++ // who comes now, comes too late
	r := o.result
	r.Silent, r.Lag = uint64(o.open), o.lag.Quantile(0.99)
	for _, n := range o.lines {
		if r.Err == nil {
			r.Err = n.fault()
		}
	}
	return r
}

// issue starts the next operation, which was due then after the start.
func (o *opening) issue(due time.Duration) {
	n := o.lines[o.next]
	o.next = (o.next + 1) % len(o.lines)
	op := o.stream.next()
	o.lag.Record(time.Since(o.start) - due)
	o.mu.Lock()
	o.open++
	p := place{kind: op.Kind, sent: due, run: o.run}
	o.mu.Unlock()
	if n.issue(op, p) {
		o.wave = append(o.wave, n)
	}
}

// flush has everything sent that was issued.
func (o *opening) flush() {
	for _, n := range o.wave {
		n.nudge()
	}
	o.wave = o.wave[:0]
}

// settle counts an answer.
func (o *opening) settle(p place, outcome peer.Outcome) {
	now := time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	if p.run != o.run {
		return
	}
	r := &o.result
	r.Gap, o.last = max(r.Gap, now.Sub(o.last)), now
	r.settle(p.kind, outcome, now.Sub(o.start)-p.sent, true)
	o.open--
	if o.over && o.open == 0 {
		close(o.idle)
	}
}

func (o *opening) close() {
	for _, n := range o.lines {
		n.close()
	}
}

// line is one link of an open loop.
type line struct {
	opening  *opening
	link     peer.Link
	deadline time.Duration
	wake     chan struct{} // one slot: something waits to be written
	calls    chan call     // of a Caller
	all      sync.WaitGroup

	mu      sync.Mutex // guards what follows
	session *session   // nil with a Caller
	out     []byte
	touched bool
	closed  bool
	err     error
}

// call is a request that waits for a Caller.
type call struct {
	op load.Op
	p  place
}

// callers is how many goroutines ask by one Caller.
const callers = 64

func (n *line) start() {
	if n.link.Caller != nil {
		for range callers {
			n.all.Go(n.call)
		}
		return
	}
	n.session = newSessionOf(n.link.Protocol, openPlaces)
	n.all.Go(n.write)
	n.all.Go(func() { n.read(n.link.Net) })
}

// issue gathers a request; first: nothing waited before it.
func (n *line) issue(op *load.Op, p place) (first bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return false // silent
	}
	if n.session == nil {
		one := call{load.Op{Kind: op.Kind, Number: op.Number, Key: append([]byte(nil), op.Key...), Value: op.Value}, p}
		select {
		case n.calls <- one:
		default: // silent
		}
		return false
	}
	if n.session.free() == 0 {
		return false // silent
	}
	n.out = n.session.issue(n.out, op, p)
	first, n.touched = !n.touched, true
	return first
}

func (n *line) nudge() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.touched = false
	if n.closed {
		return
	}
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

func (n *line) write() {
	var buf []byte
	for range n.wake {
		n.mu.Lock()
		buf, n.out = n.session.fence(n.out), buf[:0]
		n.mu.Unlock()
		if _, err := n.link.Net.Write(buf); err != nil {
			n.shut(err)
			return
		}
	}
}

// read takes answers. The session's bytes are its own, all else is shared.
func (n *line) read(nc net.Conn) {
	type settled struct {
		p place
		o peer.Outcome
	}
	var batch []settled
	for {
		if err := n.session.receive(nc); err != nil {
			n.shut(err)
			return
		}
		batch = batch[:0]
		n.mu.Lock()
		err := n.session.answers(func(p place, a peer.Answer) {
			batch = append(batch, settled{p, judge(p.kind, a, n.opening.source.cell.ValueSize)})
		})
		n.mu.Unlock()
		for _, s := range batch {
			n.opening.settle(s.p, s.o)
		}
		if err != nil {
			n.shut(err)
			return
		}
	}
}

// call asks by a client library.
func (n *line) call() {
	for c := range n.calls {
		ctx, cancel := context.WithTimeout(context.Background(), n.deadline)
		a := n.link.Caller.Call(ctx, &c.op)
		cancel()
		n.opening.settle(c.p, judge(c.op.Kind, a, n.opening.source.cell.ValueSize))
	}
}

// shut notes that nothing more can be sent, and ends the writer.
func (n *line) shut(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	n.closed, n.err = true, err
	close(n.wake)
	close(n.calls)
}

// fault is why the line broke before it was closed.
func (n *line) fault() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.err
}

func (n *line) close() {
	n.shut(nil)
	hangUp([]peer.Link{n.link})
	n.all.Wait()
}
