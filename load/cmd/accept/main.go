package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"
)

// Exit statuses, besides 0 and 1.
const (
	failedStatus = 2
	notRunStatus = 77
)

// errMissed is what this program looks for.
var errMissed = errors.New("a bar is missed")

// options of a run.
type options struct {
	candor, only, dir string
	list, short       bool
	settings          []string

	rate     float64       // writes per second in the foreground
	down     time.Duration // that a node is away
	interval time.Duration // between two comparisons of a pair: purge
	deletes  int
	cut      time.Duration // that a partition lasts
	kills    int
	calm     time.Duration // in which nobody may be convicted
	pause    time.Duration // of all nodes
	steady   time.Duration // that a p99 is taken over
	keys     int           // that are there when comparisons are measured
	apart    int           // keys that differ then
	hints    int           // that are replayed at once
}

// bind declares the options. A duration or count that is not given is set by settle.
func (o *options) bind(f *flag.FlagSet) {
	f.StringVar(&o.candor, "candor", "", "the candor binary")
	f.StringVar(&o.only, "only", "", "the measurements to take, with commas between; empty: all (see -list)")
	f.BoolVar(&o.list, "list", false, "list the measurements")
	f.BoolVar(&o.short, "short", false, "shorten all that takes long; the figures are marked")
	f.StringVar(&o.dir, "dir", "", "where data and logs of the nodes go; kept. Default: temporary, removed if all is well")
	f.Func("set", "a setting of every node, KEY=VALUE; repeated", func(s string) error { o.settings = append(o.settings, s); return nil })
	f.Float64Var(&o.rate, "rate", 0, "writes per second in the foreground (2000)")
	f.DurationVar(&o.down, "down", 0, "hints, repair: how long the node is away (1m)")
	f.DurationVar(&o.interval, "interval", 0, "purge: repair.exchange_interval (1m)")
	f.IntVar(&o.deletes, "deletes", 0, "purge: how many keys are deleted (10000)")
	f.DurationVar(&o.cut, "cut", 0, "rejoin: how long the partition lasts (5m)")
	f.IntVar(&o.kills, "kills", 0, "crash: how often a node crashes (20)")
	f.DurationVar(&o.calm, "calm", 0, "false: how long the bad network lasts (10m)")
	f.DurationVar(&o.pause, "pause", 0, "false: how long all nodes stand still (20s)")
	f.DurationVar(&o.steady, "steady", 0, "how long a p99 is taken over (30s)")
	f.IntVar(&o.keys, "keys", 0, "sync: how many keys there are (1000000)")
	f.IntVar(&o.apart, "apart", 0, "sync: how many keys differ (1000)")
	f.IntVar(&o.hints, "hints", 0, "replay: how many hints there are (500000)")
}

// settle fills in what was not given, and says whether anything is shorter than the
// bars are about.
func (o *options) settle() (shortened bool) {
	short := options{rate: 500, down: 15 * time.Second, interval: 20 * time.Second, deletes: 1000, cut: 30 * time.Second, kills: 4, calm: time.Minute,
		pause: 20 * time.Second, steady: 10 * time.Second, keys: 50_000, apart: 200, hints: 30_000}
	full := options{rate: 2000, down: time.Minute, interval: time.Minute, deletes: 10_000, cut: 5 * time.Minute, kills: 20, calm: 10 * time.Minute,
		pause: 20 * time.Second, steady: 30 * time.Second, keys: 1_000_000, apart: 1000, hints: 500_000}
	fill := full
	if o.short {
		fill = short
	}
	shortened = settled(&o.rate, fill.rate, full.rate)
	for _, d := range []struct{ at, or, least *time.Duration }{
		{&o.down, &fill.down, &full.down}, {&o.interval, &fill.interval, &full.interval}, {&o.cut, &fill.cut, &full.cut},
		{&o.calm, &fill.calm, &full.calm}, {&o.pause, &fill.pause, &full.pause}, {&o.steady, &fill.steady, &full.steady},
	} {
		shortened = settled(d.at, *d.or, *d.least) || shortened
	}
	for _, n := range []struct{ at, or, least *int }{
		{&o.deletes, &fill.deletes, &full.deletes}, {&o.kills, &fill.kills, &full.kills}, {&o.keys, &fill.keys, &full.keys}, {&o.apart, &fill.apart, &full.apart},
		{&o.hints, &fill.hints, &full.hints},
	} {
		shortened = settled(n.at, *n.or, *n.least) || shortened
	}
	return shortened
}

// settled sets a value that was not given, and says whether it is below the least.
func settled[T int | float64 | time.Duration](at *T, or, least T) bool {
	if *at == 0 {
		*at = or
	}
	return *at < least
}

func main() {
	debug.SetGCPercent(400) // its processors are those of what it measures
	var o options
	o.bind(flag.CommandLine)
	flag.Parse()
	if o.list {
		for _, m := range measurements {
			fmt.Printf("%-7s %s (about %v)\n", m.name, m.about, m.takes)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, &o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "accept:", err)
	}
	var missing notRun
	switch {
	case errors.As(err, &missing):
		os.Exit(notRunStatus)
	case err == nil:
	case err == errMissed:
		os.Exit(1)
	default:
		os.Exit(failedStatus)
	}
}

// notRun says why nothing can be measured on this machine.
type notRun string

func (n notRun) Error() string { return "NOT RUN: " + string(n) }

// run takes the measurements that are asked for, one after the other. One that
// cannot be carried through does not keep the others from being taken.
func run(ctx context.Context, o *options) error {
	list, err := chosen(o.only)
	if err != nil {
		return err
	}
	if o.candor == "" {
		return errors.New("-candor must name the binary")
	}
	if runtime.GOOS != "linux" {
		return notRun("it needs the loopback addresses and the /proc of Linux")
	}
	shortened := o.settle()
	began := time.Now()
	if !o.short {
		fmt.Printf("%d measurements at full length take about %v\n", len(list), takes(list))
	}
	var all []figure
	var failed error
	for _, m := range list {
		figures, err := m.take(ctx, o, began)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", m.name, err))
		}
		all = append(all, figures...)
	}
	fmt.Println()
	missed := report(os.Stdout, all, shortened)
	switch {
	case failed != nil:
		return failed
	case missed > 0:
		return errMissed
	}
	return nil
}

// takes is about how long measurements last at full length.
func takes(list []measurement) (all time.Duration) {
	for _, m := range list {
		all += m.takes
	}
	return all
}

// chosen are the measurements of some names.
func chosen(names string) (list []measurement, err error) {
	if names == "" {
		return measurements, nil
	}
	for name := range strings.SplitSeq(names, ",") {
		found := false
		for _, m := range measurements {
			if m.name == name {
				list, found = append(list, m), true
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no measurement %q: see -list", name)
		}
	}
	return list, nil
}
