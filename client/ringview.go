package client

import (
	"time"

	"github.com/candordb/candor/ring"
)

// RingView is the ring of one epoch. It never changes; a later call of Ring may
// give a newer one.
type RingView struct{ view *ring.View }

// Member is a node of the ring.
type Member struct {
	ID, Name, Zone, Region string
	State                  string // joining, normal or leaving
	// Addresses, each host:port.
	Client, Peer, Gossip, HTTP string
	// Partitions is how many it is a natural replica of.
	Partitions int
}

// Ring is the ring as this client knows it.
func (c *Client) Ring() RingView { return RingView{c.table.Load().view} }

// Epoch is the number under which the cluster agreed on this ring.
func (r RingView) Epoch() uint64 { return uint64(r.view.Epoch()) }

// Partitions is Q, the number of partitions.
func (r RingView) Partitions() int { return r.view.Q() }

// Copies is N, the number of natural replicas that each key should have.
func (r RingView) Copies() int { return r.view.N() }

// Members are the nodes, in the order that Replicas counts in.
func (r RingView) Members() []Member {
	members := make([]Member, len(r.view.Members()))
	for i, m := range r.view.Members() {
		members[i] = Member{
			ID: m.ID.String(), Name: m.Name, Zone: m.Zone, Region: m.Region, State: m.State.String(),
			Client: m.Client, Peer: m.Peer, Gossip: m.Gossip, HTTP: m.HTTP, Partitions: r.view.Partitions(m.ID),
		}
	}
	return members
}

// Partition is the partition that a key of a namespace ("" is default) is in.
func (r RingView) Partition(namespace string, key []byte) int {
	token, _ := ring.TokenOf(nil, namespace, key)
	return r.view.PartitionOf(token)
}

// Replicas are the natural replicas of a partition as indices into Members, in
// order of preference. It is nil for a number that is none.
func (r RingView) Replicas(partition int) []int {
	if partition < 0 || partition >= r.view.Q() {
		return nil
	}
	var replicas []int
	for _, m := range r.view.Owners(partition) {
		if m != ring.NoOwner {
			replicas = append(replicas, int(m))
		}
	}
	return replicas
}

// Stats is what a client has done and sees.
type Stats struct {
	Nodes   []NodeStats
	Retries uint64 // attempts beyond the first
}

// NodeStats is one node as this client sees it.
type NodeStats struct {
	Name, Address, Zone string
	Up                  bool
	Failed              bool // it refused or did not answer of late, so that it is asked last
	InFlight            int  // operations of a BATCH each for itself
	Requests            uint64
	Retries             uint64 // those of Requests that were not the first attempt
	// P50 and P99 are of the last few thousand requests for one key that it has
	// carried out, without large values; at most an eighth too high, 0 if there
	// are none.
	P50, P99 time.Duration
}

// Stats counts since Open.
func (c *Client) Stats() Stats {
	t := c.table.Load()
	s := Stats{Retries: c.retries.Load()}
	for _, n := range t.all {
		row := n.stats()
		row.Name = n.address
		if m, ok := t.member(n); ok {
			row.Name, row.Zone = m.Name, m.Zone
		}
		s.Nodes = append(s.Nodes, row)
	}
	return s
}

func (n *node) stats() NodeStats {
	state, its := n.standing(n.c.elapsed())
	n.mu.Lock()
	defer n.mu.Unlock()
	return NodeStats{
		Address: n.address, Up: state == up, Failed: its.failed, InFlight: its.inFlight, Requests: n.requests.Load() + n.bulk.requests.Load(),
		Retries: n.retries.Load(), P50: n.record.took.percentile(50), P99: n.record.took.percentile(99),
	}
}
