package client

import (
	"context"
	"errors"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

const (
	// roundMax is how many operations of a Do are under way at once: half of what
	// may be in flight at one node, so that others' requests find room.
	roundMax = inFlightMax / 2
	// frameBytesLeast is the largest frame where a node has not told its own.
	frameBytesLeast = 1 << 20
	// frameSpare is what a BATCH leaves free in a frame.
	frameSpare = 4 << 10
)

// errShort is what the operations end with that a node's answer leaves out.
var errShort = errors.New("its answer lacks a result")

// batch is one BATCH on its way to one node.
type batch struct {
	n       *node
	lane    *node
	errands []*errand
	bytes   int

	id   uint64
	x    *exchange
	sent time.Time
	told context.Context // what Hooks.Start returned
}

// attempt is the batch for hooks.
func (b *batch) attempt(d *doing) Attempt {
	return Attempt{Op: "batch", Namespace: d.ns.name, Node: d.ns.c.table.Load().name(b.n), Number: b.errands[0].attempts + 1}
}

// round takes up what is ready: every operation gets a coordinator, each
// coordinator its BATCHes, and each answer is judged. What has to be retried is
// ready again afterwards, behind one pause for all.
func (d *doing) round() {
	some := d.ready[:min(len(d.ready), roundMax)]
	d.ready = d.ready[len(some):len(d.ready):len(d.ready)]
	var pause time.Duration
	var retry []*errand
	later := func(e *errand) {
		wait, ok := e.due()
		if !ok {
			d.end(e, nil, e.failure(d.ctx))
			return
		}
		pause = max(pause, wait)
		retry = append(retry, e)
	}
	batches := d.assign(some, later)
	for _, b := range batches {
		d.post(b)
	}
	for _, b := range batches {
		d.judge(b, later, func(e *errand) { retry = append(retry, e) })
	}
	sleep(d.ctx, pause, nil)
	d.ready = append(retry, d.ready...)
}

// assign gives each operation its coordinator, and stamps writes in order.
func (d *doing) assign(some []*errand, later func(*errand)) (batches []*batch) {
	open := make(map[*node]*batch)
	for _, e := range some {
		if !e.begun {
			e.begun = true
			d.ns.recall(e.q, &e.options)
			if fault := e.begin(d.ctx); fault != nil {
				d.end(e, nil, fault)
				continue
			}
		}
		n := e.pick(d.ctx)
		switch {
		case n == nil && e.again():
			later(e)
			continue
		case n == nil || !e.mayAsk(n) || e.tooLarge(n) || !e.stamp(n) || e.share() <= 0 || d.ctx.Err() != nil:
			d.end(e, nil, e.failure(d.ctx))
			continue
		}
		b, limits, size := open[n], n.bounds(), sizeOf(e.q)
		most := frameBytesLeast
		if limits.FrameBytes > 0 {
			most = int(limits.FrameBytes)
		}
		full := b != nil && (b.bytes+size > most-frameSpare || limits.BatchOps > 0 && len(b.errands) >= int(limits.BatchOps))
		if b == nil || full || e.alone {
			b = &batch{n: n, bytes: headBytes}
			batches = append(batches, b)
		}
		b.errands, b.bytes = append(b.errands, e), b.bytes+size
		if !e.alone {
			open[n] = b
		}
	}
	return batches
}

// post sends a BATCH; b.x stays nil where nothing was sent.
func (d *doing) post(b *batch) {
	c := d.ns.c
	b.lane = b.n.lane(b.bytes)
	x := c.exchanges.Get().(*exchange)
	x.weight = len(b.errands)
	for _, e := range b.errands {
		x.ops = append(x.ops, e.q.Op)
	}
	b.sent = time.Now()
	if c.o.hooks != nil {
		b.told = c.attemptStarts(d.ctx, b.attempt(d))
	}
	id, err := b.lane.register(x)
	if err == nil {
		b.id = id
		if err = b.lane.append(b.bytes, b.frame); err != nil {
			b.lane.abandon(id, x, err)
		}
	}
	if err != nil {
		b.lane.free(x)
		return
	}
	b.x = x
	b.lane.requests.Add(1)
	b.lane.link.Flush()
}

func (b *batch) frame(dst []byte) []byte {
	start := len(dst)
	dst = wire.BeginBatch(dst, b.id, deadlineOf(b.errands[0].share()), len(b.errands))
	for _, e := range b.errands {
		dst = e.q.AppendOp(dst)
	}
	return wire.EndFrame(dst, start)
}

// judge waits for a BATCH's answer and judges each of its results.
func (d *doing) judge(b *batch, later, atOnce func(*errand)) {
	answer, err := wire.Answer{}, errFull
	if b.x != nil {
		answer, err = b.lane.await(d.ctx, b.id, b.x, b.errands[0].share())
		b.lane.free(b.x)
	} else if state, _ := b.n.look(); state != up {
		err = errDown
	}
	if c := d.ns.c; c.o.hooks != nil {
		c.attemptEnds(b.told, b.attempt(d), answer.Code, err, time.Since(b.sent))
	}
	for i, e := range b.errands {
		one, fault := &answer, err
		if err == nil && answer.Code == contract.OK {
			if i < len(answer.Results) {
				one = &answer.Results[i]
				one.Epoch, one.Clock = answer.Epoch, answer.Clock
			} else {
				fault = errShort
			}
		}
		if e.trace != nil {
			e.traced(b.n, b.sent.Sub(e.began), one, fault)
		}
		if fault == nil && one.Code == contract.TooLarge && !e.write && len(b.errands) > 1 {
			e.alone, e.tried = true, 0 // the limit is that of the answer they share
			atOnce(e)
			continue
		}
		switch e.judge(d.ctx, b.n, one, fault) {
		case settled:
			d.end(e, one, nil)
		case final:
			d.end(e, nil, e.failure(d.ctx))
		case elsewhere:
			later(e)
		case untouched:
			atOnce(e)
		}
	}
}
