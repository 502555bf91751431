package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/candordb/candor/load/process"
)

// nemesis is a way to break things. A strike lasts from the break until it is
// healed.
type nemesis struct {
	name, about string
	lane        lane
	// standard: it strikes unless others are named.
	standard bool
	// disks: it takes away what a node has stored. whole: it strikes only while every
	// node holds all that it should.
	disks, whole bool
	// needs says what the product must be able to do for it; "" nothing special.
	needs string
	// lacks says why it cannot strike in this run; nil or "": it can.
	lacks func(*arena) string
	// strike breaks and heals; it returns early, healed, if ctx ends.
	strike func(context.Context, *arena, *rand.Rand) error
}

// lane is one of the sequences in which nemeses strike. What happens to links can
// happen at the same time as what happens to processes.
type lane uint8

const (
	processes lane = iota
	wires
)

// nemeses is the whole table.
var nemeses = []nemesis{
	{name: "kill", about: "SIGKILL of one node, up again after 0 to 6 s", lane: processes, standard: true, strike: strikeKill},
	{name: "killsome", about: "SIGKILL of several or all nodes at once", lane: processes, standard: true, strike: strikeKillSome},
	{name: "stop", about: "SIGTERM of one node, and a new start", lane: processes, standard: true, strike: strikeStop},
	{name: "pause", about: "SIGSTOP of one node for 0.2 to 12 s", lane: processes, standard: true, strike: strikePause},
	{name: "pauseall", about: "SIGSTOP of all nodes for 1 to 10 s", lane: processes, standard: true, strike: strikePauseAll},

	{name: "halves", about: "two sides that do not reach each other", lane: wires, standard: true, strike: strikeLinks(halves)},
	{name: "oneway", about: "some links cut in one direction", lane: wires, standard: true, strike: strikeLinks(oneWay)},
	{name: "bridge", about: "two sides that only one node reaches both of", lane: wires, standard: true, strike: strikeLinks(bridge)},
	{name: "isolate", about: "one node without links", lane: wires, standard: true, strike: strikeLinks(isolate)},
	{name: "majorities", about: "a ring: each node reaches a majority, each another one", lane: wires, standard: true, strike: strikeLinks(majorities)},
	{name: "swizzle", about: "nodes are cut off one by one, and come back in another order", lane: wires, standard: true, strike: strikeSwizzle},
	{name: "lossy", about: "1 to 20 % of packets are lost on all links", lane: wires, standard: true, strike: strikeLinks(lossy)},
	{name: "slow", about: "delay, jitter, doubled and reordered packets", lane: wires, standard: true, lacks: lacksDelay, strike: strikeLinks(slow)},

	{name: "lostdb", about: "one node loses its database, but not its identity", lane: processes, standard: true, disks: true, whole: true, strike: strikeLostDatabase},
	{name: "oldcopy", about: "one node gets an older copy of its data folder", lane: processes, standard: true, disks: true, whole: true, strike: strikeOldCopy},
	{name: "swapped", about: "two nodes find each other's data folder", lane: processes, standard: true, whole: true, strike: strikeSwapped},
	{name: "diskfull", about: "the file system of one node is full for a while", lane: processes, standard: true, lacks: lacksLoop, strike: strikeDiskFull},
	{name: "powercut", about: "one node, or all, lose what was not synced", lane: processes, lacks: lacksFaultStorage,
		needs: "a binary built with -tags chaos, which keeps what was not synced to itself; with one, every SIGKILL is a power cut", strike: strikePowerCut},
}

// chosen are the nemeses that a list names.
func chosen(list string) ([]nemesis, error) {
	var all []nemesis
	for _, name := range strings.Split(list, ",") {
		before := len(all)
		for _, n := range nemeses {
			if name == n.name || name == "all" || name == "default" && n.standard {
				all = append(all, n)
			}
		}
		if len(all) == before && name != "none" {
			return nil, fmt.Errorf("there is no nemesis %q; -list lists them", name)
		}
	}
	return all, nil
}

func printNemeses(w io.Writer) {
	for _, n := range nemeses {
		text := n.about
		if n.standard {
			text += " (default)"
		}
		if n.needs != "" {
			text += "; needs: " + n.needs
		}
		fmt.Fprintf(w, "%-11s %s\n", n.name, text)
	}
}

// How long it is quiet before a strike, and how long a strike on links lasts.
const (
	quietLeast, quietMost   = 300 * time.Millisecond, 5 * time.Second
	strikeLeast, strikeMost = 500 * time.Millisecond, 12 * time.Second
)

// between draws a time.
func between(rng *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(rng.Int64N(int64(most-least)))
}

// haunt lets the nemeses of one lane strike, one after the other, until ctx ends.
// Which ones, when and how follows from the seed; first come all of them once, in
// some order. One that strikes only when all is whole is tried again later if it
// cannot.
func haunt(ctx context.Context, a *arena, l lane, all []nemesis) error {
	all = slices.DeleteFunc(slices.Clone(all), func(n nemesis) bool { return n.lane != l })
	if len(all) == 0 {
		return nil
	}
	rng := rand.New(rand.NewPCG(a.o.seed, 1+uint64(l)))
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	others := slices.DeleteFunc(slices.Clone(all), func(n nemesis) bool { return n.whole })
	var due []attempt
	for i := range all {
		due = append(due, attempt{nemesis: &all[i]})
	}
	for process.Pause(ctx, between(rng, quietLeast, quietMost)) {
		if len(due) == 0 {
			due = append(due, attempt{nemesis: &all[rng.IntN(len(all))]})
		}
		next := due[0]
		due = due[1:]
		if why := a.awaitTurn(ctx, next.nemesis); why != "" {
			if due = a.putOff(ctx, due, next, why); len(due) == 1 && len(others) > 0 {
				due = append([]attempt{{nemesis: &others[rng.IntN(len(others))]}}, due...)
			}
			continue
		}
		a.strikes[next.name].Add(1)
		if err := next.strike(ctx, a, rng); err != nil {
			return fmt.Errorf("nemesis %s: %w", next.name, err)
		}
	}
	return nil
}

// attempt is a strike that is due, and how often it could not be made.
type attempt struct {
	*nemesis
	failed int
}

// awaitTurn waits, for a bounded time, until a nemesis may strike; "" or why it may not.
func (a *arena) awaitTurn(ctx context.Context, n *nemesis) string {
	if !n.whole {
		return ""
	}
	return a.awaitWhole(ctx)
}

// putOff puts a strike that may not be made now behind all that are due, or gives it
// up.
func (a *arena) putOff(ctx context.Context, due []attempt, next attempt, why string) []attempt {
	if ctx.Err() != nil {
		return due
	}
	if next.failed++; next.failed == wholeTries {
		a.spared[next.name].Add(1)
		a.tell("%s does not strike: %s, for the third time", next.name, why)
		return due
	}
	a.tell("%s has to wait: %s", next.name, why)
	return append(due, next)
}
