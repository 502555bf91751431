package engine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/candordb/candor/bench/peer"
	"github.com/candordb/candor/load"
)

// place is one request in flight.
type place struct {
	kind  load.Kind
	fence bool          // no request: what closes a wave of writes
	timed bool          // sent within the measured part
	sent  time.Duration // of an open loop: when it was due
	run   int           // of an open loop: which
}

// session is what is in flight on a connection, and the bytes that have come. It
// belongs to one goroutine, or to one mutex.
type session struct {
	proto   peer.Protocol
	fencer  peer.Fencer // nil: writes are done when they are answered
	ordered bool
	most    int

	places []place  // by id; of an ordered protocol a ring
	frees  []uint32 // ids that are free, of a protocol with ids
	head   int      // of the ring
	held   []place  // writes that were answered, and wait for the fence
	inside int      // requests in flight, held ones included
	ring   int      // of the ring: places taken, fences included
	wrote  bool     // since the last fence

	now   time.Duration // of what is sent now
	timed bool

	in    []byte
	parse int // of in, is parsed
}

// readBytes is how much is read at once.
const readBytes = 64 << 10

// errTimeout is returned when the time for a read is over.
var errTimeout = os.ErrDeadlineExceeded

func newSession(p peer.Protocol, c Cell) *session { return newSessionOf(p, c.Depth) }

// newSessionOf has places for so many requests.
func newSessionOf(p peer.Protocol, most int) *session {
	s := &session{proto: p, ordered: p.Ordered(), most: most, in: make([]byte, 0, readBytes)}
	s.fencer, _ = p.(peer.Fencer)
	if s.ordered {
		s.places = make([]place, 2*most+1) // each request may have a fence of its own
		return s
	}
	s.places = make([]place, most)
	for id := most - 1; id >= 0; id-- {
		s.frees = append(s.frees, uint32(id))
	}
	return s
}

// waiting is how many requests have no outcome yet.
func (s *session) waiting() int { return s.inside }

// free is how many more may be sent.
func (s *session) free() int { return s.most - s.inside }

// request appends a request to a wave.
func (s *session) request(out []byte, op *load.Op) []byte {
	return s.issue(out, op, place{kind: op.Kind, sent: s.now, timed: s.timed})
}

func (s *session) issue(out []byte, op *load.Op, p place) []byte {
	s.inside++
	if s.ordered {
		s.push(p)
		s.wrote = s.wrote || op.Kind != load.Get
		return s.proto.Append(out, 0, op)
	}
	id := s.frees[len(s.frees)-1]
	s.frees = s.frees[:len(s.frees)-1]
	s.places[id] = p
	return s.proto.Append(out, id, op)
}

func (s *session) push(p place) {
	s.places[(s.head+s.ring)%len(s.places)] = p
	s.ring++
}

// fence closes a wave that has writes, if the protocol wants that.
func (s *session) fence(out []byte) []byte {
	if s.fencer == nil || !s.wrote {
		return out
	}
	s.wrote = false
	s.push(place{fence: true})
	return s.fencer.Fence(out)
}

// receive reads once.
func (s *session) receive(from io.Reader) error {
	if s.parse > 0 {
		s.in = s.in[:copy(s.in, s.in[s.parse:])]
		s.parse = 0
	}
	if len(s.in) == cap(s.in) {
		s.in = append(s.in, make([]byte, cap(s.in))...)[:len(s.in)] // an answer larger than all before
	}
	n, err := from.Read(s.in[len(s.in):cap(s.in)])
	s.in = s.in[:len(s.in)+n]
	if n > 0 {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("the server has closed the connection: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// answers calls fn with each request that has its outcome now. The Answer's bytes
// are good during the call.
func (s *session) answers(fn func(place, peer.Answer)) error {
	for s.parse < len(s.in) {
		n, err := s.answer(s.in[s.parse:], fn)
		if err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
		s.parse += n
	}
	return nil
}

func (s *session) answer(b []byte, fn func(place, peer.Answer)) (int, error) {
	if s.ordered {
		return s.answerInOrder(b, fn)
	}
	n, a, err := s.proto.Parse(b)
	if n == 0 || err != nil {
		return n, err
	}
	if int(a.ID) >= len(s.places) || s.inside == 0 {
		return n, errStray
	}
	s.inside--
	s.frees = append(s.frees, a.ID)
	fn(s.places[a.ID], a)
	return n, nil
}

func (s *session) answerInOrder(b []byte, fn func(place, peer.Answer)) (int, error) {
	if s.ring == 0 {
		return 0, errStray
	}
	p := s.places[s.head]
	if p.fence {
		return s.answerFence(b, fn)
	}
	n, a, err := s.proto.Parse(b)
	if n == 0 || err != nil {
		return n, err
	}
	s.pop()
	if s.fencer != nil && p.kind != load.Get && a.Outcome == peer.Done {
		s.held = append(s.held, p)
		return n, nil
	}
	s.inside--
	fn(p, a)
	return n, nil
}

// answerFence gives the writes that wait for a fence its outcome.
func (s *session) answerFence(b []byte, fn func(place, peer.Answer)) (int, error) {
	n, a, err := s.fencer.ParseFence(b)
	if n == 0 || err != nil {
		return n, err
	}
	s.pop()
	s.inside -= len(s.held)
	for _, p := range s.held {
		fn(p, a)
	}
	s.held = s.held[:0]
	return n, nil
}

func (s *session) pop() {
	s.head = (s.head + 1) % len(s.places)
	s.ring--
}
