package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/verdict"
)

func statusLeaf(e *env) leaf {
	return leaf{
		name: "status", about: "print the verdict on the cluster, and one line per node", views: true,
		examples: []string{
			"candor status",
			"candor status --check                        only the verdict; exit 9 if it is FAILING or UNKNOWN",
			"candor status --watch 2s                     again and again",
			"candor status --all-views                    ask every node, and show where they differ",
			"candor status --partitions                   which level is possible in which partitions",
			"candor status -o wide                        with disks, clocks and all addresses",
			"candor status -o name                        the nodes",
			"candor status -o template={{.verdict.verdict}}   one word, for scripts",
			"candor status --classic                      with the two letters that other stores have",
			"candor status --admin 127.0.0.1:7403         ask this node's admin port, if client ports are dead",
		},
		flags: adminFlags(
			&cli.BoolFlag{Name: "check", Usage: "print the verdict, and exit 9 if it is FAILING or UNKNOWN"},
			&cli.BoolFlag{Name: "classic", Usage: "print UN, DN, UJ or UL for each node"},
			&cli.BoolFlag{Name: "partitions", Usage: "print in which partitions which level is possible"},
			&cli.BoolFlag{Name: "all-views", Usage: "ask every node, and print where they differ"},
			&cli.DurationFlag{Name: "watch", Usage: "print it anew each `TIME`, until it is interrupted"}),
		run: func(ctx context.Context, c *cli.Context) error {
			o, err := adminOptionsOf(c)
			if err != nil {
				return err
			}
			s := statusOptions{o, c.Bool("check"), c.Bool("classic"), c.Bool("partitions"), c.Bool("all-views"), c.Duration("watch")}
			if c.IsSet("watch") && s.watch < watchLeast {
				return usagef("", "--watch is %v: want at least %v", s.watch, watchLeast)
			}
			return status(ctx, e, s)
		},
	}
}

// watchLeast is how often the status is asked for at most.
const watchLeast = 100 * time.Millisecond

// clusterStatus is what a node answers to GET /v1/cluster/status, but for the
// evidence.
type clusterStatus struct {
	Cluster struct {
		Name       string `json:"name"`
		Replicas   int    `json:"replicas"`
		Partitions int    `json:"partitions"`
		Epoch      uint64 `json:"epoch"`
	} `json:"cluster"`
	SeenBy struct {
		Name string `json:"name"`
		ID   string `json:"id"`
	} `json:"seen_by"`
	Waiting string       `json:"waiting"`
	Nodes   []nodeStatus `json:"nodes"`
}

type nodeStatus struct {
	Name       string   `json:"name"`
	ID         string   `json:"id"`
	Self       bool     `json:"self"`
	Zone       string   `json:"zone"`
	State      string   `json:"state"`
	Reachable  bool     `json:"reachable"`
	Suspect    bool     `json:"suspect"`
	Phi        *float64 `json:"phi"`    // nil: not measured
	Gossip     string   `json:"gossip"` // alive, dead, unknown
	Client     string   `json:"client"`
	Peer       string   `json:"peer"`
	GossipAddr string   `json:"gossip_addr"`
	HTTP       string   `json:"http"`
	Partitions int      `json:"partitions"`
	Error      string   `json:"error"`

	Answer verdict.Answer `json:"answer"` // of the status; "": of a list of nodes
}

// statusOptions are those of status: what is printed, and how often.
type statusOptions struct {
	adminOptions
	check, classic, partitions, allViews bool
	watch                                time.Duration // 0: once
}

func status(ctx context.Context, e *env, o statusOptions) error {
	show := statusOnce
	if o.allViews {
		show = allViews
	}
	if o.watch == 0 {
		return show(ctx, e, o)
	}
	tick := time.NewTicker(o.watch)
	defer tick.Stop()
	for {
		err := show(ctx, e, o)
		var known *failure
		switch {
		case ctx.Err() != nil:
			return nil // it was interrupted, as it was meant to be
		case err != nil && isUsage(err):
			return err
		case err != nil && !(errors.As(err, &known) && known.told):
			fmt.Fprintf(e.stdout, "verdict  %-12s%v\n", verdict.Unknown, err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if o.format.forPeople() {
			fmt.Fprintln(e.stdout)
		}
	}
}

func statusOnce(ctx context.Context, e *env, o statusOptions) error {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	v, err := o.status(ctx)
	if err != nil && o.check && o.format.forPeople() && !isUsage(err) {
		fmt.Fprintf(e.stdout, "verdict  %-12s%v\n", verdict.Unknown, err)
		return exitWith(exitFailing)
	}
	if err != nil {
		return err
	}
	v.check, v.classic, v.partitions = o.check, o.classic, o.partitions
	if err := o.format.print(e.stdout, v); err != nil {
		return err
	}
	if o.check && !v.result.Verdict.Passes() {
		return exitWith(exitFailing)
	}
	return nil
}

func isUsage(err error) bool {
	var f *failure
	return errors.As(err, &f) && f.exit == exitUsage
}

// status asks for the cluster as any node sees it, and judges the evidence.
func (o adminOptions) status(ctx context.Context) (*statusView, error) {
	asked := time.Now()
	v := new(statusView)
	err := o.ask(ctx, "/v1/cluster/status", &v.answer)
	if err == nil {
		err = v.read(time.Since(asked))
	}
	return v, err
}
