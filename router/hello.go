package router

import (
	"bytes"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// hello handles the first frame of a connection. What is no HELLO ends the
// connection without an answer; a HELLO that is refused is answered first.
func (r *Router) hello(t *Turn, c Conn, peerPort bool, body []byte) {
	var h wire.Hello
	if err := wire.DecodeHello(body, &h); err != nil {
		c.Close()
		return
	}
	if f := r.checkHello(&h, peerPort); f != nil {
		t.frame = f.Append(t.frame[:0], r.headCode(wire.OpHello, h.ID, f.code))
		r.append(t, c, t.frame)
		c.Close()
		return
	}
	a := wire.HelloAnswer{
		Proto: wire.ProtocolVersion, ClusterName: []byte(r.o.ClusterName), NodeID: r.o.Self,
		ServerVersion: []byte(r.o.ServerVersion), Limits: r.o.Limits.Limits,
	}
	if r.o.Periodic {
		a.Features = [][]byte{[]byte(wire.FeaturePeriodic)}
	}
	if cl := r.world.Cluster(); cl != nil {
		a.ClusterID = cl.ID[:]
	}
	s, buf := c.Begin()
	s.hello = true
	if h.Role == wire.RoleNode { // whatever a client says behind its role is not looked at
		s.node, s.start = ring.NodeID(h.NodeID), h.Incarnation
	}
	c.End(a.Append(buf, r.head(wire.OpHello, h.ID)))
	c.Established()
	t.touchConn(c)
}

func (r *Router) headCode(op wire.Op, id uint64, code contract.Code) wire.Head {
	h := r.head(op, id)
	h.Code = code
	return h
}

// checkHello says why a HELLO is refused; nil if it is not.
func (r *Router) checkHello(h *wire.Hello, peerPort bool) *failure {
	switch {
	case h.ProtoMin > wire.ProtocolVersion || h.ProtoMax < wire.ProtocolVersion:
		return fail(contract.Unsupported, "no common protocol version: this node speaks version 1")
	case h.HasAuth:
		return fail(contract.Unsupported, "this build has no authentication: send no credentials")
	case h.Role != wire.RoleClient && h.Role != wire.RoleNode:
		return fail(contract.BadRequest, "HELLO: role is 0 (client) or 1 (node)")
	case h.Role == wire.RoleNode && !peerPort:
		return fail(contract.Forbidden, "this is the client port: nodes use the peer port")
	case h.Role == wire.RoleClient && peerPort:
		return fail(contract.Forbidden, "this is the peer port: clients use the client port")
	case h.Role == wire.RoleClient:
		return nil
	case ring.NodeID(h.NodeID).IsZero():
		return fail(contract.BadRequest, "HELLO: a node names its id")
	case string(h.ClusterName) != r.o.ClusterName:
		return fail(contract.Forbidden, "this node belongs to cluster "+r.o.ClusterName+", not to "+string(h.ClusterName))
	}
	cl := r.world.Cluster()
	if cl != nil && h.ClusterID != nil && !bytes.Equal(h.ClusterID, cl.ID[:]) {
		return fail(contract.Forbidden, "two clusters share the name "+r.o.ClusterName+": the cluster ids differ")
	}
	return nil
}

// Malformed answers bytes that are no frame, and ends the connection. Before
// HELLO it ends it without an answer.
func (r *Router) Malformed(t *Turn, c Conn, err error) {
	s, buf := c.Begin()
	hello := s.hello
	c.End(buf)
	if !hello {
		c.Close()
		return
	}
	f := fail(contract.BadRequest, err.Error())
	if err == wire.ErrFrameTooLarge {
		f = fail(contract.TooLarge, err.Error())
		f.Limit = r.o.Limits.FrameBytes
	}
	t.frame = f.Append(t.frame[:0], r.headCode(0, 0, f.code))
	r.append(t, c, t.frame)
	c.Close()
}

// Goodbye tells a connection that this node takes nothing new; what is in
// flight is still answered.
func (r *Router) Goodbye(t *Turn, c Conn) {
	f := fail(contract.ShuttingDown, "this node is shutting down")
	s, buf := c.Begin()
	if s.hello && !s.Draining {
		buf = f.Append(buf, r.headCode(0, 0, f.code))
	}
	s.Draining = true
	c.End(buf)
	t.touchConn(c)
}
