package admin

import (
	"net/http"

	"github.com/candordb/candor/coordinator"
	"github.com/candordb/candor/ring"
)

// ringJSON is the ring of an epoch.
type ringJSON struct {
	kind
	Epoch      uint64       `json:"epoch"`
	Replicas   int          `json:"replicas"`
	Partitions int          `json:"partitions"`
	Members    []memberJSON `json:"members"`
	Owners     [][]uint16   `json:"owners"` // by partition: indices into members, in order of preference
}

type memberJSON struct {
	Name       string `json:"name"`
	ID         string `json:"id"`
	State      string `json:"state"`
	Zone       string `json:"zone"`
	Region     string `json:"region"`
	Client     string `json:"client"`
	Peer       string `json:"peer"`
	Gossip     string `json:"gossip"`
	HTTP       string `json:"http"`
	Partitions int    `json:"partitions"`
}

func (s *Server) serveRing(c *call) error {
	epoch := c.query.whole("epoch")
	if c.query.err != nil {
		return c.query.err
	}
	seen, err := s.snapshot()
	if err != nil {
		return err
	}
	if c.query.has("epoch") && epoch != seen.epoch() {
		return badf("epoch=%d is not known here: the present epoch is %d, and this build keeps no other", epoch, seen.epoch())
	}
	j := &ringJSON{kind: kindOf("Ring"), Epoch: seen.epoch(), Replicas: seen.View.N(), Partitions: seen.View.Q()}
	for i := range seen.Members {
		m := &seen.Members[i]
		j.Members = append(j.Members, memberJSON{
			m.Name, m.ID.String(), m.State.String(), m.Zone, m.Region, m.Client, m.Peer, m.Member.Gossip, m.HTTP, seen.View.Partitions(m.ID),
		})
	}
	for p := range seen.View.Q() {
		row := make([]uint16, 0, seen.View.N())
		for _, o := range seen.View.Owners(p) {
			if o != ring.NoOwner {
				row = append(row, o)
			}
		}
		j.Owners = append(j.Owners, row)
	}
	writeJSON(c.w, http.StatusOK, j)
	return nil
}

// partitionListJSON is the partitions and who of their replicas can be reached.
type partitionListJSON struct {
	kind
	Epoch      uint64          `json:"epoch"`
	Partitions int             `json:"partitions"`
	Counts     partitionCounts `json:"counts"`
	SeenBy     seenBy          `json:"seen_by"`
	Items      []partitionJSON `json:"items"`
}

// partitionCounts is how many partitions are in each state, whatever was asked for.
type partitionCounts struct {
	Complete int `json:"complete"`
	Degraded int `json:"degraded"`
	Failing  int `json:"failing"`
}

type partitionJSON struct {
	Partition   int      `json:"partition"`
	FirstToken  string   `json:"first_token"`
	LastToken   string   `json:"last_token"`
	State       string   `json:"state"` // complete: all N replicas can be reached; degraded: a quorum; failing: fewer
	Replicas    []string `json:"replicas"`
	Unreachable []string `json:"unreachable"`
	partitionProof
}

// The states of a partition.
const (
	complete = "complete"
	degraded = "degraded"
	failing  = "failing"
)

func (s *Server) servePartitions(c *call) error {
	wanted := c.query.text("state")
	switch wanted {
	case complete, degraded, failing:
	default:
		if c.query.has("state") {
			return badf("state=%s: want complete, degraded or failing", wanted)
		}
	}
	seen, err := s.snapshot()
	if err != nil {
		return err
	}
	j := &partitionListJSON{
		kind: kindOf("PartitionList"), Epoch: seen.epoch(), Partitions: seen.View.Q(), SeenBy: seenByOf(seen), Items: []partitionJSON{},
	}
	labels := make([]string, len(seen.Members))
	for i := range labels {
		labels[i] = seen.label(seen.Members[i].ID)
	}
	proofs := proofsOf(s.node.Evidence(), seen.View.Q(), seen.View.N())
	for p := range seen.View.Q() {
		row := partitionOf(seen, labels, p)
		row.partitionProof = proofs[p]
		*map[string]*int{complete: &j.Counts.Complete, degraded: &j.Counts.Degraded, failing: &j.Counts.Failing}[row.State]++
		if wanted == "" || wanted == row.State {
			j.Items = append(j.Items, row)
		}
	}
	writeJSON(c.w, http.StatusOK, j)
	return nil
}

func partitionOf(seen *Snapshot, labels []string, p int) partitionJSON {
	bits := seen.View.Bits()
	row := partitionJSON{
		Partition: p, FirstToken: "0x" + ring.PartitionStart(p, bits).String(), LastToken: "0x" + ring.PartitionEnd(p, bits).String(),
		State: failing, Replicas: []string{}, Unreachable: []string{},
	}
	up, owners := seen.reachable(p, false)
	for i, o := range seen.View.Owners(p)[:owners] {
		row.Replicas = append(row.Replicas, labels[o])
		if up&(1<<i) == 0 {
			row.Unreachable = append(row.Unreachable, labels[o])
		}
	}
	quorum := []coordinator.Part{{Of: ^coordinator.Mask(0), Need: seen.View.Quorum()}}
	switch all := []coordinator.Part{{Of: ^coordinator.Mask(0), Need: seen.View.N()}}; {
	case meets(all, up):
		row.State = complete
	case meets(quorum, up):
		row.State = degraded
	}
	return row
}
