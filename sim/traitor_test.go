//go:build traitor

package sim_test

import (
	"slices"
	"testing"
	"time"

	"github.com/candordb/candor/sim"
	"github.com/candordb/candor/traitor"
)

// traitorSeeds is how many seeds a planted bug may take to be caught.
const traitorSeeds = 1000

// traitorHunts is from how many places the search begins, for the median; with
// -short it begins from one.
const traitorHunts = 7

func hunts() int {
	if testing.Short() {
		return 1
	}
	return traitorHunts
}

// A checker that has never caught a planted bug proves nothing: each bug is
// caught within 1,000 seeds, by checkers that see everything.
func TestTraitors(t *testing.T) {
	for _, bug := range traitor.All() {
		if !slices.Contains(elsewhere, bug) && !slices.Contains(wrecked, bug) {
			t.Run(string(bug), func(t *testing.T) { hunt(t, bug, sim.Options{}) })
		}
	}
}

// elsewhere are the bugs of what is not run here, or too seldom comes to what they
// break: the tests of packages repair and replica, and of the node, catch them.
var elsewhere = []traitor.Bug{
	traitor.ExchangeIgnoresEpoch, // all epochs of a run have the same owners
	traitor.YoungStaysBehind,
	traitor.RebuildWithoutEpoch, traitor.HealFromOne, // these need a write that is on its way just then
}

// wrecked are the bugs of what makes up for disks that were lost. They are looked for
// where that happens all the time.
var wrecked = []traitor.Bug{traitor.QuarantineVotes, traitor.QuarantineServes, traitor.DistrustVotes, traitor.RebuildFromOne, traitor.RebuildDropsWatermark}

// A node that takes writes for what it may have lost, answers reads from it, votes on,
// makes up for it from too few others, or without what was agreed on, is caught.
func TestWreckTraitors(t *testing.T) {
	for _, bug := range wrecked {
		scenario := "lost"
		if bug == traitor.DistrustVotes {
			scenario = "lost-agreed" // else nobody votes
		}
		t.Run(string(bug), func(t *testing.T) { hunt(t, bug, sim.Options{Scenario: scenario}) })
	}
}

// hidden are the bugs that no client can see, in such runs.
var hidden = []traitor.Bug{
	traitor.ForgottenBound, // only a clock that goes back just then would show it
	traitor.BuriedUnsaid,   // a repair can have come before the write, which then buries nothing
	traitor.EpochUnchecked, // all epochs of a run have the same owners
	traitor.PromiseForgotten,
	traitor.EpochUnsaved,
	traitor.ClockUnfenced, traitor.OffVotes, // versions stay unique and rise, only those of others lose for longer

	// What these break needs one more misfortune to show: a late message, a crash in the
	// very moment, a hint in the wrong place.
	traitor.FenceIgnored, traitor.FloorIgnored, traitor.FloorUnsaved, traitor.HintBelowFloor, traitor.AgreesUnsynced,
	traitor.AdoptWithoutAll, traitor.PublishBeforeSync, traitor.TreeSkipsRepair, traitor.DiskFullKept,
}

// The same for the checkers that know only what clients are told and what stands
// at the end (REG, SCAN, SETFULL, FINAL).
func TestTraitorsSeenFromOutside(t *testing.T) {
	for _, bug := range traitor.All() {
		if !slices.Contains(hidden, bug) && !slices.Contains(elsewhere, bug) && !slices.Contains(wrecked, bug) {
			t.Run(string(bug), func(t *testing.T) { hunt(t, bug, sim.Options{Outside: true}) })
		}
	}
}

// A node that answers PREPARE and ACCEPT before its vote is synced is caught:
// somebody acts in an epoch 1 that is not chosen yet, or there are two of them.
func TestBootstrapTraitor(t *testing.T) {
	hunt(t, traitor.AckBeforeSync, sim.Options{Scenario: "bootstrap", Outside: true})
}

// A voter that forgets what it has promised, and a node that acts on an epoch which
// it has not saved, are caught where nodes decide epochs and die.
func TestEpochTraitors(t *testing.T) {
	for _, bug := range []traitor.Bug{traitor.PromiseForgotten, traitor.EpochUnsaved} {
		t.Run(string(bug), func(t *testing.T) { hunt(t, bug, sim.Options{Scenario: "epochs"}) })
	}
}

// A failure is shrunk to fewer options and a shorter run that break the same
// promise.
func TestShrink(t *testing.T) {
	traitor.Choose(traitor.MergeByArrival)
	defer traitor.Choose("")
	_, failed := untilCaught(sim.Options{Seed: 1})
	if failed == nil {
		t.Fatal("not caught")
	}
	small := sim.Shrink(failed)
	if small.Failure == nil || small.Failure.Checker != failed.Failure.Checker {
		t.Fatalf("the shrunk run breaks another promise: %s", small.Report())
	}
	if len(small.Plan.On) > len(failed.Plan.On)/3 || small.Virtual > failed.Plan.Length/2 {
		t.Errorf("%d options of %d are left, and %v of %v", len(small.Plan.On), len(failed.Plan.On), small.Virtual, failed.Plan.Length)
	}
	if again := sim.Run(small.Options); again.Fingerprint != small.Fingerprint {
		t.Error("the shrunk run does not repeat")
	}
	t.Log(small.Report())
}

// hunt looks for a bug from several places, and logs the median of the seeds
// that it took.
func hunt(t *testing.T, bug traitor.Bug, o sim.Options) {
	traitor.Choose(bug)
	defer traitor.Choose("")
	started, caughtBy := time.Now(), map[string]int{}
	var seeds []int
	for i := range hunts() {
		o.Seed = uint64(1 + i*traitorSeeds)
		n, r := untilCaught(o)
		if r == nil {
			t.Fatalf("not caught within %d seeds from %d on", traitorSeeds, o.Seed)
		}
		if i == 0 {
			t.Logf("%s: %s", r.Line(), r.Failure.Text)
		}
		seeds = append(seeds, n)
		caughtBy[r.Failure.Checker]++
	}
	slices.Sort(seeds)
	t.Logf("caught: median %d seeds, at most %d, by %v, in %v", seeds[len(seeds)/2], seeds[len(seeds)-1], caughtBy, time.Since(started).Round(time.Millisecond))
}

// untilCaught runs seeds until one fails.
func untilCaught(o sim.Options) (seeds int, caught *sim.Result) {
	for n := range traitorSeeds {
		if r := sim.Run(o); r.Failure != nil {
			return n + 1, r
		}
		o.Seed++
	}
	return traitorSeeds, nil
}
