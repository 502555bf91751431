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
	ids      map[uint64]uint64 // of the requests in flight -> what each counts for
	inFlight uint64            // their sum
	batches  map[uint64]*batch
}

// InFlight is how many requests wait for their answer.
func (s *Session) InFlight() int { return len(s.ids) }

// Node is the id that the peer gave in its HELLO.
func (s *Session) Node() ring.NodeID { return s.node }

// verdict is what admission says of a request.
type verdict uint8

const (
	admitted verdict = iota
	overloaded
	draining
	reused // the id is 0 or still in flight: the connection cannot go on
)

// admit opens a request of the given cost on the session.
func (s *Session) admit(id, cost, limit uint64) verdict {
	if _, open := s.ids[id]; open || id == 0 {
		return reused
	}
	switch {
	case s.Draining:
		return draining
	case s.inFlight+cost > limit:
		return overloaded
	}
	if s.ids == nil {
		s.ids = make(map[uint64]uint64)
	}
	s.ids[id] = cost
	s.inFlight += cost
	return admitted
}

// finish ends a request; false if it was not open.
func (s *Session) finish(id uint64) bool {
	cost, open := s.ids[id]
	delete(s.ids, id)
	s.inFlight -= cost
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
	b.missing--
	if isGet && b.bytes+len(result)+b.reserve*(b.missing+1) > int(frameBytes) {
		e := wire.Error{Message: "the answer to the BATCH would not fit a frame; ask for this key again", Limit: frameBytes}
		result = e.AppendResult(nil, contract.TooLarge)
	}
	b.bytes += len(result)
	b.results[i] = append([]byte(nil), result...)
}

// batchReserve is room for any result that has no value: a sentence, and a
// receipt or a list of nodes with a line for each of n replicas.
func batchReserve(n int) int { return 256 + 64*n }
