package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

func repairStatusLeaf(e *env) leaf {
	return leaf{
		name: "status", about: "print up to when replicas are proved to agree, who holds that back, and whether repair is paused", views: true,
		examples: []string{
			"candor repair status",
			"candor repair status -o wide                 with what was compared, moved and purged",
			"candor repair status --partition 157         what each of its replicas has proved",
		},
		flags: adminFlags(&cli.IntFlag{Name: "partition", Value: -1, Usage: "only this `PARTITION`", DefaultText: "0"}, nodeFlag()),
		run: func(ctx context.Context, c *cli.Context) error {
			o, err := adminOptionsOf(c)
			if err != nil {
				return err
			}
			partition := c.Int("partition")
			if c.IsSet("partition") && partition < 0 {
				return usagef("", "--partition is %d: want a number from 0", partition)
			}
			return repairStatus(ctx, e, o, partition, c.StringSlice("node"))
		},
	}
}

// nodeRepair is what a node answers to GET /v1/repair, as far as it is shown here.
type nodeRepair struct {
	PausedMS   int64             `json:"paused_ms"`
	AsOf       string            `json:"as_of"`
	States     repairStates      `json:"states"`
	Task       string            `json:"task"`
	Counters   map[string]uint64 `json:"counters"`
	Partitions []repairPartition `json:"partitions"`
}

// repairStates counts a node's partitions by how well they are proved.
type repairStates struct {
	Proven  int `json:"proven"`
	Behind  int `json:"behind"`
	Blocked int `json:"blocked"`
	Unknown int `json:"unknown"`
}

type repairPartition struct {
	Partition    int    `json:"partition"`
	AsOf         string `json:"as_of"`   // "": not known
	HeldBy       string `json:"held_by"` // "": nobody
	Why          string `json:"why"`
	Watermark    string `json:"watermark"`
	PurgeHeldBy  string `json:"purge_held_by"`
	PurgeHeldWhy string `json:"purge_held_why"`
}

// repairView is how far the nodes have proved that replicas agree.
type repairView struct {
	APIVersion string      `json:"apiVersion"`
	Kind       string      `json:"kind"`
	Partial    bool        `json:"partial"` // a node does not answer
	Nodes      []repairRow `json:"nodes"`
	partition  int         // only this one; -1: all
}

// repairRow is a node; that it does not answer is a row too.
type repairRow struct {
	Node      string      `json:"node"`
	NodeID    string      `json:"node_id"`
	Reachable bool        `json:"reachable"`
	Repair    *nodeRepair `json:"repair"` // null: not known
	Error     string      `json:"error,omitempty"`
}

func (v *repairView) names() (names []string) {
	for _, r := range v.Nodes {
		names = append(names, r.Node)
	}
	return names
}

func (v *repairView) screen(wide bool) screen {
	if v.partition >= 0 {
		return v.partitionScreen()
	}
	s := screen{rows: [][]string{{"NODE", "PROVEN", "BEHIND", "BLOCKED", "UNKNOWN", "REPAIRED AS OF", "REPAIR", "TASK"}}, below: v.reasons()}
	if wide {
		s.rows[0] = append(s.rows[0], "COMPARISONS", "RECORDS IN", "RECORDS OUT", "PURGED", "ID")
	}
	for _, row := range v.Nodes {
		cells := []string{row.Node, "?", "?", "?", "?", "?", pausedText(nil, row.Error), "?"}
		more := []string{"?", "?", "?", "?", row.NodeID}
		if r := row.Repair; r != nil {
			cells = []string{
				row.Node, grouped(r.States.Proven), grouped(r.States.Behind), grouped(r.States.Blocked), grouped(r.States.Unknown),
				orUnknown(taskClock(r.AsOf)), pausedText(&r.PausedMS, ""), orDash(r.Task),
			}
			n := func(name string) string { return groupedU(r.Counters[name]) }
			more = []string{n("comparisons_done"), n("records_in"), n("records_out"), n("purged"), row.NodeID}
		}
		if wide {
			cells = append(cells, more...)
		}
		s.rows = append(s.rows, cells)
	}
	return s
}

// partitionScreen is one partition, as each of its replicas has proved it.
func (v *repairView) partitionScreen() screen {
	s := screen{
		above: fmt.Sprintf("partition %s\n", grouped(v.partition)),
		rows:  [][]string{{"NODE", "REPAIRED AS OF", "HELD BACK BY", "PURGED BELOW", "HELD BACK BY"}},
	}
	for _, row := range v.Nodes {
		if row.Repair == nil {
			s.rows = append(s.rows, []string{row.Node, "?", row.Error, "?", "?"})
			continue
		}
		for _, p := range row.Repair.Partitions {
			s.rows = append(s.rows, []string{
				row.Node, orUnknown(taskClock(p.AsOf)), heldText(p.HeldBy, p.Why), orUnknown(taskClock(p.Watermark)), heldText(p.PurgeHeldBy, p.PurgeHeldWhy),
			})
		}
	}
	return s
}

// heldText is who holds something back, and why.
func heldText(node, why string) string {
	if node == "" {
		return "-"
	}
	return strings.TrimSpace(node + " " + why)
}

// reasons counts who holds partitions back, as their replicas tell it; the most
// frequent comes first.
func (v *repairView) reasons() string {
	return v.held("held back ", func(p *repairPartition) string { return heldText(p.HeldBy, p.Why) }) +
		v.held("purging   ", func(p *repairPartition) string { return heldText(p.PurgeHeldBy, p.PurgeHeldWhy) })
}

func (v *repairView) held(label string, by func(*repairPartition) string) string {
	counts := map[string]int{}
	for _, row := range v.Nodes {
		if row.Repair == nil {
			continue
		}
		for i := range row.Repair.Partitions {
			if text := by(&row.Repair.Partitions[i]); text != "-" {
				counts[text]++
			}
		}
	}
	var texts []string
	for text := range counts { // sorted below
		texts = append(texts, text)
	}
	slices.SortFunc(texts, func(a, b string) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return strings.Compare(a, b)
	})
	var b strings.Builder
	for _, text := range texts[:min(len(texts), shownReasons)] {
		fmt.Fprintf(&b, "%s %s: %s\n", label, counted(counts[text], "replica"), text)
	}
	if more := len(texts) - shownReasons; more > 0 {
		fmt.Fprintf(&b, "%s and %s more (-o json has all)\n", label, counted(more, "reason"))
	}
	return b.String()
}

// shownReasons is how many reasons are listed.
const shownReasons = 8

func repairStatus(ctx context.Context, e *env, o adminOptions, partition int, names []string) error {
	if partition >= 0 {
		ring, err := o.ring(ctx)
		if err != nil {
			return err
		}
		if partition >= ring.Partitions {
			return usagef("candor where KEY, for the partition of a key", "--partition is %d: they are numbered 0 to %d", partition, ring.Partitions-1)
		}
	}
	a, err := o.askRepair(ctx, names, http.MethodGet, "/v1/repair")
	if err != nil {
		return err
	}
	v := &repairView{APIVersion: apiVersion, Kind: "RepairStatus", Nodes: []repairRow{}, Partial: len(a.silent()) > 0, partition: partition}
	for i, n := range a.nodes {
		row := repairRow{Node: n.Name, NodeID: n.ID, Reachable: hasAnswered(a.errs[i]), Repair: a.of[i]}
		if row.Repair == nil {
			row.Error = a.errs[i].Error()
		} else if partition >= 0 {
			row.Repair.Partitions = slices.DeleteFunc(row.Repair.Partitions, func(p repairPartition) bool { return p.Partition != partition })
		}
		v.Nodes = append(v.Nodes, row)
	}
	return a.print(e, o, v, "answer")
}
