package admin

import (
	"fmt"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// receiptLine is the receipt as one header line.
func receiptLine(c *contract.Receipt) string {
	return fmt.Sprintf("need=%d, asked=%d, acked=%d, durable=%d, hinted=%d, level=%v, repaired=%d",
		c.Need, c.Asked, c.Acked, c.Durable, c.Hinted, c.Level, c.Repaired)
}

// receiptJSON says what was achieved.
type receiptJSON struct {
	Level    string        `json:"level"`
	Need     int           `json:"need"`
	Asked    int           `json:"asked"`
	Acked    int           `json:"acked"`
	Durable  int           `json:"durable"`
	Hinted   int           `json:"hinted"`
	Repaired int           `json:"repaired"`
	Epoch    uint64        `json:"epoch"`
	Replicas []replicaJSON `json:"replicas,omitempty"` // only if asked for
}

// replicaJSON is what one replica answered.
type replicaJSON struct {
	Node    string `json:"node"`
	ID      string `json:"id"`
	State   string `json:"state"`
	Version string `json:"version,omitempty"`
}

func (s *Server) receiptOf(c *contract.Receipt, epoch uint64) receiptJSON {
	out := receiptJSON{
		Level: c.Level.String(), Need: c.Need, Asked: c.Asked, Acked: c.Acked, Durable: c.Durable, Hinted: c.Hinted,
		Repaired: c.Repaired, Epoch: epoch,
	}
	if len(c.Rows) > 0 {
		out.Replicas = replicasOf(s.node.Snapshot(), c.Rows)
	}
	return out
}

func replicasOf(seen *Snapshot, rows []contract.Row) (list []replicaJSON) {
	for _, r := range rows {
		id := ring.NodeID(r.Node)
		list = append(list, replicaJSON{seen.label(id), id.String(), r.State.String(), versionText(hlc.VersionFrom(r.Version[:]))})
	}
	return list
}

// stepJSON is one step of a request that was traced.
type stepJSON struct {
	AtMS float64 `json:"at_ms"` // since the coordinator took the request up
	Node string  `json:"node"`
	ID   string  `json:"id"`
	What string  `json:"what"`
}

func (s *Server) traceOf(steps []wire.TraceStep) (list []stepJSON) {
	if len(steps) == 0 {
		return nil
	}
	seen := s.node.Snapshot()
	for _, step := range steps {
		id := ring.NodeID(step.Node)
		list = append(list, stepJSON{float64(step.OffsetUS) / 1000, seen.label(id), id.String(), step.What})
	}
	return list
}
