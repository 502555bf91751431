package router

import (
	"bytes"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/wire"
)

// peer is the link from one node to another.
type peer struct {
	from, to *node
	box      wire.Outbox
	conn     *conn // at the other end
	spare    []byte
	up       bool
	suspect  bool
	stuck    bool  // what is sent does not arrive
	delay    int64 // microseconds until what is sent arrives
	way      []parcel
	room     int
	reserved int

	phi         uint64 // thousandths; 0: not measured
	incarnation uint64 // as the latest answer to a HEARTBEAT named it
	physical    uint64 // as it showed
	echo        string // which it repeated
}

func (p *peer) Periodic() bool         { return p.to.router.o.Periodic }
func (p *peer) Up() (up, suspect bool) { p.from.called(); return p.up, p.suspect }

func (p *peer) Reserve(n int) bool {
	p.from.called()
	if !p.up || p.reserved+n > p.room {
		return false
	}
	p.reserved += n
	return true
}

func (p *peer) Release(n int) { p.from.called(); p.reserved -= n }

func (p *peer) Begin() *wire.Outbox {
	p.from.called()
	if !p.up {
		return nil
	}
	return &p.box
}

func (p *peer) End()   {}
func (p *peer) Flush() { p.from.called() }

func (p *peer) Beat(incarnation, physical uint64, echo []byte) {
	p.from.called()
	p.incarnation, p.physical, p.echo = incarnation, physical, string(echo)
}

func (p *peer) Phi() (thousandths uint64, measured bool) {
	p.from.called()
	return p.phi, p.phi > 0
}

// parcel is frames that are on their way.
type parcel struct {
	at     int64
	frames []byte
}

// link connects two nodes: a connection to the peer port, with its HELLO.
func (c *cluster) link(from, to *node) *peer {
	p := &peer{from: from, to: to, conn: c.dial(to, true), up: true, room: 16 << 20}
	hello := wire.Hello{
		ID: 1, ProtoMin: 1, ProtoMax: 1, ClientName: []byte("node"), Role: wire.RoleNode, ClusterName: []byte(clusterName), ClusterID: clusterID[:],
		NodeID: from.id, Incarnation: 1,
	}
	p.conn.send(hello.Append(nil))
	if a := p.conn.one(); a.Code != contract.OK || a.Op != wire.OpHello {
		c.t.Fatalf("HELLO of a node: %+v", a)
	}
	return p
}

// carry lets what waits on the link arrive, and its answers come back.
func (p *peer) carry() (moved bool) {
	if !p.up || p.stuck {
		return false
	}
	switch {
	case p.box.Waiting() == 0:
	case p.delay > 0:
		p.way, moved = append(p.way, parcel{p.from.c.now.Micros + p.delay, p.box.Take(nil)}), true
	default:
		frames := p.box.Take(p.spare)
		p.conn.send(frames)
		p.spare, moved = frames, true
	}
	if len(p.way) > 0 && p.way[0].at <= p.from.c.now.Micros {
		p.conn.send(p.way[0].frames)
		p.way, moved = p.way[1:], true
	}
	if len(p.conn.out) == 0 {
		return moved
	}
	in := p.conn.out
	p.conn.out = p.conn.spare[:0]
	p.conn.spare = in
	n := p.from
	n.router.Begin(&n.turn)
	for len(in) > 0 {
		body, size, err := wire.NextFrame(in, 1<<20+64<<10)
		if err != nil || size == 0 || !n.router.Answer(&n.turn, p.to.id, body) {
			n.c.t.Fatalf("a node sent what cannot be read: %v, %x", err, in[:min(len(in), 64)])
		}
		in = in[size:]
	}
	n.router.Finish(&n.turn)
	return true
}

// conn is a connection to a node, seen from both ends.
type conn struct {
	n           *node
	session     Session
	out, spare  []byte // frames of the node
	established bool
	closed      bool
	begun       bool
	largest     int // frame that was read here
}

// dial connects to a node, without HELLO.
func (c *cluster) dial(n *node, peerPort bool) *conn {
	k := &conn{n: n, session: Session{PeerPort: peerPort}}
	n.conns = append(n.conns, k)
	return k
}

func (k *conn) Begin() (*Session, []byte) {
	if k.begun {
		panic("a connection is locked twice")
	}
	k.begun = true
	return &k.session, k.out
}

func (k *conn) End(out []byte) { k.out, k.begun = out, false }
func (k *conn) Established()   { k.established = true }
func (k *conn) Flush()         {}
func (k *conn) Close()         { k.closed = true }

// send hands frames to the node, in one turn.
func (k *conn) send(frames []byte) {
	r := k.n.router
	r.Begin(&k.n.turn)
	for len(frames) > 0 && !k.closed {
		body, size, err := wire.NextFrame(frames, 1<<20+64<<10)
		switch {
		case err != nil:
			r.Malformed(&k.n.turn, k, err)
			size = len(frames)
		case k.session.PeerPort:
			r.Peer(&k.n.turn, k, body)
		default:
			r.Client(&k.n.turn, k, body)
		}
		frames = frames[size:]
	}
	r.Finish(&k.n.turn)
}

// answers takes what the node has sent, decoded. ops are the operations of the
// BATCH among them.
func (k *conn) answers(ops ...wire.Op) (all []wire.Answer) {
	out := bytes.Clone(k.out)
	k.out = k.out[:0]
	for len(out) > 0 {
		body, n, err := wire.NextFrame(out, int(testLimits().FrameBytes))
		if err != nil || n == 0 {
			k.n.c.t.Fatalf("the node sent no frame: %v, %d bytes", err, len(out))
		}
		var a wire.Answer
		if err := wire.DecodeAnswer(body, &a, ops...); err != nil {
			k.n.c.t.Fatalf("the node sent %x: %v", body, err)
		}
		all, out, k.largest = append(all, a), out[n:], max(k.largest, n)
	}
	return all
}

// one takes the one answer that the node has sent.
func (k *conn) one(ops ...wire.Op) wire.Answer {
	k.n.c.t.Helper()
	all := k.answers(ops...)
	if len(all) != 1 {
		k.n.c.t.Fatalf("%d answers, want one: %+v", len(all), all)
	}
	return all[0]
}

// pump lets everything that is under way happen.
func (c *cluster) pump() {
	for moved := true; moved; {
		moved = false
		for _, n := range c.nodes {
			for i := range c.nodes {
				if p := n.peers[nodeID(i)]; p != nil {
					moved = p.carry() || moved
				}
			}
			moved = n.commit() || moved
		}
	}
}

// pass lets time pass, in steps of a tick. Microseconds stand still but in tests
// of what is measured in them (drag).
func (c *cluster) pass(millis int64) {
	for ; millis > 0; millis -= 5 {
		c.now.Mono += 5
		c.now.Physical += 5
		for _, n := range c.nodes {
			n.router.Begin(&n.turn)
			n.router.Tick(&n.turn)
			n.router.Finish(&n.turn)
		}
		c.pump()
	}
}

// kill cuts a node off: what is under way to it and from it is lost.
func (c *cluster) kill(i int) {
	for _, n := range c.nodes {
		p := n.peers[nodeID(i)]
		if p == nil || !p.up {
			continue
		}
		p.up = false
		p.box.Take(nil)
		p.conn.out = nil
		n.router.Begin(&n.turn)
		n.router.LinkDown(&n.turn, nodeID(i))
		n.router.Finish(&n.turn)
	}
	c.pump()
}

// heal brings all links up again.
func (c *cluster) heal() {
	for _, n := range c.nodes {
		for i := range c.nodes {
			if p := n.peers[nodeID(i)]; p != nil {
				p.up = true
			}
		}
	}
}

// client is a connection of a client that has said HELLO.
type client struct {
	*conn
	id uint64
}

func (c *cluster) client(i int) *client {
	k := &client{conn: c.dial(c.nodes[i], false)}
	hello := wire.Hello{ID: 1, ProtoMin: 1, ProtoMax: 1, ClientName: []byte("test")}
	k.send(hello.Append(nil))
	if a := k.one(); a.Code != contract.OK {
		c.t.Fatalf("HELLO: %+v", a)
	}
	k.id = 100
	return k
}

// open sends a request and lets nothing else happen.
func (k *client) open(q wire.Request) uint64 {
	k.id++
	q.ID = k.id
	k.send(q.Append(nil))
	return q.ID
}

// do sends a request and returns its answer.
func (k *client) do(q wire.Request) wire.Answer {
	k.n.c.t.Helper()
	id := k.open(q)
	k.n.c.pump()
	a := k.one()
	if a.ID != id || a.Op != q.Op {
		k.n.c.t.Fatalf("request %v %d was answered as %v %d", q.Op, id, a.Op, a.ID)
	}
	return a
}

func (k *client) put(key, value string) wire.Answer {
	k.n.c.t.Helper()
	return k.do(wire.Request{Op: wire.OpPut, Key: []byte(key), Value: []byte(value)})
}

func (k *client) get(key string, level contract.Level) wire.Answer {
	k.n.c.t.Helper()
	return k.do(wire.Request{Op: wire.OpGet, Key: []byte(key), Level: level})
}

// version is one that a client stamps, so many milliseconds from now.
func (c *cluster) version(millis int64) hlc.Version {
	return hlc.Version{Time: hlc.Make(c.now.Physical+millis, 0), Writer: 0xc0ffee}
}
