package topology

import (
	"bytes"
	"fmt"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/paxos"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// attempt is one ballot of this node's for the register that decides an epoch.
type attempt struct {
	paxos.Proposer
	epoch uint64
	began int64
	sent  int64 // when the voters that have not answered were last asked
}

// open says whether something can still come of it.
func (a *attempt) open(now int64) bool {
	return a != nil && a.Phase() < paxos.Chosen && now-a.began < attemptTime
}

// begin makes a ballot above all that were heard of, and asks the voters.
func (c *Core) begin(now int64, voters []ring.NodeID, need int, value []byte, clock hlc.Timestamp, draw func() uint64, out *Effects) error {
	var ids []paxos.VoterID
	for _, id := range voters {
		ids = append(ids, paxos.VoterID(id))
	}
	c.raise()
	p, err := paxos.New(paxos.NextBallot(c.highest, clock, draw()), ids, need, value)
	if err != nil {
		return err
	}
	c.attempt = &attempt{Proposer: p, epoch: c.Epoch() + 1, began: now}
	c.ask(now, out)
	return nil
}

// raise notes the highest ballot heard of.
func (c *Core) raise() {
	if c.attempt != nil && c.highest.Less(c.attempt.Highest()) {
		c.highest = c.attempt.Highest()
	}
	if c.highest.Less(c.acceptor.Promised) {
		c.highest = c.acceptor.Promised
	}
}

// ask sends the present phase's question to the voters that have not answered,
// this node's own acceptor among them.
func (c *Core) ask(now int64, out *Effects) {
	a := c.attempt
	a.sent = now
	for _, v := range a.Waiting() {
		if c.attempt != a || a.Phase() > paxos.Accepting {
			return // decided by this node's own vote
		}
		id := ring.NodeID(v)
		s := Send{To: id, Op: wire.OpPrepare, Ballot: wire.Ballot{Register: registerOf(a.epoch), Ballot: a.Ballot()}}
		if a.Phase() == paxos.Accepting {
			s.Op, s.Ballot.Value = wire.OpAccept, a.Value()
			c.asksFor(a.Value())
		}
		if id != c.o.Self.ID {
			s.Addr = c.addrOf(id)
			out.Sends = append(out.Sends, s)
			continue
		}
		vote := c.vote(id, &wire.PeerRequest{PeerHead: wire.PeerHead{Op: s.Op}, Ballot: s.Ballot}, out)
		if s.Op == wire.OpPrepare {
			c.promised(id, &vote, out)
		} else {
			c.accepted(id, &vote, out)
		}
	}
}

// addrOf is the address by which a node is known before it is a member; "" behind
// that.
func (c *Core) addrOf(id ring.NodeID) string {
	if c.meta != nil {
		return ""
	}
	for _, p := range c.peers {
		if p.id == id {
			return p.addr
		}
	}
	return ""
}

// promised counts an answer to PREPARE.
func (c *Core) promised(from ring.NodeID, v *wire.Vote, out *Effects) {
	if c.attempt == nil || c.attempt.Phase() != paxos.Preparing {
		return
	}
	phase := c.attempt.OnPromise(paxos.VoterID(from), paxos.Promise{
		OK: v.Agreed, Ballot: v.Ballot, Seen: v.Promised, Accepted: v.Accepted, Value: bytes.Clone(v.Value),
	})
	if phase == paxos.Accepting {
		c.ask(c.attempt.sent, out)
	}
}

// accepted counts an answer to ACCEPT, and installs what is chosen.
func (c *Core) accepted(from ring.NodeID, v *wire.Vote, out *Effects) {
	if c.attempt == nil || c.attempt.Phase() != paxos.Accepting {
		return
	}
	phase := c.attempt.OnAccepted(paxos.VoterID(from), paxos.Reply{OK: v.Agreed, Ballot: v.Ballot, Seen: v.Promised})
	if phase != paxos.Chosen {
		return
	}
	doc, _ := c.attempt.Chosen()
	m, err := Decode(doc)
	switch {
	case err != nil:
		c.conflict = "the chosen metadata cannot be read: " + err.Error()
	case c.meta == nil && !m.names(c.o.Self.ID):
		c.notNamed = fmt.Sprintf("epoch 1 of cluster %q was chosen by an earlier attempt and does not name this node (%v): its data folder was emptied meanwhile; empty those of the others too, and start again", m.ClusterName, c.o.Self.ID)
	default:
		c.adopt(m, bytes.Clone(doc), out)
		c.spreadAtOnce(out)
	}
}
