package node

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/gossip"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/router"
	"github.com/candordb/candor/rpc"
	"github.com/candordb/candor/wire"
)

// peer is the link to a member, and what is known of whether it can be reached.
type peer struct {
	*rpc.Link
	node    *Node
	id      ring.NodeID
	name    string
	stop    context.CancelFunc          // ends the link, when the node is no member any more
	leaving atomic.Bool                 // it said goodbye on the present connection
	failure atomic.Pointer[string]      // why the link is down
	other   atomic.Pointer[ring.NodeID] // of it: who answers at its address in its place
	state   atomic.Uint32               // gossip.State: what to make of it now
	// incarnation is what the answer to a HEARTBEAT has named on the present
	// connection; 0: none has come. introduced: one was sent on it.
	incarnation atomic.Uint64
	introduced  atomic.Bool

	periodic atomic.Bool // it answers for records before it has synced them

	watched // guarded by watch.mu
}

// Up implements router.Peer: nothing can be sent on a link that is down; else the
// watch knows.
func (p *peer) Up() (up, suspect bool) {
	s := gossip.State(p.state.Load())
	return s.Reachable() && p.Link.Up() && !p.leaving.Load(), s == gossip.Suspect
}

// Periodic implements router.Peer.
func (p *peer) Periodic() bool { return p.periodic.Load() }

// Beat implements router.Peer.
func (p *peer) Beat(incarnation, physical uint64, echo []byte) {
	p.incarnation.Store(incarnation)
	if physical != 0 && len(echo) == 8 {
		p.node.clock.measure(p.id, int64(physical), int64(binary.BigEndian.Uint64(echo)))
	}
}

// Phi implements router.Peer.
func (p *peer) Phi() (thousandths uint64, measured bool) {
	s := p.node.watch.sight(p)
	return uint64(math.Round(s.Phi * 1000)), s.Heard
}

// links are the links to the members, and before epoch 1 those to the
// addresses of the bootstrap list.
type links struct {
	node    *Node
	members atomic.Pointer[map[ring.NodeID]*peer] // never changed, only replaced

	mu        sync.Mutex // guards what follows
	bootstrap map[string]*rpc.Link
	stopBoot  context.CancelFunc
}

// peer returns the link to a member, nil if there is none.
func (l *links) peer(id ring.NodeID) *peer {
	m := l.members.Load()
	if m == nil {
		return nil
	}
	return (*m)[id]
}

// all returns the links to the members.
func (l *links) all() map[ring.NodeID]*peer {
	if m := l.members.Load(); m != nil {
		return maps.Clone(*m)
	}
	return nil
}

// dialMembers opens a link to every member but this node itself that has none yet,
// and ends those to nodes that are members no more.
func (l *links) dialMembers(view *ring.View) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopBoot != nil {
		l.stopBoot()
		l.stopBoot, l.bootstrap = nil, nil
	}
	old, next := l.all(), make(map[ring.NodeID]*peer)
	l.node.watch.follow(view)
	for _, m := range view.Members() {
		switch p := old[m.ID]; {
		case m.ID == l.node.id:
		case p != nil:
			next[m.ID] = p
		default:
			next[m.ID] = l.dialMember(m)
		}
		delete(old, m.ID)
	}
	l.members.Store(&next)
	for _, p := range old { // in no order: each by itself
		p.stop()
	}
	l.node.Changed()
}

func (l *links) dialMember(m ring.Member) *peer {
	n := l.node
	p := &peer{node: n, id: m.ID, name: m.Name}
	var ctx context.Context
	ctx, p.stop = context.WithCancel(n.ctx)
	n.watch.begin(p)
	h := &linkHandler{node: n, id: m.ID}
	o := l.options(h)
	o.Address = func() string { return n.addressOf(m.ID).Peer }
	o.OnHello = func(body []byte) error {
		a, err := n.checkHello(body, m.ID)
		if err == nil {
			n.clock.observe(a.Clock)
			p.periodic.Store(a.Hello.Has(wire.FeaturePeriodic))
		}
		return err
	}
	o.Up = func() {
		p.leaving.Store(false)
		p.failure.Store(nil)
		p.other.Store(nil)
		n.watch.connected(p)
		n.admin.Changed()
		n.log.Info("peer is reachable", "peer", m.Name, "id", m.ID)
	}
	o.Down = func(err error) {
		p.fail(err)
		n.watch.cut(p, p.incarnation.Load())
		n.admin.Changed()
		if !n.draining.Load() {
			n.log.Warn("peer is not reachable", "peer", m.Name, "id", m.ID, "error", err)
		}
		h.down()
	}
	o.Failed = func(err error) {
		p.fail(err)
		if refused(err) {
			n.watch.cut(p, 0)
		}
	}
	p.Link = rpc.NewLink(o)
	h.link = p.Link
	n.background(func(context.Context) error { return p.Link.Run(ctx) })
	return p
}

// refused says whether somebody said no; a dial that nobody answers proves nothing.
func refused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET)
}

func (p *peer) fail(err error) {
	var wrong *wrongNode
	if errors.As(err, &wrong) {
		p.other.Store(&wrong.is)
	} else {
		p.other.Store(nil)
	}
	text := err.Error()
	p.failure.Store(&text)
}

// options are those that all links share.
func (l *links) options(h rpc.Handler) rpc.LinkOptions {
	o := l.node.rpcOptions
	return rpc.LinkOptions{
		Options: o, Dial: l.node.machine.Dial, Hello: l.node.hello, Handler: h, Room: int(l.node.config.Limits.LinkBuffer), Jitter: rand.Float64,
	}
}

// hello is this node's HELLO to a peer.
func (n *Node) hello() []byte {
	h := wire.Hello{
		ID: 1, ProtoMin: wire.ProtocolVersion, ProtoMax: wire.ProtocolVersion, ClientName: []byte("candor"), Role: wire.RoleNode,
		ClusterName: []byte(n.config.Cluster.Name), NodeID: n.id, Incarnation: n.incarnation,
	}
	if s := n.state.Load(); s != nil {
		h.ClusterID = s.cluster.ID[:]
	}
	return h.Append(nil)
}

// wrongNode is returned for a HELLO by another node than was dialled.
type wrongNode struct{ is, want ring.NodeID }

func (e *wrongNode) Error() string {
	return fmt.Sprintf("another node answers at this address: %v instead of %v", e.is, e.want)
}

// checkHello checks the answer to this node's HELLO. want is the node that
// should answer; zero: any. What it returns is good as long as the body is.
func (n *Node) checkHello(body []byte, want ring.NodeID) (a wire.Answer, err error) {
	if err := wire.DecodeAnswer(body, &a); err != nil {
		return a, err
	}
	if a.Code != contract.OK {
		return a, fmt.Errorf("%v: %s", a.Code, a.Error.Message)
	}
	if a.Op != wire.OpHello || string(a.Hello.ClusterName) != n.config.Cluster.Name {
		return a, fmt.Errorf("it belongs to cluster %q, not to %q", a.Hello.ClusterName, n.config.Cluster.Name)
	}
	if !want.IsZero() && want != ring.NodeID(a.Hello.NodeID) {
		return a, &wrongNode{is: ring.NodeID(a.Hello.NodeID), want: want}
	}
	return a, nil
}

// dialBootstrap opens a link to every address of the bootstrap list. What they
// say goes to the topology goroutine.
func (l *links) dialBootstrap(ctx context.Context, addresses []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ctx, l.stopBoot = context.WithCancel(ctx)
	l.bootstrap = make(map[string]*rpc.Link)
	for _, addr := range addresses {
		link := l.dialAddress(addr)
		l.bootstrap[addr] = link
		l.node.background(func(context.Context) error { return link.Run(ctx) })
	}
}

func (l *links) dialAddress(addr string) *rpc.Link {
	n := l.node
	var id atomic.Pointer[ring.NodeID]
	o := l.options(&bootHandler{node: n, id: &id})
	o.Address = func() string {
		if known := id.Load(); known != nil && *known == n.id {
			return "" // it is this node itself
		}
		return addr
	}
	o.OnHello = func(body []byte) error {
		a, err := n.checkHello(body, ring.NodeID{})
		if err != nil {
			return err
		}
		found := ring.NodeID(a.Hello.NodeID)
		id.Store(&found)
		n.control.learned(addr, found)
		if found == n.id {
			return errSelf
		}
		return nil
	}
	gone := func(err error) {
		if !errors.Is(err, errSelf) {
			n.control.unreachable(addr, err.Error())
		}
	}
	o.Failed, o.Down = gone, gone
	return rpc.NewLink(o)
}

// errSelf ends the link of a node to itself, which told what it was made for.
var errSelf = errors.New("this address is the node itself")

// boot returns the link to an address of the bootstrap list; nil if there is
// none any more.
func (l *links) boot(addr string) *rpc.Link {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bootstrap[addr]
}

// bootHandler takes the answers of a node that is known by address only.
type bootHandler struct {
	node *Node
	id   *atomic.Pointer[ring.NodeID]
}

// Frame implements rpc.Handler.
func (h *bootHandler) Frame(body []byte) {
	var a wire.PeerAnswer
	if id := h.id.Load(); id != nil && wire.DecodePeerAnswer(body, &a) == nil {
		h.node.clock.observe(a.Clock)
		h.node.control.answer(*id, &a)
	}
}

// Malformed implements rpc.Handler.
func (h *bootHandler) Malformed(error) {}

// Idle implements rpc.Handler.
func (h *bootHandler) Idle() {}

// Closed implements rpc.Handler.
func (h *bootHandler) Closed(error) {}

// Peer implements router.World.
func (n *Node) Peer(id ring.NodeID) router.Peer {
	if p := n.links.peer(id); p != nil {
		return p
	}
	return nil
}
