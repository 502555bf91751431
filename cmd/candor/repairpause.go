package main

import (
	"context"
	"net/http"
	"time"

	"github.com/urfave/cli/v2"
)

func repairPauseLeaf(e *env) leaf {
	return leaf{
		name: "pause", about: "stop comparing, moving and purging for a time, which ends by itself", views: true,
		examples: []string{
			"candor repair pause --for 30m",
			"candor repair pause --for 30m --node n2",
			"candor repair pause --for 0                  ends a pause",
		},
		flags: adminFlags(&cli.DurationFlag{Name: "for", Usage: "how `LONG`, up to 24h; 0 ends a pause"}, nodeFlag()),
		run: func(ctx context.Context, c *cli.Context) error {
			o, err := adminOptionsOf(c)
			if err != nil {
				return err
			}
			d := c.Duration("for")
			switch {
			case !c.IsSet("for"):
				return usagef("candor repair pause --for 30m", "candor repair pause: --for is needed: a time up to 24h, or 0, which ends a pause")
			case d < 0 || d > 24*time.Hour || d > 0 && d < time.Millisecond:
				return usagef("candor repair pause --for 30m", "candor repair pause: --for is %v: want a time up to 24h, or 0, which ends a pause", d)
			}
			return repairPause(ctx, e, o, d, c.StringSlice("node"))
		},
	}
}

// pauseView is what came of a pause on each node.
type pauseView struct {
	APIVersion string     `json:"apiVersion"`
	Kind       string     `json:"kind"`
	Partial    bool       `json:"partial"` // a node does not answer
	Nodes      []pauseRow `json:"nodes"`
}

type pauseRow struct {
	Node      string `json:"node"`
	NodeID    string `json:"node_id"`
	Reachable bool   `json:"reachable"`
	PausedMS  *int64 `json:"paused_ms"` // null: not known
	Error     string `json:"error,omitempty"`
}

func (v *pauseView) names() (names []string) {
	for _, r := range v.Nodes {
		names = append(names, r.Node)
	}
	return names
}

func (v *pauseView) screen(bool) screen {
	s := screen{rows: [][]string{{"NODE", "REPAIR"}}}
	for _, r := range v.Nodes {
		s.rows = append(s.rows, []string{r.Node, pausedText(r.PausedMS, r.Error)})
	}
	return s
}

// pausedText is whether a node repairs.
func pausedText(ms *int64, why string) string {
	switch {
	case ms == nil:
		return "?   " + why
	case *ms == 0:
		return "goes on"
	}
	return "paused for " + took(*ms) + " more"
}

func repairPause(ctx context.Context, e *env, o adminOptions, d time.Duration, names []string) error {
	a, err := o.askRepair(ctx, names, http.MethodPost, "/v1/repair/pause?for="+d.String())
	if err != nil {
		return err
	}
	v := &pauseView{APIVersion: apiVersion, Kind: "RepairPause", Nodes: []pauseRow{}, Partial: len(a.silent()) > 0}
	for i, n := range a.nodes {
		row := pauseRow{Node: n.Name, NodeID: n.ID, Reachable: hasAnswered(a.errs[i])}
		if a.of[i] != nil {
			row.PausedMS = &a.of[i].PausedMS
		} else {
			row.Error = a.errs[i].Error()
		}
		v.Nodes = append(v.Nodes, row)
	}
	if err := a.print(e, o, v, "do it"); err != nil {
		return err
	}
	if d > 0 {
		e.next(o.format, "candor repair pause --for 0     to go on before")
	}
	return nil
}
