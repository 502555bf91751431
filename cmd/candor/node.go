package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

func nodeLeaves(e *env) []*cli.Command {
	return []*cli.Command{nodeListLeaf(e).command("node"), nodeInfoLeaf(e).command("node")}
}

func nodeListLeaf(e *env) leaf {
	return leaf{
		name: "ls", about: "print one line per node", views: true,
		examples: []string{"candor node ls", "candor node ls -o wide                       with all addresses", "candor node ls -o name"},
		flags:    adminFlags(),
		run: func(ctx context.Context, c *cli.Context) error {
			o, err := adminOptionsOf(c)
			if err != nil {
				return err
			}
			return nodeList(ctx, e, o)
		},
	}
}

func nodeInfoLeaf(e *env) leaf {
	return leaf{
		name: "info", args: "NODE", about: "print what a node says of itself, and what another sees of it", views: true, least: 1, most: 1,
		examples: []string{"candor node info n2", "candor node info n2 -o json"},
		flags:    adminFlags(),
		run: func(ctx context.Context, c *cli.Context) error {
			o, err := adminOptionsOf(c)
			if err != nil {
				return err
			}
			return nodeInfo(ctx, e, o, c.Args().Get(0))
		},
	}
}

// nodeListView is the nodes as one of them sees them.
type nodeListView struct {
	APIVersion string       `json:"apiVersion"`
	Kind       string       `json:"kind"`
	Cluster    string       `json:"cluster"`
	Epoch      uint64       `json:"epoch"`
	SeenBy     string       `json:"seen_by"`
	AgeMS      int64        `json:"age_ms"`
	Nodes      []nodeStatus `json:"nodes"`
	status     *statusView
}

func (v *nodeListView) screen(wide bool) screen {
	return screen{rows: v.status.nodeRows(wide), below: v.status.seen() + "\n"}
}

func (v *nodeListView) names() []string { return v.status.names() }

func nodeList(ctx context.Context, e *env, o adminOptions) error {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	s, err := o.status(ctx)
	if err != nil {
		return err
	}
	v := &nodeListView{apiVersion, "NodeList", s.Cluster.Name, s.Cluster.Epoch, s.SeenBy.Name, s.evidenceAge(), s.Nodes, s}
	if v.Nodes == nil {
		v.Nodes = []nodeStatus{}
	}
	return o.format.print(e.stdout, v)
}

// nodeView is one node: what another sees of it, and what it answers itself.
type nodeView struct {
	APIVersion string     `json:"apiVersion"`
	Kind       string     `json:"kind"`
	SeenBy     string     `json:"seen_by"`
	AgeMS      int64      `json:"age_ms"`
	Node       nodeStatus `json:"node"`
	// Own is null if the node itself did not answer; Error then says why.
	Own    *nodeOwn `json:"own"`
	Error  string   `json:"error,omitempty"`
	status *statusView
}

// nodeOwn is what a node says of itself.
type nodeOwn struct {
	Version string `json:"version"`
	Epoch   uint64 `json:"epoch"`
	Ready   bool   `json:"ready"`
	Sees    int    `json:"sees"` // nodes that answer it, itself among them
	Of      int    `json:"of"`
}

func (v *nodeView) names() []string { return []string{v.Node.Name} }

func (v *nodeView) screen(bool) screen {
	n := &v.Node
	rows := [][]string{
		{"node", n.Name + "   " + n.ID},
		{"state", n.shownState() + "   " + v.status.seen()},
		{"zone", orDash(n.Zone)},
		{"partitions", fmt.Sprintf("%s of %s", grouped(n.Partitions), grouped(v.status.Cluster.Partitions))},
		{"client", n.Client}, {"peer", n.Peer}, {"gossip", n.GossipAddr}, {"admin", n.HTTP},
		{"version", "?"}, {"epoch", "?"}, {"ready", "?"}, {"sees", "?"},
	}
	if v.Own != nil {
		ready := "no"
		if v.Own.Ready {
			ready = "yes"
		}
		own := []string{v.Own.Version, fmt.Sprint(v.Own.Epoch), ready, fmt.Sprintf("%s of %s up", grouped(v.Own.Sees), counted(v.Own.Of, "node"))}
		for i, cell := range own {
			rows[len(rows)-len(own)+i][1] = cell
		}
	}
	reasons := slices.Compact(slices.DeleteFunc([]string{v.Error, n.Error}, func(why string) bool { return why == "" }))
	if len(reasons) > 0 {
		rows = append(rows, []string{"why", strings.Join(reasons, "; ")})
	}
	return screen{above: columns(rows)}
}

// nodeInfo asks any node about this one, and then this one itself. That it does
// not answer is a part of the result.
func nodeInfo(ctx context.Context, e *env, o adminOptions, name string) error {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	s, err := o.status(ctx)
	if err != nil {
		return err
	}
	v := &nodeView{APIVersion: apiVersion, Kind: "Node", SeenBy: s.SeenBy.Name, AgeMS: s.evidenceAge(), status: s}
	for _, n := range s.Nodes {
		if n.Name == name || n.ID == name {
			v.Node = n
		}
	}
	if v.Node.Name == "" {
		return usagef("candor node ls", "there is no node %q%s", name, didYouMean(name, s.names()))
	}
	var stranger *strangerError
	switch v.Own, err = askNode(ctx, &v.Node); {
	case errors.As(err, &stranger):
		stranger.among(s.Nodes)
		v.Error = err.Error() + ": " + stranger.advice()
	case err != nil:
		v.Error = err.Error()
	}
	if err := o.format.print(e.stdout, v); err != nil {
		return err
	}
	if v.Own == nil {
		return exitWith(exitPartly)
	}
	return nil
}

// askNode asks a node about itself. That another one answers in its place is an error.
func askNode(ctx context.Context, n *nodeStatus) (*nodeOwn, error) {
	status, body, err := adminGet(ctx, n.HTTP, "/v1/cluster/status")
	if err != nil {
		return nil, err
	}
	var s struct {
		clusterStatus
		SeenBy struct {
			ID      string `json:"id"`
			Version string `json:"version"`
		} `json:"seen_by"`
	}
	if err := json.Unmarshal(body, &s); err != nil || status != http.StatusOK {
		return nil, fmt.Errorf("%s: answered with HTTP status %d", n.HTTP, status)
	}
	if err := n.isAnswering(s.SeenBy.ID); err != nil {
		return nil, err
	}
	own := &nodeOwn{Version: s.SeenBy.Version, Epoch: s.Cluster.Epoch, Of: len(s.Nodes)}
	for i := range s.Nodes {
		if s.Nodes[i].Reachable {
			own.Sees++
		}
	}
	if status, _, err := adminGet(ctx, n.HTTP, "/readyz"); err == nil {
		own.Ready = status == http.StatusOK
	}
	return own, nil
}
