package router

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// World is what the router needs of the node that it runs in. All methods may
// be called at once by many goroutines and do not block.
type World interface {
	Healing
	// Cluster is what the present epoch says; nil before epoch 1.
	Cluster() *Cluster
	// RingMembers are the members of the present epoch in its order, with the
	// addresses at which they are known to be now.
	RingMembers() []wire.RingMember
	// Peer is the link to a member; nil if there is none.
	Peer(ring.NodeID) Peer
	// Serving says whether this node's storage takes reads and writes.
	Serving() bool
	// Store is this node's storage.
	Store() replica.Store
	// Commit hands writes to the committer, which copies their bytes and calls
	// Committed later. False: its queue is full or closed; none was taken.
	Commit([]replica.Write) bool
	// Now reads the clocks, once per turn.
	Now() replica.Now
	// Clock reads the hybrid clock without moving it; it is never behind the
	// physical clock, however long ago the last event was.
	Clock() hlc.Timestamp
	// Coordinating says whether this node may coordinate: its clock is not fenced.
	// It goes on serving as a replica.
	Coordinating() bool
	// Stamp makes a new version. False: the clock may not be used now.
	Stamp() (hlc.Version, bool)
	// StampAbove makes a new version above another: of the clock, or, where that is
	// not above it, the next time with a fresh random writer id.
	StampAbove(hlc.Version) (hlc.Version, bool)
	// Observe is told the clock of a peer's message.
	Observe(from ring.NodeID, clock hlc.Timestamp)
	// Control handles a request of a node about the metadata (STATUS,
	// METADATA, INSTALL, PREPARE, ACCEPT) or what this one says of itself
	// (REPORT), and answers it, now or later. The
	// bytes are good during the call only.
	Control(from Conn, node ring.NodeID, q *wire.PeerRequest)
	// ControlAnswer takes the answer to such a request of this node's.
	ControlAnswer(from ring.NodeID, a *wire.PeerAnswer)
	// Newer is told the epoch of each message of a member: where it is above this
	// node's own, that is fetched.
	Newer(from ring.NodeID, epoch uint64)
	// Goodbye is told that a peer will take nothing new.
	Goodbye(from ring.NodeID)
}

// Peer is the link to another node.
type Peer interface {
	// Up says whether the node can be reached, and whether it should be asked
	// last.
	Up() (up, suspect bool)
	// Periodic says whether the node answers for records before it has synced them, as
	// its answer to HELLO said on the present connection, or the last one.
	Periodic() bool
	// Reserve takes room for n bytes on the link; false if it is full or down.
	// Release gives it back.
	Reserve(n int) bool
	Release(n int)
	// Begin locks the link and returns what waits for it, to add to; nil if the
	// link is down, and then it is not locked. End unlocks it.
	Begin() *wire.Outbox
	End()
	// Flush sends what waits, without blocking.
	Flush()
	// Beat is told of the peer's answer to a HEARTBEAT, which names its incarnation and
	// its physical clock, milliseconds since 1970 (0: it did not say), and repeats what
	// the HEARTBEAT has asked to. The echo is good during the call only.
	Beat(incarnation, physical uint64, echo []byte)
	// Phi is how surprising the peer's silence is, in thousandths; false if that is
	// not measured.
	Phi() (thousandths uint64, measured bool)
}

// Conn is a connection of a client or of a node that dialled this one.
type Conn interface {
	// Begin locks the connection and returns its session and the frames that
	// wait to be sent, to append to; End takes these back and unlocks.
	Begin() (*Session, []byte)
	End([]byte)
	// Established is told that HELLO is done: the session knows the peer.
	Established()
	// Flush sends what waits, without blocking.
	Flush()
	// Close ends the connection after what waits has been sent.
	Close()
}

// Locker guards the Core of one shard.
type Locker interface {
	Lock()
	Unlock()
}

// Cluster is what an epoch says, as far as requests need it. It never changes.
type Cluster struct {
	ID         [16]byte
	Ring       *ring.View
	Namespaces []Namespace
	AgeLimit   int64 // milliseconds; repair.max_request_age
	MaxDrift   int64 // milliseconds; clock.max_drift
}

// Namespace is one namespace. All are of mode lww so far.
type Namespace struct {
	Name   string
	Number uint32
	// Read and Write are the levels of requests that name none; zero: quorum.
	Read, Write contract.Level
	// TTL is the time to live, in milliseconds, of values that name none; 0: for
	// ever.
	TTL uint64
	// MaxValue is the largest value in bytes; 0: the node's limit alone.
	MaxValue uint64
}

// namespace finds a namespace by name; nil if there is none.
func (c *Cluster) namespace(name []byte) *Namespace {
	for i := range c.Namespaces {
		if c.Namespaces[i].Name == string(name) {
			return &c.Namespaces[i]
		}
	}
	return nil
}

// Limits bound what a request may ask for.
type Limits struct {
	wire.Limits
	DeadlineDefault, DeadlineMax uint64 // milliseconds
	Slots                        int    // open requests per shard
}

// failure is a refusal on its way to the client.
type failure struct {
	code contract.Code
	wire.Error
}

func fail(code contract.Code, message string) *failure {
	f := &failure{code: code, Error: wire.Error{Message: message}}
	if code == contract.Overloaded {
		f.RetryAfterMS = overloadRetryMS
	}
	return f
}

// overloadRetryMS is the advice that goes with OVERLOADED, in milliseconds.
const overloadRetryMS = 50
