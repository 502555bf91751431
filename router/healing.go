package router

import (
	"github.com/candordb/candor/coordinator"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/traitor"
	"github.com/candordb/candor/wire"
)

// Healing is what the router needs of the parts of the node that make up for
// what was missed: hints, and the comparison of replicas. As those of World, its
// methods may be called at once by many goroutines and do not block.
type Healing interface {
	// Marks are the floor and the watermarks that are in force here; nil before
	// epoch 1.
	Marks() *replica.Marks
	// KeepHint is told of a write that a replica may lack. What it points to is good
	// during the call only.
	KeepHint(h *coordinator.Hint)
	// StandsIn says whether this node has room to keep a write of so many bytes for
	// a node, for which it will count.
	StandsIn(target ring.NodeID, bytes int) bool
	// Stood is told of each hint that has become durable here.
	Stood(w *replica.Write)
	// Kept is the record of a version of a key that is kept here as a hint, for
	// whomever; nil if there is none.
	Kept(token uint64, namespace uint32, key []byte, v hlc.Version) ([]byte, error)
	// Reply takes the reply to a message whose call is BackgroundCalls or more.
	Reply(call uint64, from ring.NodeID, r *coordinator.Reply)
	// Exchange handles an EXCHANGE of a member and answers it, now or later. The
	// bytes are good during the call only.
	Exchange(from Conn, node ring.NodeID, q *wire.PeerRequest)
	// ExchangeAnswer takes the answer to such a request of this node's.
	ExchangeAnswer(from ring.NodeID, a *wire.PeerAnswer)
	// RepairedAsOf is up to when all replicas of a partition are known to hold the
	// same, in milliseconds since 1970; 0: it is not known.
	RepairedAsOf(partition int) uint64
	// HintsFor is how many hints are kept here for a member.
	HintsFor(id ring.NodeID) uint64
}

// Calls from BackgroundCalls on are not of a Core but of the parts that heal.
const (
	HintCalls       uint64 = 0xf0 << 56
	RepairCalls     uint64 = 0xf1 << 56
	BackgroundCalls        = HintCalls
)

// quarantined says whether the partition of a token is out of service here.
func (r *Router) quarantined(token uint64) bool {
	return r.world.Marks().Of(token).Quarantined && !traitor.Is(traitor.QuarantineServes)
}
