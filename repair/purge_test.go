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

// What a purge costs is in proportion to what there is to purge: leaves that hold
// nothing that can be purged are not read.
func TestASweepReadsOnlyLeavesThatMayHoldTheDead(t *testing.T) {
	w := newWorld(t, 1, 1, 1, 2, 3000, Options{AgeLimit: 2000, ExchangeInterval: 4000})
	n := w.nodes[0]
	for i, key := range w.keys {
		rec := recordOf("v")
		if rec.Version = (hlc.Version{Time: hlc.Make(wall, 0), Writer: 1}); i%1000 == 0 {
			rec = record.Record{Tombstone: true, Version: rec.Version}
		}
		w.set(n, key, w.encode(w.placeOf(key), rec))
	}
	dying := map[[2]int]bool{} // partition and leaf
	for _, key := range [][]byte{w.keys[0], w.keys[1000], w.keys[2000]} {
		at := w.placeOf(key)
		dying[[2]int{w.partitionOf(at), w.shape.Leaf(at.Token, n.View().Bits())}] = true
	}
	n.mortal = func(partition, leaf int) (first, last int, some bool) {
		for ; leaf < w.shape.Leaves(); leaf++ {
			if dying[[2]int{partition, leaf}] {
				return leaf, leaf, true
			}
		}
		return 0, 0, false
	}
	w.until(20_000, "purged", func() bool {
		return w.holds(n, w.keys[0]) == nil && w.holds(n, w.keys[1000]) == nil && w.holds(n, w.keys[2000]) == nil
	})
	for key := range n.read {
		if at := key.place(); !dying[[2]int{w.partitionOf(at), w.shape.Leaf(at.Token, n.View().Bits())}] {
			t.Fatalf("%s was read, in whose leaf nothing can be purged", key.Key)
		}
	}
	if len(n.read) == 0 {
		t.Error("nothing was read")
	}
}

// A node that has been started again has not proved anything yet: what it held when the
// others heard of its proofs may be gone, where records are synced later than they are
// answered for. It agrees to no watermark before it has proved up to there once more.
func TestWhoHasProvedNothingSinceItsStartAgreesToNothing(t *testing.T) {
	o := Options{AgeLimit: 2000, ExchangeInterval: 400}
	w := newWorld(t, 1, 3, 3, 1, 5, o)
	n := w.nodes[1]
	row := markRow{partition: 0}
	proved := func() bool {
		_, strict := n.core.own(n.core.parts[0])
		return strict > n.Marks(0).Fence && strict >= row.mark
	}
	w.until(60_000, "proved above the fence", proved)
	_, row.mark = n.core.own(n.core.parts[0])
	if why := n.core.mayTake(kindAgree, row, n.Marks(0)); why != None {
		t.Errorf("a node that has proved it does not agree: %v", why)
	}
	n.crash()
	n.start(o)
	if why := n.core.mayTake(kindAgree, row, n.Marks(0)); why != Behind {
		t.Errorf("a node that was started again says %v, want %v", why, Behind)
	}
	w.until(60_000, "agreed to once more", func() bool { return n.Marks(0).Fence >= row.mark })
}
