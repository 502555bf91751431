package client

import (
	"math/rand/v2"

	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// table is what the client knows of the cluster. It never changes once made.
type table struct {
	view    *ring.View // nil before the first RING answer
	members []*node    // in the order of view.Members
	all     []*node    // members, then seeds that are not among them
}

// epoch is 0 while no ring is known.
func (t *table) epoch() ring.Epoch {
	if t.view == nil {
		return 0
	}
	return t.view.Epoch()
}

// naturals are the natural replicas of a key, in order of preference; none while
// no ring is known.
func (t *table) naturals(namespace string, key []byte) []*node {
	if t.view == nil {
		return nil
	}
	token, _ := ring.TokenOf(nil, namespace, key)
	members := t.view.Replicas(token)
	replicas := make([]*node, 0, len(members)+othersMax)
	for _, m := range members {
		if m != ring.NoOwner {
			replicas = append(replicas, t.members[m])
		}
	}
	return replicas
}

// others appends to chosen up to othersMax nodes, but not beyond candidatesMax in
// all, in an order that differs from call to call, so that load spreads.
func (t *table) others(chosen []*node) []*node {
	given := len(chosen)
	most := min(given+othersMax, candidatesMax)
	start := rand.IntN(len(t.all))
	for i := range t.all {
		n := t.all[(start+i)%len(t.all)]
		if len(chosen) >= most {
			break
		}
		known := false
		for _, c := range chosen[:given] {
			known = known || c == n
		}
		if !known {
			chosen = append(chosen, n)
		}
	}
	return chosen
}

// name is what people call a node: its name in the ring, else its address.
func (t *table) name(n *node) string {
	if m, ok := t.member(n); ok {
		return m.Name
	}
	return n.address
}

// member is a node's entry in the ring; false for a seed that is not in it.
func (t *table) member(n *node) (*ring.Member, bool) {
	for i, m := range t.members {
		if m == n {
			return t.view.Member(i), true
		}
	}
	return nil, false
}

// nameOf is the name of the member with that id, else the id.
func (t *table) nameOf(id ring.NodeID) string {
	if t.view != nil {
		if i, ok := t.view.Index(id); ok {
			return t.view.Member(i).Name
		}
	}
	return id.String()
}

// viewOf makes a ring view of a RING answer.
func viewOf(a *wire.Answer) (*ring.View, error) {
	q, n := int(min(a.Ring.Q, 1<<20)), int(min(a.Ring.N, 1<<10))
	owners, err := ring.ParseOwners(a.Ring.Owners, q, n)
	if err != nil {
		return nil, err
	}
	members := make([]ring.Member, len(a.Ring.Members))
	for i, m := range a.Ring.Members {
		members[i] = ring.Member{
			ID: ring.NodeID(m.ID), Name: m.Name, Zone: m.Zone, State: ring.MemberState(m.State), Region: m.Region,
			Client: m.Client, Peer: m.Peer, Gossip: m.Gossip, HTTP: m.HTTP,
		}
	}
	return ring.NewView(ring.Epoch(a.Epoch), q, n, members, owners)
}
