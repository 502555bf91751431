package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/client"
)

func importLeaf(e *env) leaf {
	return leaf{
		name: "import", args: "FILE|-", about: "write the keys of a file of JSON lines, and compare what is stored with it", least: 1, most: 1,
		examples: []string{
			"candor import data.jsonl",
			"candor import data.jsonl --verify            write, then read each key at quorum and compare",
			"candor import data.jsonl --verify-only       compare without writing; exit 4 on a difference",
			"zcat data.jsonl.gz | candor import -",
			`a line: {"key":"user:42","value":"Ada","ttl_ms":60000}, or key_b64 and value_b64`,
		},
		flags: dataFlags(
			&cli.BoolFlag{Name: "verify", Usage: "after writing, read each key of the file at quorum and compare"},
			&cli.BoolFlag{Name: "verify-only", Usage: "compare without writing"},
			&cli.IntFlag{Name: "workers", Value: 64, Usage: "`N` requests at a time"}),
		run: func(ctx context.Context, c *cli.Context) error {
			o := importOptions{
				file: c.Args().Get(0), verify: c.Bool("verify") || c.Bool("verify-only"), write: !c.Bool("verify-only"),
				workers: c.Int("workers"), json: asJSON(c), quiet: c.Bool("quiet"),
			}
			var err error
			if o.target, err = targetOf(c); err != nil {
				return err
			}
			switch {
			case o.workers < 1 || o.workers > workersMax:
				return usagef("", "--workers is %d: want 1 to %d", o.workers, workersMax)
			case o.file == "-" && o.verify:
				return usagef("", "candor import: stdin can be read only once; give a file to --verify against")
			}
			return importFile(ctx, e, o)
		},
	}
}

// workersMax keeps below what a client lets wait on one connection.
const workersMax = 256

type importOptions struct {
	target
	file          string
	write, verify bool
	workers       int
	json, quiet   bool
}

// importJSON is what import prints under -o json.
type importJSON struct {
	APIVersion string        `json:"apiVersion"`
	Kind       string        `json:"kind"`
	Write      *writeSummary `json:"write,omitempty"`
	Verify     *readSummary  `json:"verify,omitempty"`
}

func importFile(ctx context.Context, e *env, o importOptions) error {
	opening, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	c, err := o.open(opening)
	if err != nil {
		return err
	}
	defer closeClient(c)
	j := importJSON{APIVersion: apiVersion, Kind: "ImportResult"}
	exit := 0
	if o.write {
		w, err := o.runWrite(ctx, e, c)
		if err != nil {
			return err
		}
		j.Write, exit = w, w.exit()
		if !o.json {
			fmt.Fprintln(e.stdout, w)
		}
	}
	if o.verify && ctx.Err() == nil {
		r, err := o.runVerify(ctx, e, c)
		if err != nil {
			return err
		}
		j.Verify, exit = r, max(exit, r.exit())
		if !o.json {
			fmt.Fprintln(e.stdout, r)
		}
	}
	if o.json {
		if err := writeJSON(e.stdout, j); err != nil {
			return err
		}
	}
	switch {
	case exit == exitInDoubt:
		return exitWith(exit)
	case ctx.Err() != nil:
		return exitWith(exitInterrupted)
	case exit != 0:
		return exitWith(exit)
	}
	return nil
}

// input opens the file; size is 0 where it is not known.
func (o importOptions) input(e *env) (r io.ReadCloser, size int64, err error) {
	if o.file == "-" {
		return io.NopCloser(e.stdin), 0, nil
	}
	f, err := os.Open(o.file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, 0, usagef("", "there is no file %s", o.file)
	}
	if err != nil {
		return nil, 0, usagef("", "the file cannot be read: %v", err)
	}
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		size = info.Size()
	}
	return f, size, nil
}

// outcomeOf is what became of a write.
type outcomeOf uint8

const (
	wroteIt outcomeOf = iota
	wasSuperseded
	isInDoubt
	wasRefused
)

// Refusals that can pass are tried again, and writes in doubt repeated, that
// often; the pause doubles from pauseFirst.
const (
	triesMax   = 6
	pauseFirst = 100 * time.Millisecond
)

// write writes one entry. A write that ended in doubt is repeated with its
// stamp, so that it stays the same write; a later refusal does not change that.
func (o importOptions) writeOne(ctx context.Context, c *client.Client, en *entry) (client.Receipt, outcomeOf, error) {
	opts := o.call()
	if en.ttlMS != nil {
		opts = append(opts, client.TTL(time.Duration(*en.ttlMS)*time.Millisecond))
	}
	outcome, pause := wasRefused, pauseFirst
	var doubt client.Receipt
	for try := 1; ; try++ {
		r, err := c.Put(ctx, en.key, en.value, opts...)
		switch {
		case err == nil && r.Superseded():
			return r, wasSuperseded, nil
		case err == nil:
			return r, wroteIt, nil
		case errors.Is(err, client.ErrInDoubt) && outcome != isInDoubt:
			outcome, doubt = isInDoubt, r
			opts = append(opts, client.Stamp(r.Version))
		}
		if try == triesMax || ctx.Err() != nil || outcome != isInDoubt && !passing(err) {
			if outcome == isInDoubt {
				r = doubt
			}
			return r, outcome, err
		}
		wait(ctx, pause)
		pause *= 2
	}
}

// passing says whether a refusal may not be repeated a little later.
func passing(err error) bool {
	for _, code := range []error{client.ErrUnavailable, client.ErrOverloaded, client.ErrNotReady, client.ErrShuttingDown, client.ErrTimeout} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
