// Command overload measures what becomes of a cluster that is asked for more
// than it can do. It starts three nodes as processes of their own, finds their
// peak with closed loops, and then offers one, two and three times that peak in
// an open loop, which does not wait for anybody.
//
// What is looked for: at three times the peak the goodput (answers that are OK
// and within their deadline) stays within 20 % of the peak, and every other
// request is told so: refused with OVERLOADED, none in silence. The exit status
// is 1 if that does not hold.
//
// What a node can do is not the same all the time: an operation costs the more the
// fuller the engine's memory table is, up to half as much again, and little when
// it was just written out. A peak of the first seconds compared with a goodput of
// the last ones would measure that. So all steps come in rounds, every other one
// in the opposite order, and what is compared is the sum of the rounds.
//
// Nodes and load share the machine, so the figures are of this machine; their
// ratios are what counts. Nothing else should run on it, and the load, which grows
// from step to step, should have processors of its own (see scripts/overload).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/load"
	"github.com/candordb/candor/load/raw"
)

// nodeArg as the first argument makes the process a node of the cluster.
const nodeArg = "node"

// goodShare is the share of the peak that has to be left at three times the load.
const goodShare = 0.8

// steps are what is measured, in this order or in the opposite one: first closed
// loops, of which the best counts as the peak, and then multiples of that.
var steps = [...]struct {
	name  string
	depth int     // requests in flight on each connection; 0: an open loop
	times float64 // of the peak
}{
	{"depth 16", 16, 0}, {"depth 64", 64, 0}, {"1x", 0, 1}, {"2x", 0, 2}, {"3x", 0, 3},
}

// options of a measurement.
type options struct {
	nodes, conns, keys, value int
	rounds                    int
	workload, cpus            string
	duration, deadline        time.Duration
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == nodeArg {
		exit(runNode(os.Args[2:]))
		return
	}
	var o options
	flag.IntVar(&o.nodes, "nodes", 3, "how many nodes")
	flag.IntVar(&o.conns, "conns", 8, "connections to each node")
	flag.IntVar(&o.keys, "keys", 10_000, "how many keys")
	flag.IntVar(&o.value, "value", 100, "size of a value in bytes")
	flag.IntVar(&o.rounds, "rounds", 2, "how often all steps are taken; an even number, see above")
	flag.StringVar(&o.cpus, "cpus", "", "processors for the nodes, as taskset -c takes them; empty: any")
	flag.StringVar(&o.workload, "workload", "a", "standard workload, a to d")
	flag.DurationVar(&o.duration, "duration", 5*time.Second, "how long each step takes")
	flag.DurationVar(&o.deadline, "deadline", time.Second, "deadline of a request")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	exit(measure(ctx, o, flag.Args()))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "overload:", err)
		os.Exit(1)
	}
}

// measure runs all steps. sets are settings of the nodes, KEY=VALUE.
func measure(ctx context.Context, o options, sets []string) (err error) {
	w, err := load.Named(o.workload, o.keys, o.value)
	if err != nil {
		return err
	}
	c, err := startCluster(ctx, o.nodes, o.cpus, sets)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.stop()) }()
	t, err := raw.Dial(c.clients(), o.conns, o.deadline)
	if err != nil {
		return err
	}
	defer t.Close()

	run := load.Options{Duration: o.duration, Deadline: o.deadline, Grace: o.deadline + 4*time.Second}
	fill := load.Workload{Keys: 1, ValueSize: o.value}
	fill.Shares[load.Insert] = 100
	warm := run
	warm.Duration = min(o.duration, 2*time.Second)
	load.Closed(ctx, t, load.NewGenerator(fill, 1), 64, warm)

	fmt.Println("step      offered/s     good/s   refused/s  late/s  in doubt/s  silent  other   p50 OK    p99 OK   p99 refused")
	var sums [len(steps)]load.Result
	peak, open := 0.0, true
	for n := range o.rounds * len(steps) {
		i := n % len(steps)
		if n/len(steps)%2 == 1 {
			i = len(steps) - 1 - i
		}
		step, g := &steps[i], load.NewGenerator(w, uint64(2+n))
		var r load.Result
		if step.depth > 0 {
			if r = load.Closed(ctx, t, g, o.nodes*o.conns*step.depth, run); open {
				peak = 0 // that of another time
			}
			peak = max(peak, r.GoodRate())
		} else {
			r = load.Open(ctx, t, g, step.times*peak, run)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		open = step.depth == 0
		report(step.name, &r)
		sums[i].Follow(&r)
	}
	fmt.Println("all rounds")
	for i := range sums {
		report(steps[i].name, &sums[i])
	}
	return judge(&sums)
}

// report prints one line.
func report(step string, r *load.Result) {
	per := func(n uint64) float64 { return float64(n) / r.Elapsed.Seconds() }
	overloaded := r.Codes[contract.Overloaded]
	fmt.Printf("%-8s %10.0f %10.0f %11.0f %7.0f %11.0f %7d %6d %8s %9s %13s\n", step, r.OfferedRate(), r.GoodRate(), per(overloaded), per(r.Late),
		per(r.InDoubt), r.Silent, r.Refused-overloaded+r.Failed, ms(r.Latency.Quantile(0.5)), ms(r.Latency.Quantile(0.99)), ms(r.Refusals.Quantile(0.99)))
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1fms", float64(d)/float64(time.Millisecond)) }

// judge says whether three times the peak was borne, next to the best goodput of
// any step: an open loop can find more than a closed one.
func judge(sums *[len(steps)]load.Result) error {
	best, last := 0.0, &sums[len(steps)-1]
	for i := range sums {
		best = max(best, sums[i].GoodRate())
	}
	share := last.GoodRate() / best
	fmt.Printf("goodput at three times the peak: %.0f %% of the best\n", 100*share)
	switch {
	case last.Silent > 0:
		return fmt.Errorf("%d requests were never answered", last.Silent)
	case share < goodShare:
		return fmt.Errorf("the goodput fell below %.0f %% of the best", 100*goodShare)
	}
	return nil
}
