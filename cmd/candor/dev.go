package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/config"
)

func devLeaf(e *env) leaf {
	return leaf{
		name: "dev", about: "run a cluster of real processes on this machine until Ctrl-C",
		examples: []string{
			"candor dev",
			"candor dev --nodes 5 --dir ./cluster         kept; the same folder goes on where it stopped",
			"candor dev --base-port 0 -o json             free ports, and one line of JSON when all are ready",
			"candor dev --set cluster.partitions=64 --set log.level=debug",
		},
		flags: []cli.Flag{
			&cli.IntFlag{Name: "nodes", Value: 3, Usage: "`N` nodes"},
			&cli.StringFlag{Name: "dir", Usage: "`FOLDER` that keeps the nodes' files; one that is removed at the end if not given"},
			&cli.IntFlag{Name: "base-port", Value: 7400, Usage: "node i has client, peer, gossip and admin `PORT` base + 10*(i-1) + 0 to 3; 0 picks free ones"},
			setFlag(), outputFlag(), quietFlag(),
			&cli.DurationFlag{Name: "timeout", Value: readyTimeout, Usage: "how long to wait for all nodes"},
		},
		run: func(ctx context.Context, c *cli.Context) error {
			o := devOptions{
				nodes: c.Int("nodes"), nodesSet: c.IsSet("nodes"), dir: c.String("dir"), base: c.Int("base-port"), baseSet: c.IsSet("base-port"),
				sets: c.StringSlice("set"), timeout: c.Duration("timeout"), json: asJSON(c), quiet: c.Bool("quiet"),
			}
			switch {
			case o.nodes < 1 || o.nodes > devNodesMax:
				return usagef("", "--nodes is %d: want 1 to %d", o.nodes, devNodesMax)
			case o.base < 0 || o.base > 65535-10*o.nodes:
				return usagef("", "--base-port is %d: want 0, or at most %d", o.base, 65535-10*o.nodes)
			}
			return dev(ctx, e, o)
		},
	}
}

const (
	devNodesMax  = 32
	readyTimeout = time.Minute
	devReplicas  = 3 // where there are that many nodes
)

type devOptions struct {
	nodes       int
	nodesSet    bool
	dir         string
	kept        bool // the folder is the caller's
	base        int
	baseSet     bool
	sets        []string
	timeout     time.Duration
	json, quiet bool
}

// devNode is one node of a dev cluster.
type devNode struct {
	name, dir, config, log, data string
	client, peer, gossip, admin  string
	settings                     *config.Config
	id                           string // once it is ready
	process                      *process
}

// dev lays the folders out, starts the nodes, waits until all are ready, and
// then until ctx ends.
func dev(ctx context.Context, e *env, o devOptions) (err error) {
	if o.dir == "" {
		made, err := os.MkdirTemp("", "candor-dev-")
		if err != nil {
			return failf(exitFailed, "", "no folder can be made: %w", err)
		}
		defer os.RemoveAll(made)
		o.dir = made
	} else {
		o.kept = true
	}
	if o.dir, err = filepath.Abs(o.dir); err != nil {
		return failf(exitFailed, "", "%w", err)
	}
	nodes, err := layOut(o)
	if err != nil {
		return err
	}
	if err := portsFree(nodes); err != nil {
		return err
	}
	for _, n := range nodes {
		if err := n.write(); err != nil {
			return failf(exitFailed, "", "the files of %s cannot be written: %w", n.name, err)
		}
	}
	p, err := startAll(e, nodes)
	if err != nil {
		return err
	}
	defer p.stop()
	if err := p.awaitReady(ctx, o.timeout); err != nil {
		if ctx.Err() != nil {
			return nil // Ctrl-C ends it, whatever it waited for
		}
		return err
	}
	if err := announce(e, o, nodes); err != nil {
		return err
	}
	p.watch(ctx, e)
	return nil
}

// announce tells that the cluster is ready.
func announce(e *env, o devOptions, nodes []*devNode) error {
	if o.json {
		return announceJSON(e, nodes)
	}
	screen, next := devScreen(nodes, o.kept)
	fmt.Fprint(e.stdout, screen)
	if !o.quiet {
		fmt.Fprint(e.stderr, next)
	}
	return nil
}

// devScreen is what dev prints when all nodes are ready, and what it says comes
// next.
func devScreen(nodes []*devNode, kept bool) (screen, next string) {
	note := "data removed at exit"
	if kept {
		note = "data kept"
	}
	rows := [][]string{{"NODE", "PID", "CLIENT", "ADMIN", "DATA", counted(len(nodes), "process") + ", " + note + ", Ctrl-C stops them"}}
	var addrs []string
	for _, n := range nodes {
		rows = append(rows, []string{n.name, fmt.Sprint(n.process.pid()), n.client, n.admin, n.dir})
		addrs = append(addrs, n.client)
	}
	last := nodes[len(nodes)-1]
	return columns(rows) + "export CANDOR_ADDR=" + strings.Join(addrs, ",") + "\n",
		fmt.Sprintf("try    candor put hello world     candor get hello --receipt     candor explain hello     kill -9 %d; candor status\n", last.process.pid())
}

type devJSON struct {
	APIVersion string        `json:"apiVersion"`
	Kind       string        `json:"kind"`
	Nodes      []devNodeJSON `json:"nodes"`
}

type devNodeJSON struct {
	Name   string `json:"name"`
	ID     string `json:"id"`
	PID    int    `json:"pid"`
	Client string `json:"client"`
	Peer   string `json:"peer"`
	Gossip string `json:"gossip"`
	Admin  string `json:"admin"`
	Data   string `json:"data"`
}

func announceJSON(e *env, nodes []*devNode) error {
	j := devJSON{APIVersion: apiVersion, Kind: "DevCluster"}
	for _, n := range nodes {
		j.Nodes = append(j.Nodes, devNodeJSON{n.name, n.id, n.process.pid(), n.client, n.peer, n.gossip, n.admin, n.data})
	}
	return writeJSON(e.stdout, j)
}
