package main

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"
)

func importLeaf(e *env) leaf {
	return leaf{
		name: "import", args: "FILE|-", about: "write the keys of a file of JSON lines, and compare what is stored with it", views: true, least: 1, most: 1,
		examples: []string{
			"candor import data.jsonl",
			"candor import data.jsonl.gz --verify         write, then read each key at quorum and compare",
			"candor import data.jsonl --verify-only       compare without writing; exit 4 on a difference",
			"candor import backup.jsonl                   an export whose last line is missing or differs is written, with exit 4",
			"candor import data.jsonl --resume state --rejects refused.jsonl",
			"                                             killed or interrupted, the same line again goes on where it was;",
			"                                             at most the lines of its last second are written twice",
			"candor import refused.jsonl                  the file of refused lines can be imported itself",
			`a line: {"key":"user:42","value":"Ada","ttl_ms":60000}, or key_b64, value_b64, ns, expires`,
		},
		flags: dataFlags(rateFlag(),
			&cli.StringFlag{Name: "resume", Usage: "`FILE` to keep how far it has come, and to go on from if it is there"},
			&cli.StringFlag{Name: "rejects", Usage: "`FILE` for the lines that were refused or ended in doubt, each with its reason"},
			&cli.BoolFlag{Name: "verify", Usage: "after writing, read each key of the file at quorum and compare"},
			&cli.BoolFlag{Name: "verify-only", Usage: "compare without writing"},
			&cli.IntFlag{Name: "workers", Value: 64, Usage: "`N` requests at a time"}),
		run: func(ctx context.Context, c *cli.Context) error {
			o, err := importOptionsOf(c)
			if err != nil {
				return err
			}
			return importFile(ctx, e, o)
		},
	}
}

func importOptionsOf(c *cli.Context) (o importOptions, err error) {
	o = importOptions{
		file: c.Args().Get(0), verify: c.Bool("verify") || c.Bool("verify-only"), write: !c.Bool("verify-only"),
		workers: c.Int("workers"), resume: c.String("resume"), rejects: c.String("rejects"),
	}
	if o.format, err = formatOf(c); err != nil {
		return o, err
	}
	if o.target, err = targetOf(c); err != nil {
		return o, err
	}
	if o.rate, err = bucketOf(c); err != nil {
		return o, err
	}
	switch {
	case o.workers < 1 || o.workers > workersMax:
		return o, usagef("", "--workers is %d: want 1 to %d", o.workers, workersMax)
	case o.file == "-" && o.verify:
		return o, usagef("", "candor import: stdin can be read only once; give a file to --verify against")
	case !o.write && (o.resume != "" || o.rejects != ""):
		return o, usagef("", "candor import: --resume and --rejects are about writing, and --verify-only does not write")
	}
	return o, nil
}

// workersMax keeps below what a client lets wait on one connection.
const workersMax = 256

type importOptions struct {
	target
	format          format
	file            string
	write, verify   bool
	workers         int
	rate            *bucket // nil: as fast as it goes
	resume, rejects string  // files; empty: none
}

// importView is what an import did.
type importView struct {
	APIVersion string        `json:"apiVersion"`
	Kind       string        `json:"kind"`
	Write      *writeSummary `json:"write,omitempty"`
	Verify     *readSummary  `json:"verify,omitempty"`
	file       string
}

func (v *importView) screen(bool) screen {
	var s screen
	if v.Write != nil {
		s.above += v.Write.text() + "\n"
	}
	if v.Verify != nil {
		s.above += v.Verify.text() + "\n"
	}
	return s
}

func (v *importView) names() []string { return []string{v.file} }

func importFile(ctx context.Context, e *env, o importOptions) error {
	c, err := o.opened(ctx)
	if err != nil {
		return err
	}
	defer closeClient(c)
	v, exit := &importView{APIVersion: apiVersion, Kind: "ImportResult", file: o.file}, 0
	if o.write {
		if v.Write, err = o.runWrite(ctx, e, c); err != nil {
			o.tellCutOff(e, v)
			return err
		}
		exit = v.Write.exit()
		tellTrailer(e, v.Write.Trailer, v.Write.different, "written")
	}
	if o.verify && ctx.Err() == nil {
		if v.Verify, err = o.runVerify(ctx, e, c); err != nil {
			return err
		}
		exit = max(exit, v.Verify.exit())
		if !o.write {
			tellTrailer(e, v.Verify.Trailer, v.Verify.different, "compared")
		}
	}
	if err := o.format.print(e.stdout, v); err != nil {
		return err
	}
	if ctx.Err() != nil && o.resume != "" {
		e.next(o.format, "the same line again; it goes on from "+o.resume)
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

// tellCutOff says what was written of an input that could not be read to its
// end.
func (o importOptions) tellCutOff(e *env, v *importView) {
	if v.Write != nil && o.format.forPeople() {
		fmt.Fprintln(e.stderr, v.Write.text())
	}
}

// tellTrailer says what the last line of an export has to say of the others, which
// were written or compared all the same.
func tellTrailer(e *env, verdict, different, done string) {
	switch verdict {
	case trailerDiffers:
		fmt.Fprintf(e.stderr, "%s. What could be read is %s\n", different, done)
	case trailerMissing:
		fmt.Fprintln(e.stderr, "these are lines of an export, and its last line is missing: it may have been cut off")
	}
}

// input opens the file, uncompressed; size is 0 where it is not known.
func (o importOptions) input(e *env) (r io.ReadCloser, size int64, err error) {
	switch {
	case o.file == "-":
		return io.NopCloser(e.stdin), 0, nil
	case strings.HasSuffix(o.file, ".zst"):
		return nil, 0, noZstd("zstd -dc " + quoteWords([]string{o.file}) + " | candor import -")
	}
	f, err := os.Open(o.file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, 0, usagef("", "there is no file %s", o.file)
	}
	if err != nil {
		return nil, 0, usagef("", "the file cannot be read: %v", err)
	}
	if strings.HasSuffix(o.file, ".gz") {
		return gunzip(f)
	}
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		size = info.Size()
	}
	return f, size, nil
}

// gunzipped is what is in a compressed file, and closes that.
type gunzipped struct {
	*gzip.Reader
	file *os.File
}

func (g gunzipped) Close() error { return g.file.Close() }

func gunzip(f *os.File) (io.ReadCloser, int64, error) {
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, 0, errors.Join(usagef("", "%s ends in .gz, and is not compressed so: %v", f.Name(), err), f.Close())
	}
	return gunzipped{z, f}, 0, nil
}
