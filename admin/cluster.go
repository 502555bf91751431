package admin

import (
	"math"
	"net/http"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/verdict"
)

// statusJSON is a verdict.Snapshot, the evidence as this node has collected it, in its
// own JSON, with what follows from it and with what this node sees of its links.
type statusJSON struct {
	kind
	Cluster    clusterJSON                      `json:"cluster"`
	SeenBy     seenBy                           `json:"seen_by"`
	Waiting    string                           `json:"waiting"` // for whom a node waits that has no metadata; else ""
	Nodes      []statusNode                     `json:"nodes"`
	Quorum     quorumJSON                       `json:"quorum"`
	Verdict    *verdict.Result                  `json:"verdict"`
	Why        string                           `json:"why"` // in few words; "": there is nothing to say
	Differ     []verdict.Disagreement           `json:"disagreements"`
	Owners     verdict.Opt[[][]uint16]          `json:"owners"`
	Namespaces verdict.Opt[[]verdict.Namespace] `json:"namespaces"`
	Losses     verdict.Opt[[]verdict.Loss]      `json:"losses"`
	Time       verdict.Opt[verdict.Time]        `json:"time"` // of the evidence
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

// statusNode is one member with what it says of itself.
type statusNode struct {
	nodeJSON
	Answer verdict.Answer            `json:"answer"` // answered, silent, not_asked, too_old
	AgeMS  verdict.Opt[int64]        `json:"age_ms"` // of the answer, or of the finding that there is none
	Since  verdict.Opt[verdict.Time] `json:"since"`  // when it was last heard of
	Report *verdict.Report           `json:"report"` // null but for answered
}

// quorumJSON says in how many partitions a quorum of replicas serves.
type quorumJSON struct {
	Possible int   `json:"possible"`
	Certain  int   `json:"certain"` // in which that is known
	Of       int   `json:"of"`
	Failing  []int `json:"failing"` // the first failingMax partitions
}

const failingMax = 100

func (s *Server) serveStatus(c *call) error {
	seen, e := s.node.Snapshot(), s.node.Evidence()
	r := verdict.Verdict(e)
	j := &statusJSON{
		kind: kindOf("ClusterStatus"), Time: e.Time, Cluster: clusterJSON(e.Cluster), SeenBy: seenByOf(seen), Waiting: e.Waiting,
		Nodes: []statusNode{}, Quorum: quorumOf(r), Verdict: r, Why: verdict.Why(r, verdict.Check(e)),
		Differ: verdict.Disagreements(e), Owners: e.Owners, Namespaces: e.Namespaces, Losses: e.Losses,
	}
	if j.Differ == nil {
		j.Differ = []verdict.Disagreement{}
	}
	rows := nodesOf(seen)
	for i := range e.Members {
		j.Nodes = append(j.Nodes, statusNodeOf(&e.Members[i], rows))
	}
	writeJSON(c.w, http.StatusOK, j)
	return nil
}

// statusNodeOf is a member of the evidence, with the row of it where there is one.
func statusNodeOf(m *verdict.Member, rows []nodeJSON) statusNode {
	row := statusNode{nodeJSON: nodeJSON{
		Name: m.Name, ID: m.ID, Zone: m.Zone, Region: m.Region, State: m.State, Link: "down", Gossip: "unknown",
		Client: m.Client, Peer: m.Peer, GossipAddr: m.GossipAddr, HTTP: m.HTTP,
	}, Answer: m.Answer, AgeMS: m.AgeMS, Since: m.Since, Report: m.Report}
	for i := range rows {
		if rows[i].ID == m.ID {
			row.nodeJSON = rows[i]
		}
	}
	if row.Error == "" {
		row.Error = m.Error
	}
	return row
}

// quorumOf is where a quorum is possible, for reads and for writes.
func quorumOf(r *verdict.Result) quorumJSON {
	q := quorumJSON{Failing: []int{}}
	for _, p := range r.Levels {
		if p.Level != contract.Quorum.String() {
			continue
		}
		if q.Of == 0 || p.Possible < q.Possible {
			q = quorumJSON{p.Possible, p.Certain, p.Of, append([]int{}, p.Failing[:min(len(p.Failing), failingMax)]...)}
		}
		q.Certain = min(q.Certain, p.Certain)
	}
	return q
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

// doctorJSON is what the rules of the doctor have found.
type doctorJSON struct {
	kind
	Cluster  string             `json:"cluster"`
	Epoch    uint64             `json:"epoch"`
	SeenBy   seenBy             `json:"seen_by"`
	AgeMS    verdict.Opt[int64] `json:"age_ms"` // of the oldest evidence that counts; null: there is none
	Worst    verdict.Severity   `json:"worst"`
	Findings []foundJSON        `json:"findings"`
}

type foundJSON struct {
	verdict.Finding
	Since *string `json:"since"` // since when this node has had it; null: it is new
}

// serveDoctor answers before there is a cluster too: then nothing could be checked.
func (s *Server) serveDoctor(c *call) error {
	e := s.node.Evidence()
	found := verdict.Check(e)
	j := &doctorJSON{kind: kindOf("Doctor"), Cluster: e.Cluster.Name, Epoch: e.Cluster.Epoch, SeenBy: seenByOf(s.node.Snapshot()), AgeMS: e.OldestMS(), Worst: verdict.Worst(found), Findings: []foundJSON{}}
	for i := range found {
		row := foundJSON{Finding: found[i]}
		if began := s.node.Began(&found[i]); !began.IsZero() && found[i].Severity != verdict.Fine {
			since := timeText(began)
			row.Since = &since
		}
		j.Findings = append(j.Findings, row)
	}
	writeJSON(c.w, http.StatusOK, j)
	return nil
}
