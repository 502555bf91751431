package router

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// Session is the state of one connection. It is guarded by the connection's
// lock (Conn.Begin and End).
type Session struct {
	// PeerPort says that the connection came in at the peer port.
	PeerPort bool
	// Draining: new requests are refused with SHUTTING_DOWN.
	Draining bool

	hello    bool
	node     ring.NodeID       // of the peer, behind a HELLO of role node
	start    uint64            // its incarnation
	ids      map[uint64]weight // of the requests in flight
	inFlight uint64            // the sum of their operations
	gate     Gate              // that those with bytes went through
	batches  map[uint64]*batch
}

// weight is what a request counts for.
type weight struct {
	ops   int
	bytes int // 0: it did not go through the gate
}

// InFlight is how many requests wait for their answer.
func (s *Session) InFlight() int { return len(s.ids) }

// Node is the id that the peer gave in its HELLO.
func (s *Session) Node() ring.NodeID { return s.node }

// Incarnation is the number of the peer's start, as its HELLO gave it.
func (s *Session) Incarnation() uint64 { return s.start }

// verdict is what admission says of a request.
type verdict uint8

const (
	admitted verdict = iota
	overloaded
	draining
	reused // the id is 0 or still in flight: the connection cannot go on
)

// admit opens a request on the session, if its weight is within the limit of the
// connection and, where it has bytes, the gate lets it in. Where it is
// overloaded, why says with what.
func (s *Session) admit(id uint64, w weight, limit uint64, g Gate) (v verdict, why Shed) {
	if _, open := s.ids[id]; open || id == 0 {
		return reused, Admitted
	}
	switch {
	case s.Draining:
		return draining, Admitted
	case s.inFlight+uint64(w.ops) > limit:
		return overloaded, ShedConn
	}
	if w.bytes > 0 {
		if why := g.Take(w.ops, w.bytes); why != Admitted {
			return overloaded, why
		}
		s.gate = g
	}
	if s.ids == nil {
		s.ids = make(map[uint64]weight)
	}
	s.ids[id] = w
	s.inFlight += uint64(w.ops)
	return admitted, Admitted
}

// finish ends a request; false if it was not open.
func (s *Session) finish(id uint64) bool {
	w, open := s.ids[id]
	delete(s.ids, id)
	s.inFlight -= uint64(w.ops)
	if w.bytes > 0 {
		s.gate.Give(w.ops, w.bytes)
	}
	return open
}

// batch collects the results of a BATCH.
type batch struct {
	missing int
	results [][]byte
	bytes   int // of the results so far
	reserve int // room kept for each that is missing
}

// put takes the result of operation i. One that has a value is replaced if it
// would push the answer past the limit.
func (b *batch) put(i int, result []byte, isGet bool, frameBytes uint64) {
	if isGet && !b.fits(len(result), frameBytes) {
		e := wire.Error{Message: "the answer to the BATCH would not fit a frame; ask for this key again", Limit: frameBytes}
		result = e.AppendResult(nil, contract.TooLarge)
	}
	b.missing--
	b.bytes += len(result)
	b.results[i] = append([]byte(nil), result...)
}

// fits says whether a result leaves the room that is kept for those missing.
func (b *batch) fits(size int, frameBytes uint64) bool {
	return b.bytes+size+b.reserve*b.missing <= int(frameBytes)
}

// batchReserve is room for any result that has no value and no trace: a sentence, and a
// receipt or a list of nodes with a line for each of n replicas.
func batchReserve(n int) int { return 256 + 64*n }
