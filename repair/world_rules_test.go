package repair

import (
	"fmt"
	"testing"
)

// day is a bad day of a world, and the calm after it.
func day(t fataler, seed uint64, hints bool) *world {
	w := newWorld(t, seed, 4, 3, 8, 40, Options{})
	w.loss, w.twice, w.hints, w.wipes = 0.05, 0.1, hints, seed%3 == 0
	w.lateMS = 60
	if seed%2 == 0 {
		w.lateMS = 800
	}
	w.run(60_000, w.trouble)
	w.heal()
	last := w.nodes[0].Clock()
	w.until(60_000, "converged, proved and purged", func() bool {
		w.deliver()
		return w.settled(last)
	})
	return w
}

// Rules 7 and 8, whatever is lost, late, doubled and crashes: what is said to be
// repaired is; no watermark passes a hint or a replica that has not agreed; a purge
// comes only when all had it; no purged key returns; absence deletes nothing; and
// in the calm after it all replicas become equal.
func TestTheRulesHoldOnBadDays(t *testing.T) {
	days := 8
	if testing.Short() {
		days = 3
	}
	for seed := range uint64(days) {
		for _, hints := range []bool{false, true} {
			t.Run(fmt.Sprintf("seed=%d,hints=%v", seed, hints), func(t *testing.T) {
				w := day(t, seed, hints)
				if c := w.nodes[0].core.Counters(); c.HintsBelow+c.Conflicts > 0 {
					t.Errorf("broken invariants were counted: %+v", c)
				}
			})
		}
	}
}

// Rule 7: between different epochs there is no exchange.
func TestDifferentEpochsDoNotExchange(t *testing.T) { otherEpoch(t) }

func otherEpoch(t fataler) *world {
	w := newWorld(t, 1, 3, 2, 4, 20, Options{})
	// In epoch 2 all partitions are those of nodes 0 and 1.
	v := w.views[0]
	w.views = append(w.views, mustView(t, 2, v.Q(), 2, v.Members(), []uint16{0, 1, 0, 1, 0, 1, 0, 1}))
	w.nodes[0].epoch = 1
	for _, key := range w.keys {
		w.set(w.nodes[1], key, w.encode(w.placeOf(key), recordOf("v")))
	}
	w.run(20_000, nil)
	if n := len(w.nodes[0].stored); n > 0 {
		t.Errorf("node 0 took %d records of a node in another epoch", n)
	}
	for partition := range v.Q() {
		if asOf, blame := w.nodes[0].core.AsOf(partition); asOf != 0 || blame.Why != OtherEpoch {
			t.Errorf("partition %d is repaired as of %v, held back by %v", partition, asOf, blame.Why)
			break
		}
	}
	w.nodes[1].epoch, w.nodes[2].epoch = 1, 1
	w.until(20_000, "in one epoch they exchange", func() bool { return len(w.nodes[0].stored) == len(w.keys) })
	return w
}
