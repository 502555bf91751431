package replica

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
)

// partitions of the ring of these tests.
const partitions = 16

// fencedApplier is one whose partitions have agreed to a watermark this many
// milliseconds from now.
func fencedApplier(millis int64) *Applier {
	a := newApplier()
	a.Marks = NewMarks(partitions)
	apply(a, &memory{}, Write{Kind: Agree, Token: token("k"), Mark: mark(millis)})
	return a
}

// mark is a time this many milliseconds from now.
func mark(millis int64) hlc.Timestamp { return at(millis, 0).Time }

var refusedAsOld = Result{Code: contract.Clock, Kind: contract.StampOld}

// broken is the first thing that a rule says and that is not so; empty: none.
type broken string

func (b *broken) check(ok bool, format string, args ...any) {
	if !ok && *b == "" {
		*b = broken(fmt.Sprintf(format, args...))
	}
}

// algorithms.md, rule 8: from the moment it agrees a replica takes nothing at or
// below H on any path (fresh, write-back, hint, OUTCOME); only a rebuild or an
// exchange with a replica whose watermark was not lower may bring such data.
func TestNothingAtOrBelowTheFenceIsTaken(t *testing.T) {
	if b := nothingBelowTheFence(); b != "" {
		t.Error(b)
	}
}

func nothingBelowTheFence() (b broken) {
	const fence = -100
	exchange := func(of int64) func(*Write) { return func(w *Write) { w.Mark = mark(of) } }
	for _, tc := range []struct {
		name string
		kind Kind
		set  func(*Write)
		want Result
		late uint64
	}{
		{"fresh", Fresh, nil, refusedAsOld, 0},
		{"a write-back", Repair, nil, refusedAsOld, 1},
		{"a hint", Deliver, nil, refusedAsOld, 1},
		{"an exchange with one that had agreed to nothing", Exchange, nil, refusedAsOld, 0},
		{"an exchange with a lower mark", Exchange, exchange(fence - 1), refusedAsOld, 0},
		{"an exchange with as high a mark", Exchange, exchange(fence), Result{}, 0},
		{"an exchange with a higher mark", Exchange, exchange(fence + 1), Result{}, 0},
		{"a rebuild", Rebuild, nil, Result{}, 0},
	} {
		for _, age := range []int64{fence, fence - 1, fence - 10_000} {
			a, m := fencedApplier(fence), &memory{}
			// The highest writer: a fence is a time, whoever writes.
			w := write(tc.kind, "k", value("k", at(age, ^uint64(0)), "v"))
			if tc.set != nil {
				tc.set(&w)
			}
			got := apply(a, m, w)[0]
			b.check(got == tc.want, "%s, %d ms from now: %+v, want %+v", tc.name, age, got, tc.want)
			b.check((text(m, "k") == "v") == (tc.want == Result{}), "%s, %d ms from now: %s is stored", tc.name, age, text(m, "k"))
			b.check(a.Counters.Late == tc.late, "%s, %d ms from now: %d late", tc.name, age, a.Counters.Late)
		}
		a, m := fencedApplier(fence), &memory{}
		w := write(tc.kind, "k", value("k", at(fence+1, 0), "v"))
		got := apply(a, m, w)[0]
		b.check(got == Result{} && text(m, "k") == "v" && a.Counters.Late == 0, "%s above the fence: %+v", tc.name, got)
	}
	a, m := fencedApplier(fence), &memory{}
	got := apply(a, m, Write{Kind: Void, Token: token("k"), Namespace: ns, Key: []byte("k"), Version: at(fence, 9)})[0]
	b.check(got == refusedAsOld && len(m.voids) == 0, "a void: %+v, %d noted", got, len(m.voids))
	return b
}

// The fence is of a partition; the others take what they took.
func TestAFenceIsOfOnePartition(t *testing.T) {
	a, m := newApplier(), &memory{}
	a.Marks = NewMarks(partitions)
	w := write(Fresh, "k", value("k", at(-5, 1), "v"))
	apply(a, m, Write{Kind: Agree, Token: maxToken, Mark: mark(0)})
	if got := apply(a, m, w)[0]; got != (Result{}) {
		t.Errorf("%+v", got)
	}
	w.Token = maxToken
	if got := apply(a, m, w)[0]; got != refusedAsOld {
		t.Errorf("in the partition itself: %+v", got)
	}
}

// What is stored is not touched by a fence: a repeat is acknowledged, a lower
// version superseded, as before.
func TestAFenceChangesNothingThatIsStored(t *testing.T) {
	a, m := newApplier(), &memory{}
	a.Marks = NewMarks(partitions)
	w := write(Repair, "k", value("k", at(-5, 1), "v"))
	lower := write(Repair, "k", value("k", at(-6, 1), "u"))
	got := apply(a, m, w, Write{Kind: Agree, Token: token("k"), Mark: mark(0)}, w, lower)
	got = append(got, apply(a, m, w, lower, write(Fresh, "k", value("k", at(1, 1), "new")))...)
	above := Result{Winner: at(-5, 1)}
	if diff := cmp.Diff([]Result{{}, {}, {}, above, {}, above, {}}, got); diff != "" || text(m, "k") != "new" {
		t.Errorf("%s is stored, %s", text(m, "k"), diff)
	}
}

// Rule 7: a tombstone, or a value expired, below the watermark counts as absent.
// So a write-back of one is as good as done where nothing is stored, and is not
// stored. Where something lower is stored that all replicas had to hold more of,
// an invariant is broken: it is refused and counted.
func TestAWriteBackOfADeadRecordBelowTheFenceIsAsGoodAsDone(t *testing.T) {
	const fence = -100
	for _, tc := range []struct {
		name   string
		stored []byte
		rec    []byte
		want   Result
		late   uint64
	}{
		{"a tombstone", nil, tombstone("k", at(fence-1, 1)), Result{}, 0},
		{"a value that expired below it", nil, expiring("k", at(fence-9, 1), "v", physical+fence-1), Result{}, 0},
		{"a tombstone at the fence", nil, tombstone("k", at(fence, 1)), refusedAsOld, 1},
		{"a value that expires at the fence", nil, expiring("k", at(fence-9, 1), "v", physical+fence), refusedAsOld, 1},
		{"a value that expires above it", nil, expiring("k", at(fence-9, 1), "v", physical), refusedAsOld, 1},
		{"a tombstone above a stored value", value("k", at(fence-50, 1), "old"), tombstone("k", at(fence-1, 1)), refusedAsOld, 1},
	} {
		a, m := fencedApplier(fence), &memory{}
		if tc.stored != nil {
			m.set(token("k"), ns, []byte("k"), tc.stored)
		}
		before := text(m, "k")
		if got := apply(a, m, write(Repair, "k", tc.rec))[0]; got != tc.want || a.Counters.Late != tc.late || text(m, "k") != before {
			t.Errorf("%s: %+v, %d late, %s is stored", tc.name, got, a.Counters.Late, text(m, "k"))
		}
	}
	// No client's delete and no hint is "as good as done".
	for _, kind := range []Kind{Fresh, Deliver} {
		if got := apply(fencedApplier(fence), &memory{}, write(kind, "k", tombstone("k", at(fence-1, 1))))[0]; got != refusedAsOld {
			t.Errorf("kind %d: %+v", kind, got)
		}
	}
}

// Rule 7: the committer refuses fresh writes at or below the floor, in the step
// that merges; no new hint at or below it is stored.
func TestNothingFreshAtOrBelowTheFloorIsTaken(t *testing.T) {
	if b := nothingFreshBelowTheFloor(); b != "" {
		t.Error(b)
	}
}

func nothingFreshBelowTheFloor() (b broken) {
	const floor = -100
	for _, tc := range []struct {
		kind Kind
		age  int64
		want Result
	}{
		{Fresh, floor - 1, refusedAsOld}, {Fresh, floor, refusedAsOld}, {Fresh, floor + 1, Result{}},
		{Stand, floor - 1, refusedAsOld}, {Stand, floor, refusedAsOld}, {Stand, floor + 1, Result{}},
		{Repair, floor - 1, Result{}}, {Deliver, floor, Result{}}, {Exchange, floor - 1, Result{}},
	} {
		a, m := newApplier(), &memory{}
		a.Marks = NewMarks(partitions)
		// The floor is in force for what follows in its own batch.
		got := apply(a, m, Write{Kind: SetFloor, Mark: mark(floor)}, write(tc.kind, "k", value("k", at(tc.age, 3), "v")))
		b.check(got[1] == tc.want, "kind %d, %d ms from the floor: %+v", tc.kind, tc.age-floor, got[1])
		b.check(len(m.rows)+len(m.hints) == 1 == (tc.want == Result{}), "kind %d, %d ms from the floor: %d records, %d hints", tc.kind, tc.age-floor, len(m.rows), len(m.hints))
	}
	return b
}

// Rule 8: a node in quarantine neither serves nor votes; it only takes what it is
// rebuilt from.
func TestQuarantineRefusesAllButARebuild(t *testing.T) {
	if b := quarantineRefuses(); b != "" {
		t.Error(b)
	}
}

func quarantineRefuses() (b broken) {
	a, m := newApplier(), &memory{}
	a.Marks = NewMarks(partitions)
	stored := value("k", at(-9, 1), "stored")
	apply(a, m, write(Fresh, "k", stored), Write{Kind: Quarantine, Token: token("k")})
	notReady := Result{Code: contract.NotReady}
	for _, kind := range []Kind{Fresh, Repair, Deliver, Exchange, Void, Agree} {
		for _, rec := range [][]byte{value("k", at(1, 1), "new"), stored} { // a repeat is no acknowledgement either
			w := write(kind, "k", rec)
			w.Version, w.Mark = at(5, 1), mark(-20)
			got := apply(a, m, w)[0]
			b.check(got == notReady, "kind %d: %+v", kind, got)
		}
	}
	b.check(text(m, "k") == "stored" && len(m.voids) == 0 && a.Marks.Of(token("k")).Fence == 0, "it has changed: %s, %d voids", text(m, "k"), len(m.voids))
	// Hints for others are not of the partition's data.
	got := apply(a, m, write(Stand, "k", value("k", at(1, 1), "for another")))
	b.check(got[0] == Result{} && len(m.hints) == 1, "a hint for another: %+v", got[0])
	got = apply(a, m, write(Rebuild, "k", value("k", at(2, 1), "rebuilt")), Write{Kind: Release, Token: token("k")}, write(Fresh, "k", value("k", at(3, 1), "fresh")))
	b.check(got[0] == Result{} && got[2] == Result{} && text(m, "k") == "fresh", "rebuilt and released: %+v, %s", got, text(m, "k"))
	return b
}

// A hint is stored as it came, once for each target and version, and erased by the
// same names.
func TestHintsAreKeptAndErased(t *testing.T) {
	a, m := newApplier(), &memory{}
	w := write(Stand, "k", value("k", at(0, 1), "v"))
	w.Target, w.Counted = NodeID{7}, true
	other := write(Stand, "k", value("k", at(0, 1), "v"))
	other.Target = NodeID{8}
	damaged := write(Stand, "k", value("l", at(0, 1), "v"))
	late := w
	late.Deadline = 1000
	got := apply(a, m, w, w, other, damaged, late)
	want := []Result{{}, {}, {}, {Code: contract.Corrupt}, {Code: contract.Overloaded}}
	if diff := cmp.Diff(want, got); diff != "" || len(m.hints) != 2 || len(m.rows) != 0 || a.Counters.Stood != 3 {
		t.Fatalf("%d hints, %d records, %d stood, %s", len(m.hints), len(m.rows), a.Counters.Stood, diff)
	}
	kept := Hint{Target: NodeID{7}, Token: token("k"), Namespace: ns, Key: []byte("k"), Version: at(0, 1), Record: w.Record, Counted: true}
	if diff := cmp.Diff(kept, m.hints[hintName(&kept)]); diff != "" {
		t.Error(diff)
	}
	gone := Write{Kind: Unhint, Target: NodeID{7}, Token: token("k"), Namespace: ns, Key: []byte("k"), Version: at(0, 1)}
	if got := apply(a, m, gone, gone); got[0] != (Result{}) || got[1] != (Result{}) || len(m.hints) != 1 {
		t.Errorf("%+v, %d hints left", got, len(m.hints))
	}
	// In one batch the last word counts.
	if apply(a, m, w, gone); len(m.hints) != 1 {
		t.Errorf("kept and erased: %d hints", len(m.hints))
	}
}

// Rule 4: notes are kept until the watermark passes the version. There the fence
// refuses it, note or no note.
func TestANoteIsForgottenBelowTheWatermarkOnly(t *testing.T) {
	a, m := newApplier(), &memory{}
	a.Marks = NewMarks(partitions)
	key := func(kind Kind, v hlc.Version) Write {
		return Write{Kind: kind, Token: token("k"), Namespace: ns, Key: []byte("k"), Version: v}
	}
	apply(a, m, key(Void, at(-20, 1)), key(Void, at(-10, 1)))
	agree, adopt := key(Agree, hlc.Version{}), key(Adopt, hlc.Version{})
	agree.Mark, adopt.Mark = mark(0), mark(-15)
	got := apply(a, m, agree, adopt, key(Unvoid, at(-20, 1)), key(Unvoid, at(-10, 1)))
	if got[2] != (Result{}) || got[3].Code != contract.BadRequest {
		t.Errorf("%+v", got)
	}
	for _, age := range []int64{-20, -10} {
		given, _ := m.Voided(token("k"), ns, []byte("k"), at(age, 1))
		if got := apply(a, m, write(Fresh, "k", value("k", at(age, 1), "v")))[0]; given == (age == -20) || got.Code != contract.Clock {
			t.Errorf("%d: noted is %v, written again: %+v", age, given, got)
		}
	}
}

// A node that owns no copy keeps no new hint at or below its floor, so there it needs
// no note against one; above it, it does, and a replica does as long as the watermark
// has not passed the version.
func TestANoteOfANodeThatOwnsNoCopyIsForgottenBelowItsFloor(t *testing.T) {
	a, m := newApplier(), &memory{}
	a.Marks = NewMarks(partitions)
	key := func(kind Kind, age, mark int64) Write {
		w := Write{Kind: kind, Token: token("k"), Namespace: ns, Key: []byte("k"), Version: at(age, 1)}
		if mark != 0 {
			w.Mark = at(mark, 0).Time
		}
		return w
	}
	apply(a, m, key(Void, -20, 0), key(Void, -10, 0), key(Void, -5, 0))
	floor := Write{Kind: SetFloor, Mark: mark(-7)}
	// Before the floor is there; without it; above what its Core has seen of it; above it.
	got := apply(a, m, key(Unvoid, -20, -7), floor, key(Unvoid, -20, 0), key(Unvoid, -10, -15), key(Unvoid, -5, -1))
	for _, i := range []int{0, 2, 3, 4} {
		if got[i].Code != contract.BadRequest {
			t.Errorf("%d: %+v", i, got[i])
		}
	}
	if got := apply(a, m, key(Unvoid, -20, -7), key(Unvoid, -10, -7)); got[0] != (Result{}) || got[1] != (Result{}) {
		t.Errorf("below the floor: %+v", got)
	}
	for age, noted := range map[int64]bool{-20: false, -10: false, -5: true} { // each by itself
		given, _ := m.Voided(token("k"), ns, []byte("k"), at(age, 1))
		stand := write(Stand, "k", value("k", at(age, 1), "v"))
		if got := apply(a, m, stand)[0]; given != noted || got.Code != contract.Clock {
			t.Errorf("%d: noted is %v, kept for another node: %+v", age, given, got)
		}
	}
}

// A version that was given up and that a replica sends which holds it was not
// given up after all, but not where the fence stands against it.
func TestAFenceKeepsTheNotesOfWhatItRefuses(t *testing.T) {
	for _, tc := range []struct {
		mark int64
		want Result
		left bool
	}{{-5, refusedAsOld, true}, {0, Result{}, false}} {
		a, m := newApplier(), &memory{}
		a.Marks = NewMarks(partitions)
		w := write(Exchange, "k", value("k", at(-1, 1), "v"))
		w.Mark = mark(tc.mark)
		apply(a, m, Write{Kind: Void, Token: token("k"), Namespace: ns, Key: []byte("k"), Version: at(-1, 1)}, Write{Kind: Agree, Token: token("k"), Mark: mark(0)})
		got := apply(a, m, w)[0]
		if left, _ := m.Voided(token("k"), ns, []byte("k"), at(-1, 1)); got != tc.want || left != tc.left {
			t.Errorf("mark %d: %+v, the note is left: %v", tc.mark, got, left)
		}
	}
}

// Rule 5: when the ring changes, hints follow the present owners, however old they
// are.
func TestAHintThatMovesIsNotNew(t *testing.T) {
	a, m := newApplier(), &memory{}
	a.Marks = NewMarks(partitions)
	w := write(Stand, "k", value("k", at(-100, 1), "v"))
	w.Moved = true
	if got := apply(a, m, Write{Kind: SetFloor, Mark: mark(-1)}, w); got[1] != (Result{}) || len(m.hints) != 1 {
		t.Errorf("%+v, %d hints", got[1], len(m.hints))
	}
}
