// Command gauntlet runs a cluster of real processes under load, breaks what can be
// broken, heals it, and holds what clients were told against what is there in the
// end.
//
//	gauntlet -candor PATH [-minutes 10] [-seed N] [-nodes 5] [-nemesis LIST] [-rootless]
//
// The nodes are processes of the candor binary. Either each has a network namespace
// of its own, made here and joined by a bridge, with nftables for the cuts: for that
// the program has to be started in a network, mount and process namespace of its
// own (see scripts/gauntlet), so that nothing outside is ever touched and the kernel
// removes everything when it ends, however it ends. Or, -rootless, all are on
// loopback addresses with a proxy in user space between them (package linkproxy).
//
// Clients read and write registers, delete them, and add elements that are written
// once; package history judges every answer. Meanwhile two lanes of nemeses, one for
// processes and disks and one for links, strike and heal, as the seed has drawn. The
// table of nemeses is in nemesis.go; one that cannot run here is printed as *not
// run*, with the reason. Those that take away what a node has stored strike only while
// every node serves and none is being rebuilt: they wait for that in bounded time, and
// say so where it was in vain.
//
// Then all heals, and the run ends with
//
//   - quiescence: every node is up, and within a bound the replicas of every key are
//     equal, or a read at ALL makes them so (unless -heals=false, that is a failure),
//     and every node says that the cluster is OK;
//   - SIGKILL of all nodes at once, and a new start;
//   - FINAL: the nodes stop, their disks are read, and each key is judged.
//
// The exit status is 0 if all figures under "bad" are 0, 1 if one is not, 2 if the
// run could not be carried through, and 77 if it could not be begun on this machine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// notRunStatus is the exit status that says: not run.
const notRunStatus = 77

func main() {
	var o options
	o.bind(flag.CommandLine)
	flag.Parse()
	if o.list {
		printNemeses(os.Stdout)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o, os.Stdout)
	stop()
	var missing notRun
	switch {
	case errors.As(err, &missing):
		fmt.Println("gauntlet: NOT RUN:", missing)
		os.Exit(notRunStatus)
	case errors.Is(err, errBroken):
		fmt.Fprintln(os.Stderr, "gauntlet:", err)
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "gauntlet:", err)
		os.Exit(2)
	}
}

// options of a run.
type options struct {
	candor, dir, nemeses  string
	minutes               float64
	seed                  uint64
	nodes, workers, rate  int
	rootless, heals, list bool
	settings              []string
	reconverge            time.Duration
}

func (o *options) bind(f *flag.FlagSet) {
	f.StringVar(&o.candor, "candor", "", "the candor binary")
	f.Float64Var(&o.minutes, "minutes", 10, "how long load and nemeses last")
	f.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "of the nemeses and the load")
	f.IntVar(&o.nodes, "nodes", 5, "how many nodes, at least 3")
	f.IntVar(&o.workers, "workers", 24, "how many requests are under way at most")
	f.IntVar(&o.rate, "rate", 600, "how many requests are made in a second at most")
	f.StringVar(&o.nemeses, "nemesis", "default", "which nemeses strike: default, all, none, or names with commas between (see -list)")
	f.BoolVar(&o.rootless, "rootless", false, "no namespaces: loopback addresses, with a proxy between the nodes")
	f.BoolVar(&o.heals, "heals", true, "keys that are still apart at the end of -reconverge are a failure, and status has to be OK again; without it a read at ALL brings them together")
	f.DurationVar(&o.reconverge, "reconverge", 3*time.Minute, "how long the replicas may take to be equal when all is healed; 0: do not wait")
	f.StringVar(&o.dir, "dir", "", "where data and logs of the nodes go; kept. Default: temporary, removed if all is well")
	f.BoolVar(&o.list, "list", false, "list the nemeses")
	f.Func("set", "a setting of every node, KEY=VALUE; repeated", func(s string) error { o.settings = append(o.settings, s); return nil })
}

// errBroken is what this program looks for.
var errBroken = errors.New("a promise is broken")

// notRun says why a level could not be run on this machine.
type notRun string

func (n notRun) Error() string { return string(n) }
