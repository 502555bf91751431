package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/client"
)

func putLeaf(e *env) leaf {
	return leaf{
		name: "put", args: "KEY VALUE|-|@FILE", about: "write a key; exit 4 if a higher version won, exit 6 if in doubt", least: 2, most: 2,
		examples: []string{
			"candor put user:42 '{\"name\":\"Ada\"}'",
			"candor put cart:9921 @cart.json -c all       the value is the file's content",
			"echo hello | candor put greeting -           the value is what comes in on stdin",
			"candor put session:7 x --ttl 1h",
			"candor put user:42 x --version VERSION       repeat a write that ended in doubt; it is the same write",
			"candor put -- -key- -value-                  behind -- nothing is a flag",
		},
		flags: dataFlags(append(formFlags("take VALUE as it is, - and @ too"), receiptFlag(),
			&cli.DurationFlag{Name: "ttl", Usage: "let it expire after this `TIME`; the namespace's if not given, never if 0s"}, versionWriteFlag())...),
		run: func(ctx context.Context, c *cli.Context) error {
			o := putOptions{key: []byte(c.Args().Get(0)), ttl: c.Duration("ttl"), hasTTL: c.IsSet("ttl")}
			f, err := formOf(c)
			if err != nil {
				return err
			}
			if o.writeOptions, err = writeOptionsOf(c); err != nil {
				return err
			}
			if o.ttl < 0 {
				return usagef("", "--ttl is %v: want a time that is not negative", o.ttl)
			}
			if o.value, err = e.readValue(c.Args().Get(1), f); err != nil {
				return err
			}
			return put(ctx, e, o)
		},
	}
}

func versionWriteFlag() cli.Flag {
	return &cli.StringFlag{Name: "version", Usage: "the `VERSION` of an earlier write, to repeat it"}
}

// writeOptions are those of put and del.
type writeOptions struct {
	target
	reporting
	stamp   client.Version
	receipt bool
}

func writeOptionsOf(c *cli.Context) (o writeOptions, err error) {
	o.receipt, o.reporting = c.Bool("receipt"), reportingOf(c)
	if o.target, err = targetOf(c); err != nil {
		return o, err
	}
	o.stamp, err = versionFlag(c, "version")
	return o, err
}

type putOptions struct {
	writeOptions
	key, value []byte
	ttl        time.Duration
	hasTTL     bool
}

func put(ctx context.Context, e *env, o putOptions) error {
	return o.with(ctx, func(ctx context.Context, c *client.Client) error {
		// The rows are always asked for: a write in doubt names who holds it.
		opts := o.call(client.PerReplica(), client.Stamp(o.stamp))
		if o.hasTTL {
			opts = append(opts, client.TTL(o.ttl))
		}
		r, err := c.Put(ctx, o.key, o.value, opts...)
		if err != nil {
			return err
		}
		return written(e.stdout, "put", o.key, &r, o.writeOptions)
	})
}

type writeJSONResult struct {
	APIVersion   string      `json:"apiVersion"`
	Kind         string      `json:"kind"`
	Op           string      `json:"op"`
	Key          *string     `json:"key,omitempty"`
	KeyB64       *string     `json:"key_b64,omitempty"`
	Outcome      string      `json:"outcome"`
	Version      string      `json:"version"`
	SupersededBy string      `json:"superseded_by,omitempty"`
	Receipt      receiptJSON `json:"receipt"`
}

// written prints a write that is done. One that lost to a higher version is told
// and exits 4.
func written(w io.Writer, op string, key []byte, r *client.Receipt, o writeOptions) error {
	err := error(nil)
	outcome := "done"
	if r.Superseded() {
		outcome, err = "superseded", exitWith(exitPartly)
	}
	switch {
	case o.json:
		shown := *r
		if !o.receipt {
			shown.Replicas = nil
		}
		k := textOf(key)
		j := writeJSONResult{apiVersion, "WriteResult", op, k.plain, k.b64, outcome, r.Version.String(), versionText(r.SupersededBy), receiptOf(&shown)}
		if bad := writeJSON(w, j); bad != nil {
			return bad
		}
		return err
	case r.Superseded():
		fmt.Fprintf(w, "superseded  %v   by %v   %v\n", r.Version, r.SupersededBy, *r)
	default:
		fmt.Fprintf(w, "done      %v   %v\n", r.Version, *r)
	}
	if o.receipt {
		fmt.Fprint(w, receiptRows(r))
	}
	return err
}
