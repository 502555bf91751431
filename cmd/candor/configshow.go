package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/config"
)

func configLeaves(e *env) []*cli.Command {
	return []*cli.Command{
		configShowLeaf(e).command("config"), configCheckLeaf(e).command("config"), configDiffLeaf(e).command("config"),
		configReferenceLeaf(e).command("config"),
	}
}

func configShowLeaf(e *env) leaf {
	return leaf{
		name: "show", about: "print every setting: as serve would read them, or those that a running node has", views: true,
		examples: []string{
			"candor config show --config /etc/candor.yaml --origin",
			"candor config show --config n1.yaml --set log.level=debug",
			"candor config show --admin 127.0.0.1:7403 --origin    of the node that runs there",
		},
		flags: localFlags(configFlag(), setFlag(), adminFlag(), timeoutFlag(),
			&cli.BoolFlag{Name: "origin", Usage: "also where each value is from"}),
		run: func(ctx context.Context, c *cli.Context) error {
			f, err := formatOf(c)
			if err != nil {
				return err
			}
			o := configShowOptions{serveOptions{c.String("config"), c.StringSlice("set")}, c.String("admin"), c.Bool("origin"), f}
			if o.admin != "" && (o.config != "" || len(o.sets) > 0) {
				return usagef("", "--admin shows what a running node has: leave out --config and --set")
			}
			ctx, cancel := context.WithTimeout(ctx, c.Duration("timeout"))
			defer cancel()
			return configShow(ctx, e, o)
		},
	}
}

func adminFlag() cli.Flag {
	return &cli.StringFlag{Name: "admin", Usage: "admin `ADDRESS` host:port of a node (its listen.http)"}
}

type configShowOptions struct {
	serveOptions
	admin  string
	origin bool
	format format
}

func configShow(ctx context.Context, e *env, o configShowOptions) (err error) {
	var v *configView
	if o.admin != "" {
		v, err = configAt(ctx, o.admin)
	} else {
		v, err = o.settings(e)
	}
	if err != nil {
		return err
	}
	v.origin = o.origin
	return o.format.print(e.stdout, v)
}

// configView is every setting of a node, in the order of the reference.
type configView struct {
	APIVersion string       `json:"apiVersion"`
	Kind       string       `json:"kind"`
	Node       string       `json:"node,omitempty"` // of a node that runs
	ID         string       `json:"id,omitempty"`
	Settings   []settingRow `json:"settings"`
	origin     bool         // show it
}

type settingRow struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Origin string `json:"origin"`
}

// settings are those that serve would run with; what would not make sense
// together is shown all the same.
func (o serveOptions) settings(e *env) (*configView, error) {
	c, err := o.read(e)
	if err != nil {
		return nil, err
	}
	v := &configView{APIVersion: apiVersion, Kind: "Config"}
	for _, key := range config.Keys() {
		v.Settings = append(v.Settings, settingRow{key, c.Value(key), c.Origin(key)})
	}
	return v, nil
}

// configAt asks a running node.
func configAt(ctx context.Context, admin string) (*configView, error) {
	body, err := firstAnswer(ctx, []string{admin}, "/v1/config")
	if err != nil {
		return nil, &failure{exit: exitUnavailable, code: "UNAVAILABLE", err: fmt.Errorf("no settings: %w", err), hint: "--admin is the listen.http of a node that runs"}
	}
	v := new(configView)
	if err := decodeAnswer(body, v); err != nil {
		return nil, err
	}
	v.APIVersion, v.Kind = apiVersion, "Config"
	return v, nil
}

func (v *configView) screen(wide bool) screen {
	s := screen{rows: [][]string{{"KEY", "VALUE"}}}
	if v.origin || wide {
		s.rows[0] = append(s.rows[0], "ORIGIN")
	}
	for _, row := range v.Settings {
		cells := []string{row.Key, orDash(row.Value)}
		if v.origin || wide {
			cells = append(cells, row.Origin)
		}
		s.rows = append(s.rows, cells)
	}
	return s
}

// names are KEY=VALUE, as --set takes them.
func (v *configView) names() (names []string) {
	for _, row := range v.Settings {
		names = append(names, row.Key+"="+row.Value)
	}
	return names
}
