package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/client"
)

func getLeaf(e *env) leaf {
	return leaf{
		name: "get", args: "KEY", about: "print the value of a key; exit 3 if the level agrees that it is absent", least: 1, most: 1,
		examples: []string{
			"candor get user:42",
			"candor get user:42 --receipt                 also who answered, and with which version",
			"candor get user:42 -c one -o json",
			"candor get photo --raw > photo.jpg           exactly the bytes, no newline",
			"candor get user:42 --after VERSION           at least as new as what you have seen",
		},
		flags: dataFlags(append(formFlags("print exactly the bytes, without a newline"), receiptFlag(),
			&cli.StringFlag{Name: "after", Usage: "fail rather than answer with something older than this `VERSION`"})...),
		run: func(ctx context.Context, c *cli.Context) error {
			o := getOptions{key: []byte(c.Args().Get(0)), receipt: c.Bool("receipt"), json: asJSON(c)}
			var err error
			if o.target, err = targetOf(c); err != nil {
				return err
			}
			if o.form, err = formOf(c); err != nil {
				return err
			}
			if o.after, err = versionFlag(c, "after"); err != nil {
				return err
			}
			return get(ctx, e, o)
		},
	}
}

type getOptions struct {
	target
	key     []byte
	after   client.Version
	form    form
	receipt bool
	json    bool
}

// versionFlag is the version that a flag gives; zero if it is not given.
func versionFlag(c *cli.Context, name string) (client.Version, error) {
	text := c.String(name)
	if text == "" {
		return client.Version{}, nil
	}
	v, err := client.ParseVersion(text)
	if err != nil {
		return v, usagef("", "--%s: %v", name, err)
	}
	return v, nil
}

type itemJSON struct {
	APIVersion string      `json:"apiVersion"`
	Kind       string      `json:"kind"`
	Key        *string     `json:"key,omitempty"`
	KeyB64     *string     `json:"key_b64,omitempty"`
	Found      bool        `json:"found"`
	Value      *string     `json:"value,omitempty"`
	ValueB64   *string     `json:"value_b64,omitempty"`
	Version    string      `json:"version,omitempty"`
	Expires    string      `json:"expires,omitempty"`
	Receipt    receiptJSON `json:"receipt"`
}

func get(ctx context.Context, e *env, o getOptions) error {
	return o.with(ctx, func(ctx context.Context, c *client.Client) error {
		opts := o.call(client.After(o.after))
		if o.receipt {
			opts = append(opts, client.PerReplica())
		}
		item, err := c.Get(ctx, o.key, opts...)
		absent := errors.Is(err, client.ErrNotFound)
		switch {
		case err != nil && !absent:
			return err
		case o.json:
			return itemToJSON(e, &item, absent)
		case absent:
			fmt.Fprintf(e.stderr, "not found  %q   %v\n", o.key, item.Receipt)
			e.printRows(&item.Receipt, o.receipt)
			return exitWith(exitNotFound)
		}
		if _, err := e.stdout.Write(o.form.encode(item.Value)); err != nil {
			return err
		}
		if o.receipt {
			fmt.Fprintf(e.stderr, "found     %v   %v\n", item.Version, item.Receipt)
		}
		e.printRows(&item.Receipt, o.receipt)
		return nil
	})
}

// printRows tells what each replica did, if that was asked for.
func (e *env) printRows(r *client.Receipt, wanted bool) {
	if wanted {
		fmt.Fprint(e.stderr, receiptRows(r))
	}
}

func itemToJSON(e *env, item *client.Item, absent bool) error {
	key := textOf(item.Key)
	j := itemJSON{
		APIVersion: apiVersion, Kind: "Item", Key: key.plain, KeyB64: key.b64, Found: !absent, Version: versionText(item.Version),
		Expires: timeText(item.Expires), Receipt: receiptOf(&item.Receipt),
	}
	if !absent {
		value := textOf(item.Value)
		j.Value, j.ValueB64 = value.plain, value.b64
	}
	if err := writeJSON(e.stdout, j); err != nil || !absent {
		return err
	}
	return exitWith(exitNotFound)
}
