package admin

import (
	"net/http"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// snapshot is the cluster, once there is one.
func (s *Server) snapshot() (*Snapshot, error) {
	seen := s.node.Snapshot()
	if seen.View == nil {
		why := seen.Waiting
		if why == "" {
			why = "not part of a cluster yet"
		}
		return nil, refuse(contract.NotReady, "this node is not ready: %s", why)
	}
	return seen, nil
}

// whereJSON says where a key belongs. It tells nothing of what is stored there.
type whereJSON struct {
	kind
	Namespace  string         `json:"ns"`
	Key        *string        `json:"key,omitempty"`
	KeyB64     *string        `json:"key_b64,omitempty"`
	Token      string         `json:"token"`
	Partition  int            `json:"partition"`
	Partitions int            `json:"partitions"`
	Epoch      uint64         `json:"epoch"`
	SeenBy     string         `json:"seen_by"` // whose view the states are
	AgeMS      int64          `json:"age_ms"`  // of the states
	Partial    bool           `json:"partial"` // the states are not known
	Replicas   []whereReplica `json:"replicas"`
}

// whereReplica is a natural replica; the first is asked first.
type whereReplica struct {
	Order     int    `json:"order"` // from 1
	Name      string `json:"name"`
	ID        string `json:"id"`
	State     string `json:"state"`
	Reachable bool   `json:"reachable"`
	Suspect   bool   `json:"suspect"`
	Zone      string `json:"zone"`
	Region    string `json:"region"`
	Client    string `json:"client"`
	HTTP      string `json:"http"`
	Error     string `json:"error,omitempty"`
}

func (s *Server) serveWhere(c *call) error {
	q, err := c.request(wire.OpGet)
	if err != nil {
		return err
	}
	seen, err := s.snapshot()
	if err != nil {
		return err
	}
	ns, err := s.namespace(c.query.text("ns"))
	if err != nil {
		return err
	}
	token, _ := ring.TokenOf(nil, ns.Name, q.Key)
	partition := seen.View.PartitionOf(token)
	j := &whereJSON{
		kind: kindOf("Where"), Namespace: ns.Name, Token: "0x" + token.String(), Partition: partition, Partitions: seen.View.Q(),
		Epoch: seen.epoch(), SeenBy: seen.Name, Replicas: []whereReplica{},
	}
	j.Key, j.KeyB64 = textOf(q.Key)
	for _, o := range seen.View.Owners(partition) {
		if o == ring.NoOwner {
			continue
		}
		m := &seen.Members[o]
		j.Replicas = append(j.Replicas, whereReplica{
			Order: len(j.Replicas) + 1, Name: m.Name, ID: m.ID.String(), State: m.State.String(), Reachable: m.Reachable, Suspect: m.Suspect,
			Zone: m.Zone, Region: m.Region, Client: m.Client, HTTP: m.HTTP, Error: m.Why,
		})
	}
	writeJSON(c.w, http.StatusOK, j)
	return nil
}
