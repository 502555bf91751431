package topology

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/paxos"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// propose begins or goes on with the decision on epoch 1, if this node is the
// first-listed and nothing is missing.
func (c *Core) propose(now int64, clock hlc.Timestamp, draw func() uint64, out *Effects) {
	if len(c.peers) == 0 || c.peers[0].id != c.o.Self.ID || c.missing() != "" {
		return
	}
	if c.attempt != nil && c.attempt.Phase() != paxos.Lost && now-c.began < attemptTime {
		if now-c.sent >= askEvery {
			c.ask(now, out)
		}
		return
	}
	if !c.prepareValue(draw) {
		return
	}
	var voters []paxos.VoterID
	for _, p := range c.peers {
		voters = append(voters, paxos.VoterID(p.id))
	}
	if c.attempt != nil && c.highest.Less(c.attempt.Highest()) {
		c.highest = c.attempt.Highest()
	}
	if c.highest.Less(c.acceptor.Promised) {
		c.highest = c.acceptor.Promised
	}
	attempt, err := paxos.New(paxos.NextBallot(c.highest, clock, draw()), voters, len(voters), c.value)
	if err != nil {
		c.conflict = err.Error()
		return
	}
	c.attempt, c.began = &attempt, now
	c.ask(now, out)
}

// prepareValue makes the metadata that this node would have chosen, anew for each
// attempt: a node of the list may be another one by now, or have moved. That is
// safe because an earlier attempt's value, if anybody has accepted it, is found
// among the promises.
func (c *Core) prepareValue(draw func() uint64) bool {
	c.conflict = ""
	var id [16]byte
	binary.BigEndian.PutUint64(id[:8], draw())
	binary.BigEndian.PutUint64(id[8:], draw())
	var members []MemberRow
	for _, p := range c.peers {
		if p.id == c.o.Self.ID {
			members = append(members, rowOf(c.o.Self))
		} else {
			members = append(members, p.status.Member)
		}
	}
	m, err := first(&c.o, members, id, draw())
	if err == nil {
		c.value, err = m.Encode()
	}
	if err != nil {
		c.conflict = err.Error()
	}
	return err == nil
}

// ask sends the present phase's question to the voters that have not answered,
// this node's own acceptor among them.
func (c *Core) ask(now int64, out *Effects) {
	c.sent = now
	for _, v := range c.attempt.Waiting() {
		if c.attempt.Phase() > paxos.Accepting {
			return
		}
		id := ring.NodeID(v)
		s := Send{To: id, Op: wire.OpPrepare, Ballot: wire.Ballot{Ballot: c.attempt.Ballot()}}
		if c.attempt.Phase() == paxos.Accepting {
			s.Op, s.Ballot.Value = wire.OpAccept, c.attempt.Value()
		}
		if id != c.o.Self.ID {
			s.Addr = c.addrOf(id)
			out.Sends = append(out.Sends, s)
			continue
		}
		vote := c.vote(&wire.PeerRequest{PeerHead: wire.PeerHead{Op: s.Op}, Ballot: s.Ballot}, out)
		if s.Op == wire.OpPrepare {
			c.promised(id, &vote, out)
		} else {
			c.accepted(id, &vote, out)
		}
	}
}

func (c *Core) addrOf(id ring.NodeID) string {
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
		c.ask(c.sent, out)
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
	case !m.names(c.o.Self.ID):
		c.notNamed = fmt.Sprintf("epoch 1 of cluster %q was chosen by an earlier attempt and does not name this node (%v): its data folder was emptied meanwhile; empty those of the others too, and start again", m.ClusterName, c.o.Self.ID)
	default:
		c.adopt(m, bytes.Clone(doc), out)
	}
}

// Waiting says for whom or what this node waits, in one sentence; "" once it
// has metadata.
func (c *Core) Waiting() string {
	switch {
	case c.meta != nil:
		return ""
	case c.notNamed != "":
		return c.notNamed
	case c.conflict != "":
		return c.conflict
	case len(c.peers) == 0:
		return "cluster.bootstrap is empty and the data folder has no metadata: list the peer addresses of the first members there, the same list on all of them"
	}
	if why := c.missing(); why != "" {
		return why
	}
	if c.peers[0].id == c.o.Self.ID {
		return "all nodes of cluster.bootstrap agree; epoch 1 is being decided"
	}
	return "waiting for " + c.peers[0].addr + ", the first of cluster.bootstrap, to decide epoch 1"
}

// missing says what of the bootstrap list is missing or in the way; "" if
// nothing is.
func (c *Core) missing() string {
	self := false
	var silent []string
	for i, p := range c.peers {
		switch {
		case p.id == c.o.Self.ID && !p.id.IsZero():
			self = true
		case p.refused != "":
			silent = append(silent, p.addr+" ("+p.refused+")")
		case p.status == nil:
			silent = append(silent, p.addr)
		case p.status.Epoch > 0:
			return fmt.Sprintf("%s (%s) already belongs to a cluster (id %x); waiting for its metadata", p.addr, p.status.Member.Name, p.status.ClusterID)
		case c.differs(p.status) != "":
			return fmt.Sprintf("%s (%s) has another configuration: %s", p.addr, p.status.Member.Name, c.differs(p.status))
		}
		for _, o := range c.peers[:i] {
			if o.id == p.id && !p.id.IsZero() {
				return fmt.Sprintf("%s and %s of cluster.bootstrap are the same node: list each node once", o.addr, p.addr)
			}
		}
	}
	switch {
	case len(silent) > 0:
		return "waiting for " + strings.Join(silent, ", ") + " of cluster.bootstrap"
	case !self:
		return "this node's own peer address is not in cluster.bootstrap: add it, on all nodes"
	}
	return ""
}
