package gossip

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/candordb/candor/ring"
)

// Member is what is believed of one node.
type Member struct {
	ID ring.NodeID

	// Alive: it answers probes, directly or through others, or has not been
	// silent for long enough yet.
	Alive bool
	// Leaving: this incarnation has announced that it leaves. If it is not alive,
	// it went on purpose.
	Leaving bool
	// Since is when Alive last changed, by this node's clock.
	Since time.Time

	// Addr is its gossip address, host:port; Client, Peer and HTTP are the other
	// services at the same host, empty where there is none.
	Addr, Client, Peer, HTTP string
	Zone                     string
	// Incarnation is the number of the start that was last heard of.
	Incarnation uint64
}

// View is what this node believes of the group. It is immutable.
type View struct {
	// Members are all nodes heard of since the start, this one included, sorted
	// by id. The dead stay.
	Members []Member
}

// Member finds a node.
func (v *View) Member(id ring.NodeID) (Member, bool) {
	i, ok := slices.BinarySearchFunc(v.Members, id, func(m Member, id ring.NodeID) int { return m.ID.Compare(id) })
	if !ok {
		return Member{}, false
	}
	return v.Members[i], true
}

// alive counts the members that are alive.
func (v *View) alive() int {
	n := 0
	for i := range v.Members {
		if v.Members[i].Alive {
			n++
		}
	}
	return n
}

// fact is the latest that memberlist said about a node.
type fact struct {
	alive bool
	addr  netip.AddrPort
	meta  meta
}

// with gives a view in which the facts have been taken in, and v itself if they
// say nothing new. leaving holds the incarnations that have announced departure.
func (v *View) with(facts map[ring.NodeID]fact, leaving map[ring.NodeID]uint64, now time.Time) *View {
	next := View{Members: slices.Clone(v.Members)}
	for id, f := range facts { // in no order: each is about another node, and they are sorted below
		m := Member{
			ID:          id,
			Alive:       f.alive,
			Since:       now,
			Addr:        f.addr.String(),
			Client:      service(f.addr, f.meta.clientPort),
			Peer:        service(f.addr, f.meta.peerPort),
			HTTP:        service(f.addr, f.meta.httpPort),
			Zone:        f.meta.zone,
			Incarnation: f.meta.incarnation,
		}
		i := slices.IndexFunc(next.Members, func(old Member) bool { return old.ID == id })
		if i < 0 {
			next.Members = append(next.Members, m)
			continue
		}
		if old := next.Members[i]; old.Alive == m.Alive {
			m.Since = old.Since
		}
		next.Members[i] = m
	}
	slices.SortFunc(next.Members, func(a, b Member) int { return a.ID.Compare(b.ID) })
	for i := range next.Members {
		m := &next.Members[i]
		incarnation, announced := leaving[m.ID]
		m.Leaving = announced && incarnation >= m.Incarnation
	}
	if slices.Equal(next.Members, v.Members) {
		return v
	}
	return &next
}

func service(host netip.AddrPort, port uint16) string {
	if port == 0 {
		return ""
	}
	return net.JoinHostPort(host.Addr().String(), strconv.Itoa(int(port)))
}
