package sim

import (
	"github.com/candordb/candor/router"
	"github.com/candordb/candor/wire"
)

// conn is the server's end of a connection, a router.Conn: of a peer's link or
// of a client.
type conn struct {
	p       *process
	session router.Session
	out     []byte
	back    route
	closed  bool

	link *link // of a peer
	dial int   // which of the link's connections this is

	portal   *portal             // of a client
	requests map[uint64]*attempt // by id; a client's
}

var _ router.Conn = (*conn)(nil)

// Begin implements router.Conn.
func (c *conn) Begin() (*router.Session, []byte) { return &c.session, c.out }

// End implements router.Conn.
func (c *conn) End(b []byte) { c.out = b }

// Established implements router.Conn.
func (c *conn) Established() {}

// Close implements router.Conn.
func (c *conn) Close() {
	c.Flush()
	c.closed = true
	if c.portal != nil {
		c.portal.resetSoon(c)
	} else {
		c.link.lostSoon(0)
	}
}

// Flush implements router.Conn.
func (c *conn) Flush() {
	if c.closed || c.p.muted || len(c.out) == 0 {
		return
	}
	out := c.out
	c.out = nil
	s := c.p.sim
	frames(out, func(frame []byte) {
		if c.portal != nil {
			a := c.portal.witness(c, frame[wire.HeaderBytes:])
			s.net.send(&c.back, "to client", frame, func() { c.portal.fromNode(c, a) })
			return
		}
		s.check.votes(c.p, frame[wire.HeaderBytes:])
		l := c.link
		s.net.send(&c.back, "answer", frame, func() { l.p.node.whenAwake(l.p, func() { l.fromPeer(c, frame) }) })
	})
}
