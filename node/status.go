package node

import (
	"encoding/hex"
	"net/http"

	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/router"
)

// clusterStatus is the JSON of /v1/cluster/status: the cluster as this node
// sees it. Fields are only ever added.
type clusterStatus struct {
	APIVersion string       `json:"apiVersion"`
	Kind       string       `json:"kind"`
	Cluster    clusterRow   `json:"cluster"`
	SeenBy     seenBy       `json:"seen_by"`
	Waiting    string       `json:"waiting"` // for whom a node waits that has no metadata; else empty
	Nodes      []nodeStatus `json:"nodes"`
	Quorum     quorumStatus `json:"quorum"`
}

type clusterRow struct {
	Name       string `json:"name"`
	ID         string `json:"id"`
	Replicas   int    `json:"replicas"`
	Partitions int    `json:"partitions"`
	Epoch      uint64 `json:"epoch"`
}

type seenBy struct {
	Name    string `json:"name"`
	ID      string `json:"id"`
	Version string `json:"version"`
}

// nodeStatus is one member. A node that does not answer is a row, never an
// omission.
type nodeStatus struct {
	Name       string `json:"name"`
	ID         string `json:"id"`
	Self       bool   `json:"self"`
	Zone       string `json:"zone"`
	State      string `json:"state"`
	Reachable  bool   `json:"reachable"`
	Suspect    bool   `json:"suspect"`
	Link       string `json:"link"`   // up, down
	Gossip     string `json:"gossip"` // alive, dead, unknown
	Client     string `json:"client"`
	Peer       string `json:"peer"`
	GossipAddr string `json:"gossip_addr"`
	HTTP       string `json:"http"`
	Partitions int    `json:"partitions"`
	Error      string `json:"error"`
}

// quorumStatus says in how many partitions a quorum of replicas can be reached.
type quorumStatus struct {
	Possible int   `json:"possible"`
	Of       int   `json:"of"`
	Failing  []int `json:"failing"` // the first failingMax partitions
}

const failingMax = 100

func (n *Node) serveStatus(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, n.status())
}

func (n *Node) status() *clusterStatus {
	s := &clusterStatus{
		APIVersion: "candor/v1", Kind: "ClusterStatus", Cluster: clusterRow{Name: n.config.Cluster.Name},
		SeenBy: seenBy{n.config.Node.Name, n.id.String(), n.version}, Nodes: []nodeStatus{}, Quorum: quorumStatus{Failing: []int{}},
	}
	st := n.state.Load()
	if st == nil {
		if why := n.control.waiting.Load(); why != nil {
			s.Waiting = *why
		}
		return s
	}
	view := st.cluster.Ring
	s.Cluster = clusterRow{n.config.Cluster.Name, hex.EncodeToString(st.cluster.ID[:]), view.N(), view.Q(), uint64(view.Epoch())}
	for _, m := range view.Members() {
		s.Nodes = append(s.Nodes, n.nodeStatus(view, m))
	}
	s.Quorum.Of = view.Q()
	for p := range view.Q() {
		if n.quorumPossible(view, p) {
			s.Quorum.Possible++
		} else if len(s.Quorum.Failing) < failingMax {
			s.Quorum.Failing = append(s.Quorum.Failing, p)
		}
	}
	return s
}

func (n *Node) nodeStatus(view *ring.View, m ring.Member) nodeStatus {
	now := n.address(m)
	row := nodeStatus{
		Name: m.Name, ID: m.ID.String(), Self: m.ID == n.id, Zone: m.Zone, State: [...]string{"unknown", "joining", "normal", "leaving"}[m.State],
		Link: "down", Gossip: "unknown", Client: now.Client, Peer: now.Peer, GossipAddr: now.Gossip, HTTP: now.HTTP, Partitions: view.Partitions(m.ID),
	}
	if g := n.gossip.Load(); g != nil {
		if seen, ok := g.View().Member(m.ID); ok {
			row.Gossip = "dead"
			if seen.Alive {
				row.Gossip = "alive"
			}
		}
	}
	if row.Self {
		row.Reachable, row.Link = n.Serving(), "up"
		if err := n.engine.Err(); err != nil {
			row.Error = err.Error()
		}
		return row
	}
	p := n.links.peer(m.ID)
	if p == nil {
		return row
	}
	row.Reachable, row.Suspect = p.Up()
	switch why := p.failure.Load(); {
	case p.Link.Up():
		row.Link = "up"
		if !row.Reachable {
			row.Error = "it is shutting down"
		}
	case why != nil:
		row.Error = *why
	default:
		row.Error = "not reached yet"
	}
	return row
}

// quorumPossible says whether a quorum of a partition's replicas can be reached.
func (n *Node) quorumPossible(view *ring.View, partition int) bool {
	up := 0
	for _, m := range view.Owners(partition) {
		if m == ring.NoOwner {
			continue
		}
		if id := view.Member(int(m)).ID; id == n.id {
			if n.Serving() {
				up++
			}
		} else if p := n.links.peer(id); p != nil {
			if ok, _ := p.Up(); ok {
				up++
			}
		}
	}
	return up >= view.Quorum()
}

var _ router.World = (*Node)(nil)
