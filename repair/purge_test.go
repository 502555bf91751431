package repair

import (
	"slices"
	"testing"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
)

// deadWorld has tombstones everywhere that are old enough to be purged.
func deadWorld(t *testing.T, busy bool) *world {
	w := newWorld(t, 1, 3, 3, 64, 200, Options{AgeLimit: 2000, ExchangeInterval: 40})
	for _, n := range w.nodes {
		n.busy = busy
	}
	for _, key := range w.keys {
		for _, n := range w.nodes {
			w.set(n, key, w.encode(w.placeOf(key), record.Record{Tombstone: true, Version: hlc.Version{Time: hlc.Make(wall, 0), Writer: 1}}))
		}
	}
	return w
}

// However fast watermarks rise, each partition is swept in its turn: what is dead in
// the last of them is removed too (rule 8).
func TestEveryPartitionIsSweptThoughWatermarksRiseFaster(t *testing.T) {
	w := deadWorld(t, true) // busy: one step of a sweep at a time
	w.until(60_000, "purged everywhere", func() bool {
		return !slices.ContainsFunc(w.keys, func(key []byte) bool {
			return slices.ContainsFunc(w.nodes, func(n *node) bool { return w.holds(n, key) != nil })
		})
	})
}

// A sweep goes on as soon as a removal is durable, so that its pace is that of the
// disk; while clients have to wait, only with the next Tick.
func TestASweepWaitsForTheDiskOnly(t *testing.T) {
	for _, busy := range []bool{false, true} {
		w := deadWorld(t, busy)
		n, on := w.nodes[0], 0
		removing := func() bool {
			return slices.ContainsFunc(n.queue, func(p pending) bool { return p.what == "" && p.write.Kind == Purge })
		}
		w.run(20_000, func() {
			if removing() {
				if n.commit(); removing() {
					on++
				}
			}
		})
		if (on > 0) == busy {
			t.Errorf("busy %v: %d times it went on with no Tick", busy, on)
		}
	}
}
