package sim

import (
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/wire"
)

// attempt is one request frame: one operation, or several in a BATCH.
type attempt struct {
	operations []*operation
	id         uint64 // on its connection
	outcome    bool   // an OUTCOME about a write, not the write itself
	node       *node
	deadline   time.Duration
	patience   time.Duration // how long the client waits

	sent      bool
	arrived   bool // at a process
	arrivedAt time.Duration
	physical  int64         // time of that process, then
	pausedFor time.Duration // of that process, until then
	misstamp  uint64        // the operations whose stamp was out of bounds then and there
	answers   int
	over      bool // the client waits no longer
}

// ops names the operations, as the decoder of a BATCH's answer needs them.
func (a *attempt) ops() []wire.Op {
	ops := make([]wire.Op, len(a.operations))
	for i, o := range a.operations {
		ops[i] = o.kind
	}
	return ops
}

// portal is a client's end of its connection to a node.
type portal struct {
	c       *client
	node    *node
	conn    *conn // nil until the node has it
	state   linkState
	out     route
	last    uint64 // id of the last request
	waiting *attempt
}

// reply is a decoded answer on its way to the client.
type reply struct {
	attempt *attempt
	answer  wire.Answer
	when    span // of the node's physical time, in which it was decided
}

// send sends the attempt, when the connection is open.
func (p *portal) send(a *attempt) {
	if p.state == linkUp {
		p.transmit(a)
		return
	}
	p.waiting = a
	if p.state == linkDown {
		p.connect()
	}
}

// connect dials the node.
func (p *portal) connect() {
	s, n := p.c.sim, p.node
	p.state, p.conn, p.last = linkDialling, nil, 1
	p.out = route{from: p.c.home, to: n.index, reliable: true}
	hello := wire.Hello{ID: 1, ProtoMin: 1, ProtoMax: 1, ClientName: []byte("sim")}
	frame := hello.Append(nil)
	s.net.send(&p.out, "client hello", frame, func() {
		b := n.process
		switch {
		case p.state != linkDialling || p.conn != nil:
			return
		case b == nil:
			p.reset() // connection refused
			return
		}
		n.whenAwake(b, func() {
			c := &conn{p: b, portal: p, requests: make(map[uint64]*attempt), back: route{from: n.index, to: p.c.home, reliable: true}}
			p.conn = c
			b.conns = append(b.conns, c)
			b.fromClient(c, frame, nil)
		})
	})
}

// transmit puts the request on the wire.
func (p *portal) transmit(a *attempt) {
	p.last++
	a.id, a.sent = p.last, true
	s, c := p.c.sim, p.conn
	c.requests[a.id] = a
	frame := p.c.encode(a)
	for _, o := range a.operations {
		switch {
		case a.outcome:
			o.floor = o.key.floor(needOf(contract.Quorum, s.plan.Replicas))
		case o.key != nil:
			o.floor = o.key.floor(o.need)
		}
	}
	s.net.send(&p.out, "request", frame, func() { p.node.whenAwake(c.p, func() { c.p.fromClient(c, frame, a) }) })
}

// witness sees an answer at the moment at which it leaves its node, when what
// it says has to be true.
func (p *portal) witness(c *conn, body []byte) *reply {
	s := p.c.sim
	now := c.p.Now().Physical
	r := &reply{when: span{now, now}}
	err := wire.DecodeAnswer(body, &r.answer)
	a := c.requests[r.answer.ID]
	if err != nil && r.answer.Op == wire.OpBatch && a != nil {
		err = wire.DecodeAnswer(body, &r.answer, a.ops()...) // its head could be read, and tells whose it is
	}
	if err != nil {
		s.fail("WIRE", "%v sends an answer that cannot be read: %x", c.p.node, body)
		return r
	}
	if r.attempt = a; a != nil && len(a.operations) > 1 {
		r.when = span{min(a.physical, now), max(a.physical, now)}
	}
	if a == nil && r.answer.ID > 1 {
		s.fail("TRUTH", "%v answers a request %d that nobody sent", c.p.node, r.answer.ID)
	}
	if a != nil {
		s.check.answered(c.p, a, r)
	}
	return r
}

// fromNode takes an answer that has arrived.
func (p *portal) fromNode(c *conn, r *reply) {
	if p.conn != c {
		return
	}
	if h := r.answer.Head; h.Code != contract.Clock || r.answer.Error.Kind != contract.ClockFenced {
		p.c.hear(h.Clock)
	}
	switch {
	case r.answer.Op == wire.OpHello && r.answer.Code == contract.OK:
		p.state = linkUp
		if a := p.waiting; a != nil && !a.over {
			p.transmit(a)
		}
		p.waiting = nil
	case r.answer.ID == 0:
		p.close() // a goodbye: the next request goes elsewhere
	case r.attempt != nil && !r.attempt.over:
		p.c.answered(r.attempt, r)
	}
}

// resetSoon lets the client learn that the connection was reset.
func (p *portal) resetSoon(c *conn) {
	s := p.c.sim
	s.after(p.c.dice.exponential(20*time.Millisecond), "reset", nil, func() {
		if p.conn == c {
			p.reset()
		}
	})
}

// reset ends the connection: what was sent on it gets no answer.
func (p *portal) reset() {
	p.close()
	if a := p.c.current; a != nil && a.node == p.node && !a.over {
		p.c.unanswered(a, "the connection was lost")
	}
}

func (p *portal) close() { p.state, p.conn = linkDown, nil }

// encode makes the frame of a request.
func (c *client) encode(a *attempt) []byte {
	ms := uint64(a.deadline.Milliseconds())
	if len(a.operations) == 1 {
		q := c.frame(a, a.operations[0])
		q.ID, q.DeadlineMS = a.id, ms
		return q.Append(nil)
	}
	frame := wire.BeginBatch(nil, a.id, ms, len(a.operations))
	for _, o := range a.operations {
		q := c.frame(a, o)
		frame = q.AppendOp(frame)
	}
	return wire.EndFrame(frame, 0)
}

// frame is the request of one operation.
func (c *client) frame(a *attempt, o *operation) wire.Request {
	q := wire.Request{Op: o.kind, Level: o.level, After: o.after}
	if o.rows {
		q.Flags = contract.Rows
	}
	if o.key != nil {
		q.Key = o.key.name
	}
	switch {
	case a.outcome:
		return wire.Request{Op: wire.OpOutcome, Key: q.Key, Version: o.version, HasVersion: true}
	case o.kind == wire.OpScan:
		q.Prefix, q.Cursor, q.Limit = o.prefix, o.cursor, 20
	case o.kind == wire.OpPut:
		q.Value, q.TTL, q.HasTTL = o.value(), o.ttl, o.ttl != 0
	}
	if o.stamped {
		q.Version, q.HasVersion = o.version, true
	}
	if !o.lww {
		q.Condition = wire.Condition{Kind: wire.IfAbsent}
	}
	return q
}

// hear takes a node's clock, from which stamps are made.
func (c *client) hear(t hlc.Timestamp) { c.heard, c.heardAt = t, c.sim.now }
