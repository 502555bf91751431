package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
)

// Repairer is the part of Node that compares replicas. Its methods wait for the
// goroutine that does so, until ctx ends: an error says that it did not answer.
type Repairer interface {
	// RepairStatus is how far this node has proved that replicas agree. It is only
	// asked for once there is an epoch.
	RepairStatus(ctx context.Context) (*RepairStatus, error)
	// PauseRepair stops comparing, moving and purging for a time; 0 ends a pause.
	PauseRepair(ctx context.Context, d time.Duration) error
}

// RepairStatus is what a node knows of how far the replicas of its partitions agree.
type RepairStatus struct {
	Paused                           time.Duration // that it lasts on; 0: it is not paused
	Oldest                           hlc.Timestamp // the least as-of of all its partitions; 0: one is not known
	Proven, Behind, Blocked, Unknown int           // partitions
	Task                             string        // the id of the one under way; "": none
	Counters                         []Counter     // since the start of the node, in a fixed order
	Partitions                       []RepairPartition
}

// Counter is a number that only rises.
type Counter struct {
	Name  string
	Count uint64
}

// RepairPartition is a partition that the node replicates.
type RepairPartition struct {
	Partition int
	AsOf      hlc.Timestamp // all replicas are proved to agree up to here; 0: not known
	Held      HeldBack      // who holds that back
	Watermark hlc.Timestamp // deleted and expired records are purged up to here
	Purging   HeldBack      // who holds that back
}

// HeldBack says who holds something back. The zero HeldBack: nobody.
type HeldBack struct {
	Node ring.NodeID
	Why  string // stands behind the node's name in a sentence
}

// repairJSON is the answer to GET /v1/repair.
type repairJSON struct {
	kind
	SeenBy     seenBy                `json:"seen_by"`
	PausedMS   int64                 `json:"paused_ms"` // that a pause lasts on
	AsOf       string                `json:"as_of"`     // of the partition that is furthest behind; "": not known of one
	States     repairStates          `json:"states"`
	Task       string                `json:"task"` // under way
	Counters   map[string]uint64     `json:"counters"`
	Partitions []repairPartitionJSON `json:"partitions"`
}

// repairStates counts the node's partitions.
type repairStates struct {
	Proven  int `json:"proven"` // as far as the schedule allows
	Behind  int `json:"behind"`
	Blocked int `json:"blocked"` // behind, and a replica cannot be reached or may not be asked
	Unknown int `json:"unknown"` // nothing is proved yet
}

type repairPartitionJSON struct {
	Partition    int    `json:"partition"`
	AsOf         string `json:"as_of"`
	HeldBy       string `json:"held_by"` // "": nobody
	Why          string `json:"why"`
	Watermark    string `json:"watermark"`
	PurgeHeldBy  string `json:"purge_held_by"`
	PurgeHeldWhy string `json:"purge_held_why"`
}

func (s *Server) serveRepair(c *call) error {
	seen, err := s.snapshot()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.r.Context(), s.o.Timeout)
	defer cancel()
	j, err := s.repairJSON(ctx, seen)
	if err != nil {
		return err
	}
	writeJSON(c.w, http.StatusOK, j)
	return nil
}

func (s *Server) repairJSON(ctx context.Context, seen *Snapshot) (*repairJSON, error) {
	st, err := s.node.RepairStatus(ctx)
	if err != nil {
		return nil, refuse(contract.NotReady, "repair did not answer: %v", err)
	}
	j := &repairJSON{
		kind: kindOf("RepairStatus"), SeenBy: seenByOf(seen), PausedMS: st.Paused.Milliseconds(), AsOf: milliText(st.Oldest.Millis()),
		States: repairStates{st.Proven, st.Behind, st.Blocked, st.Unknown}, Task: st.Task, Counters: map[string]uint64{}, Partitions: []repairPartitionJSON{},
	}
	for _, n := range st.Counters {
		j.Counters[n.Name] = n.Count
	}
	for _, p := range st.Partitions {
		row := repairPartitionJSON{Partition: p.Partition, AsOf: milliText(p.AsOf.Millis()), Watermark: milliText(p.Watermark.Millis())}
		row.HeldBy, row.Why = s.heldBack(seen, p.Held)
		row.PurgeHeldBy, row.PurgeHeldWhy = s.heldBack(seen, p.Purging)
		j.Partitions = append(j.Partitions, row)
	}
	return j, nil
}

func (s *Server) heldBack(seen *Snapshot, h HeldBack) (node, why string) {
	if h.Node.IsZero() {
		return "", ""
	}
	return seen.label(h.Node), h.Why
}

// pauseMax bounds a pause: one that is forgotten ends by itself.
const (
	pauseMax     = 24 * time.Hour
	pauseMaxText = "24h" // in sentences
)

func (s *Server) servePause(c *call) error {
	seen, err := s.snapshot()
	if err != nil {
		return err
	}
	if !c.query.has("for") {
		return badf("for is needed: how long to pause, up to %s, or 0 to end a pause", pauseMaxText)
	}
	d, err := time.ParseDuration(c.query.text("for"))
	if err != nil || d < 0 || d > pauseMax || d > 0 && d < time.Millisecond {
		return badf("for=%s: want a number and a unit, up to %s: 30m, 2h; or 0, which ends a pause", c.query.text("for"), pauseMaxText)
	}
	ctx, cancel := context.WithTimeout(c.r.Context(), s.o.Timeout)
	defer cancel()
	if err := s.node.PauseRepair(ctx, d); err != nil {
		return refuse(contract.NotReady, "repair did not answer, and may be paused all the same: %v", err)
	}
	j, err := s.repairJSON(ctx, seen)
	if err != nil {
		return err
	}
	writeJSON(c.w, http.StatusOK, j)
	return nil
}
