package node

import (
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/router"
	"github.com/candordb/candor/rpc"
)

// conn is one connection that was accepted, at the client port or the peer
// port: its frames go to the router, in turns of its reader goroutine.
type conn struct {
	*rpc.Conn
	node    *Node
	session router.Session // guarded by Begin and End
	turn    router.Turn
	begun   bool

	// Of a node that dialled this one; from Established on they do not change.
	from        ring.NodeID
	incarnation uint64

	taken int64 // guarded by watch.mu: the last time of a frame that the watch was told
}

// Begin implements router.Conn.
func (c *conn) Begin() (*router.Session, []byte) { return &c.session, c.Conn.Begin() }

// Established implements router.Conn.
func (c *conn) Established() {
	c.Conn.Establish()
	session, buf := c.Begin()
	c.from, c.incarnation = session.Node(), session.Incarnation()
	c.End(buf)
	if !c.from.IsZero() {
		c.node.watch.add(c)
	}
}

// Close implements router.Conn.
func (c *conn) Close() { c.Conn.CloseAfterFlush() }

func (n *Node) accept(peerPort bool) func(*rpc.Conn) rpc.Handler {
	return func(rc *rpc.Conn) rpc.Handler {
		c := &conn{Conn: rc, node: n}
		c.session.PeerPort = peerPort
		n.conns.add(c)
		return c
	}
}

// start begins the turn that the frames of one read share.
func (c *conn) start() {
	if !c.begun {
		c.begun = true
		c.node.router.Begin(&c.turn)
	}
}

// Frame implements rpc.Handler.
func (c *conn) Frame(body []byte) {
	c.start()
	c.turn.Late = c.Late().Milliseconds()
	if c.session.PeerPort {
		c.node.router.Peer(&c.turn, c, body)
	} else {
		c.node.router.Client(&c.turn, c, body)
	}
}

// Malformed implements rpc.Handler.
func (c *conn) Malformed(err error) {
	c.start()
	c.node.router.Malformed(&c.turn, c, err)
}

// Idle implements rpc.Handler.
func (c *conn) Idle() {
	if c.begun {
		c.begun = false
		c.node.router.Finish(&c.turn)
	}
}

// Closed implements rpc.Handler.
func (c *conn) Closed(error) {
	c.node.conns.remove(c)
	c.node.watch.remove(c)
}

// linkHandler takes what comes in on the link to a member.
type linkHandler struct {
	node  *Node
	id    ring.NodeID
	link  *rpc.Link
	turn  router.Turn
	begun bool
}

// Frame implements rpc.Handler.
func (h *linkHandler) Frame(body []byte) {
	if !h.begun {
		h.begun = true
		h.node.router.Begin(&h.turn)
	}
	if !h.node.router.Answer(&h.turn, h.id, body) {
		h.node.log.Warn("a peer sent what cannot be read; its link is cut", "peer", h.id)
		h.link.CloseNow()
	}
}

// Malformed implements rpc.Handler; the link breaks the connection itself.
func (h *linkHandler) Malformed(error) {}

// Idle implements rpc.Handler.
func (h *linkHandler) Idle() {
	if h.begun {
		h.begun = false
		h.node.router.Finish(&h.turn)
	}
}

// Closed implements rpc.Handler; a link tells Down instead.
func (h *linkHandler) Closed(error) {}

// down tells the open requests that the link is lost.
func (h *linkHandler) down() {
	h.Idle()
	h.node.router.Begin(&h.turn)
	h.node.router.LinkDown(&h.turn, h.id)
	h.node.router.Finish(&h.turn)
	h.node.repair.linkDown(h.id)
	h.node.hints.lost(h.id)
}
