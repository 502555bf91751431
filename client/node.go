package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/rpc"
	"github.com/candordb/candor/wire"
)

const (
	// inFlightMax is how many requests may wait on one connection; a node may ask
	// for fewer. The surplus is refused at once.
	inFlightMax = 512
	// answerBytesMax is the largest answer that is taken: the largest value that a
	// node can be set to hold, with room to spare.
	answerBytesMax = 16 << 20
	// unsentBytesMax is how much may wait for one node's socket.
	unsentBytesMax = 64 << 20
	// redialAfter is the age from which on a failed attempt to connect says nothing
	// any more, and a request has it tried again.
	redialAfter = 100 * time.Millisecond
)

// Why a request was not answered by a node. Behind errLost and errSilent it may
// have been carried out.
var (
	errDown   = errors.New("cannot be reached")
	errFull   = errors.New("too many requests wait for it")
	errLost   = errors.New("the connection was lost")
	errSilent = errors.New("it did not answer in time")
)

// link states of a node.
type linkState uint8

const (
	idle       linkState = iota // nobody has needed it yet
	connecting                  // an attempt to connect is under way
	up
	down
)

// node is one node of the cluster, known by its client address, and the
// connection to it. Large requests have a second one, which is a node of its
// own: bulk.
type node struct {
	c       *Client
	address string
	link    *rpc.Link
	ctx     context.Context // of the link
	stop    context.CancelFunc
	home    *node // itself; for a bulk, the node whose it is
	bulk    *node // nil for a bulk

	requests atomic.Uint64
	retries  atomic.Uint64 // those of them that were not the first attempt
	inFlight atomic.Int64  // on this connection and bulk's, operations of a BATCH each for itself
	batches  atomic.Int64  // those that wait on this connection
	lastSeen atomic.Int64  // when a frame last came, in milliseconds of Client.mono

	// Owned by the link's goroutine.
	answer  wire.Answer
	greeted bool // HELLO was good, and the link is about to take requests

	pinged atomic.Bool // a PING was sent, and nothing came since

	mu       sync.Mutex // guards what follows
	state    linkState
	failure  error     // why it is down
	failedAt time.Time // and since when
	id       ring.NodeID
	limits   wire.Limits
	draining bool // it said goodbye, and takes nothing new
	suspect  bool // it left a request without an answer, and has said nothing since
	near     bool // it is in this client's zone
	pending  map[uint64]*exchange
	lastID   uint64
	record   record
}

func newNode(c *Client, address string) *node {
	n := newConnection(c, c.ctx, address)
	n.home = n
	n.bulk = newConnection(c, n.ctx, address)
	n.bulk.home = n
	return n
}

func newConnection(c *Client, ctx context.Context, address string) *node {
	n := &node{c: c, address: address, pending: make(map[uint64]*exchange)}
	n.ctx, n.stop = context.WithCancel(ctx)
	n.link = rpc.NewLink(rpc.LinkOptions{
		Options: rpc.Options{FrameBytes: answerBytesMax},
		Address: func() string { return address },
		Dial:    c.o.dial,
		Hello:   n.hello,
		OnHello: n.onHello,
		Down:    n.onDown,
		Failed:  n.onFailed,
		Handler: n,
		Room:    unsentBytesMax,
		Jitter:  rand.Float64,
	})
	return n
}

// start begins to dial, if that has not happened yet.
func (n *node) start() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.state != idle {
		return
	}
	n.state = connecting
	if !n.c.spawn(func() { n.link.Run(n.ctx) }) {
		n.state, n.failure = down, ErrClosed
	}
}

// redial has a broken connection tried again at once, unless that was just
// done; it says whether an attempt is under way.
func (n *node) redial() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.state == down && time.Since(n.failedAt) >= redialAfter {
		n.state = connecting
		n.link.Nudge()
	}
	return n.state == connecting
}

// helloID is the id of the HELLO; those of requests follow.
const helloID = 1

func (n *node) hello() []byte {
	h := wire.Hello{ID: helloID, ProtoMin: wire.ProtocolVersion, ProtoMax: wire.ProtocolVersion, ClientName: []byte(n.c.o.name)}
	return h.Append(nil)
}

func (n *node) onHello(body []byte) error {
	var a wire.Answer
	if err := wire.DecodeAnswer(body, &a); err != nil {
		return fmt.Errorf("this is no Candor node: %w", err)
	}
	if a.Code != contract.OK {
		return fmt.Errorf("refused: %v: %s", a.Code, a.Error.Message)
	}
	if a.Op != wire.OpHello {
		return fmt.Errorf("this is no Candor node: it answered HELLO with %v", a.Op)
	}
	n.mu.Lock()
	n.id, n.limits = ring.NodeID(a.Hello.NodeID), a.Hello.Limits
	n.lastID = max(n.lastID, helloID) // never reused: a caller may hold one of the connection before
	n.draining, n.suspect = false, false
	n.mu.Unlock()
	n.c.clock.observe(n.id, a.Clock, a.Code, 0, false)
	n.greeted = true
	return nil
}

// Idle is called by the link when all that came is handled; the first time
// after HELLO, when the link has begun to take requests.
func (n *node) Idle() {
	n.lastSeen.Store(n.c.clock.mono())
	n.pinged.Store(false)
	if !n.greeted {
		return
	}
	n.greeted = false
	n.mu.Lock()
	n.state, n.failure = up, nil
	n.mu.Unlock()
	n.c.change.changed()
}

// onDown ends all requests that wait: each may have been carried out.
func (n *node) onDown(err error) {
	n.mu.Lock()
	n.state, n.failure, n.failedAt = down, err, time.Now()
	n.greeted = false
	lost := n.pending
	n.pending = make(map[uint64]*exchange)
	n.mu.Unlock()
	for _, x := range lost { // each gets the same: order does not matter
		n.done(x)
		x.finish(errLost)
	}
	n.c.change.changed()
}

func (n *node) onFailed(err error) {
	n.mu.Lock()
	n.state, n.failure, n.failedAt = down, err, time.Now()
	n.mu.Unlock()
	n.c.change.changed()
}

// look is the state of a connection, and why it is down.
func (n *node) look() (state linkState, failure error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.lookLocked()
}

func (n *node) lookLocked() (state linkState, failure error) {
	if n.draining && n.state == up {
		return down, errors.New("it is shutting down")
	}
	return n.state, n.failure
}

// identity is the node's id; zero until it has once been connected to.
func (n *node) identity() ring.NodeID {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.id
}

// bounds are the limits that the node told; zero until it has.
func (n *node) bounds() wire.Limits {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.limits
}

// room is how many requests may be in flight.
func (n *node) room() int {
	if told := n.bounds().InFlight; told > 0 && told < inFlightMax {
		return int(told)
	}
	return inFlightMax
}
