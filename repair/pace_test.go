package repair

import (
	"slices"
	"testing"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
)

// known says whether every node that is up knows some as-of of all its partitions.
func (w *world) known() bool {
	for partition := range w.views[0].Q() {
		for _, n := range w.owners(w.views[0], partition) {
			if asOf, _ := n.core.AsOf(partition); n.up && asOf == 0 {
				return false
			}
		}
	}
	return true
}

// Rule 7: a pair compares soon after both are up, and who has proved something tells
// it: a cluster that was started knows how far it is repaired in seconds, not cycles.
func TestAClusterThatWasStartedIsProvedWithinSeconds(t *testing.T) {
	for _, nodes := range []int{2, 3, 5} {
		w := newWorld(t, 1, nodes, min(nodes, 3), 16, 20, slow(t))
		w.until(5000, "all know how far they are repaired", w.known)
	}
}

// A proof is about what is durable: a restart of either side takes nothing back, here
// or at the others, and as long as nothing new is proved it ages.
func TestProofsOutliveARestart(t *testing.T) {
	w := newWorld(t, 1, 3, 3, 4, 20, slow(t))
	w.until(5000, "proved", w.known)
	w.run(120_000, nil)
	oldest := func(n *node) hlc.Timestamp { _, at := n.core.States(); return at }
	var before []hlc.Timestamp
	for _, n := range w.nodes {
		before = append(before, oldest(n))
	}
	bad := w.nodes[1]
	bad.crash()
	w.run(2000, nil)
	for _, n := range w.nodes { // nothing can be proved any more
		n.core.Pause(3_600_000)
	}
	bad.start(slow(t))
	bad.core.Pause(3_600_000)
	w.run(3000, func() {
		for i, n := range w.nodes {
			if n != bad && oldest(n) < before[i] {
				t.Fatalf("node %d: repaired as of %v, was %v", n.i, oldest(n), before[i])
			}
		}
	})
	if at := oldest(bad); at == 0 || at < before[1].Add(-2*w.nodes[0].core.o.ExchangeInterval) {
		t.Errorf("the one that was started: as of %v, was %v", at, before[1])
	}
}

// Rule 8: what was proved in an epoch says nothing in another one, if one in between
// was missed: it may have said that a replica is rebuilt.
func TestProofsDoNotOutliveAnEpochThatWasMissed(t *testing.T) {
	for _, step := range []int{1, 2} {
		for _, restart := range []bool{false, true} {
			w := newWorld(t, 1, 3, 3, 2, 5, Options{})
			v := w.views[0]
			for e := range 2 {
				w.views = append(w.views, mustView(t, v.Epoch()+1, v.Q(), 3, v.Members(), v.OwnersTable()))
				v = w.views[e+1]
			}
			w.until(30_000, "proved and kept", func() bool { return w.known() && w.nodes[0].proofs != nil })
			n := w.nodes[0]
			if restart {
				n.crash()
			}
			if n.epoch = step; restart {
				n.start(Options{})
			}
			n.tick()
			asOf, _ := n.core.own(n.core.part(0))
			if kept := asOf != 0; kept != (step == 1 && !restart) {
				t.Errorf("%d epochs later, restart %v: proved as of %v", step, restart, asOf)
			}
		}
	}
}

// What is taken back is taken back on disk too, before long.
func TestProofsThatFellDoNotComeBackByARestart(t *testing.T) {
	w := newWorld(t, 1, 3, 3, 2, 5, slow(t))
	w.until(30_000, "proved and kept", func() bool { return w.known() && w.nodes[0].proofs != nil })
	w.run(100_000, nil)
	w.nodes[2].crash()
	w.nodes[2].quarantine(0, true)
	w.run(100, nil)
	w.nodes[2].start(slow(t))
	w.run(5000, nil)
	w.nodes[2].crash()
	w.nodes[0].crash()
	w.nodes[0].start(slow(t))
	if x := w.nodes[0].core.part(0).pair(w.nodes[2].id); x.asOf != 0 {
		t.Errorf("proved with a replica in quarantine as of %v", x.asOf)
	}
	if x := w.nodes[0].core.part(1).pair(w.nodes[2].id); x.asOf == 0 {
		t.Error("what was not taken back is gone too")
	}
}

// Bytes that are no proofs prove nothing, and do no harm.
func TestProofsThatCannotBeReadAreNone(t *testing.T) {
	w := newWorld(t, 1, 3, 3, 2, 5, Options{})
	w.until(30_000, "proved and kept", func() bool { return w.known() && w.nodes[0].proofs != nil })
	n := w.nodes[0]
	doc := slices.Clone(n.proofs)
	for cut := range doc {
		n.crash()
		n.proofs = doc[:cut]
		n.start(Options{})
		whole := cut == 9 || cut == 9+(len(doc)-9)/2 // nobody, or all of one member
		for i, x := range n.core.part(0).pairs {
			if x.asOf != 0 && !(whole && cut > 9 && i < 2) {
				t.Errorf("%d of %d bytes prove %v", cut, len(doc), x.asOf)
			}
		}
	}
}

// A node that comes and goes is compared with ever more seldom, until it stays.
func TestAPeerThatComesAndGoesCostsLittle(t *testing.T) {
	w := newWorld(t, 1, 2, 2, 4, 5, slow(t))
	c := w.nodes[0].core
	w.run(10_000, nil)
	before := c.Counters().Comparisons
	for range 200 { // 10 minutes
		w.nodes[1].up = false
		w.run(1500, nil)
		w.nodes[1].up = true
		w.run(1500, nil)
	}
	after := c.Counters().Comparisons
	if n := after.Done + after.Failed - before.Done - before.Failed; n > 60 || n < 10 {
		t.Errorf("%d comparisons in ten cycles", n)
	}
}

// Rule 7: a pair compares soon after a cut has ended, however short that was.
func TestAPairComparesSoonAfterACut(t *testing.T) {
	w := newWorld(t, 1, 2, 2, 4, 5, slow(t))
	w.run(100_000, nil)
	c := w.nodes[0].core
	w.nodes[1].up = false
	w.run(2000, nil)
	w.nodes[1].up = true
	before := c.Counters().Comparisons.Done
	w.until(1500, "they are compared", func() bool { return c.Counters().Comparisons.Done > before })
}

// Rule 7: what an exchange had to mend is looked at again soon, not a cycle later.
func TestAfterDifferencesTheNextComparisonComesSoon(t *testing.T) {
	w := newWorld(t, 1, 2, 2, 4, 20, slow(t))
	w.run(100_000, nil)
	old := hlc.Version{Time: hlc.Make(wall+1000, 0), Writer: 1}
	w.set(w.nodes[0], w.keys[0], w.encode(w.placeOf(w.keys[0]), record.Record{Value: []byte("v"), Version: old}))
	c := w.nodes[0].core
	w.until(70_000, "it has moved", func() bool { return w.holds(w.nodes[1], w.keys[0]) != nil })
	before := c.Counters().Comparisons.Done
	w.until(3000, "they are compared again", func() bool { return c.Counters().Comparisons.Done > before })
	w.run(20_000, nil)
	if n := c.Counters().Comparisons.Done - before; n > 2 {
		t.Errorf("%d comparisons of what is equal", n)
	}
}

// Rule 8: when the last replica comes back, what is deleted is purged in a fraction of
// a cycle: floors, proofs and marks are told when they have risen, not when it is time.
func TestAPurgeFollowsTheReturnOfTheLastReplica(t *testing.T) {
	w := newWorld(t, 1, 3, 3, 4, 40, slow(t))
	w.run(100_000, nil)
	away := w.nodes[2]
	away.crash()
	for i, key := range w.keys {
		rec := record.Record{Tombstone: true, Version: hlc.Version{Time: hlc.Make(wall+w.now+int64(i), 0), Writer: 1}}
		for _, n := range w.nodes[:2] {
			w.set(n, key, w.encode(w.placeOf(key), rec))
		}
	}
	w.run(180_000, nil)
	away.start(slow(t))
	w.until(30_000, "purged everywhere", func() bool {
		return !slices.ContainsFunc(w.keys, func(key []byte) bool {
			return slices.ContainsFunc(w.nodes, func(n *node) bool { return w.holds(n, key) != nil })
		})
	})
}

// A hint that held a watermark back does so no longer than it is there.
func TestAWatermarkFollowsTheLastHint(t *testing.T) {
	w := newWorld(t, 1, 4, 3, 1, 1, slow(t)) // partition 0 is of nodes 0 to 2
	keeper := w.nodes[3]
	keeper.kept = []hint{{target: 0, at: w.placeOf(w.keys[0]), rec: w.encode(w.placeOf(w.keys[0]), recordOf("v"))}}
	w.run(200_000, nil)
	if strict := w.nodes[0].core.Strict(0); strict >= hlc.Make(wall+1000, 0) {
		t.Fatalf("strict as of %v above a hint", strict)
	}
	keeper.kept = nil
	after := hlc.Make(wall+w.now-60_000, 0)
	w.until(15_000, "the watermark has passed it", func() bool { return w.nodes[0].marks[0].Purge > after })
}

// What hints are about to bring is not moved beside them when a node has come back;
// once they are gone, or a cycle is over, what differs is.
func TestExchangesAfterAReturnWaitForHints(t *testing.T) {
	for _, drained := range []bool{true, false} {
		w := newWorld(t, 1, 3, 2, 1, 10, slow(t)) // partition 0 is of nodes 0 and 1
		w.run(100_000, nil)
		away, keeper := w.nodes[1], w.nodes[2]
		away.crash()
		w.now += 1000
		rec := w.encode(w.placeOf(w.keys[0]), record.Record{Value: []byte("v"), Version: hlc.Version{Time: hlc.Make(wall+w.now, 0), Writer: 1}})
		w.set(w.nodes[0], w.keys[0], rec)
		keeper.kept = []hint{{target: 1, at: w.placeOf(w.keys[0]), rec: rec}}
		w.run(120_000, nil)
		away.start(slow(t))
		w.run(10_000, nil)
		if n := len(w.moved) + int(w.nodes[0].core.Counters().RecordsIn); n > 0 {
			t.Fatalf("%d records have moved beside a hint", n)
		}
		within := int64(75_000)
		if drained {
			keeper.kept, within = nil, 10_000
		}
		w.until(within, "it has moved", func() bool { return w.holds(away, w.keys[0]) != nil })
	}
}

// A floor that is asked for whenever the queue of the committer is full, as something else
// comes as regularly, is asked for again in between.
func TestAFloorThatIsRefusedEachSecondRises(t *testing.T) {
	w := pairWorld(t, 4, 20, slow(t))
	for _, n := range w.nodes {
		last := int64(-1000)
		n.refuses = func(x *Write) bool {
			full := x.Kind == SetFloor && w.now-last >= 700
			if full {
				last = w.now
			}
			return full
		}
	}
	w.until(200_000, "all is proved", func() bool { return w.proved(hlc.Make(wall+10_000, 0)) })
}
