package main

import (
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/client"
)

func putLeaf(e *env) leaf {
	return leaf{
		name: "put", args: "KEY VALUE|-|@FILE", about: "write a key; exit 4 if a higher version won or an unseen one was buried, exit 6 if in doubt", views: true, least: 2, most: 2,
		examples: []string{
			"candor put user:42 '{\"name\":\"Ada\"}'",
			"candor put cart:9921 @cart.json -c all       the value is the file's content",
			"echo hello | candor put greeting -           the value is what comes in on stdin",
			"candor put session:7 x --ttl 1h",
			"candor put user:42 x --version VERSION       repeat a write that ended in doubt; it is the same write",
			"candor put user:42 x --seen VERSION          tell if it replaces a version that you have not seen",
			"candor put user:42 x --ordered               the node stamps it, above what a quorum holds",
			"candor put user:42 x --sloppy                other nodes may keep it for replicas that are down",
			"candor put -- -key- -value-                  behind -- nothing is a flag",
		},
		flags: dataFlags(append(formFlags("take VALUE as it is, - and @ too"), receiptFlag(),
			&cli.DurationFlag{Name: "ttl", Usage: "let it expire after this `TIME`; the namespace's if not given, never if 0s"}, versionWriteFlag(), seenFlag(), orderedFlag(), sloppyFlag(), traceFlag())...),
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

func seenFlag() cli.Flag {
	return &cli.StringFlag{Name: "seen", Usage: "the `VERSION` that you know the key has (" + seenNothing + ": that you know it has none); a newer one that this write replaces is told"}
}

// seenNothing is the word of --seen for a key that one has seen nothing of.
const seenNothing = "none"

func orderedFlag() cli.Flag {
	return &cli.BoolFlag{Name: "ordered", Usage: "let the node stamp it above what a quorum holds; costs a read, and cannot be repeated"}
}

func sloppyFlag() cli.Flag {
	return &cli.BoolFlag{Name: "sloppy", Usage: "let other nodes keep it for replicas that cannot be reached, and count toward the level"}
}

// writeOptions are those of put and del.
type writeOptions struct {
	target
	format                  format
	stamp, seen             client.Version
	hasSeen                 bool
	receipt, ordered, trace bool
	sloppy                  bool // level any is, too
	several                 bool // keys are written, so each line has its own
}

func writeOptionsOf(c *cli.Context) (o writeOptions, err error) {
	o.receipt, o.ordered, o.trace = c.Bool("receipt"), c.Bool("ordered"), c.Bool("trace")
	if o.format, err = formatOf(c); err != nil {
		return o, err
	}
	if o.target, err = targetOf(c); err != nil {
		return o, err
	}
	if o.sloppy = c.Bool("sloppy") || o.level == client.Any; o.sloppy {
		o.repeated += " --sloppy" // OUTCOME has to ask those who may keep it
	}
	if o.stamp, err = versionFlag(c, "version"); err != nil {
		return o, err
	}
	if o.hasSeen = c.IsSet("seen"); o.hasSeen && c.String("seen") != seenNothing {
		if o.seen, err = versionFlag(c, "seen"); err != nil {
			return o, usagef("--seen "+seenNothing+" says that you know the key has no version", "%v", err)
		}
	}
	if o.ordered && !o.stamp.IsZero() {
		return o, usagef("", "--ordered and --version exclude each other: an ordered write is stamped by the node")
	}
	return o, nil
}

// options are those of the write. The rows are always asked for: a write in
// doubt names who holds it.
func (o writeOptions) options(trace *client.Trace) []client.CallOption {
	opts := o.call(client.PerReplica(), client.Stamp(o.stamp))
	if o.hasSeen {
		opts = append(opts, client.Seen(o.seen))
	}
	if o.ordered {
		opts = append(opts, client.Ordered())
	}
	if o.sloppy {
		opts = append(opts, client.Sloppy())
	}
	if trace != nil {
		opts = append(opts, client.TraceTo(trace))
	}
	return opts
}

// steps is where the trace goes; nil if it was not asked for.
func (o writeOptions) steps() *client.Trace {
	if o.trace {
		return new(client.Trace)
	}
	return nil
}

type putOptions struct {
	writeOptions
	key, value []byte
	ttl        time.Duration
	hasTTL     bool
}

func put(ctx context.Context, e *env, o putOptions) error {
	return o.with(ctx, func(ctx context.Context, c *client.Client) error {
		trace := o.steps()
		opts := o.options(trace)
		if o.hasTTL {
			opts = append(opts, client.TTL(o.ttl))
		}
		r, err := c.Put(ctx, o.key, o.value, opts...)
		if err != nil {
			return withTrace(err, trace)
		}
		return e.written("put", o.key, &r, trace, o.writeOptions)
	})
}

// writeView is a write that is done.
type writeView struct {
	APIVersion   string      `json:"apiVersion"`
	Kind         string      `json:"kind"`
	Op           string      `json:"op"`
	Key          *string     `json:"key,omitempty"`
	KeyB64       *string     `json:"key_b64,omitempty"`
	Outcome      string      `json:"outcome"` // done, superseded
	Version      string      `json:"version"`
	SupersededBy string      `json:"superseded_by,omitempty"`
	Buried       string      `json:"buried,omitempty"` // the version that it replaced and its writer had not seen
	Receipt      receiptView `json:"receipt"`
	Trace        []traceStep `json:"trace,omitempty"`
	receipt      client.Receipt
	wantsRows    bool
	named        string // the key, where others are written too; else ""
}

func (v *writeView) screen(wide bool) screen {
	s := screen{above: fmt.Sprintf("done      %s%s   %v\n", v.named, v.Version, v.receipt)}
	if v.SupersededBy != "" {
		s.above = fmt.Sprintf("superseded  %s%s   by %s   %v\n", v.named, v.Version, v.SupersededBy, v.receipt)
	}
	if v.Buried != "" {
		s.above += "buried    " + v.Buried + "   a version that this write had not seen\n"
	}
	if wide || v.wantsRows {
		s.below = receiptRows(&v.receipt)
	}
	return s
}

// names is the version: what a script repeats or asks about the write with.
func (v *writeView) names() []string { return []string{v.Version} }

// doneUntold is the end of a write that is done, and whose answer could not be
// printed: it must not be taken for one that had no effect.
func doneUntold(op string, key []byte, r *client.Receipt, err error) error {
	return &failure{
		exit: exitPartly, code: "NOT_PRINTED",
		err: fmt.Errorf("%s %s is done, version %v, but that could not be printed: %w", op, shownKey(key), r.Version, err),
	}
}

// written prints a write that is done. One that lost to a higher version, or that
// replaced a version which its writer had not seen, is told and exits 4.
func (e *env) written(op string, key []byte, r *client.Receipt, trace *client.Trace, o writeOptions) error {
	shown := *r
	if !o.receipt && o.format.form != "wide" {
		shown.Replicas = nil
	}
	k := textOf(key)
	v := &writeView{
		APIVersion: apiVersion, Kind: "WriteResult", Op: op, Key: k.plain, KeyB64: k.b64, Outcome: "done", Version: r.Version.String(),
		SupersededBy: versionText(r.SupersededBy), Buried: versionText(r.Buried), Receipt: receiptOf(&shown), Trace: traceOf(trace),
		receipt: *r, wantsRows: o.receipt,
	}
	if r.Superseded() {
		v.Outcome = "superseded"
	}
	if o.several {
		v.named = fmt.Sprintf("%q   ", key)
	}
	if err := o.format.print(e.stdout, v); err != nil {
		return doneUntold(op, key, r, err)
	}
	if o.format.forPeople() {
		fmt.Fprint(e.stderr, traceText(v.Trace))
	}
	if r.Superseded() || !r.Buried.IsZero() {
		return exitWith(exitPartly)
	}
	return nil
}
