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
	if s.Op == OpScan {
		c.scanReply(s, at, from, r, out)
		return
	}
	if s.phase == hinting {
		c.hintReply(s, at, from, r, out)
		return
	}
	if k := s.stand(from); k >= 0 {
		c.standReply(s, at, k, r, out)
		return
	}
	i := s.index(from)
	if i < 0 || !s.asked.has(i) {
		return
	}
	if s.settled {
		c.settledReply(s, at, i, r, out)
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
	if s.Op == OpScan {
		c.scanLost(s, at, to, out)
		return
	}
	if s.phase == hinting {
		c.hintLost(s, at, to, out)
		return
	}
	if k := s.stand(to); k >= 0 {
		c.standLost(s, at, k, true, out)
		return
	}
	i := s.index(to)
	if i < 0 || !s.waiting.has(i) {
		return
	}
	if s.settled {
		c.settledLost(s, at, i, out)
		return
	}
	s.Up.remove(i)
	s.waiting.remove(i)
	if !s.answered.has(i) { // else it was asked before, and this was to be its write-back
		s.asked.remove(i)
	}
	c.decide(s, at, out)
}

// LinkDown tells the Core that the link to a node was lost: what waits on it
// will not be answered. Reads ask another replica, writes count it as lost.
func (c *Core) LinkDown(now int64, id ring.NodeID, out *Effects) {
	c.now = now
	c.hedging.linkDown(id)
	for at, s := range c.slots {
		if !s.open {
			continue
		}
		if s.Op == OpScan {
			c.scanLost(s, uint32(at), id, out)
			continue
		}
		i := s.index(id)
		if s.phase == hinting {
			if i >= 0 {
				s.Up.remove(i)
			}
			c.hintLost(s, uint32(at), id, out)
			continue
		}
		if k := s.stand(id); k >= 0 {
			c.standLost(s, uint32(at), k, false, out)
			continue
		}
		if i < 0 {
			continue
		}
		if s.settled {
			c.settledLost(s, uint32(at), i, out)
			continue
		}
		s.Up.remove(i)
		if !s.waiting.has(i) {
			continue
		}
		s.waiting.remove(i)
		s.lost.add(i)
		c.decide(s, uint32(at), out)
	}
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
