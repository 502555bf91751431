// Command killloop kills a node over and over while it is written to, and then
// asks for everything that was acknowledged: scenario F1 of the test plan, in
// which an acknowledged write that is gone is the one thing that must not be.
//
//	killloop -candor PATH [-rounds 200] [-writers 16] [-seed 1] [-dir DIR]
//
// There is one node and one copy (N = 1), so nobody else can make good what it
// forgets. A round starts the node with the data of the rounds before, asks for
// all that the round before had acknowledged, writes new keys from many
// goroutines, each key once, and sends SIGKILL in the midst of that. The last
// round asks for every key of all rounds.
//
// It exits 1 if an acknowledged key is missing, any key's value is not the one
// that was written, or a write is there that was refused as certainly without
// effect; 2 if the run itself could not be done. A write whose answer did not come
// is in doubt: it may be there or not.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	o := options{}
	flag.StringVar(&o.candor, "candor", "", "the candor binary")
	flag.IntVar(&o.rounds, "rounds", 200, "how often to kill")
	flag.IntVar(&o.writers, "writers", 16, "how many write at once")
	flag.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "of the moments of death and the sizes of values")
	flag.StringVar(&o.dir, "dir", "", "where the node's data and log go; kept. Default: temporary, removed if all is well")
	limit := flag.Duration("limit", 15*time.Minute, "give up after this long")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithTimeout(ctx, *limit)
	err := run(ctx, o)
	cancel()
	stop()
	switch {
	case errors.Is(err, errLost):
		fmt.Fprintln(os.Stderr, "killloop:", err)
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "killloop:", err)
		os.Exit(2)
	}
}

type options struct {
	candor, dir     string
	rounds, writers int
	seed            uint64
}

// errLost is the failure that this program looks for.
var errLost = errors.New("the promise is broken")

// A round writes for a random time in this range before the kill: from "hardly
// begun" to "a few syncs, and a rotation of the journal now and then".
const (
	loadLeast = 20 * time.Millisecond
	loadMost  = 400 * time.Millisecond
)

// run does all rounds.
func run(ctx context.Context, o options) (err error) {
	if o.candor == "" || o.rounds < 1 || o.writers < 1 {
		return errors.New("usage: killloop -candor PATH [-rounds 200] [-writers 16] [-seed 1] [-dir DIR]")
	}
	if o.dir != "" {
		if err := os.MkdirAll(o.dir, 0o755); err != nil {
			return err
		}
	} else {
		if o.dir, err = os.MkdirTemp("", "killloop-"); err != nil {
			return err
		}
		defer func() {
			if err == nil {
				err = os.RemoveAll(o.dir)
			}
		}()
	}
	n, err := newNode(o.candor, o.dir)
	if err != nil {
		return err
	}
	defer n.kill()
	fmt.Printf("%d rounds, %d writers, seed %d, data in %s\n", o.rounds, o.writers, o.seed, o.dir)

	rng := rand.New(rand.NewPCG(o.seed, 0))
	var all, last []write
	for round := 1; ; round++ {
		if err := n.start(ctx); err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
		ask := last
		if round > o.rounds {
			ask = all
		}
		sum, err := verify(ctx, n.client, ask)
		switch {
		case err != nil:
			return fmt.Errorf("round %d, seed %d, data kept in %s: %w", round, o.seed, o.dir, err)
		case round > o.rounds && sum.acked == 0:
			return errors.New("nothing was acknowledged in any round: nothing was proven")
		case round > o.rounds:
			fmt.Printf("%d SIGKILLs under load: %s\n", o.rounds, sum)
			return nil
		}
		load := loadLeast + time.Duration(rng.Int64N(int64(loadMost-loadLeast)))
		last = writeUntilKilled(ctx, n, round, o.writers, rng.Uint64(), load)
		all = append(all, last...)
		if round%20 == 0 {
			fmt.Printf("%d SIGKILLs, %d writes\n", round, len(all))
		}
	}
}
