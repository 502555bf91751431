package router

import (
	"errors"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/coordinator"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// Client handles one frame of a client's connection.
func (r *Router) Client(t *Turn, c Conn, body []byte) {
	s, buf := c.Begin()
	hello := s.hello
	c.End(buf)
	if !hello {
		r.hello(t, c, false, body)
		return
	}
	q := &t.req
	err := wire.DecodeRequest(body, q)
	if err == wire.ErrMalformed {
		r.Malformed(t, c, err)
		return
	}
	if !r.admit(t, c, q, len(body)) {
		return
	}
	who := coordinator.Client{Conn: c, ID: q.ID}
	if err != nil {
		r.refuse(t, who, q.Op, badRequest(err))
		return
	}
	r.request(t, who, q)
}

// badRequest is the refusal of a request that package wire has refused.
func badRequest(err error) *failure {
	var bad *wire.RequestError
	if !errors.As(err, &bad) {
		return fail(contract.BadRequest, err.Error())
	}
	return fail(bad.Code, bad.Message)
}

// admit opens the request of a frame of so many bytes on its session, or answers
// why not.
func (r *Router) admit(t *Turn, c Conn, q *wire.Request, bytes int) bool {
	w := weight{ops: r.cost(q)}
	if gated(q.Op) {
		w.bytes = bytes
	}
	s, buf := c.Begin()
	v, why := s.admit(q.ID, w, r.o.Limits.InFlight, r.o.Gate)
	if v == admitted {
		c.End(buf)
		return true
	}
	f := r.turnAway(t, v, why)
	c.End(f.Append(buf, r.headCode(q.Op, q.ID, f.code)))
	t.touchConn(c)
	if r.o.Count != nil {
		r.o.Count(q.Op, f.code)
	}
	if v == reused {
		c.Close()
	}
	return false
}

// turnAway says why a request is not admitted.
func (r *Router) turnAway(t *Turn, v verdict, why Shed) *failure {
	switch v {
	case reused:
		return fail(contract.BadRequest, "the id of a request is not 0 and not one that is still in flight")
	case draining:
		return fail(contract.ShuttingDown, "this node is shutting down: use another")
	}
	return r.shed(t, why)
}

// cost is how many of the connection's requests a request counts for. A BATCH
// that is too large at any time is let in, to be told so and not to try again.
func (r *Router) cost(q *wire.Request) int {
	if q.Op == wire.OpBatch && uint64(q.Ops) <= r.o.Limits.BatchOps {
		return max(q.Ops, 1)
	}
	return 1
}

// request carries out a request that was admitted.
func (r *Router) request(t *Turn, who coordinator.Client, q *wire.Request) {
	cl := r.world.Cluster()
	switch {
	case q.Op == wire.OpPing:
		r.reply(t, who, wire.AppendOK, q.Op)
	case cl == nil:
		r.refuse(t, who, q.Op, fail(contract.NotReady, "this node is not part of a cluster yet: its /readyz?verbose says what it waits for"))
	case q.Op == wire.OpAuth, q.Op == wire.OpWatch:
		r.refuse(t, who, q.Op, fail(contract.Unsupported, q.Op.String()+" is not supported by this build"))
	case t.Late > 0 && r.deadline(t, q) <= t.now.Mono:
		r.refuse(t, who, q.Op, r.shed(t, ShedExpired))
	case q.Op == wire.OpRing:
		r.ring(t, who, cl)
	case q.Op == wire.OpBatch:
		r.batch(t, who, cl, q)
	case q.Op == wire.OpScan:
		r.scan(t, who, cl, q)
	default:
		if f := r.open(t, who, cl, q); f != nil {
			r.refuse(t, who, q.Op, f)
		}
	}
}

// ring answers RING.
func (r *Router) ring(t *Turn, who coordinator.Client, cl *Cluster) {
	a := wire.RingAnswer{Q: uint64(cl.Ring.Q()), N: uint64(cl.Ring.N()), Members: r.world.RingMembers()}
	a.Owners = ring.AppendOwners(nil, cl.Ring.OwnersTable())
	r.reply(t, who, a.Append, wire.OpRing)
}
