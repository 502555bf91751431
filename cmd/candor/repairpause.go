package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
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
	all, err := o.members(ctx)
	if err != nil {
		return err
	}
	nodes, err := only(all, names)
	if err != nil {
		return err
	}
	answers, errs := adminAll[nodeRepair](ctx, o, nodes, http.MethodPost, "/v1/repair/pause?for="+d.String())
	v := &pauseView{APIVersion: apiVersion, Kind: "RepairPause", Nodes: []pauseRow{}}
	var silent []string
	for i, n := range nodes {
		row := pauseRow{Node: n.Name, NodeID: n.ID, Reachable: hasAnswered(errs[i])}
		if answers[i] != nil {
			row.PausedMS = &answers[i].PausedMS
		} else {
			row.Error, v.Partial, silent = errs[i].Error(), true, append(silent, n.Name)
		}
		v.Nodes = append(v.Nodes, row)
	}
	if len(silent) == len(nodes) {
		return noneAnswered(nodes, errs)
	}
	if err := o.format.print(e.stdout, v); err != nil {
		return err
	}
	if v.Partial {
		fmt.Fprintf(e.stderr, "partial: %s did not do it\n", strings.Join(silent, ", "))
		return exitWith(exitPartly)
	}
	if d > 0 {
		e.next(o.format, "candor repair pause --for 0     to go on before")
	}
	return nil
}
