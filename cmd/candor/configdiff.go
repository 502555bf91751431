package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/client"
)

func configDiffLeaf(e *env) leaf {
	return leaf{
		name: "diff", args: "NODE NODE", about: "print the settings that differ between two running nodes; exit 4 if there are any", least: 2, most: 2, views: true,
		examples: []string{
			"candor config diff n1 n2",
			"candor config diff n1 10.0.0.2:7480          a node by its admin address",
		},
		flags: clusterFlags(),
		run: func(ctx context.Context, c *cli.Context) error {
			t, err := targetOf(c)
			if err != nil {
				return err
			}
			f, err := formatOf(c)
			if err != nil {
				return err
			}
			return configDiff(ctx, e, t, f, [2]string{c.Args().Get(0), c.Args().Get(1)})
		},
	}
}

func configDiff(ctx context.Context, e *env, t target, f format, nodes [2]string) error {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	var settings [2]*configView
	for i, node := range nodes {
		admin, err := t.adminOf(ctx, node)
		if err != nil {
			return err
		}
		if settings[i], err = configAt(ctx, admin); err != nil {
			return err
		}
	}
	v := differenceOf(nodes, settings)
	if err := f.print(e.stdout, v); err != nil {
		return err
	}
	if len(v.Settings) > 0 {
		return exitWith(exitPartly)
	}
	return nil
}

// adminOf is the admin address of a node; host:port is one already.
func (t target) adminOf(ctx context.Context, node string) (string, error) {
	if strings.Contains(node, ":") {
		return node, nil
	}
	c, done, err := t.borrow(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	return adminIn(c.Ring().Members(), node)
}

func adminIn(members []client.Member, node string) (string, error) {
	var names []string
	for _, m := range members {
		if m.Name == node {
			return m.HTTP, nil
		}
		names = append(names, m.Name)
	}
	return "", usagef("candor ring show", "there is no node %q%s", node, didYouMean(node, names))
}

// configDiffView has the settings that differ between two nodes.
type configDiffView struct {
	APIVersion string      `json:"apiVersion"`
	Kind       string      `json:"kind"`
	Nodes      [2]string   `json:"nodes"`
	Compared   int         `json:"compared"` // settings
	Settings   []differing `json:"settings"`
}

type differing struct {
	Key    string    `json:"key"`
	Values [2]string `json:"values"` // in the order of the nodes; empty, too, for one that the node does not know
}

// differenceOf compares by key. Two builds may know different settings.
func differenceOf(nodes [2]string, settings [2]*configView) *configDiffView {
	v := &configDiffView{APIVersion: apiVersion, Kind: "ConfigDiff", Nodes: nodes, Settings: []differing{}}
	values := map[string]*[2]string{}
	var keys []string
	for i, s := range settings {
		for _, row := range s.Settings {
			if values[row.Key] == nil {
				values[row.Key] = new([2]string)
				keys = append(keys, row.Key)
			}
			values[row.Key][i] = row.Value
		}
	}
	v.Compared = len(keys)
	for _, key := range keys {
		if pair := values[key]; pair[0] != pair[1] {
			v.Settings = append(v.Settings, differing{key, *pair})
		}
	}
	return v
}

func (v *configDiffView) screen(bool) screen {
	s := screen{above: fmt.Sprintf("%s   %d differ\n", counted(v.Compared, "setting"), len(v.Settings))}
	if len(v.Settings) == 0 {
		return s
	}
	s.rows = [][]string{{"KEY", v.Nodes[0], v.Nodes[1]}}
	for _, d := range v.Settings {
		s.rows = append(s.rows, []string{d.Key, orDash(d.Values[0]), orDash(d.Values[1])})
	}
	return s
}

func (v *configDiffView) names() (names []string) {
	for _, d := range v.Settings {
		names = append(names, d.Key)
	}
	return names
}
