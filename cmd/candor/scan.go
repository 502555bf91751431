package main

import (
	"bufio"
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/client"
)

func scanLeaf(e *env) leaf {
	return leaf{
		name: "scan", args: "[PREFIX]", about: "print all keys, or those that begin with a prefix, and prove what was covered", views: true, most: 1,
		examples: []string{
			"candor scan",
			"candor scan user: --keys-only",
			"candor scan '{tenant7}' -o json              keys that share a {tag}, in key order",
			"candor scan -c quorum --weaken               partitions without a quorum too; exit 4 if there were any",
			"candor scan --limit 100 --cursor CURSOR      go on where an earlier scan ended",
		},
		flags: dataFlags(weakenFlag(),
			&cli.IntFlag{Name: "limit", Usage: "print at most `N` keys; all if not given"},
			&cli.StringFlag{Name: "cursor", Usage: "the `CURSOR` that an earlier scan ended with"},
			&cli.BoolFlag{Name: "keys-only", Usage: "leave the values out"}),
		run: func(ctx context.Context, c *cli.Context) error {
			o, err := walkOptionsOf(c)
			if err != nil {
				return err
			}
			o.limit, o.keysOnly = c.Int("limit"), c.Bool("keys-only")
			if o.limit < 0 || c.IsSet("limit") && o.limit == 0 {
				return usagef("", "--limit is %d: want at least 1", o.limit)
			}
			if text := c.String("cursor"); text != "" {
				if o.cursor, err = cursorOf(text); err != nil {
					return err
				}
			}
			return scan(ctx, e, o)
		},
	}
}

func walkOptionsOf(c *cli.Context) (o walkOptions, err error) {
	o.prefix, o.weaken = []byte(c.Args().Get(0)), c.Bool("weaken")
	if o.format, err = formatOf(c); err != nil {
		return o, err
	}
	o.target, err = targetOf(c)
	return o, err
}

// scanItemView is a key that a scan found.
type scanItemView struct {
	APIVersion string  `json:"apiVersion"`
	Kind       string  `json:"kind"`
	Key        *string `json:"key,omitempty"`
	KeyB64     *string `json:"key_b64,omitempty"`
	Value      *string `json:"value,omitempty"`
	ValueB64   *string `json:"value_b64,omitempty"`
	Version    string  `json:"version"`
	Expires    string  `json:"expires,omitempty"`
	line, wide string
}

func (v *scanItemView) screen(wide bool) screen {
	if wide {
		return screen{above: v.wide}
	}
	return screen{above: v.line}
}

func (v *scanItemView) names() []string { return keyNames(v.Key, v.KeyB64) }

func scanItemOf(item *client.Item, keysOnly bool) *scanItemView {
	key := textOf(item.Key)
	v := &scanItemView{
		APIVersion: apiVersion, Kind: "ScanItem", Key: key.plain, KeyB64: key.b64, Version: versionText(item.Version), Expires: timeText(item.Expires),
	}
	name := oneLined(item.Key)
	v.line, v.wide = name, fmt.Sprintf("%s\t%s\t%s", name, v.Version, orDash(v.Expires))
	if !keysOnly {
		value := textOf(item.Value)
		v.Value, v.ValueB64 = value.plain, value.b64
		v.line, v.wide = v.line+"\t"+oneLined(item.Value), v.wide+"\t"+oneLined(item.Value)
	}
	v.line, v.wide = v.line+"\n", v.wide+"\n"
	return v
}

// scan prints page by page, and ends with the coverage on stderr.
func scan(ctx context.Context, e *env, o walkOptions) error {
	c, err := o.opened(ctx)
	if err != nil {
		return err
	}
	defer closeClient(c)
	out := bufio.NewWriter(e.stdout)
	end, err := o.walk(ctx, c, func(items []client.Item) error {
		for i := range items {
			if err := o.format.print(out, scanItemOf(&items[i], o.keysOnly)); err != nil {
				return err
			}
		}
		return out.Flush()
	})
	end.print(e, o.format)
	if err != nil {
		return err
	}
	return end.exit()
}

// oneLined is bytes on one line: as they are if that can be read back, else quoted.
func oneLined(b []byte) string {
	quoted := fmt.Sprintf("%q", b)
	if plain := quoted[1 : len(quoted)-1]; plain == string(b) {
		return plain
	}
	return quoted
}
