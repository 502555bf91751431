package sim

import (
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/wire"
)

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
	frame := a.encode()
	a.asked = a.asked[:0]
	for _, o := range a.operations {
		a.asked = append(a.asked, s.ask(a, o))
		if o.kind == wire.OpScan {
			o.walk.sent(s, a)
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

// hear takes a node's clock, from which stamps are made.
func (c *client) hear(t hlc.Timestamp) { c.heard, c.heardAt = t, c.sim.now }
