package topology

import (
	"bytes"
	"encoding/binary"

	"github.com/candordb/candor/paxos"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/traitor"
	"github.com/candordb/candor/wire"
)

// registerOf is the name of the register that decides an epoch: none for the
// first, then the number (8 bytes, big-endian).
func registerOf(epoch uint64) []byte {
	if epoch == 1 {
		return nil
	}
	return binary.BigEndian.AppendUint64(nil, epoch)
}

// vote is this node's acceptor. It votes in one register only: that of the epoch
// behind its own. Who asks for an older one finds out by the epoch in the answer;
// who asks for a newer one makes this node fetch.
func (c *Core) vote(from ring.NodeID, q *wire.PeerRequest, out *Effects) wire.Vote {
	number := c.Epoch() + 1
	if !bytes.Equal(q.Ballot.Register, registerOf(number)) || !c.mayVote(from) {
		return wire.Vote{Ballot: q.Ballot.Ballot}
	}
	if q.Op == wire.OpAccept && c.meta != nil && c.unfit(q.Ballot.Value) != nil {
		return wire.Vote{Ballot: q.Ballot.Ballot}
	}
	c.voted = c.now
	v := c.ballot(q)
	save := Save{[]byte(RegisterName), appendRegister(nil, number, &c.acceptor)}
	if number == 1 {
		save = Save{[]byte(FirstName), paxos.AppendState(nil, &c.acceptor)}
	}
	out.Saves = append(out.Saves, save)
	return v
}

// ballot hands a ballot to the acceptor.
func (c *Core) ballot(q *wire.PeerRequest) wire.Vote {
	if q.Op == wire.OpAccept {
		a, _ := c.acceptor.Accept(q.Ballot.Ballot, q.Ballot.Value)
		return wire.Vote{Agreed: a.OK, Ballot: q.Ballot.Ballot, Promised: a.Seen}
	}
	before := c.acceptor
	p, _ := c.acceptor.Prepare(q.Ballot.Ballot)
	if traitor.Is(traitor.PromiseForgotten) {
		c.acceptor = before
	}
	v := wire.Vote{Agreed: p.OK, Ballot: q.Ballot.Ballot, Promised: p.Seen}
	if p.OK {
		v.Accepted, v.Value = p.Accepted, bytes.Clone(p.Value)
	}
	return v
}

// mayVote says whether this node's votes count: behind epoch 1 only where it
// remembers all that it may have promised, and to members.
func (c *Core) mayVote(from ring.NodeID) bool {
	if c.meta == nil {
		return c.o.Forgotten == ""
	}
	remembers := (c.distrust.generation == 0 || c.distrust.sworn) && c.unreadable == "" && !c.asking
	return (remembers || traitor.Is(traitor.DistrustVotes)) && !c.removed && (from == c.o.Self.ID || c.meta.names(from))
}

// unfit says why a value cannot be the next epoch; nil if it can.
func (c *Core) unfit(value []byte) error {
	m, err := Decode(value)
	if err != nil {
		return err
	}
	return c.meta.leadsTo(m)
}

// Distrust tells that this node has lost what it may have promised, and why: it
// votes no more under the epochs that have named it, until one names it anew by a
// RebuildRow with the generation that Distrusted gives. draw gives random numbers.
func (c *Core) Distrust(why string, draw func() uint64, out *Effects) {
	if c.distrust.generation != 0 && !c.distrust.sworn {
		return // it is so already
	}
	c.distrust = distrust{generation: draw() | 1, why: why}
	out.Saves = append(out.Saves, Save{[]byte(DistrustName), c.distrust.append(nil)})
}

// Distrusted gives the generation that a rebuild of this node has to name, and why
// it needs one; 0: it needs none.
func (c *Core) Distrusted() (generation uint64, why string) {
	return c.distrust.generation, c.distrust.why
}

// distrustBehind makes it durable that this node is behind what it has told:
// behind a restart it could not be found out again.
func (c *Core) distrustBehind(draw func() uint64, out *Effects) {
	if c.distrust.generation == 0 {
		if why := c.Behind(); why != "" {
			c.Distrust(why, draw, out)
		}
	}
}

// swear lets this node vote again once an epoch names its new generation: that
// epoch was decided without its vote, so whatever it has forgotten was of registers
// before. When the row is dropped, the rebuild has ended, and with it the distrust.
func (c *Core) swear(out *Effects) {
	d := &c.distrust
	if d.generation == 0 {
		return
	}
	row := c.meta.Rebuild(c.o.Self.ID)
	switch named := row != nil && row.Generation == d.generation; {
	case named && !d.sworn:
		d.sworn, c.unreadable = true, ""
	case !named && d.sworn:
		*d = distrust{}
		c.answers, c.startEpoch = nil, 0 // what was told before is made up for
	default:
		return
	}
	out.Saves = append(out.Saves, Save{[]byte(DistrustName), d.append(nil)})
}
