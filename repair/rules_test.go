package repair

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/merkle"
	"github.com/candordb/candor/record"
)

// pairWorld is two nodes that both replicate all of q partitions.
func pairWorld(t fataler, q, keys int, o Options) *world { return newWorld(t, 1, 2, 2, q, keys, o) }

// slow are options as users have them.
func slow(t *testing.T) Options {
	shape, err := merkle.NewShape(merkle.LeavesDefault, merkle.FanOutDefault)
	if err != nil {
		t.Fatal(err)
	}
	return Options{Shape: shape, AgeLimit: 30_000, ExchangeInterval: 60_000, Timeout: 10_000}
}

// onBoth puts a record on both nodes of a pair.
func (w *world) onBoth(key []byte, rec []byte) {
	w.set(w.nodes[0], key, rec)
	w.set(w.nodes[1], key, rec)
}

// proved says whether all nodes know all their partitions to be repaired as of
// the given time.
func (w *world) proved(at hlc.Timestamp) bool {
	for partition := range w.views[0].Q() {
		for _, n := range w.owners(w.views[0], partition) {
			if asOf, _ := n.core.AsOf(partition); asOf < at {
				return false
			}
		}
	}
	return true
}

func (w *world) holds(n *node, key []byte) []byte {
	if s := n.stored[key32(w.placeOf(key))]; s != nil {
		return s.rec
	}
	return nil
}

// Performance, P16: in sync, at most 64 KB per pair of nodes and cycle, with 1,024
// common partitions, all that goes between the two counted.
func TestAPairInSyncCostsAtMost64KB(t *testing.T) {
	w := pairWorld(t, 1024, 3000, slow(t))
	for _, key := range w.keys {
		w.onBoth(key, w.encode(w.placeOf(key), recordOf("v")))
	}
	w.run(150_000, nil)
	w.messageBytes = 0
	before := w.nodes[0].core.Counters().Comparisons.Done
	w.run(240_000, nil)
	cycles := int(w.nodes[0].core.Counters().Comparisons.Done - before)
	if cycles < 3 || cycles > 5 {
		t.Fatalf("%d comparisons in four minutes", cycles)
	}
	t.Logf("%d bytes in each of %d cycles", w.messageBytes/cycles, cycles)
	if w.messageBytes > cycles*64<<10 || w.messageBytes < cycles*1024*24 {
		t.Errorf("%d bytes in %d cycles", w.messageBytes, cycles)
	}
	if !w.proved(hlc.Make(wall+240_000, 0)) || len(w.moved) > 0 {
		t.Error("not proved, or something moved")
	}
}

// Performance, P16: d scattered differences cost at most 3 KB each and 64 KB.
func TestScatteredDifferencesCostAtMost3KBEach(t *testing.T) {
	const d = 60
	w := pairWorld(t, 256, 20_000, slow(t))
	for i, key := range w.keys {
		w.onBoth(key, w.encode(w.placeOf(key), recordOf("v")))
		if i%(len(w.keys)/d) == 0 {
			w.set(w.nodes[i/7%2], key, w.encode(w.placeOf(key), recordOf("newer")))
		}
	}
	w.now += 100_000 // the writes are over
	w.run(40_000, nil)
	n := len(w.moved) + int(w.nodes[0].core.Counters().RecordsIn)
	t.Logf("%d bytes for %d differences", w.messageBytes, n)
	if w.messageBytes+w.recordBytes > n*3<<10+64<<10 {
		t.Errorf("%d and %d bytes for %d differences", w.messageBytes, w.recordBytes, n)
	}
	for _, key := range w.keys {
		if string(w.holds(w.nodes[0], key)) != string(w.holds(w.nodes[1], key)) {
			t.Fatalf("%s still differs", key)
		}
	}
}

// Rule 7: send only the newer record, one way per key; and absence never deletes.
func TestOnlyTheNewerRecordMovesOneWay(t *testing.T) {
	w := pairWorld(t, 4, 40, Options{})
	want := map[string]string{} // key -> who has the newer record
	for i, key := range w.keys {
		old := w.encode(w.placeOf(key), recordOf("old"))
		w.now++
		newer := w.encode(w.placeOf(key), recordOf("newer"))
		has := i % 2
		switch i % 3 {
		case 0: // one has nothing
			w.set(w.nodes[has], key, newer)
		case 1: // one is older
			w.set(w.nodes[has], key, newer)
			w.set(w.nodes[1-has], key, old)
		default:
			w.onBoth(key, newer)
			continue
		}
		want[string(key)] = fmt.Sprintf("%d>%d", has, 1-has)
	}
	w.until(30_000, "proved", func() bool { return w.proved(w.nodes[0].Clock().Add(-5000)) && w.now > 10_000 })
	pulled := 0
	for _, m := range w.moved {
		way, key, _ := strings.Cut(m, " ")
		if want[key] != way {
			t.Errorf("%s moved %s, want %q", key, way, want[key])
		}
		delete(want, key)
	}
	for key, way := range want {
		if pulled++; way != "1>0" {
			t.Errorf("%s did not move %s", key, way)
		}
	}
	if got := w.nodes[0].core.Counters().RecordsIn; got != uint64(pulled) {
		t.Errorf("%d records were read from node 1, want %d", got, pulled)
	}
	for _, key := range w.keys {
		if a := w.holds(w.nodes[0], key); a == nil || string(a) != string(w.holds(w.nodes[1], key)) {
			t.Errorf("%s: %x and %x", key, a, w.holds(w.nodes[1], key))
		}
	}
}

// Rule 7: a tombstone, or a value expired, below the higher of the two watermarks
// counts as absent on both sides and is never sent.
func TestTheDeadBelowTheWatermarkAreNeverSent(t *testing.T) {
	w := pairWorld(t, 1, 3, Options{})
	deleted, expired, alive := w.keys[0], w.keys[1], w.keys[2]
	w.set(w.nodes[0], deleted, w.encode(w.placeOf(deleted), tombstone()))
	w.set(w.nodes[1], expired, w.encode(w.placeOf(expired), record.Record{Value: []byte("x"), ExpiresAt: wall + 1}))
	w.set(w.nodes[1], alive, w.encode(w.placeOf(alive), recordOf("v")))
	w.now = 5000
	mark := hlc.Make(wall+2000, 0)
	// Both have agreed, only node 1 has adopted; nothing is swept.
	for i, n := range w.nodes {
		n.marks[0] = Marks{Fence: mark}
		if i == 1 {
			n.marks[0] = Marks{Fence: mark, Purge: mark}
		}
		n.core.sweep = &sweep{waiting: 1}
	}
	w.until(20_000, "proved", func() bool { return w.proved(mark) })
	if w.holds(w.nodes[0], alive) == nil {
		t.Error("a value below the watermark did not move")
	}
	if w.holds(w.nodes[1], deleted) != nil || w.holds(w.nodes[0], expired) != nil {
		t.Error("what is dead below the watermark moved")
	}
	if n := len(w.moved); n != 0 {
		t.Errorf("moved: %v", w.moved)
	}
}

// Rule 8: below the fence only an exchange with a replica whose watermark was not
// lower may bring anything; one that cannot proves nothing.
func TestAReplicaBehindInTheWatermarkBringsNothingBelowIt(t *testing.T) {
	w := pairWorld(t, 1, 1, Options{})
	w.set(w.nodes[0], w.keys[0], w.encode(w.placeOf(w.keys[0]), recordOf("v")))
	w.nodes[1].marks[0] = Marks{Fence: hlc.Make(wall+1000, 0)}
	w.run(20_000, nil)
	if w.holds(w.nodes[1], w.keys[0]) != nil {
		t.Error("it was taken")
	}
	if asOf, blame := w.nodes[0].core.AsOf(0); asOf != 0 || blame != (Blame{w.nodes[1].id, Refused}) {
		t.Errorf("as of %v, %+v", asOf, blame)
	}
	w.nodes[0].marks[0] = w.nodes[1].marks[0]
	w.until(20_000, "as high, it is taken and proved", func() bool {
		return w.holds(w.nodes[1], w.keys[0]) != nil && w.proved(hlc.Make(wall+10_000, 0))
	})
}

// Rule 7: repaired-as-of is the least over all pairs, and unknown until all have
// told; it says who holds it back.
func TestRepairedAsOfIsHeldBackByOneThatIsDown(t *testing.T) {
	w := newWorld(t, 1, 3, 3, 2, 5, Options{})
	w.nodes[2].crash()
	w.run(20_000, nil)
	for _, n := range w.nodes[:2] {
		if asOf, blame := n.core.AsOf(0); asOf != 0 || blame != (Blame{w.nodes[2].id, Unreachable}) {
			t.Errorf("node %d: as of %v, %v %v", n.i, asOf, blame.Node, blame.Why)
		}
		if s, oldest := n.core.States(); s != (States{Blocked: 2}) || oldest != 0 {
			t.Errorf("node %d: %+v, %v", n.i, s, oldest)
		}
	}
	w.nodes[2].start(Options{})
	w.until(30_000, "proved", func() bool { return w.proved(hlc.Make(wall+20_000, 0)) })
	s, oldest := w.nodes[0].core.States()
	if s != (States{Proven: 2}) || oldest < hlc.Make(wall+20_000, 0) {
		t.Errorf("%+v, %v", s, oldest)
	}
}

// Rule 8: a dead member blocks purging, visibly, until it returns. It need not be
// a replica: it may keep a hint.
func TestADeadMemberBlocksPurgingVisibly(t *testing.T) {
	w := newWorld(t, 1, 4, 3, 1, 1, Options{}) // partition 0 is of nodes 0 to 2
	w.run(20_000, nil)
	w.nodes[3].crash()
	w.run(1000, nil)
	key := w.keys[0]
	for _, n := range w.nodes[:3] {
		w.set(n, key, w.encode(w.placeOf(key), record.Record{Tombstone: true, Version: hlc.Version{Time: hlc.Make(wall+w.now, 0), Writer: 1}}))
	}
	deleted := hlc.Make(wall+w.now, 0)
	w.run(40_000, nil)
	for _, n := range w.nodes[:3] {
		if asOf, _ := n.core.AsOf(0); asOf <= deleted {
			t.Errorf("node %d: repaired as of %v", n.i, asOf)
		}
		if w.holds(n, key) == nil {
			t.Errorf("node %d has purged", n.i)
		}
	}
	if mark, blame := w.nodes[0].core.Watermark(0); mark > deleted || blame != (Blame{w.nodes[3].id, Unreachable}) {
		t.Errorf("watermark %v, held back by %v: %v", mark, blame.Node, blame.Why)
	}
	w.nodes[3].start(Options{})
	w.until(30_000, "purged everywhere", func() bool {
		return !slices.ContainsFunc(w.nodes, func(n *node) bool { return w.holds(n, key) != nil })
	})
}

// Rule 8: all N agree, durably, before a watermark is adopted; a replica that is
// away blocks it, and the first one says who.
func TestAWatermarkWaitsForAllReplicas(t *testing.T) {
	w := newWorld(t, 1, 3, 3, 1, 1, Options{})
	w.until(30_000, "proved", func() bool { return w.nodes[0].core.Strict(0) > 0 && w.nodes[0].core.part(0).proposal != nil })
	w.nodes[1].crash()
	at := w.now
	w.run(30_000, nil)
	mark, blame := w.nodes[0].core.Watermark(0)
	if mark >= hlc.Make(wall+at, 0) || blame != (Blame{w.nodes[1].id, Unreachable}) {
		t.Errorf("watermark %v, held back by %v: %v", mark, blame.Node, blame.Why)
	}
	w.nodes[1].start(Options{})
	w.until(30_000, "adopted by all", func() bool {
		return !slices.ContainsFunc(w.nodes, func(n *node) bool { return n.marks[0].Purge < hlc.Make(wall+at, 0) })
	})
}

// Rule 8: a replica in quarantine proves nothing and agrees to nothing, and what
// was proved with it is forgotten, by a late DONE or ROOTS too.
func TestQuarantineTakesProofsBack(t *testing.T) {
	w := newWorld(t, 1, 3, 3, 2, 5, Options{})
	w.until(30_000, "proved", func() bool { return w.proved(hlc.Make(wall+5000, 0)) })
	bad := w.nodes[2]
	bad.quarantine(0, true)
	var old Effects
	c := w.nodes[0].core
	c.Request(w.nodes[1].id, Ticket{}, done{0, 99, 99, c.o.Instance, c.serial}.append(head{kindDone, 1, 1, 1}.append(nil)), &old)
	w.run(10_000, nil)
	for _, n := range w.nodes {
		asOf, blame := n.core.AsOf(0)
		if asOf != 0 || blame.Why != Quarantined || blame.Node != bad.id {
			t.Errorf("node %d: as of %v, %v %v", n.i, asOf, blame.Node, blame.Why)
		}
		if asOf, _ := n.core.AsOf(1); asOf == 0 {
			t.Errorf("node %d: the other partition was forgotten too", n.i)
		}
	}
	// A DONE of an exchange that began before is not taken.
	var out Effects
	late := done{0, hlc.Make(wall+w.now, 0), 0, c.o.Instance, c.part(0).reset}
	c.Request(bad.id, Ticket{Conn: 2}, late.append(head{kindDone, 1, 1, 1}.append(nil)), &out)
	// Nor a ROOTS that was sent before the last one.
	before := roots{rows: []rootsRow{{}, {}}}.append(head{kindRoots, 1, bad.core.peer(w.nodes[0].id).instance, 1}.append(nil))
	w.nodes[2].core.Request(w.nodes[0].id, Ticket{}, before, &out)
	if _, m, err := parseAny(out.Replies[len(out.Replies)-1].Document); err != nil || m != refusal(Stale) {
		t.Errorf("an old ROOTS was answered by %+v, %v", m, err)
	}
	if asOf, _ := c.AsOf(0); asOf != 0 {
		t.Errorf("a late DONE made it %v", asOf)
	}
	bad.quarantine(0, false)
	w.until(30_000, "proved anew", func() bool { return w.proved(hlc.Make(wall+15_000, 0)) })
}

// Rule 7: floors are the lower of clock and median less the age limit, each
// second, never lowered; without a median there is none.
func TestTheFloorNeverFalls(t *testing.T) {
	w := pairWorld(t, 1, 1, Options{})
	n := w.nodes[0]
	w.run(5000, func() {
		if lowest := min(n.Clock(), hlc.Make(wall+w.now, 0)).Add(-2000); n.floor > lowest {
			t.Fatalf("floor %v, clock and median allow %v", n.floor, lowest)
		}
	})
	if n.floor < hlc.Make(wall+w.now-4500, 0) {
		t.Errorf("floor %v at %d", n.floor, w.now)
	}
	n.skew -= 60_000
	w.run(500, nil) // what is in the committer's queue
	before := n.floor
	w.run(5000, nil)
	if n.floor != before {
		t.Errorf("a clock that went back moved the floor from %v to %v", before, n.floor)
	}
}

// Rule 7: a partition with one replica is proved by itself.
func TestASingleReplicaProvesItself(t *testing.T) {
	w := newWorld(t, 1, 1, 1, 2, 3, Options{})
	key := w.keys[0]
	w.set(w.nodes[0], key, w.encode(w.placeOf(key), tombstone()))
	w.until(20_000, "proved and purged", func() bool {
		return w.proved(w.nodes[0].Clock().Add(-4000)) && w.holds(w.nodes[0], key) == nil
	})
}

// Rule 4: notes of versions that were given up are kept until the watermark passes
// them.
func TestVoidsAreForgottenBelowTheWatermark(t *testing.T) {
	w := pairWorld(t, 1, 1, Options{})
	at := w.placeOf(w.keys[0])
	low, high := hlc.Version{Time: hlc.Make(wall+1000, 0)}, hlc.Version{Time: hlc.Make(wall+1_000_000, 0)}
	n := w.nodes[0]
	for i := range uint64(600) {
		n.voids = append(n.voids, void{at, hlc.Version{Time: low.Time, Writer: i}}, void{at, hlc.Version{Time: high.Time, Writer: i}})
	}
	w.until(40_000, "the low ones are gone", func() bool {
		return !slices.ContainsFunc(n.voids, func(v void) bool { return v.version.Time == low.Time })
	})
	w.run(20_000, nil)
	if len(n.voids) != 600 {
		t.Errorf("%d notes are left", len(n.voids))
	}
}

// A member that owns no copy of a key forgets a note of it below its floor, where it
// keeps no hint anyhow: else any client could fill its disk. Of what it replicates the
// watermark alone says when.
func TestNotesOfOthersPartitionsAreForgottenBelowTheFloor(t *testing.T) {
	w := newWorld(t, 1, 4, 2, 8, 40, Options{})
	low, high := hlc.Make(wall+1000, 0), hlc.Make(wall+1_000_000, 0)
	n, own, foreign := w.nodes[0], 0, 0
	for _, key := range w.keys {
		at := w.placeOf(key)
		if n.View().Owns(w.partitionOf(at), n.core.o.Self) {
			own++
		} else {
			foreign++
		}
		for i := range uint64(30) {
			n.voids = append(n.voids, void{at, hlc.Version{Time: low, Writer: i}}, void{at, hlc.Version{Time: high, Writer: i}})
		}
	}
	if own == 0 || foreign*30 < 2*stepPurges {
		t.Fatalf("%d keys of its own, %d of others", own, foreign)
	}
	left := func(at hlc.Timestamp, owned bool) (count int) {
		for _, v := range n.voids {
			if v.version.Time == at && n.View().Owns(w.partitionOf(v.at), n.core.o.Self) == owned {
				count++
			}
		}
		return count
	}
	w.until(200_000, "the low ones of others are gone", func() bool { return left(low, false) == 0 })
	if left(high, false) != 30*foreign || left(high, true) != 30*own {
		t.Errorf("above the floor %d of %d are left, and %d of %d", left(high, false), 30*foreign, left(high, true), 30*own)
	}
}

// Rule 7: rate is limited, and gives way to the foreground. A leaf of any size
// comes in pages.
func TestLargeDifferencesMoveInPagesWithinTheRate(t *testing.T) {
	for _, busy := range []bool{false, true} {
		w := pairWorld(t, 1, 12_000, Options{Rate: 200_000, AgeLimit: 2000, ExchangeInterval: 4000, Timeout: 1500})
		for i, key := range w.keys {
			w.set(w.nodes[i/6000], key, w.encode(w.placeOf(key), recordOf(strings.Repeat("v", 300))))
		}
		w.nodes[0].busy = busy
		began := w.now
		limit := 200_000.0
		if busy {
			limit /= busyShare
		}
		w.run(20_000, func() {
			c := w.nodes[0].core.Counters()
			moved := float64(c.RecordBytesIn + c.RecordBytesOut)
			if most := 200_000 + 300_000 + limit*float64(w.now-began)/1000; moved > most {
				t.Fatalf("busy=%v: %.0f bytes after %d ms, at most %.0f", busy, moved, w.now-began, most)
			}
		})
		if busy {
			continue
		}
		w.until(300_000, "equal and proved", func() bool {
			return w.nodes[0].tree(0).Root() == w.nodes[1].tree(0).Root() && w.proved(hlc.Make(wall+10_000, 0))
		})
		if got := len(w.nodes[1].stored); got != len(w.keys) {
			t.Errorf("%d records", got)
		}
	}
}

// Rules 8 and 11: a damaged record is an answer to nobody: it is told, and nothing is
// proved as long as it is there; and it is healed by what the others hold.
func TestADamagedRecordIsToldAndProvesNothing(t *testing.T) {
	for holder := range 2 {
		w := pairWorld(t, 1, 2, Options{})
		faulty := &damagedWorld{fataler: t}
		w.t = faulty
		n, other := w.nodes[holder], w.nodes[1-holder]
		for _, key := range w.keys {
			w.onBoth(key, w.encode(w.placeOf(key), recordOf("value")))
		}
		at := w.placeOf(w.keys[0])
		n.stored[key32(at)].rot = true // the header is the same, and so is the tree
		w.set(other, w.keys[0], w.encode(at, record.Record{Value: []byte("newer"), Version: hlc.Version{Time: hlc.Make(wall+1, 0), Writer: 9}}))
		w.until(60_000, "it is healed and proved", func() bool {
			asOf, blame := w.nodes[0].core.AsOf(0)
			if n.rotten(at) && asOf != 0 {
				t.Fatalf("node %d: as of %v, %v, told %d times", holder, asOf, blame.Why, faulty.told)
			}
			return w.proved(hlc.Make(wall+10_000, 0))
		})
		if faulty.told == 0 || n.rotten(at) || !slices.Equal(w.holds(n, w.keys[0]), w.holds(other, w.keys[0])) {
			t.Errorf("node %d: told %d times, rotten %v", holder, faulty.told, n.rotten(at))
		}
	}
}

// damagedWorld takes the reports of damage.
type damagedWorld struct {
	fataler
	told int
}

func (d *damagedWorld) Errorf(format string, args ...any) {
	if format == "damage was reported" {
		d.told++
		return
	}
	d.fataler.Errorf(format, args...)
}

// A new epoch takes partitions from one node to another: who did not replicate
// one before has proved nothing of it, and is brought to agree.
func TestANewEpochBeginsItsProofsAnew(t *testing.T) {
	w := newWorld(t, 1, 3, 2, 4, 60, Options{})
	for _, key := range w.keys {
		for _, n := range w.owners(w.views[0], w.partitionOf(w.placeOf(key))) {
			w.set(n, key, w.encode(w.placeOf(key), record.Record{Value: []byte("v"), Version: hlc.Version{Time: 5, Writer: 1}}))
		}
	}
	w.until(20_000, "proved", func() bool { return w.proved(hlc.Make(wall+3000, 0)) })
	// Partition 0 goes from nodes 0 and 1 to nodes 0 and 2, partition 1 stays.
	v := w.views[0]
	owners := slices.Clone(v.OwnersTable())
	owners[1] = 2
	w.views = append(w.views, mustView(t, 2, v.Q(), v.N(), v.Members(), owners))
	proved, _ := w.nodes[1].core.AsOf(1)
	for _, n := range w.nodes {
		n.epoch = 1
	}
	w.step()
	for _, n := range []int{0, 2} {
		if asOf, _ := w.nodes[n].core.AsOf(0); asOf != 0 {
			t.Errorf("node %d: partition 0 is repaired as of %v, though node 2 has nothing", n, asOf)
		}
	}
	if asOf, blame := w.nodes[1].core.AsOf(0); asOf != 0 || blame.Why != NotOwner {
		t.Errorf("node 1: %v, %v", asOf, blame.Why)
	}
	if asOf, _ := w.nodes[1].core.AsOf(1); asOf < proved || w.nodes[1].core.Strict(1) != 0 {
		t.Errorf("partition 1: %v, was %v; strict %v", asOf, proved, w.nodes[1].core.Strict(1))
	}
	w.until(30_000, "node 2 has it, and it is proved", func() bool {
		asOf, _ := w.nodes[2].core.AsOf(0)
		return asOf > 0
	})
	if w.nodes[0].tree(0).Root() != w.nodes[2].tree(0).Root() {
		t.Error("proved, but not equal")
	}
}

// The operator's pass.
func TestAPassComparesMovesAndCounts(t *testing.T) {
	w := newWorld(t, 1, 3, 3, 2, 30, Options{AgeLimit: 2000, ExchangeInterval: 3_600_000, Timeout: 1500})
	w.run(3000, nil)
	w.now += 1000
	key := w.keys[0]
	p := w.partitionOf(w.placeOf(key))
	for _, n := range w.nodes[:2] {
		w.set(n, key, w.encode(w.placeOf(key), record.Record{Value: []byte("x"), Version: hlc.Version{Time: 5, Writer: 1}}))
	}
	far := w.nodes[2] // of the highest id: in the schedule the others begin
	pass := func(o PassOptions) Progress {
		t.Helper()
		if err := far.core.Pass(o); err != nil {
			t.Fatal(err)
		}
		if err := far.core.Pass(o); err == nil {
			t.Error("two passes at once")
		}
		w.until(30_000, "the pass is done", func() bool { got, _ := far.core.PassProgress(); return !got.Running })
		got, _ := far.core.PassProgress()
		return got
	}
	got := pass(PassOptions{Preview: true})
	if got.Partitions != 2 || got.Done != 2 || got.Differing != 2 || got.Fixed != 0 || w.holds(far, key) != nil {
		t.Errorf("preview: %+v", got)
	}
	// A tree that is wrong hides a difference; counting anew finds it.
	*far.tree(p) = *merkle.New(w.shape)
	for _, n := range w.nodes[:2] {
		n.trees[p] = merkle.New(w.shape)
	}
	if got = pass(PassOptions{Partitions: []int{p}}); got.Differing != 0 || got.Done != 1 {
		t.Errorf("with wrong trees: %+v", got)
	}
	for _, n := range w.nodes[:2] {
		n.recount(p)
	}
	if got = pass(PassOptions{Full: true}); got.Done != 2 || got.Fixed == 0 || w.holds(far, key) == nil {
		t.Errorf("full: %+v", got)
	}
	if asOf, _ := far.core.own(far.core.part(p)); asOf == 0 {
		t.Error("a pass proves too")
	}
	w.nodes[0].crash()
	if err := far.core.Pass(PassOptions{Partitions: []int{p}}); err != nil {
		t.Fatal(err)
	}
	w.run(5000, nil)
	if got, _ := far.core.PassProgress(); !got.Running || len(got.Waiting) != 1 || got.Waiting[0] != (Wait{p, w.nodes[0].id, Unreachable}) {
		t.Errorf("with a node down: %+v", got)
	} else if got.Without != 1 || len(got.Left) != 1 || got.Left[0] != (Left{w.nodes[0].id, Unreachable, 1}) {
		t.Errorf("with a node down, counted: %+v", got)
	}
	far.core.CancelPass()
	if got, _ := far.core.PassProgress(); got.Running || !got.Stopped {
		t.Errorf("cancelled: %+v", got)
	}
	if err := far.core.Pass(PassOptions{Partitions: []int{77}}); err == nil {
		t.Error("a pass over a partition of others")
	}
}

// A pause stops comparing, moving and purging, and is visible; floors go on.
func TestAPauseIsVisibleAndEnds(t *testing.T) {
	w := pairWorld(t, 1, 1, Options{})
	for _, n := range w.nodes {
		n.core.Pause(10_000)
	}
	w.set(w.nodes[0], w.keys[0], w.encode(w.placeOf(w.keys[0]), recordOf("v")))
	w.run(9_000, nil)
	if c := w.nodes[0].core.Counters(); c.Comparisons.Done != 0 || w.nodes[0].core.Paused() != 1000 {
		t.Errorf("%+v, paused for %d", c, w.nodes[0].core.Paused())
	}
	if w.nodes[0].floor == 0 {
		t.Error("no floor in a pause")
	}
	w.until(20_000, "after it they exchange", func() bool { return w.holds(w.nodes[1], w.keys[0]) != nil })
}
