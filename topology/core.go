package topology

import (
	"bytes"
	"fmt"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/paxos"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// How often, in milliseconds, a question is repeated, and after how long an
// attempt to decide begins anew under a higher ballot.
const (
	askEvery     = 500
	attemptTime  = 3000
	installEvery = 1000
	statusEvery  = 1000 // between members: their settings are compared, and what they have heard
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

	Incarnation uint64        // the number of this start
	Life        uint64        // random, of this start: no other has the same. 0: what is told of it is not judged
	Bound       hlc.Timestamp // the highest clock bound of all starts before this one, as saved; 0: none
	// Forgotten says, in a sentence, why what was saved is not all that this node has
	// promised: it founds nothing, and does not vote before an epoch names it anew.
	// "": it is all.
	Forgotten string
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
// not before those of an earlier one. Installed comes before what is sent, so that
// messages name the epoch that they speak of; Removed comes last.
type Effects struct {
	Saves     []Save
	Installed *Metadata // the node acts on this from now on
	Sends     []Send
	Replies   []Reply
	Outcomes  []Outcome
	Removed   string // not empty: this node is no member any more, and has to stop; a sentence
}

// Core is one node's part in agreeing on the metadata. Its owner calls it from
// one place at a time.
type Core struct {
	o     Options
	now   int64         // of the last Tick
	clock hlc.Timestamp // likewise
	bound hlc.Timestamp // what is persisted above it, as the owner last said
	meta  *Metadata
	doc   []byte // the bytes of meta

	peers    []*peer
	notNamed string // why metadata that was found is not this node's
	conflict string
	unequal  []unequal // of those that have told

	acceptor paxos.Acceptor // of the register that decides the next epoch
	voted    int64          // when it last answered
	highest  hlc.Version    // the highest ballot heard of, for the next attempt
	attempt  *attempt
	proposal *proposal

	spread  map[ring.NodeID]int64 // members that may lack the metadata -> when it was last sent
	members []ring.NodeID         // the others, in the metadata's order
	alarm   string
	removed bool
	newest  uint64      // the highest epoch that was heard of
	source  ring.NodeID // who told of it
	fetched int64       // when it was last asked for
	turn    int         // whom to ask next

	memory
}

// New makes a Core from what was saved. Its error says what to do.
func New(o Options, saved Saved) (*Core, error) {
	c := &Core{o: o}
	for _, addr := range o.Bootstrap {
		c.peers = append(c.peers, &peer{addr: addr, asked: -askEvery})
	}
	if err := c.recall(saved); err != nil {
		return nil, err
	}
	if saved.Metadata != nil {
		m, err := Decode(saved.Metadata)
		if err != nil {
			return nil, fmt.Errorf("topology: the saved metadata: %w", err)
		}
		if m.ClusterName != o.ClusterName {
			return nil, fmt.Errorf("topology: this data folder belongs to cluster %q, but cluster.name is %q: correct the name or use another data folder", m.ClusterName, o.ClusterName)
		}
		if !m.names(o.Self.ID) {
			return nil, fmt.Errorf("topology: %s", gone(m, o.Self.ID))
		}
		c.install(m, bytes.Clone(saved.Metadata))
		c.beginAsking()
	}
	if err := c.recallVote(saved); err != nil {
		return nil, err
	}
	if o.Forgotten != "" && c.distrust.generation == 0 {
		c.unreadable = o.Forgotten
	}
	return c, nil
}

// Metadata is what this node is part of; nil as long as it is not.
func (c *Core) Metadata() *Metadata { return c.meta }

// Epoch is the number of that epoch; 0: none.
func (c *Core) Epoch() uint64 {
	if c.meta == nil {
		return 0
	}
	return c.meta.Epoch
}

// Alarm is a sentence about what must not be; "" if nothing is wrong.
func (c *Core) Alarm() string { return c.alarm }

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
	if c.clock == 0 {
		c.voted = now // the first Tick: what was voted for before the start waits from now on
	}
	c.now, c.clock = now, clock
	switch {
	case c.removed:
	case c.meta != nil:
		c.distrustBehind(draw, out)
		c.spreadMetadata(now, out)
		c.fetch(now, out)
		c.tell(now, out)
		c.remember(now, out)
		c.advance(now, clock, draw, out)
	default:
		c.findOthers(now, out)
		c.found(now, clock, draw, out)
	}
}

// Bounded tells the clock bound that this start has persisted. The members hear of it:
// a disk that has lost it has lost what was acknowledged since it was written. It is
// not told before Trusts, and that it does is durable: until then what counts is the
// bound that the start has found, also behind a crash.
func (c *Core) Bounded(bound hlc.Timestamp) { c.bound = bound }

// Request handles a request of another node. from is handed back in the Reply.
func (c *Core) Request(from any, node ring.NodeID, q *wire.PeerRequest, out *Effects) {
	r := Reply{To: from, Op: q.Op, ID: q.ID}
	switch q.Op {
	case wire.OpStatus:
		c.listen(node, q.Document)
		r.Document = c.status(node)
	case wire.OpMetadata:
		r.Document = c.doc
	case wire.OpInstall:
		r.Refused = c.consider(node, q.Document, out)
	case wire.OpPrepare, wire.OpAccept:
		r.Vote = c.vote(node, q, out)
	}
	out.Replies = append(out.Replies, r)
	c.meets(node, q.Epoch, out)
}

// Answer takes the answer of a node to a Send.
func (c *Core) Answer(from ring.NodeID, a *wire.PeerAnswer, out *Effects) {
	c.answer(from, a, out)
	c.meets(from, a.Epoch, out)
}

// meets takes in the epoch that a message names.
func (c *Core) meets(from ring.NodeID, epoch uint64, out *Effects) {
	c.confirmed(from, epoch)
	c.Newer(c.now, epoch, from, out)
}

func (c *Core) answer(from ring.NodeID, a *wire.PeerAnswer, out *Effects) {
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
		if a.Document != nil {
			c.consider(from, a.Document, out)
		}
	case wire.OpPrepare:
		c.promised(from, &a.Vote, out)
	case wire.OpAccept:
		c.accepted(from, &a.Vote, out)
	}
}

// heard notes what a node tells of itself.
func (c *Core) heard(from ring.NodeID, document []byte) {
	s := c.listen(from, document)
	if s == nil {
		return
	}
	for _, p := range c.peers {
		if p.id == from {
			p.status, p.refused = s, ""
			p.wanted = s.Epoch > 0
		}
	}
}

// listen takes in what a STATUS says about how far its sender is, and what that
// one has heard of this node; nil if it cannot be read.
func (c *Core) listen(from ring.NodeID, document []byte) *status {
	s, err := parseStatus(document)
	if err != nil || ring.NodeID(s.Member.ID) != from {
		return nil
	}
	c.compare(from, s)
	if c.meta != nil && c.meta.names(from) {
		c.note(from, s)
		c.judge(from, s)
		c.hears(from, s)
		if _, known := c.spread[from]; s.Epoch == 0 && !known {
			c.spread[from] = c.now - installEvery // it has lost its metadata
		}
	}
	return s
}
