// Command sim runs simulated clusters, seed after seed, and prints what they
// did: faults, operations, what each checker has looked at, and which rare states
// (marks) were reached, with the names of those that were not. It ends with 1 if a
// promise was broken, and then prints for each failed seed what package sim says
// about reading a failure, of the run and of the smallest one that breaks the same
// promise; and with 1 if fewer marks were reached than -marks asks for.
//
//	sim -seeds 1000                 a swarm: each seed draws its own faults
//	sim -seeds 200 -scenario A4     a preset
//	sim -seeds 2000 -marks 95       fails if fewer than 95 % of the marks are reached
//	sim -seed 17 -v                 one run, with everything that happens in it
//
// Runs are independent of each other: several go on at a time, each in one
// goroutine, and the figures do not depend on how many.
//
// In a build with planted bugs (-tags traitor) none is active here; the tests
// choose them.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/candordb/candor/sim"
)

func main() {
	seeds := flag.Uint64("seeds", 100, "how many seeds to run")
	first := flag.Uint64("first", 1, "the first of them")
	seed := flag.Uint64("seed", 0, "run this seed only")
	scenario := flag.String("scenario", "", "run this scenario instead of a swarm: "+names())
	without := flag.String("without", "", "swarm options to leave out, separated by commas")
	shorten := flag.Float64("shorten", 0, "share of the drawn length to run; 0 is all of it")
	least := flag.Int("marks", 0, "how many of the marks have to be reached, in per cent")
	shrink := flag.Bool("shrink", true, "shrink the first failed run")
	workers := flag.Int("parallel", runtime.GOMAXPROCS(0), "how many runs at a time")
	verbose := flag.Bool("v", false, "with -seed: print everything that happens")
	flag.Parse()
	// A run makes much garbage and keeps little: collecting it less often is a
	// quarter of the time.
	debug.SetGCPercent(400)

	o := sim.Options{Scenario: *scenario, Shorten: *shorten}
	if *without != "" {
		o.Without = strings.Split(*without, ",")
	}
	if *seed != 0 {
		*first, *seeds, *workers = *seed, 1, 1
		if *verbose {
			o.Trace = os.Stdout
		}
	}
	started := time.Now()
	total, failed := run(o, *first, *seeds, *workers)
	wall := time.Since(started)
	for i, r := range failed {
		fmt.Println(r.Report())
		if i == 0 && *shrink && o.Trace == nil {
			fmt.Printf("shrunk: %s\n", sim.Shrink(r).Report())
		}
	}
	fmt.Printf("%-11s %s, commit %s\n", "identity", runtime.Version(), commit())
	fmt.Print(total.String())
	fmt.Printf("%-11s %v, %.0f events/s, %.1f ms a run, %d at a time\n", "wall", wall.Round(time.Millisecond),
		float64(total.Events)/wall.Seconds(), 1000*wall.Seconds()/float64(max(total.Runs, 1)), *workers)
	fmt.Printf("%-11s %d of %d runs broke a promise\n", "bad", len(failed), total.Runs)
	if hit, all := total.Reach(); 100*hit < *least*all {
		fmt.Printf("%-11s %d of %d marks are fewer than %d %%\n", "reach", hit, all, *least)
		os.Exit(1)
	}
	if len(failed) > 0 {
		os.Exit(1)
	}
}

// commit is the revision that this binary was built from, where that is known.
func commit() string {
	revision, changed := "unknown", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, kv := range info.Settings {
			switch {
			case kv.Key == "vcs.revision":
				revision = kv.Value
			case kv.Key == "vcs.modified" && kv.Value == "true":
				changed = " with changes"
			}
		}
	}
	return revision + changed
}

func names() string {
	var all []string
	for _, s := range sim.Scenarios() {
		all = append(all, s.Name)
	}
	return strings.Join(all, ", ")
}

// run makes the runs, some at a time; each is in one goroutine. What it returns
// does not depend on how many.
func run(o sim.Options, first, seeds uint64, workers int) (total sim.Figures, failed []*sim.Result) {
	results := make([]*sim.Result, seeds)
	var next uint64
	var mu sync.Mutex
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if i >= seeds {
					return
				}
				one := o
				one.Seed = first + i
				results[i] = sim.Run(one)
			}
		})
	}
	group.Wait()
	for _, r := range results {
		total.Add(&r.Figures)
		if r.Failure != nil {
			failed = append(failed, r)
		}
	}
	return total, failed
}
