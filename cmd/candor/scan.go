package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/client"
)

func scanLeaf(e *env) leaf {
	return leaf{
		name: "scan", args: "[PREFIX]", about: "print all keys, or those that begin with a prefix, and prove what was covered", most: 1,
		examples: []string{
			"candor scan",
			"candor scan user: --keys-only",
			"candor scan '{tenant7}' -o json              keys that share a {tag}, in key order",
			"candor scan --limit 100 --cursor CURSOR      go on where an earlier scan ended",
		},
		flags: dataFlags(
			&cli.IntFlag{Name: "limit", Usage: "print at most `N` keys; all if not given"},
			&cli.StringFlag{Name: "cursor", Usage: "the `CURSOR` that an earlier scan ended with"},
			&cli.BoolFlag{Name: "keys-only", Usage: "leave the values out"}),
		run: func(ctx context.Context, c *cli.Context) error {
			o := scanOptions{
				prefix: []byte(c.Args().Get(0)), limit: c.Int("limit"), keysOnly: c.Bool("keys-only"), json: asJSON(c), quiet: c.Bool("quiet"),
			}
			var err error
			if o.target, err = targetOf(c); err != nil {
				return err
			}
			if o.limit < 0 || c.IsSet("limit") && o.limit == 0 {
				return usagef("", "--limit is %d: want at least 1", o.limit)
			}
			if text := c.String("cursor"); text != "" {
				if o.cursor, err = base64.RawURLEncoding.DecodeString(text); err != nil {
					return usagef("", "--cursor is none that a scan ended with")
				}
			}
			return scan(ctx, e, o)
		},
	}
}

type scanOptions struct {
	target
	prefix, cursor []byte
	limit          int
	keysOnly       bool
	json, quiet    bool
}

type scanItemJSON struct {
	APIVersion string  `json:"apiVersion"`
	Kind       string  `json:"kind"`
	Key        *string `json:"key,omitempty"`
	KeyB64     *string `json:"key_b64,omitempty"`
	Value      *string `json:"value,omitempty"`
	ValueB64   *string `json:"value_b64,omitempty"`
	Version    string  `json:"version"`
	Expires    string  `json:"expires,omitempty"`
}

type coverageJSON struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Keys       int    `json:"keys"`
	Done       int    `json:"partitions_done"`
	MetLevel   int    `json:"partitions_met_level"`
	Asked      int    `json:"partitions_asked"`
	Epoch      uint64 `json:"epoch"`
	Complete   bool   `json:"complete"`
	Cursor     string `json:"cursor,omitempty"`
}

// scan prints page by page, each with a deadline of its own, and ends with the
// coverage on stderr.
func scan(ctx context.Context, e *env, o scanOptions) error {
	opening, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	c, err := o.open(opening)
	if err != nil {
		return err
	}
	defer closeClient(c)
	opts := o.call()
	if o.keysOnly {
		opts = append(opts, client.KeysOnly())
	}
	end := coverageJSON{APIVersion: apiVersion, Kind: "ScanCoverage"}
	out := bufio.NewWriter(e.stdout)
	cursor := o.cursor
	for {
		limit := 0
		if o.limit > 0 {
			limit = o.limit - end.Keys
		}
		page, err := c.ScanPage(ctx, o.prefix, cursor, limit, opts...)
		if err != nil {
			end.cursor(cursor)
			if bad := out.Flush(); bad != nil {
				return bad
			}
			end.print(e, o)
			return err
		}
		for i := range page.Items {
			if err := printItem(out, &page.Items[i], o); err != nil {
				return err
			}
		}
		if err := out.Flush(); err != nil {
			return err
		}
		end.Keys += len(page.Items)
		end.Done, end.MetLevel, end.Asked, end.Epoch = page.Coverage.Done, page.Coverage.MetLevel, page.Coverage.Asked, page.Epoch
		if cursor = page.Cursor; cursor == nil || o.limit > 0 && end.Keys >= o.limit {
			break
		}
	}
	end.Complete = cursor == nil
	end.cursor(cursor)
	end.print(e, o)
	return nil
}

func (end *coverageJSON) cursor(c []byte) {
	end.Cursor = base64.RawURLEncoding.EncodeToString(c)
}

func (end *coverageJSON) print(e *env, o scanOptions) {
	if o.json {
		_ = writeJSON(e.stderr, end) // there is nobody else to tell
		return
	}
	state := "complete"
	if !end.Complete {
		state = "not complete"
	}
	fmt.Fprintf(e.stderr, "%s keys   %s: %s of %s partitions read, %s of them at the level   epoch %d\n",
		grouped(end.Keys), state, grouped(end.Done), grouped(end.Asked), grouped(end.MetLevel), end.Epoch)
	if end.Cursor != "" && !o.quiet {
		fmt.Fprintf(e.stderr, "  next: --cursor %s\n", end.Cursor)
	}
}

func printItem(w *bufio.Writer, item *client.Item, o scanOptions) error {
	switch {
	case o.json:
		key := textOf(item.Key)
		j := scanItemJSON{
			APIVersion: apiVersion, Kind: "ScanItem", Key: key.plain, KeyB64: key.b64, Version: versionText(item.Version), Expires: timeText(item.Expires),
		}
		if !o.keysOnly {
			value := textOf(item.Value)
			j.Value, j.ValueB64 = value.plain, value.b64
		}
		return writeJSON(w, j)
	case o.keysOnly:
		_, err := fmt.Fprintln(w, shown(item.Key))
		return err
	}
	_, err := fmt.Fprintf(w, "%s\t%s\n", shown(item.Key), shown(item.Value))
	return err
}

// shown is bytes on one line: as they are if that can be read back, else quoted.
func shown(b []byte) string {
	quoted := fmt.Sprintf("%q", b)
	if plain := quoted[1 : len(quoted)-1]; plain == string(b) {
		return plain
	}
	return quoted
}
