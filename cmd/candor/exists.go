package main

import (
	"context"
	"errors"
	"sync"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/client"
)

func existsLeaf(e *env) leaf {
	return leaf{
		name: "exists", args: "KEY...", about: "say whether keys exist; exit 0 if all do, 3 if the level agrees that one is absent", views: true, least: 1, most: -1,
		examples: []string{
			"candor exists user:42",
			"candor exists user:42 user:43 -c all",
			"candor exists lock -q -o name >/dev/null && echo taken",
		},
		flags: dataFlags(),
		run: func(ctx context.Context, c *cli.Context) error {
			f, err := formatOf(c)
			if err != nil {
				return err
			}
			t, err := targetOf(c)
			if err != nil {
				return err
			}
			return exists(ctx, e, t, f, c.Args().Slice())
		},
	}
}

// existsView has a row for each key, in the order in which they were given.
type existsView struct {
	APIVersion string      `json:"apiVersion"`
	Kind       string      `json:"kind"`
	Partial    bool        `json:"partial"` // of some nothing is known
	Keys       []existsRow `json:"keys"`
}

type existsRow struct {
	Key     *string `json:"key,omitempty"`
	KeyB64  *string `json:"key_b64,omitempty"`
	Exists  *bool   `json:"exists"` // null: not known
	Version string  `json:"version,omitempty"`
	Expires string  `json:"expires,omitempty"`
	Error   string  `json:"error,omitempty"`
	err     error
}

func (v *existsView) screen(wide bool) screen {
	var rows [][]string
	for i := range v.Keys {
		k := &v.Keys[i]
		row := []string{k.word(), keyNames(k.Key, k.KeyB64)[0]}
		if wide {
			row = append(row, orDash(k.Version), orDash(k.Expires))
		}
		rows = append(rows, row)
	}
	return screen{above: columns(rows)}
}

func (r *existsRow) word() string {
	switch {
	case r.Exists == nil:
		return "?"
	case *r.Exists:
		return "exists"
	}
	return "absent"
}

// names are the keys that exist.
func (v *existsView) names() (names []string) {
	for _, k := range v.Keys {
		if k.Exists != nil && *k.Exists {
			names = append(names, keyNames(k.Key, k.KeyB64)...)
		}
	}
	return names
}

// existsAtOnce is how many keys are asked for at a time.
const existsAtOnce = 16

// exists asks for all keys and prints a row for each, also for one of which
// nothing could be learned; then it tells why.
func exists(ctx context.Context, e *env, t target, f format, keys []string) error {
	v := &existsView{APIVersion: apiVersion, Kind: "ExistsList", Keys: make([]existsRow, len(keys))}
	err := t.with(ctx, func(ctx context.Context, c *client.Client) error {
		var workers sync.WaitGroup
		next := make(chan int)
		for range min(existsAtOnce, len(keys)) {
			workers.Go(func() {
				for i := range next {
					v.Keys[i] = existsOne(ctx, c, t, keys[i])
				}
			})
		}
		for i := range keys {
			next <- i
		}
		close(next)
		workers.Wait()
		return nil
	})
	if err != nil {
		return err
	}
	absent, worst := false, error(nil)
	for i := range v.Keys {
		row := &v.Keys[i]
		if v.Partial = v.Partial || row.err != nil; row.err != nil && worst == nil {
			worst = row.err
		}
		absent = absent || row.Exists != nil && !*row.Exists
	}
	if err := f.print(e.stdout, v); err != nil {
		return err
	}
	switch {
	case worst != nil:
		return t.placed(worst)
	case absent:
		return exitWith(exitNotFound)
	}
	return nil
}

func existsOne(ctx context.Context, c *client.Client, t target, key string) existsRow {
	k := textOf([]byte(key))
	row := existsRow{Key: k.plain, KeyB64: k.b64}
	item, err := c.Get(ctx, []byte(key), t.call()...)
	found := err == nil
	switch {
	case found:
		row.Expires = timeText(item.Expires)
		fallthrough
	case errors.Is(err, client.ErrNotFound):
		row.Exists, row.Version = &found, versionText(item.Version)
	default:
		row.Error, row.err = err.Error(), err
	}
	return row
}
