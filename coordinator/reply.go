package coordinator

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
)

// Reply is what a replica answered to a Send.
type Reply struct {
	Ask    Ask
	Code   contract.Code
	Kind   contract.ClockKind // Clock
	Winner hlc.Version        // AskWrite and AskRepair (one need not know which): the higher version that the replica holds; AskVoid: that or the version itself
	Buried hlc.Version        // AskWrite: the unseen version that the replica replaced
	Record []byte             // AskRead: the record; AskDigest: its header; empty: none
	Epoch  uint64             // of the replica, where it came from another node
	Mark   hlc.Timestamp      // AskRead, AskDigest with WantMark: the fence of the partition
	Shared bool               // of this node's own storage: checked, and Record never changes and need not be copied
	Range  *RangeReply        // AskRange
}

// role is what a node has to do with an open request: it says who hears of its answer,
// and of its loss.
type role uint8

const (
	stranger     role = iota // nothing
	scannedNode              // a scan has its own account of nodes
	hintSearched             // hints are looked for: it may be a replica and a stand-in at once
	hintKeeper               // a stand-in
	lateOwner                // a replica, of a write that was answered already
	owner                    // a replica
)

// roleOf is the role of a node, and of a stand-in or a replica which one it is.
func (s *slot) roleOf(id ring.NodeID) (role, int) {
	switch {
	case s.Op == OpScan:
		return scannedNode, -1
	case s.phase == hinting:
		return hintSearched, s.index(id)
	}
	if k := s.stand(id); k >= 0 {
		return hintKeeper, k
	}
	i := s.index(id)
	switch {
	case i < 0:
		return stranger, i
	case s.settled:
		return lateOwner, i
	}
	return owner, i
}

// Reply tells the Core the answer of a replica.
func (c *Core) Reply(now int64, call uint64, from ring.NodeID, r *Reply, out *Effects) {
	// What is over has to end as that, however long this node stood still: a reply that
	// lay here meanwhile is too late.
	c.Tick(now, out)
	s, at := c.find(call)
	if s == nil {
		c.hedging.straggled(call, from, out)
		return
	}
	switch who, i := s.roleOf(from); who {
	case scannedNode:
		c.scanReply(s, at, from, r, out)
	case hintSearched:
		c.hintReply(s, at, from, r, out)
	case hintKeeper:
		c.standReply(s, at, i, r, out)
	case lateOwner:
		c.settledReply(s, at, i, r, out)
	case owner:
		c.ownerReply(s, at, i, r, out)
	}
}

// ownerReply hands the answer of a replica to those whose request it is.
func (c *Core) ownerReply(s *slot, at uint32, i int, r *Reply, out *Effects) {
	if !s.asked.has(i) {
		return
	}
	s.noteReply(out, i, r)
	if s.waiting.has(i) && s.outOfStep(r) {
		c.postpone(s, i)
		return
	}
	switch written := r.Ask == AskWrite || r.Ask == AskRepair; {
	case s.Op == OpExplain:
		c.explainReply(s, at, i, r, out)
	case s.Op == OpOutcome && r.Ask == AskVoid:
		c.voidReply(s, at, i, r, out)
	case s.Op.Writes() && written:
		c.writeReply(s, at, i, r, out)
	case s.Op.Writes() && r.Ask == AskDigest:
		c.orderReply(s, at, i, r, out)
	case s.Op.Writes():
	case written:
		c.repairReply(s, at, i, r, out)
	case r.Ask == AskRead || r.Ask == AskDigest:
		c.readReply(s, at, i, r, out)
	}
}

// Unsent tells the Core that a Send could not be sent: nothing of it left this
// node, so the replica counts as one that was never asked.
func (c *Core) Unsent(now int64, call uint64, to ring.NodeID, out *Effects) {
	c.now = now
	s, at := c.find(call)
	if s == nil {
		c.hedging.unsent(call, to)
		return
	}
	c.gone(s, at, to, true, out)
}

// LinkDown tells the Core that the link to a node was lost: what waits on it
// will not be answered. Reads ask another replica, writes count it as lost.
func (c *Core) LinkDown(now int64, id ring.NodeID, out *Effects) {
	c.now = now
	c.hedging.linkDown(id)
	for at, s := range c.slots {
		if s.open {
			c.gone(s, uint32(at), id, false, out)
		}
	}
}

// gone ends the waiting for a node: what it was sent was not sent after all, or may
// have come to it or not.
func (c *Core) gone(s *slot, at uint32, id ring.NodeID, unsent bool, out *Effects) {
	switch who, i := s.roleOf(id); who {
	case scannedNode:
		c.scanLost(s, at, id, out)
	case hintSearched:
		if i >= 0 && !unsent {
			s.Up.remove(i)
		}
		c.hintLost(s, at, id, out)
	case hintKeeper:
		c.standLost(s, at, i, unsent, out)
	case lateOwner:
		c.settledLost(s, at, i, out)
	case owner:
		c.ownerLost(s, at, i, unsent, out)
	}
}

// ownerLost goes on without a replica.
func (c *Core) ownerLost(s *slot, at uint32, i int, unsent bool, out *Effects) {
	waited := s.waiting.has(i)
	if waited || !unsent {
		s.Up.remove(i)
	}
	if !waited {
		return
	}
	s.waiting.remove(i)
	switch {
	case !unsent:
		s.lost.add(i)
	case !s.answered.has(i): // else it was asked before, and this was to be its write-back
		s.asked.remove(i)
	}
	c.decide(s, at, out)
}

func (c *Core) decide(s *slot, at uint32, out *Effects) {
	switch {
	case s.phase == ordering:
		c.decideOrder(s, at, out)
	case s.phase == stamping, s.phase == hinting: // nothing of these is waited for
	case s.phase == voiding:
		c.decideVoid(s, at, out)
	case s.Op == OpExplain:
		c.decideExplain(s, at, out)
	case s.Op.Writes():
		c.decideWrite(s, at, out)
	default:
		c.decideRead(s, at, out)
	}
}
