package sim

import (
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/router"
	"github.com/candordb/candor/topology"
	"github.com/candordb/candor/wire"
)

// linkState is where a link is.
type linkState uint8

const (
	linkDown linkState = iota
	linkDialling
	linkUp
)

// link is a process's own connection to another node, a router.Peer. While it
// is down it is dialled again and again.
type link struct {
	p       *process
	to      *node
	state   linkState
	dial    int   // number of the last dialling
	conn    *conn // the other end, once it is known
	out     route
	suspect bool

	box      wire.Outbox
	reserved int
	flying   int // bytes that have left and not arrived
}

var _ router.Peer = (*link)(nil)

// Up implements router.Peer.
func (l *link) Up() (up, suspect bool) { return l.state == linkUp, l.suspect }

// Periodic implements router.Peer: all disks sync before they answer.
func (l *link) Periodic() bool { return false }

// Reserve implements router.Peer.
func (l *link) Reserve(n int) bool {
	if l.state != linkUp || l.p.sim.bug(bugFullLink) || l.flying+l.box.Waiting()+l.reserved+n > l.p.sim.plan.Net.LinkBytes {
		return false
	}
	l.reserved += n
	return true
}

// Release implements router.Peer.
func (l *link) Release(n int) { l.reserved -= n }

// Begin implements router.Peer.
func (l *link) Begin() *wire.Outbox {
	if l.state != linkUp {
		return nil
	}
	return &l.box
}

// End implements router.Peer.
func (l *link) End() {
	if l.p.sim.bug(bugForcedFlush) {
		l.leave()
	}
}

// Flush implements router.Peer.
func (l *link) Flush() {
	if d := l.p.sim.late(bugLateFlush, 5*time.Millisecond); d > 0 {
		l.p.sim.after(d, "late flush", l.p, l.leave)
		return
	}
	l.leave()
}

// Beat implements router.Peer: nobody sends a HEARTBEAT here.
func (l *link) Beat(uint64, uint64, []byte) {}

// Phi implements router.Peer: suspicion is drawn from the seed.
func (l *link) Phi() (thousandths uint64, measured bool) { return 0, false }

// leave sends what waits.
func (l *link) leave() {
	s, c := l.p.sim, l.conn
	waiting := l.box.Take(nil)
	if l.state != linkUp || l.p.muted || s.beforeFlush(l, waiting) {
		return // down, or about to crash
	}
	frames(waiting, func(frame []byte) {
		if s.plan.Bugs[bugLostOptional] && optional(frame) && s.bug(bugLostOptional) {
			s.mark(markOptionalLost)
			return
		}
		if s.plan.Net.LinkBytes < wide {
			l.flying += len(frame)
			s.after(s.plan.Net.Least+s.plan.Net.Mean, "drained", nil, func() { l.flying -= len(frame) })
		}
		s.net.send(&l.out, "to peer", frame, func() { l.to.whenAwake(c.p, func() { c.p.fromPeer(c, frame) }) })
	})
}

// wide is from where on nobody counts what is on its way.
const wide = 1 << 20

// connect dials.
func (l *link) connect() {
	s := l.p.sim
	l.state = linkDialling
	l.dial++
	mine := l.dial
	l.out = route{from: l.p.node.index, to: l.to.index, reliable: true}
	hello := wire.Hello{
		ID: 1, ProtoMin: 1, ProtoMax: 1, ClientName: []byte("sim"), Role: wire.RoleNode,
		ClusterName: []byte(clusterName), NodeID: l.p.node.id, Incarnation: l.p.incarnation,
	}
	if c := l.p.cluster; c != nil {
		hello.ClusterID = c.ID[:]
	}
	frame := hello.Append(nil)
	s.net.send(&l.out, "hello", frame, func() {
		if l.to.process == nil {
			s.after(time.Millisecond, "refused", l.p, func() { l.lost(mine) })
			return
		}
		b := l.to.process
		l.to.whenAwake(b, func() {
			c := &conn{p: b, link: l, dial: mine, back: route{from: l.to.index, to: l.p.node.index, reliable: true}}
			c.session.PeerPort = true
			b.fromPeer(c, frame)
		})
	})
	s.after(time.Second, "dial timeout", l.p, func() {
		if l.dial == mine && l.state == linkDialling {
			l.lost(mine)
		}
	})
}

// fromPeer takes a frame that came back on the connection.
func (l *link) fromPeer(c *conn, frame []byte) {
	if l.dial != c.dial || l.state == linkDown {
		return // of an earlier connection
	}
	if l.state == linkDialling {
		var a wire.Answer
		if err := wire.DecodeAnswer(frame[wire.HeaderBytes:], &a); err != nil || a.Op != wire.OpHello || a.Code != contract.OK {
			l.p.sim.fail("WIRE", "%v refuses the HELLO of %v: %v %v", l.to, l.p.node, a.Code, a.Error.Message)
			return
		}
		l.state, l.conn, l.suspect = linkUp, c, false
		l.out.reliable, c.back.reliable = false, false
		if f := l.p.found; f != nil {
			id := ring.NodeID(a.Hello.NodeID)
			f.post(func(*topology.Effects) { f.core.Learned(peerAddress(l.to.index), id) })
		}
		return
	}
	good := true
	l.p.turn(func() { good = l.p.router.Answer(&l.p.scratch, l.to.id, frame[wire.HeaderBytes:]) })
	if !good {
		l.lost(c.dial)
	}
}

// lost gives the connection of a dialling up, and dials again soon.
func (l *link) lost(dial int) {
	if l.dial != dial || l.state == linkDown || l.p.dead {
		return
	}
	was := l.state
	l.state, l.conn = linkDown, nil
	l.box.Take(nil)
	if f := l.p.found; f != nil {
		f.post(func(*topology.Effects) { f.core.Unreachable(peerAddress(l.to.index), "the connection was lost") })
	}
	if was == linkUp {
		l.p.sim.fig.LinksLost++
		l.p.turn(func() { l.p.router.LinkDown(&l.p.scratch, l.to.id) })
		if h := l.p.heal(); h != nil {
			h.linkDown(l.to.id)
		}
	}
	s := l.p.sim
	s.after(s.nodeDice.between(50*time.Millisecond, 500*time.Millisecond), "redial", l.p, func() {
		if l.state == linkDown {
			l.connect()
		}
	})
}

// lostSoon lets the process notice after a while that the connection is gone.
func (l *link) lostSoon(d time.Duration) {
	dial := l.dial
	l.p.sim.after(d, "link lost", l.p, func() { l.lost(dial) })
}
