package peer

import (
	"context"
	"net"
	"time"

	"github.com/candordb/candor/load"
)

// Class is what an acknowledged write survives.
type Class string

// The classes.
const (
	D0 Class = "D0" // memory: lost when the process dies
	D1 Class = "D1" // page cache: lost when the power fails within the sync interval
	D2 Class = "D2" // synced by each node that acknowledges, before it does
)

// Peer is a store that can be measured. Its methods are called by one goroutine,
// but Dial by many once Start has returned.
type Peer interface {
	// Name is that of the report, as "etcd" or "redis-wait".
	Name() string
	Class() Class
	// Version says what runs, in a few words, as "redis 7.0.15"; "" if it is not known.
	Version(ctx context.Context) string
	// Missing is nil if the peer can be started here; else it says in one line what is
	// missing and how to get it.
	Missing(ctx context.Context) error
	// Start brings all processes up with fresh data in dir, which is empty, and
	// returns when they answer requests.
	Start(ctx context.Context, dir string) error
	// PIDs are those of all server processes; their children are found by the harness.
	// None for a peer that somebody else has started.
	PIDs() []int
	// Dial opens one connection. The i-th connection of a cell goes to the node
	// i modulo nodes, unless the peer says otherwise.
	Dial(ctx context.Context, i int, o Options) (Link, error)
	// Stop ends all processes and waits for that. It may be called at any time, more
	// than once.
	Stop() error
}

// Options of a connection.
type Options struct {
	Deadline  time.Duration // of each request, where the protocol has one
	ValueSize int           // bytes of each value
}

// Link is a connection. It has either a Net and its Protocol or a Caller.
type Link struct {
	// Net is connected, and whatever the protocol says at the start was said.
	Net      net.Conn
	Protocol Protocol

	Caller Caller
}

// Protocol is how requests look on a connection, and how answers do. It holds state
// of one connection at most; Append and Fence are called by the goroutine that
// sends, Parse by the one that receives.
type Protocol interface {
	// Ordered says that answers come in the order of requests; else each has the id of
	// its request.
	Ordered() bool
	// Append appends a request (load.Get or load.Put). ids are small, below
	// 32,768, and unique among what is in flight.
	Append(dst []byte, id uint32, op *load.Op) []byte
	// Parse reads one answer from the start of b and says how many bytes it has; 0: b
	// does not have all of it yet. An error ends the connection. The Answer's bytes
	// are a part of b.
	Parse(b []byte) (n int, a Answer, err error)
}

// Fencer is a Protocol whose writes count as done only with the answer to a further
// request, sent once behind each wave that has writes (as WAIT of Redis). Such a
// protocol is Ordered.
type Fencer interface {
	Protocol
	// Fence appends that request. Its answer is read by ParseFence, as by Parse: it is
	// the outcome of all writes of the wave.
	Fence(dst []byte) []byte
	ParseFence(b []byte) (n int, a Answer, err error)
}

// Caller is a client library: one request at a time for each goroutine, many
// goroutines at once.
type Caller interface {
	// Call carries out a request (load.Get or load.Put) and waits for its answer.
	// The bytes of op are good until it returns.
	Call(ctx context.Context, op *load.Op) Answer
	Close() error
}

// Outcome is what became of a request.
type Outcome uint8

// The outcomes.
const (
	Done    Outcome = iota // answered as it should be
	Absent                 // a read found nothing, or not a value of the right size
	Refused                // certainly without effect
	Unknown                // a write that may be seen or not; a read without answer in time
	Failed                 // all else
	Outcomes
)

var outcomeNames = [Outcomes]string{"done", "absent", "refused", "unknown", "failed"}

// String is the outcome's name.
func (o Outcome) String() string { return outcomeNames[o] }

// Answer to a request.
type Answer struct {
	ID      uint32 // of the request; 0 if answers are ordered
	Outcome Outcome
	// Value is what a read found; nil for writes. The engine makes it Absent if its
	// size is not that of the cell.
	Value []byte
}
