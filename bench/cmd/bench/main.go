package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/candordb/candor/bench/driver/echo"
	"github.com/candordb/candor/bench/engine"
	"github.com/candordb/candor/bench/primitive"
	"github.com/candordb/candor/bench/report"
	"github.com/candordb/candor/bench/trial"
)

// options are those of the command line.
type options struct {
	candor, only, cells, name, out, dir, guard, again string
	set                                               settings
	rounds, keys, value, conns, procs                 int
	seconds, warm, sustained                          time.Duration
	smoke, list, floors                               bool
	command                                           string
}

// settings are a flag that may be given more than once.
type settings []string

func (s *settings) String() string     { return strings.Join(*s, " ") }
func (s *settings) Set(v string) error { *s = append(*s, v); return nil }

func main() {
	if len(os.Args) == 3 && os.Args[1] == echo.Argument {
		os.Exit(serveEcho(os.Args[2]))
	}
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err = run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// serveEcho is the echo server.
func serveEcho(address string) int {
	l, err := net.Listen("tcp", address)
	if err == nil {
		err = echo.Serve(l)
	}
	fmt.Fprintln(os.Stderr, "bench: echo:", err)
	return 1
}

func parse(args []string) (*options, error) {
	o := &options{command: "scripts/bench"}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.StringVar(&o.candor, "candor", "candor", "the program `FILE`")
	f.StringVar(&o.only, "only", "", "the comparisons whose name has one of these `WORDS` in it, with commas between; empty: all")
	f.StringVar(&o.cells, "cells", "", "the cells whose name begins with one of these `WORDS`, with commas between; empty: all")
	f.IntVar(&o.rounds, "rounds", 5, "rounds of each comparison")
	f.DurationVar(&o.seconds, "seconds", 10*time.Second, "how long each cell is measured")
	f.DurationVar(&o.warm, "warm", 3*time.Second, "how long it runs before that")
	f.DurationVar(&o.sustained, "sustained", 2*time.Minute, "how long sustained writes are measured, in the first round; 0: they are not")
	f.IntVar(&o.keys, "keys", 1_000_000, "keys")
	f.IntVar(&o.value, "value", 100, "bytes of each value")
	f.IntVar(&o.conns, "conns", 64, "connections")
	f.IntVar(&o.procs, "procs", 0, "GOMAXPROCS of each node of Candor; 0: Go's own choice")
	f.Var(&o.set, "set", "a setting of all nodes of Candor, `KEY=VALUE`; may be repeated")
	f.StringVar(&o.name, "name", "bench", "of the run, for its folder and its title")
	f.StringVar(&o.out, "out", "results", "the `FOLDER` in which the run gets one")
	f.StringVar(&o.dir, "dir", "", "the `FOLDER` for data; empty: the system's temporary one")
	f.StringVar(&o.guard, "guard", "", "a minute against the floors in this `FILE`; nothing else is written")
	f.BoolVar(&o.floors, "floors", false, "with -guard: write new floors, under what is reached now")
	f.StringVar(&o.again, "again", "", "make the report again from this `FILE` of rounds, beside it")
	f.BoolVar(&o.smoke, "smoke", false, "one round, two seconds, few keys")
	f.BoolVar(&o.list, "list", false, "list the comparisons, and what is missing for them")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	f.Visit(func(g *flag.Flag) {
		if !slices.Contains([]string{"candor", "dir", "out"}, g.Name) { // places on this machine
			o.command += fmt.Sprintf(" -%s=%s", g.Name, g.Value)
		}
	})
	if o.smoke {
		o.rounds, o.seconds, o.warm, o.sustained, o.keys = 1, 2*time.Second, 0, 2*time.Second, 10_000
	}
	if o.guard != "" {
		o.rounds, o.seconds, o.warm, o.sustained, o.keys = guardRounds, guardMeasure, guardWarm, 0, guardKeys
	}
	switch {
	case f.NArg() > 0:
		return nil, fmt.Errorf("%q is not understood: options begin with a dash", f.Arg(0))
	case o.rounds < 1 || o.keys < 1 || o.value < 0 || o.conns < 1 || o.seconds <= 0 || o.warm < 0 || o.sustained < 0:
		return nil, errors.New("rounds, keys, connections and seconds have to be above 0, all else at least 0")
	case o.floors && o.guard == "":
		return nil, errors.New("-floors needs -guard")
	case strings.ContainsAny(o.name, "/ "):
		return nil, fmt.Errorf("-name %q: it becomes a folder, so no blank and no slash", o.name)
	}
	return o, nil
}

// A guard is short, so that people run it.
const (
	guardRounds  = 3
	guardMeasure = time.Second
	guardWarm    = 500 * time.Millisecond
	guardKeys    = 20_000
)

func run(ctx context.Context, o *options) error {
	switch {
	case o.again != "":
		return again(o.again)
	case o.list:
		return list(ctx, o)
	case o.guard != "":
		return guard(ctx, o)
	}
	name := time.Now().UTC().Format(time.DateOnly) + "-" + o.name
	folder := filepath.Join(o.out, name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(folder, roundsFile))
	if err != nil {
		return err
	}
	defer file.Close()
	w, err := report.NewWriter(file, machine(ctx, o, name))
	if err != nil {
		return err
	}
	// A run that is interrupted has a report all the same.
	err = measure(ctx, o, w, comparisons(o))
	return errors.Join(err, write(w.Report(), folder))
}

// roundsFile and pageFile are the names of what a run leaves.
const (
	roundsFile = "rounds.jsonl"
	pageFile   = "report.md"
)

// primitiveFor is how long a primitive is measured, as a share of a cell.
const primitiveFor = 0.5

// measure takes the primitives, and goes through all comparisons.
func measure(ctx context.Context, o *options, w *report.Writer, all []*trial.Comparison) (err error) {
	dir, err := os.MkdirTemp(o.dir, "candor-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := primitives(o, w, dir); err != nil {
		return err
	}
	s := &trial.Session{
		Rounds: o.rounds, Timing: engine.Timing{Warm: o.warm, Measure: o.seconds, Deadline: deadline}, Sustained: o.sustained, Settle: settle,
		Keys: o.keys, ValueSize: o.value, Dir: dir, Progress: os.Stderr, Note: w.Round,
	}
	all, none := settled(ctx, o, all)
	if none != nil {
		fmt.Fprintln(os.Stderr, "absent:", none.Peer, none.Reason)
		if err := w.Absent(*none); err != nil {
			return err
		}
	}
	for _, c := range all {
		if missing := errors.Join(c.Peer.Missing(ctx), c.Candor.Missing(ctx)); missing != nil {
			reason := strings.ReplaceAll(missing.Error(), "\n", "; ")
			fmt.Fprintf(os.Stderr, "%s: absent: %s\n", c.Name(), reason)
			if err := w.Absent(report.Absent{Peer: fmt.Sprintf("%s (%s)", c.Peer.Name(), c.Peer.Class()), Reason: reason}); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(os.Stderr, "\n== %s\n", c.Name())
		if err := s.Compare(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// deadline is that of each request; settle is how long servers may take to become
// idle once keys are written.
const (
	deadline = 5 * time.Second
	settle   = 30 * time.Second
)

func primitives(o *options, w *report.Writer, dir string) error {
	d := time.Duration(primitiveFor * float64(o.seconds))
	figures, err := primitive.LevelDB(filepath.Join(dir, "leveldb"), o.keys, o.value, d)
	if err != nil {
		return err
	}
	sync, err := primitive.Fdatasync(dir, d)
	if err != nil {
		return err
	}
	codec, err := primitive.MessageCodec(o.value, d)
	if err != nil {
		return err
	}
	for _, f := range append(figures, sync, codec) {
		fmt.Fprintf(os.Stderr, "%-22s %8.2f us  %8.2f CPU-us\n", f.Name, f.US, f.CPU)
		if err := w.Primitive(f); err != nil {
			return err
		}
	}
	return nil
}

// write leaves the page and its plots in a folder.
func write(r *report.Report, folder string) error {
	plots := make(map[string]string)
	for _, p := range r.Plots() {
		plots[p.Pair] = p.Name
		if err := os.WriteFile(filepath.Join(folder, p.Name), []byte(p.SVG), 0o644); err != nil {
			return err
		}
	}
	page := filepath.Join(folder, pageFile)
	fmt.Fprintln(os.Stderr, "\nthe report is", page)
	return os.WriteFile(page, []byte(r.Markdown(plots)), 0o644)
}

func again(name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	r, err := report.Read(file)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return write(r, filepath.Dir(name))
}

func list(ctx context.Context, o *options) error {
	for _, c := range comparisons(o) {
		state := "can be started here"
		if missing := errors.Join(c.Peer.Missing(ctx), c.Candor.Missing(ctx)); missing != nil {
			state = "absent: " + strings.ReplaceAll(missing.Error(), "\n", "; ")
		}
		var cells []string
		for _, cell := range c.Cells {
			cells = append(cells, cell.Name)
		}
		fmt.Printf("%-44s %s\n%-44s %s\n", c.Name(), strings.Join(cells, ", "), "", state)
	}
	return nil
}

// guard holds a short run to the floors of a file, or writes new ones.
func guard(ctx context.Context, o *options) error {
	text, err := os.ReadFile(o.guard)
	floors := make(report.Floors)
	if err == nil {
		err = json.Unmarshal(text, &floors)
	}
	if err != nil && !o.floors {
		return fmt.Errorf("the floors: %w", err)
	}
	w, err := report.NewWriter(io.Discard, machine(ctx, o, "guard"))
	if err != nil {
		return err
	}
	if err := measure(ctx, o, w, guarded(o)); err != nil {
		return err
	}
	if o.floors {
		floors = report.FloorsOf(w.Report())
		text, err := json.MarshalIndent(floors, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(o.guard, append(text, '\n'), 0o644); err != nil {
			return err
		}
	}
	table, hold := floors.Judge(w.Report())
	fmt.Print(table)
	if !hold {
		return errors.New("a ratio is below its floor: find out why, or, if that is meant, write new floors with -floors")
	}
	return nil
}
