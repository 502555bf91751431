package topology

import (
	"bytes"
	"fmt"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/paxos"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// Names of the system values that Core saves.
const (
	MetadataName = "metadata"
	RegisterName = "register/1" // the acceptor of the register that decides epoch 1
)

// How often, in milliseconds, a question is repeated, and after how long an
// attempt to decide begins anew under a higher ballot.
const (
	askEvery     = 500
	attemptTime  = 3000
	installEvery = 1000
	statusEvery  = 2000 // between members: their settings are compared
)

// Options are fixed when a Core is made.
type Options struct {
	Self        ring.Member // this node: id, names and addresses; its state is not used
	ClusterName string
	Bootstrap   []string // peer addresses of the first members; empty: this node founds nothing
	Replicas    int
	Partitions  int
	Namespaces  []NamespaceRow // of epoch 1, without their numbers; empty: default alone
	AgeLimitMS  int64
	MaxDriftMS  int64
	KeyBytes    int64 // the largest key; only compared with what others have. 0: it is not
	ValueBytes  int64 // the largest value, likewise
}

// Send is a message to another node: to an address of the bootstrap list, or,
// where Addr is empty, to a member.
type Send struct {
	Addr     string
	To       ring.NodeID
	Op       wire.Op
	Document []byte      // STATUS, INSTALL
	Ballot   wire.Ballot // PREPARE, ACCEPT
}

// Reply answers a Request.
type Reply struct {
	To       any // the connection, as it was handed in
	Op       wire.Op
	ID       uint64
	Document []byte    // STATUS, METADATA
	Vote     wire.Vote // PREPARE, ACCEPT
	Refused  string    // not empty: the request is refused, for this reason
}

// Save is a system value to be made durable.
type Save struct {
	Name, Value []byte
}

// Effects is what is to be done after a call. Saves come first: nothing else is
// carried out before all of them are durable, and the effects of a later call
// not before those of an earlier one.
type Effects struct {
	Saves     []Save
	Sends     []Send
	Replies   []Reply
	Installed *Metadata // the node is now part of this
}

// Core is one node's part in agreeing on the metadata. Its owner calls it from
// one place at a time.
type Core struct {
	o        Options
	meta     *Metadata
	doc      []byte // the bytes of meta
	acceptor paxos.Acceptor
	peers    []*peer
	notNamed string // why metadata that was found is not this node's

	value    []byte // what this node proposes in the present attempt
	attempt  *paxos.Proposer
	began    int64
	sent     int64
	highest  hlc.Version
	spread   map[ring.NodeID]int64 // members that may lack the metadata -> when it was last sent
	told     int64                 // when the members were last sent STATUS
	members  []ring.NodeID         // keys of spread, in the metadata's order
	conflict string
	unequal  []unequal // of those that have told
}

// New makes a Core from what was saved: the values of MetadataName and
// RegisterName, nil where there is none. Its error says what to do.
func New(o Options, metadata, register []byte) (*Core, error) {
	c := &Core{o: o}
	for _, addr := range o.Bootstrap {
		c.peers = append(c.peers, &peer{addr: addr, asked: -askEvery})
	}
	if register != nil {
		a, err := paxos.ParseState(register)
		if err != nil {
			return nil, fmt.Errorf("topology: this node's vote on epoch 1 cannot be read, so it may not vote again: empty its data folder, so that it takes part under a new id: %w", err)
		}
		a.Value = bytes.Clone(a.Value)
		c.acceptor = a
	}
	if metadata != nil {
		m, err := Decode(metadata)
		if err != nil {
			return nil, fmt.Errorf("topology: the saved metadata: %w", err)
		}
		if m.ClusterName != o.ClusterName {
			return nil, fmt.Errorf("topology: this data folder belongs to cluster %q, but cluster.name is %q: correct the name or use another data folder", m.ClusterName, o.ClusterName)
		}
		c.install(m, bytes.Clone(metadata))
	}
	return c, nil
}

// Metadata is what this node is part of; nil as long as it is not.
func (c *Core) Metadata() *Metadata { return c.meta }

// install makes m this node's metadata. It is saved, or came from there.
func (c *Core) install(m *Metadata, doc []byte) {
	c.meta, c.doc, c.attempt, c.notNamed, c.told = m, doc, nil, "", -statusEvery
	c.spread = make(map[ring.NodeID]int64)
	for i := range m.Members {
		if id := ring.NodeID(m.Members[i].ID); id != c.o.Self.ID {
			c.spread[id] = -installEvery
			c.members = append(c.members, id)
		}
	}
}

// Learned tells that the node at an address of the bootstrap list gave this id
// in its HELLO.
func (c *Core) Learned(addr string, id ring.NodeID) {
	for _, p := range c.peers {
		if p.addr == addr {
			if p.id != id {
				p.status = nil
			}
			p.id, p.refused = id, ""
		}
	}
}

// Unreachable tells why the node at an address does not answer or refuses to
// talk.
func (c *Core) Unreachable(addr, why string) {
	for _, p := range c.peers {
		if p.addr == addr && p.refused == "" {
			p.refused, p.asked = why, -askEvery
		}
	}
}

// Tick does what is due at a monotonic time in milliseconds. clock is a fresh
// tick of the hybrid clock; draw gives random numbers.
func (c *Core) Tick(now int64, clock hlc.Timestamp, draw func() uint64, out *Effects) {
	if c.meta != nil {
		c.spreadMetadata(now, out)
		return
	}
	for _, p := range c.peers {
		if p.id == c.o.Self.ID || now-p.asked < askEvery {
			continue
		}
		p.asked = now
		out.Sends = append(out.Sends, Send{Addr: p.addr, To: p.id, Op: wire.OpStatus, Document: c.status()})
		if p.wanted {
			out.Sends = append(out.Sends, Send{Addr: p.addr, To: p.id, Op: wire.OpMetadata})
		}
	}
	c.propose(now, clock, draw, out)
}

// spreadMetadata sends the metadata to the members that may lack it, and now and
// then STATUS to all.
func (c *Core) spreadMetadata(now int64, out *Effects) {
	for _, id := range c.members {
		if last, missing := c.spread[id]; missing && now-last >= installEvery {
			c.spread[id] = now
			out.Sends = append(out.Sends, Send{To: id, Op: wire.OpInstall, Document: c.doc})
		}
	}
	if now-c.told >= statusEvery {
		c.told = now
		for _, id := range c.members {
			out.Sends = append(out.Sends, Send{To: id, Op: wire.OpStatus, Document: c.status()})
		}
	}
}

// Request handles a request of another node. from is handed back in the Reply.
func (c *Core) Request(from any, q *wire.PeerRequest, out *Effects) {
	r := Reply{To: from, Op: q.Op, ID: q.ID}
	switch q.Op {
	case wire.OpStatus:
		r.Document = c.status()
	case wire.OpMetadata:
		r.Document = c.doc
	case wire.OpInstall:
		r.Refused = c.consider(q.Document, out)
	case wire.OpPrepare, wire.OpAccept:
		r.Vote = c.vote(q, out)
	}
	out.Replies = append(out.Replies, r)
}

// consider installs metadata that somebody else says is chosen; otherwise it
// says why not.
func (c *Core) consider(doc []byte, out *Effects) (refused string) {
	m, err := Decode(doc)
	switch {
	case err != nil:
		return err.Error()
	case m.ClusterName != c.o.ClusterName:
		return fmt.Sprintf("this node belongs to cluster %q, not to %q", c.o.ClusterName, m.ClusterName)
	case c.meta != nil && !bytes.Equal(c.meta.ClusterID, m.ClusterID):
		return fmt.Sprintf("this node belongs to cluster id %x, not to %x, of the same name", c.meta.ClusterID, m.ClusterID)
	case c.meta != nil:
		return ""
	case !m.names(c.o.Self.ID):
		c.notNamed = fmt.Sprintf("cluster %q (id %x) exists and does not name this node (%v)", m.ClusterName, m.ClusterID, c.o.Self.ID)
		return c.notNamed
	}
	c.adopt(m, bytes.Clone(doc), out)
	return ""
}

// adopt installs chosen metadata for good.
func (c *Core) adopt(m *Metadata, doc []byte, out *Effects) {
	c.install(m, doc)
	out.Saves = append(out.Saves, Save{[]byte(MetadataName), doc})
	out.Installed = m
}

// vote is this node's acceptor. A node that has metadata decides nothing any
// more: who asks finds the metadata by STATUS.
func (c *Core) vote(q *wire.PeerRequest, out *Effects) wire.Vote {
	if len(q.Ballot.Register) > 0 || c.meta != nil {
		return wire.Vote{Ballot: q.Ballot.Ballot, Promised: c.acceptor.Promised}
	}
	var v wire.Vote
	if q.Op == wire.OpPrepare {
		p, _ := c.acceptor.Prepare(q.Ballot.Ballot)
		v = wire.Vote{Agreed: p.OK, Ballot: q.Ballot.Ballot, Promised: p.Seen}
		if p.OK {
			v.Accepted, v.Value = p.Accepted, bytes.Clone(p.Value)
		}
	} else {
		a, _ := c.acceptor.Accept(q.Ballot.Ballot, q.Ballot.Value)
		v = wire.Vote{Agreed: a.OK, Ballot: q.Ballot.Ballot, Promised: a.Seen}
	}
	out.Saves = append(out.Saves, Save{[]byte(RegisterName), paxos.AppendState(nil, &c.acceptor)})
	return v
}

// Answer takes the answer of a node to a Send.
func (c *Core) Answer(from ring.NodeID, a *wire.PeerAnswer, out *Effects) {
	if a.Code != 0 {
		if a.Op == wire.OpInstall {
			c.conflict = fmt.Sprintf("%v refuses the metadata: %s", from, a.Error.Message)
		}
		return
	}
	switch a.Op {
	case wire.OpStatus:
		c.heard(from, a.Document)
	case wire.OpMetadata:
		if a.Document != nil && c.meta == nil {
			c.consider(a.Document, out)
		}
	case wire.OpInstall:
		delete(c.spread, from)
	case wire.OpPrepare:
		c.promised(from, &a.Vote, out)
	case wire.OpAccept:
		c.accepted(from, &a.Vote, out)
	}
}

// heard notes what a node tells of itself.
func (c *Core) heard(from ring.NodeID, document []byte) {
	s, err := parseStatus(document)
	if err != nil || ring.NodeID(s.Member.ID) != from {
		return
	}
	c.compare(from, s)
	for _, p := range c.peers {
		if p.id == from {
			p.status, p.refused = s, ""
			p.wanted = s.Epoch > 0
		}
	}
}
