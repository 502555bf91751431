package main

import (
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/client"
)

func outcomeLeaf(e *env) leaf {
	return leaf{
		name: "outcome", args: "KEY VERSION", about: "what became of a write that ended in doubt", views: true, least: 2, most: 2,
		examples: []string{
			"candor outcome user:42 01a20322120200008f21c07d55aa1e04",
			"candor outcome user:42 01a20322120200008f21c07d55aa1e04 --wait 1m     keep asking while it is in doubt",
			"candor outcome user:42 01a20322120200008f21c07d55aa1e04 --sloppy      it was written with --sloppy or -c any",
		},
		flags: clusterFlags(namespaceFlag(),
			&cli.BoolFlag{Name: "sloppy", Usage: "the write was a sloppy one: other nodes may keep it"},
			&cli.DurationFlag{Name: "wait", Usage: "keep asking for this `TIME` while it is in doubt"}),
		run: func(ctx context.Context, c *cli.Context) error {
			o := outcomeOptions{key: []byte(c.Args().Get(0)), wait: c.Duration("wait"), sloppy: c.Bool("sloppy")}
			var err error
			if o.format, err = formatOf(c); err != nil {
				return err
			}
			if o.target, err = targetOf(c); err != nil {
				return err
			}
			if o.version, err = writtenVersion(c.Args().Get(1)); err != nil {
				return usagef("", "candor outcome: %v", err)
			}
			if o.wait < 0 {
				return usagef("", "--wait is %v: want a time that is not negative", o.wait)
			}
			return outcome(ctx, e, o)
		},
	}
}

type outcomeOptions struct {
	target
	format  format
	key     []byte
	version client.Version
	wait    time.Duration
	sloppy  bool
}

// outcomeView is the fate of a write.
type outcomeView struct {
	APIVersion   string      `json:"apiVersion"`
	Kind         string      `json:"kind"`
	Key          *string     `json:"key,omitempty"`
	KeyB64       *string     `json:"key_b64,omitempty"`
	Version      string      `json:"version"`
	Outcome      string      `json:"outcome"` // done, superseded, not applied, in doubt
	Fate         string      `json:"fate"`
	SupersededBy string      `json:"superseded_by,omitempty"`
	Receipt      receiptView `json:"receipt"`
	why          string
	receipt      client.Receipt
}

// fates is what each fate means, and how the command exits.
var fates = map[client.Fate]struct {
	why  string
	exit int
}{
	client.FateCommitted:  {"it stands, on a quorum", 0},
	client.FateSuperseded: {"a higher version stands; whether this one was ever applied cannot be told", exitPartly},
	client.FateNotApplied: {"and it never will be", exitFailed},
	client.FatePending:    {"not all replicas can be asked now; ask again (--wait 30s), or while it is young repeat it with --version", exitInDoubt},
	client.FateForgotten:  {"it is too long ago to tell", exitInDoubt},
}

func (v *outcomeView) screen(bool) screen {
	fate := v.Fate
	if v.SupersededBy != "" {
		fate = "by " + v.SupersededBy
	}
	return screen{above: fmt.Sprintf("%-8s  %s   %s: %s   %v\n", v.Outcome, v.Version, fate, v.why, v.receipt)}
}

func (v *outcomeView) names() []string { return []string{v.Fate} }

// outcome asks once, or as long as it is told to while the write is in doubt.
// That nobody answers leaves the write as much in doubt, so it is asked again
// then too.
func outcome(ctx context.Context, e *env, o outcomeOptions) error {
	until := time.Now().Add(o.wait)
	c, err := o.opened(ctx)
	if err != nil {
		return err
	}
	defer closeClient(c)
	for pause := pauseFirst; ; pause = min(2*pause, askEvery) {
		fate, r, err := o.ask(ctx, c)
		settled := err == nil && fate != client.FatePending || err != nil && !passing(err)
		left := time.Until(until)
		if settled || left <= 0 || ctx.Err() != nil {
			if err != nil {
				return err
			}
			return printFate(e, o, fate, &r)
		}
		wait(ctx, min(pause, left))
	}
}

// askEvery is the longest pause between two questions.
const askEvery = 2 * time.Second

func (o outcomeOptions) ask(ctx context.Context, c *client.Client) (client.Fate, client.Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	var opts []client.CallOption
	if o.sloppy {
		opts = append(opts, client.Sloppy())
	}
	return c.Fate(ctx, o.key, o.version, opts...)
}

func printFate(e *env, o outcomeOptions, fate client.Fate, r *client.Receipt) error {
	meaning, known := fates[fate]
	if !known {
		meaning = fates[client.FatePending]
	}
	k, word := textOf(o.key), client.OutcomeOf(fate).String()
	if fate == client.FateSuperseded {
		word = fate.String() // done would claim that it was written once
	}
	v := &outcomeView{
		apiVersion, "Outcome", k.plain, k.b64, o.version.String(), word, fate.String(), versionText(r.SupersededBy),
		receiptOf(r), meaning.why, *r,
	}
	if err := o.format.print(e.stdout, v); err != nil {
		return err
	}
	if meaning.exit != 0 {
		return exitWith(meaning.exit)
	}
	return nil
}
