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
		name: "get", args: "KEY", about: "print the value of a key; exit 3 if the level agrees that it is absent, 4 if only a lower one was met (--weaken)", views: true, least: 1, most: 1,
		examples: []string{
			"candor get user:42",
			"candor get user:42 --receipt                 also who answered, and with which version",
			"candor get user:42 -c one -o json",
			"candor get photo --raw > photo.jpg           exactly the bytes, no newline",
			"candor get user:42 --after VERSION           at least as new as what you have seen",
			"candor get user:42 --trace                   also what was done on the way, and when",
			"candor get user:42 -c all --weaken           the best level possible, and which one it was",
		},
		flags: dataFlags(append(formFlags("print exactly the bytes, without a newline"), receiptFlag(), traceFlag(), weakenFlag(),
			&cli.StringFlag{Name: "after", Usage: "fail rather than answer with something older than this `VERSION`"})...),
		run: func(ctx context.Context, c *cli.Context) error {
			o := getOptions{key: []byte(c.Args().Get(0)), receipt: c.Bool("receipt"), trace: c.Bool("trace"), weaken: c.Bool("weaken")}
			var err error
			if o.format, err = formatOf(c); err != nil {
				return err
			}
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
	format                 format
	key                    []byte
	after                  client.Version
	form                   form
	receipt, trace, weaken bool
}

// versionFlag is the version that a flag gives; zero if it is not given. An empty
// one is an error: a variable of a script that was never set is no version, and
// the write would be another one than was meant.
func versionFlag(c *cli.Context, name string) (client.Version, error) {
	if !c.IsSet(name) {
		return client.Version{}, nil
	}
	v, err := writtenVersion(c.String(name))
	if err != nil {
		return v, usagef("", "--%s: %v", name, err)
	}
	return v, nil
}

// writtenVersion is a version that a write may have: not 0, which on the wire
// says that there is none.
func writtenVersion(text string) (client.Version, error) {
	v, err := client.ParseVersion(text)
	if err == nil && v.IsZero() {
		err = errors.New("no write has the version 0")
	}
	return v, err
}

// itemView is what a read found. Its screen is about the value, which itself is
// printed as it is.
type itemView struct {
	APIVersion string      `json:"apiVersion"`
	Kind       string      `json:"kind"`
	Key        *string     `json:"key,omitempty"`
	KeyB64     *string     `json:"key_b64,omitempty"`
	Found      bool        `json:"found"`
	Value      *string     `json:"value,omitempty"`
	ValueB64   *string     `json:"value_b64,omitempty"`
	Version    string      `json:"version,omitempty"`
	Expires    string      `json:"expires,omitempty"`
	Weakened   bool        `json:"weakened,omitempty"` // a lower level than the one asked for was met, or may have been
	Receipt    receiptView `json:"receipt"`
	Trace      []traceStep `json:"trace,omitempty"`
	receipt    client.Receipt
	asked      string // the level; "": not known
}

func itemOf(item *client.Item, found bool, trace *client.Trace) *itemView {
	key := textOf(item.Key)
	v := &itemView{
		APIVersion: apiVersion, Kind: "Item", Key: key.plain, KeyB64: key.b64, Found: found, Version: versionText(item.Version),
		Expires: timeText(item.Expires), Receipt: receiptOf(&item.Receipt), Trace: traceOf(trace), receipt: item.Receipt,
	}
	if found {
		value := textOf(item.Value)
		v.Value, v.ValueB64 = value.plain, value.b64
	}
	return v
}

func (v *itemView) screen(bool) screen {
	above := fmt.Sprintf("found     %s   %v\n", v.Version, v.receipt)
	if !v.Found {
		above = fmt.Sprintf("not found  %s   %v\n", quotedKey(v.Key, v.KeyB64), v.receipt)
	}
	if v.Expires != "" {
		above += "expires   " + v.Expires + "\n"
	}
	return screen{above: above, below: receiptRows(&v.receipt)}
}

func (v *itemView) names() []string { return keyNames(v.Key, v.KeyB64) }

func get(ctx context.Context, e *env, o getOptions) error {
	return o.with(ctx, func(ctx context.Context, c *client.Client) error {
		opts, trace := o.call(client.After(o.after)), (*client.Trace)(nil)
		if o.receipt || o.format.form == "wide" {
			opts = append(opts, client.PerReplica())
		}
		if o.weaken {
			opts = append(opts, client.Weaken())
		}
		if o.trace {
			trace = new(client.Trace)
			opts = append(opts, client.TraceTo(trace))
		}
		item, err := c.Get(ctx, o.key, opts...)
		absent := errors.Is(err, client.ErrNotFound)
		if err != nil && !absent {
			return withTrace(err, trace)
		}
		v := itemOf(&item, !absent, trace)
		if o.weaken {
			v.asked = o.asked(ctx, c)
			v.Weakened = v.asked != v.Receipt.Level
		}
		return printItem(e, o, v, item.Value)
	})
}

// asked is the level that the read should have had; "" where it was left to the
// namespace, and no node tells what that has.
func (o getOptions) asked(ctx context.Context, c *client.Client) string {
	if o.level != 0 {
		return o.level.String()
	}
	var list namespaceListView
	body, err := firstAnswer(ctx, adminsOf(c.Ring()), "/v1/namespaces")
	if err == nil {
		err = decodeAnswer(body, &list)
	}
	for _, ns := range list.Namespaces {
		if err == nil && ns.Name == o.ns() {
			return ns.ReadLevel
		}
	}
	return ""
}

// weakenedText is the sentence about an answer at a lower level.
func (v *itemView) weakenedText() string {
	what := "this is the answer at " + v.Receipt.Level
	if !v.Found {
		what = "only " + v.Receipt.Level + " agrees that the key is absent"
	}
	if v.asked == "" {
		return what + "; which level the namespace has is not known, so it may be a lower one"
	}
	return "weakened: " + v.asked + " could not be met; " + what
}

// printItem prints the value alone on stdout, for people, and all else on
// stderr.
func printItem(e *env, o getOptions, v *itemView, value []byte) error {
	var err error
	switch {
	case !o.format.forPeople():
		err = o.format.print(e.stdout, v)
	case v.Found:
		_, err = e.stdout.Write(o.form.encode(value))
	}
	if err != nil {
		return err
	}
	if o.format.forPeople() {
		if !v.Found || o.receipt || o.format.form == "wide" {
			fmt.Fprint(e.stderr, v.screen(true))
		}
		fmt.Fprint(e.stderr, traceText(v.Trace))
	}
	if v.Weakened {
		fmt.Fprintln(e.stderr, v.weakenedText())
	}
	switch {
	case v.Weakened: // first: that the level agrees is what exit 3 means
		return exitWith(exitPartly)
	case !v.Found:
		return exitWith(exitNotFound)
	}
	return nil
}
