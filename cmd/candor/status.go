package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"
)

func statusLeaf(e *env) leaf {
	return leaf{
		name: "status", about: "print one line per node, and in how many partitions a quorum is possible", views: true,
		examples: []string{
			"candor status",
			"candor status --check                        only the verdict; exit 9 if a quorum is not possible everywhere",
			"candor status -o wide                        with all addresses",
			"candor status -o name                        the nodes",
			"candor status --classic                      with the two letters that other stores have",
			"candor status --admin 127.0.0.1:7403         ask this node's admin port, if client ports are dead",
		},
		flags: adminFlags(
			&cli.BoolFlag{Name: "check", Usage: "print the verdict, and exit 9 if it is FAILING or UNKNOWN"},
			&cli.BoolFlag{Name: "classic", Usage: "print UN, DN, UJ or UL for each node"}),
		run: func(ctx context.Context, c *cli.Context) error {
			o, err := adminOptionsOf(c)
			if err != nil {
				return err
			}
			return status(ctx, e, statusOptions{o, c.Bool("check"), c.Bool("classic")})
		},
	}
}

// clusterStatus is what a node answers to GET /v1/cluster/status, as far as it
// is shown here.
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
	Quorum  struct {
		Possible int   `json:"possible"`
		Certain  int   `json:"certain"` // without the nodes that are silent
		Of       int   `json:"of"`
		Failing  []int `json:"failing"`
	} `json:"quorum"`
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
}

// statusOptions are those of status: only the verdict, or in the form of other
// stores.
type statusOptions struct {
	adminOptions
	check, classic bool
}

func status(ctx context.Context, e *env, o statusOptions) error {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	v, err := o.status(ctx)
	if err != nil && o.check && o.format.forPeople() && !isUsage(err) {
		fmt.Fprintf(e.stdout, "verdict  %-12s%v\n", verdictUnknown, err)
		return exitWith(exitFailing)
	}
	if err != nil {
		return err
	}
	v.check, v.classic = o.check, o.classic
	if err := o.format.print(e.stdout, v); err != nil {
		return err
	}
	if o.check && !v.verdict().passes() {
		return exitWith(exitFailing)
	}
	return nil
}

func isUsage(err error) bool {
	var f *failure
	return errors.As(err, &f) && f.exit == exitUsage
}

// status asks for the cluster as any node sees it.
func (o adminOptions) status(ctx context.Context) (*statusView, error) {
	asked := time.Now()
	v := new(statusView)
	err := o.ask(ctx, "/v1/cluster/status", &v.answer)
	if err == nil {
		err = decodeAnswer(v.answer, &v.clusterStatus)
	}
	v.age = time.Since(asked)
	return v, err
}
