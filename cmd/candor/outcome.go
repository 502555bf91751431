package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/client"
)

func outcomeLeaf(e *env) leaf {
	return leaf{
		name: "outcome", args: "KEY VERSION", about: "what became of a write that ended in doubt", least: 2, most: 2,
		examples: []string{
			"candor outcome user:42 01a20322120200008f21c07d55aa1e04",
			"candor outcome user:42 01a20322120200008f21c07d55aa1e04 -o json",
		},
		flags: dataFlags(),
		run: func(ctx context.Context, c *cli.Context) error {
			t, err := targetOf(c)
			if err != nil {
				return err
			}
			v, err := client.ParseVersion(c.Args().Get(1))
			if err != nil {
				return usagef("", "candor outcome: %v", err)
			}
			return outcome(ctx, e, t, []byte(c.Args().Get(0)), v, asJSON(c))
		},
	}
}

type outcomeJSON struct {
	APIVersion   string      `json:"apiVersion"`
	Kind         string      `json:"kind"`
	Key          *string     `json:"key,omitempty"`
	KeyB64       *string     `json:"key_b64,omitempty"`
	Version      string      `json:"version"`
	Outcome      string      `json:"outcome"` // done, not applied, in doubt
	Fate         string      `json:"fate"`
	SupersededBy string      `json:"superseded_by,omitempty"`
	Receipt      receiptJSON `json:"receipt"`
}

// fates is what each fate means, and how the command exits.
var fates = map[client.Fate]struct {
	outcome, why string
	exit         int
}{
	client.FateCommitted:  {"done", "it stands, on a quorum", 0},
	client.FateSuperseded: {"done", "a higher version stands in its place", exitPartly},
	client.FateNotApplied: {"not applied", "and it never will be", exitFailed},
	client.FatePending:    {"in doubt", "not all replicas can be asked now; ask again, or repeat it with --version", exitInDoubt},
	client.FateForgotten:  {"in doubt", "it is too long ago to tell", exitInDoubt},
}

func outcome(ctx context.Context, e *env, t target, key []byte, v client.Version, inJSON bool) error {
	return t.with(ctx, func(ctx context.Context, c *client.Client) error {
		fate, r, err := c.Outcome(ctx, key, v)
		if err != nil {
			return err
		}
		meaning, known := fates[fate]
		if !known {
			meaning = fates[client.FatePending]
		}
		if inJSON {
			k := textOf(key)
			j := outcomeJSON{
				apiVersion, "Outcome", k.plain, k.b64, v.String(), meaning.outcome, fate.String(), versionText(r.SupersededBy), receiptOf(&r),
			}
			err = writeJSON(e.stdout, j)
		} else {
			by := ""
			if r.Superseded() {
				by = fmt.Sprintf(" by %v", r.SupersededBy)
			}
			_, err = fmt.Fprintf(e.stdout, "%-10s%v   %v%s: %s   %v\n", meaning.outcome, v, fate, by, meaning.why, r)
		}
		if err == nil && meaning.exit != 0 {
			err = exitWith(meaning.exit)
		}
		return err
	})
}
