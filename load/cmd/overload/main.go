// Command overload measures what becomes of a cluster that is asked for more
// than it can do. It starts three nodes as processes of their own, finds their
// peak with a closed loop, and then offers one, two and three times that peak in
// an open loop, which does not wait for anybody.
//
// What is looked for: at three times the peak the goodput (answers that are OK
// and within their deadline) stays within 20 % of the peak, and every other
// request is told so: refused with OVERLOADED, none in silence. The exit status
// is 1 if that does not hold.
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
)

// nodeArg as the first argument makes the process a node of the cluster.
const nodeArg = "node"

// goodShare is the share of the peak that has to be left at three times the load.
const goodShare = 0.8

// depths are how many requests are in flight on each connection while the peak is
// looked for; the best counts.
var depths = []int{4, 16, 64}

// options of a measurement.
type options struct {
	nodes, conns, keys, value int
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
	flag.StringVar(&o.cpus, "cpus", "", "processors for the nodes, as taskset -c takes them; empty: any")
	flag.StringVar(&o.workload, "workload", "a", "standard workload, a to d")
	flag.DurationVar(&o.duration, "duration", 8*time.Second, "how long each step takes")
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
	t, err := dialAll(c.clients(), o.conns, o.deadline)
	if err != nil {
		return err
	}
	defer t.close()

	run := load.Options{Duration: o.duration, Deadline: o.deadline, Grace: o.deadline + 4*time.Second}
	fill := load.Workload{Keys: 1, ValueSize: o.value}
	fill.Shares[load.Insert] = 100
	warm := run
	warm.Duration = min(o.duration, 2*time.Second)
	load.Closed(ctx, t, load.NewGenerator(fill, 1), 64, warm)

	fmt.Println("step      offered/s     good/s   refused/s  late/s  in doubt/s  silent  other   p50 OK    p99 OK   p99 refused")
	var peak load.Result
	for _, depth := range depths {
		r := load.Closed(ctx, t, load.NewGenerator(w, 2), o.nodes*o.conns*depth, run)
		report(fmt.Sprintf("depth %d", depth), &r)
		if r.GoodRate() > peak.GoodRate() {
			peak = r
		}
	}
	best, last := peak.GoodRate(), load.Result{}
	for times := 1; times <= 3 && ctx.Err() == nil; times++ {
		last = load.Open(ctx, t, load.NewGenerator(w, uint64(2+times)), float64(times)*peak.GoodRate(), run)
		report(fmt.Sprintf("%dx", times), &last)
		best = max(best, last.GoodRate())
	}
	return judge(best, &last)
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
func judge(best float64, last *load.Result) error {
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
