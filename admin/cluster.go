package admin

import (
	"encoding/hex"
	"math"
	"net/http"

	"github.com/candordb/candor/contract"
)

// statusJSON is the cluster as this node sees it.
type statusJSON struct {
	kind
	Cluster clusterJSON `json:"cluster"`
	SeenBy  seenBy      `json:"seen_by"`
	Waiting string      `json:"waiting"` // for whom a node waits that has no metadata; else ""
	Nodes   []nodeJSON  `json:"nodes"`
	Quorum  quorumJSON  `json:"quorum"`
}

type clusterJSON struct {
	Name       string `json:"name"`
	ID         string `json:"id"`
	Replicas   int    `json:"replicas"`
	Partitions int    `json:"partitions"`
	Epoch      uint64 `json:"epoch"`
}

// nodeJSON is one member. A node that does not answer is a row, never an
// omission.
type nodeJSON struct {
	Name       string   `json:"name"`
	ID         string   `json:"id"`
	Self       bool     `json:"self"`
	Zone       string   `json:"zone"`
	Region     string   `json:"region"`
	State      string   `json:"state"`
	Reachable  bool     `json:"reachable"`
	Suspect    bool     `json:"suspect"`
	Phi        *float64 `json:"phi"`    // null: not measured
	Link       string   `json:"link"`   // up, down
	Gossip     string   `json:"gossip"` // alive, dead, unknown
	Client     string   `json:"client"`
	Peer       string   `json:"peer"`
	GossipAddr string   `json:"gossip_addr"`
	HTTP       string   `json:"http"`
	Partitions int      `json:"partitions"`
	Error      string   `json:"error"`
}

// quorumJSON says in how many partitions a quorum of replicas can be reached.
type quorumJSON struct {
	Possible int   `json:"possible"`
	Certain  int   `json:"certain"` // without the nodes that are silent
	Of       int   `json:"of"`
	Failing  []int `json:"failing"` // the first failingMax partitions
}

const failingMax = 100

func (s *Server) serveStatus(c *call) error {
	seen := s.node.Snapshot()
	j := &statusJSON{
		kind: kindOf("ClusterStatus"), Cluster: clusterOf(seen), SeenBy: seenByOf(seen), Waiting: seen.Waiting,
		Nodes: nodesOf(seen), Quorum: quorumJSON{Failing: []int{}},
	}
	if seen.View != nil {
		failing, _ := seen.impossible(contract.Quorum, false)
		uncertain, _ := seen.impossible(contract.Quorum, true)
		q := seen.View.Q()
		j.Quorum = quorumJSON{q - len(failing), q - len(uncertain), q, failing[:min(len(failing), failingMax)]}
	}
	writeJSON(c.w, http.StatusOK, j)
	return nil
}

func clusterOf(seen *Snapshot) clusterJSON {
	if seen.View == nil {
		return clusterJSON{Name: seen.Cluster}
	}
	return clusterJSON{seen.Cluster, hex.EncodeToString(seen.ClusterID[:]), seen.View.N(), seen.View.Q(), seen.epoch()}
}

func nodesOf(seen *Snapshot) []nodeJSON {
	rows := []nodeJSON{}
	for i := range seen.Members {
		m := &seen.Members[i]
		row := nodeJSON{
			Name: m.Name, ID: m.ID.String(), Self: m.ID == seen.Self, Zone: m.Zone, Region: m.Region, State: m.State.String(),
			Reachable: m.Reachable, Suspect: m.Suspect, Link: "down", Gossip: m.Gossip, Client: m.Client, Peer: m.Peer,
			GossipAddr: m.Member.Gossip, HTTP: m.HTTP, Partitions: seen.View.Partitions(m.ID), Error: m.Why,
		}
		if m.HasPhi {
			phi := math.Round(m.Phi*1000) / 1000
			row.Phi = &phi
		}
		if m.Linked {
			row.Link = "up"
		}
		rows = append(rows, row)
	}
	return rows
}

// nodeListJSON is the members alone.
type nodeListJSON struct {
	kind
	Epoch  uint64     `json:"epoch"`
	SeenBy seenBy     `json:"seen_by"`
	Nodes  []nodeJSON `json:"nodes"`
}

func (s *Server) serveNodes(c *call) error {
	seen, err := s.snapshot()
	if err != nil {
		return err
	}
	writeJSON(c.w, http.StatusOK, &nodeListJSON{kindOf("NodeList"), seen.epoch(), seenByOf(seen), nodesOf(seen)})
	return nil
}
