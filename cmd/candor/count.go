package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/client"
)

func countLeaf(e *env) leaf {
	return leaf{
		name: "count", args: "[PREFIX]", about: "count keys exactly, by reading them, and prove what was covered", views: true, most: 1,
		examples: []string{
			"candor count",
			"candor count user: -c quorum",
			"candor count '{tenant7}' -o json             one partition is read",
		},
		flags: dataFlags(weakenFlag(),
			&cli.BoolFlag{Name: "estimate", Usage: "from counters, without reading: this build keeps none, and refuses"}),
		run: func(ctx context.Context, c *cli.Context) error {
			if c.Bool("estimate") {
				return usagef("leave out --estimate: the count is then exact", "candor count: nodes keep no counters of keys yet, so there is nothing to estimate from; nothing was sent")
			}
			o, err := walkOptionsOf(c)
			if err != nil {
				return err
			}
			return count(ctx, e, o)
		},
	}
}

// countView is how many keys there are, with the proof that all were counted.
type countView struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Namespace  string   `json:"ns"`
	Prefix     *string  `json:"prefix,omitempty"`
	PrefixB64  *string  `json:"prefix_b64,omitempty"`
	Keys       int      `json:"keys"`
	Exact      bool     `json:"exact"`
	Coverage   coverage `json:"coverage"`
}

func (v *countView) screen(wide bool) screen {
	above := fmt.Sprintf("%d\n", v.Keys)
	if wide {
		above = fmt.Sprintf("%s\n", v.Coverage.text())
	}
	return screen{above: above}
}

func (v *countView) names() []string { return []string{fmt.Sprint(v.Keys)} }

// count reads keys without values, page by page. Where it ends early, nothing is
// printed on stdout: a number that is too small looks like one that is right.
func count(ctx context.Context, e *env, o walkOptions) error {
	c, err := o.opened(ctx)
	if err != nil {
		return err
	}
	defer closeClient(c)
	o.keysOnly = true
	end, err := o.walk(ctx, c, func([]client.Item) error { return nil })
	if err != nil {
		end.Cursor = "" // a count cannot go on there
		end.print(e, o.format)
		return err
	}
	prefix := textOf(o.prefix)
	v := &countView{
		APIVersion: apiVersion, Kind: "Count", Namespace: o.ns(), Prefix: prefix.plain, PrefixB64: prefix.b64,
		Keys: end.Keys, Exact: !end.Partial, Coverage: end,
	}
	if err := o.format.print(e.stdout, v); err != nil {
		return err
	}
	if o.format.form == "table" {
		end.print(e, o.format)
	}
	return end.exit()
}
