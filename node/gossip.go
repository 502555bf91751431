package node

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/candordb/candor/gossip"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/topology"
)

// startGossip begins to take part in the group, once the cluster's id is known; if
// it has begun, it spreads the number of the new epoch.
func (n *Node) startGossip(m *topology.Metadata) error {
	if g := n.gossip.Load(); g != nil {
		g.Announce()
		return nil
	}
	listen, err := literal(n.config.Listen.Gossip)
	if err != nil {
		return err
	}
	self := n.self()
	advertise, err := literal(self.Gossip)
	if err != nil {
		return err
	}
	g, err := gossip.New(gossip.Options{
		Self: n.id, ClusterID: [16]byte(m.ClusterID), Incarnation: n.incarnation,
		Listen: listen, Advertise: advertise, Zone: n.config.Node.Zone,
		ClientPort: port(self.Client), PeerPort: port(self.Peer), HTTPPort: port(self.HTTP),
		Known:          n.knownGossip,
		RejoinInterval: n.config.Gossip.RejoinInterval, ProbeInterval: n.config.Gossip.ProbeInterval, ProbeTimeout: n.config.Gossip.ProbeTimeout,
		Sink: n, Shared: n, Network: n.machine.Gossip, Log: n.log,
	})
	if err != nil {
		return err
	}
	n.gossip.Store(g)
	n.workers.Go(func() {
		defer close(n.gossipDone)
		if err := g.Run(n.ctx); err != nil {
			n.fail(fmt.Errorf("listen.gossip: %w", err))
		}
	})
	return nil
}

// knownGossip are the gossip addresses of the members and of cluster.seeds.
func (n *Node) knownGossip() []string {
	var known []string
	if s := n.state.Load(); s != nil {
		for _, m := range s.meta.Members {
			known = append(known, resolved(m.Gossip))
		}
	}
	for _, seed := range n.config.Cluster.Seeds {
		known = append(known, resolved(seed))
	}
	return known
}

// resolved is the address with an IP for its host; as it is where that cannot
// be found.
func resolved(addr string) string {
	if l, err := literal(addr); err == nil {
		return l
	}
	return addr
}

// resolveTimeout bounds a look-up of a host's name.
const resolveTimeout = 2 * time.Second

// literal is the address with an IP for its host.
func literal(addr string) (string, error) {
	if _, err := netip.ParseAddrPort(addr); err == nil {
		return addr, nil
	}
	host, p, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("%q is not host:port: %w", addr, err)
	}
	if host == "" {
		return net.JoinHostPort("0.0.0.0", p), nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), resolveTimeout)
	defer cancel()
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return "", fmt.Errorf("the host of %q cannot be found: %w", addr, err)
	}
	return net.JoinHostPort(ips[0].Unmap().String(), p), nil
}

func port(addr string) uint16 {
	_, p, err := net.SplitHostPort(addr)
	if err != nil {
		return 0
	}
	v, err := strconv.ParseUint(p, 10, 16)
	if err != nil {
		return 0
	}
	return uint16(v)
}

// Changed implements gossip.Sink: it tells the watch what gossip says, and dials
// whoever is back or has moved.
func (n *Node) Changed() {
	g := n.gossip.Load()
	if g == nil {
		return
	}
	view := g.View()
	for id, p := range n.links.all() {
		m, ok := view.Member(id)
		said := gossip.HearsayNone
		switch {
		case ok && m.Alive:
			said = gossip.HearsayAlive
		case ok:
			said = gossip.HearsayDead
		}
		n.watch.told(p, said)
		if ok && m.Alive && !p.Link.Up() {
			p.Nudge()
		}
	}
}

// Epoch implements gossip.Shared.
func (n *Node) Epoch() uint64 {
	if s := n.state.Load(); s != nil {
		return s.meta.Epoch
	}
	return 0
}

// Offer implements gossip.Shared.
func (n *Node) Offer(epoch uint64) { n.control.newer(ring.NodeID{}, epoch) }
