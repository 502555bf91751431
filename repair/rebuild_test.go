package repair

import (
	"fmt"
	"testing"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/merkle"
	"github.com/candordb/candor/record"
)

// lostDay is a day on which disks are lost, come back as older copies and rot, all the
// time, beside all other trouble.
func lostDay(t fataler, seed uint64, hints bool) *world {
	w := newWorld(t, seed, 4, 3, 4, 20, Options{})
	w.loss, w.twice, w.hints, w.wipes, w.calm = 0.02, 0.05, hints, true, 150
	if seed%3 > 0 {
		w.calm, w.every = 1000, 60 // time enough for purges, and for copies to grow old
	}
	w.run(60_000, w.trouble)
	w.heal()
	last := w.nodes[0].Clock()
	w.until(60_000, "rebuilt, converged, proved and purged", func() bool {
		w.deliver()
		w.durable()
		return w.settled(last)
	})
	return w
}

// Rule 8, and contract section 6: whatever comes back wrong, at whatever moment, while
// clients write: no quorum of what serves lacks an acknowledged write, no deleted key
// returns, nothing is purged that a replica never had; and everything comes back by
// itself.
func TestNothingIsLostByNodesThatComeBackWrong(t *testing.T) {
	days := 12
	if testing.Short() {
		days = 6
	}
	var sum Counters
	for seed := range uint64(days) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			w := lostDay(t, seed, seed%2 == 1)
			for _, n := range w.nodes {
				c := n.core.Counters()
				sum.Rebuilt += c.Rebuilt
				sum.RebuildsFailed += c.RebuildsFailed
				sum.Restored += c.Restored
				sum.Dropped += c.Dropped
				sum.Healed += c.Healed
			}
		})
	}
	t.Logf("since their last starts: %d partitions rebuilt, %d attempts failed, %d records taken, %d dropped, %d healed", sum.Rebuilt, sum.RebuildsFailed, sum.Restored, sum.Dropped, sum.Healed)
	if sum.Rebuilt == 0 || sum.Restored == 0 || sum.Healed == 0 {
		t.Error("something of this has never happened, so nothing is proved of it")
	}
}

// lost is a world of three nodes that hold the same, of which the last is in quarantine
// for its only partition.
func lost(t *testing.T, o Options) (*world, *node) {
	w := newWorld(t, 3, 3, 3, 1, 50, o)
	w.wipes = true
	for _, key := range w.keys {
		rec := w.encode(w.placeOf(key), recordOf("value"))
		for _, n := range w.nodes {
			w.set(n, key, rec)
		}
	}
	w.until(30_000, "proved", func() bool { return w.proved(hlc.Make(wall+1000, 0)) })
	n := w.nodes[2]
	n.quarantine(0, true)
	return w, n
}

// Rule 8: a rebuild starts with an epoch that says so.
func TestARebuildWaitsForItsEpoch(t *testing.T) {
	w, n := lost(t, Options{})
	w.run(5000, nil)
	if all := n.core.Rebuilding(); len(all) != 1 || all[0].Why != (Blame{n.id, NoEpoch}) {
		t.Errorf("without an epoch: %+v", all)
	}
	n.core.Rebuild(2) // which this node does not act on yet
	w.run(5000, nil)
	if n.core.Rebuilding() == nil {
		t.Error("before its epoch it was rebuilt")
	}
	n.core.Rebuild(1)
	w.until(20_000, "it is rebuilt", func() bool { return n.core.Rebuilding() == nil })
}

// Rule 8: its sources are a quorum of the others; while there are fewer it waits, and
// says for whom.
func TestARebuildNeedsAQuorumOfTheOthers(t *testing.T) {
	w, n := lost(t, Options{})
	n.core.Rebuild(1)
	w.nodes[0].crash()
	w.run(5000, nil)
	if all := n.core.Rebuilding(); len(all) != 1 || all[0].Why != (Blame{w.nodes[0].id, Unreachable}) {
		t.Errorf("with one of two others: %+v", all)
	}
	w.nodes[0].start(Options{})
	w.nodes[0].quarantine(0, true)
	w.run(5000, nil)
	if all := n.core.Rebuilding(); len(all) != 1 || all[0].Why != (Blame{w.nodes[0].id, Quarantined}) {
		t.Errorf("one of the others in quarantine itself: %+v", all)
	}
	w.nodes[0].quarantine(0, false)
	w.until(20_000, "it is rebuilt", func() bool { return n.core.Rebuilding() == nil })
	alone := newWorld(t, 1, 1, 1, 1, 5, Options{})
	alone.nodes[0].quarantine(0, true)
	alone.nodes[0].core.Rebuild(1)
	alone.run(5000, nil)
	if all := alone.nodes[0].core.Rebuilding(); len(all) != 1 || all[0].Why != (Blame{alone.nodes[0].id, NoCopies}) {
		t.Errorf("the only replica: %+v", all)
	}
}

// Rule 8: its own records above the watermark are kept and merged, the rest of its own
// is dropped; it takes floor, marks and notes; the others prove anew what they had
// proved with it.
func TestARebuildKeepsItsOwnAboveTheWatermarkOnly(t *testing.T) {
	w, n := lost(t, Options{})
	mark := hlc.Make(wall+w.now-500, 0)
	for _, o := range w.nodes[:2] {
		o.marks[0] = Marks{Fence: mark, Purge: mark.Add(-100)}
	}
	at := func(i int) Place { return w.placeOf(w.keys[i]) }
	low, high := hlc.Version{Time: mark, Writer: 1}, hlc.Version{Time: mark.Add(1), Writer: 1}
	put := func(i int, v hlc.Version, r record.Record) []byte {
		r.Version = v
		rec := record.Append(nil, 1, w.keys[i], r)
		delete(n.stored, key32(at(i)))
		n.put(at(i), rec)
		return rec
	}
	for _, o := range w.nodes { // what is only here is gone there
		for i := range 3 {
			o.put(at(i), nil)
		}
	}
	n.recount(0)
	put(0, low, recordOf("deleted since, by all others"))
	kept := put(1, high, recordOf("newer than the watermark"))
	put(2, low, tombstone())
	for i := 3; i < 10; i++ {
		n.put(at(i), nil) // what it has lost
	}
	rotten := key32(at(20))
	n.stored[rotten] = &stored{n.stored[rotten].rec, true}
	given := hlc.Version{Time: high.Time, Writer: 77}
	w.nodes[1].voids = []void{{at(5), given}}
	n.floor = 0
	told, _ := w.nodes[0].core.Told(n.id)
	n.core.Rebuild(1)
	w.step()
	w.until(20_000, "it is rebuilt", func() bool { return n.core.Rebuilding() == nil })
	if w.holds(n, w.keys[0]) != nil || w.holds(n, w.keys[2]) != nil {
		t.Error("what lies at or below the watermark, and nobody else holds, was kept")
	}
	if string(w.holds(n, w.keys[1])) != string(kept) {
		t.Error("what lies above the watermark was not kept")
	}
	for i := 3; i < len(w.keys); i++ {
		if got, want := w.holds(n, w.keys[i]), w.holds(w.nodes[0], w.keys[i]); string(got) != string(want) || n.rotten(at(i)) {
			t.Fatalf("%s: %x, want %x", w.keys[i], got, want)
		}
	}
	if m := n.marks[0]; m.Fence != mark || m.Purge != mark.Add(-100) || n.floor < told || told == 0 {
		t.Errorf("marks %+v, floor %v, told %v", m, n.floor, told)
	}
	if len(n.voids) != 1 || n.voids[0].version != given {
		t.Errorf("notes: %+v", n.voids)
	}
	tree := n.tree(0).Root()
	if n.recount(0); n.tree(0).Root() != tree {
		t.Error("its tree is not that of what it stores")
	}
}

// Its progress outlives what it does not: a crash, another epoch, a source that goes.
func TestARebuildGoesOnBehindACrashAtEachStep(t *testing.T) {
	for stop := range int64(30) {
		w, n := lost(t, Options{Rate: 1000})
		n.stored, n.trees, n.dirty = map[Place32]*stored{}, map[int]*merkle.Tree{}, true
		n.from = 1
		n.core.Rebuild(1)
		w.run(20*stop, nil)
		switch stop % 3 {
		case 0:
			n.crash()
			n.start(Options{})
		case 1:
			v := w.views[0]
			w.views = append(w.views, mustView(t, 2, 1, 3, v.Members(), v.Owners(0)))
			for _, o := range w.nodes {
				o.epoch = 1
			}
		case 2:
			w.nodes[0].crash()
			w.run(3000, nil)
			w.nodes[0].start(Options{})
		}
		w.until(60_000, "it is rebuilt", func() bool { return n.core.Rebuilding() == nil })
		for _, key := range w.keys {
			if string(w.holds(n, key)) != string(w.holds(w.nodes[0], key)) {
				t.Fatalf("stopped after %d steps: %s differs", stop, key)
			}
		}
	}
}

// Rule 8: a source that has purged since its marks were taken makes the rebuild take
// them anew: else this node would bring back what that purge has removed.
func TestAPurgeWhileRebuildingIsSeen(t *testing.T) {
	w, n := lost(t, Options{})
	old := w.holds(n, w.keys[0]) // deleted at the others, which is forgotten there in a moment
	at := w.placeOf(w.keys[0])
	n.core.Rebuild(1)
	mark := hlc.Make(wall+w.now, 0)
	moved := false
	w.until(30_000, "it is rebuilt", func() bool {
		if p := n.core.part(0); !moved && p.rebuild != nil && p.rebuild.stage == Compares {
			moved = true
			for _, o := range w.nodes[:2] {
				o.put(at, nil)
				o.marks[0] = Marks{Fence: mark, Purge: mark}
			}
		}
		return n.core.Rebuilding() == nil
	})
	if !moved || w.holds(n, w.keys[0]) != nil {
		t.Errorf("%x is back, moved %v", old, moved)
	}
}

// An epoch that says that a member is rebuilt takes back what was proved with it.
func TestForgetTakesBackProofs(t *testing.T) {
	w, n := lost(t, Options{})
	core := w.nodes[0].core
	core.Forget(n.id)
	if asOf, blame := core.AsOf(0); asOf != 0 || blame.Node != n.id {
		t.Errorf("as of %v, %+v", asOf, blame)
	}
}

// healDay lets a record rot whose last write one of the other two replicas lacks, and
// nothing else brings it there.
func healDay(t fataler, seed uint64, _ bool) *world {
	w := newWorld(t, seed, 3, 3, 1, 4, Options{AgeLimit: 2000, ExchangeInterval: 1 << 40, Timeout: 1500})
	w.wipes = true
	at := w.placeOf(w.keys[0])
	old := w.encode(at, recordOf("old"))
	w.now += 100
	for i, n := range w.nodes {
		rec := old
		if i > 0 {
			rec = record.Append(nil, 1, at.Key, record.Record{Value: []byte("new"), Version: hlc.Version{Time: hlc.Make(wall+w.now, 0), Writer: 1 << 40}})
			w.acked[string(at.Key)] = versionOf(mustHeader(rec))
		}
		w.set(n, at.Key, rec)
	}
	n := w.nodes[2]
	n.stored[key32(at)].rot = true
	n.core.Heal(at)
	began := w.now
	w.until(30_000, "healed", func() bool { return !n.rotten(at) })
	if w.now-began < 2000 {
		t.Errorf("healed after %d ms, while requests may be under way that have counted it", w.now-began)
	}
	w.durable()
	return w
}

// Rule 8: a single bad record takes no write until its key has been read from a quorum
// of the others: one of them alone may lack what was acknowledged.
func TestADamagedRecordIsHealedFromAQuorumOfTheOthers(t *testing.T) {
	w := healDay(t, 1, false)
	if n, _, _ := w.nodes[2].core.Healing(); n != 0 {
		t.Errorf("%d are still damaged", n)
	}
	// With one of the others gone it waits, and says for whom.
	n, at := w.nodes[2], w.placeOf(w.keys[0])
	n.stored[key32(at)].rot = true
	w.nodes[0].crash()
	n.core.Heal(at)
	w.run(10_000, nil)
	if count, first, why := n.core.Healing(); count != 1 || first.compare(at) != 0 || why != (Blame{w.nodes[0].id, Unreachable}) {
		t.Errorf("%d, %s, %+v", count, first.Key, why)
	}
}
