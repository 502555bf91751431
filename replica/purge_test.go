package replica

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
)

// purgeOf asks to remove a version of the key k.
func purgeOf(v hlc.Version) Write {
	return Write{Kind: Purge, Token: token("k"), Namespace: ns, Key: []byte("k"), Version: v}
}

// adopted is an Applier with this watermark, and a store with this record.
func adopted(millis int64, rec []byte) (*Applier, *memory) {
	a, m := newApplier(), &memory{}
	a.Marks = NewMarks(partitions)
	apply(a, m, Write{Kind: Adopt, Token: token("k"), Mark: mark(millis)})
	if rec != nil {
		m.set(token("k"), ns, []byte("k"), rec)
	}
	return a, m
}

// Rule 8: a tombstone is purged if its version lies below the watermark, an expired
// value if its version and expiry do; a purge removes only the very version that
// it names.
func TestPurgeRemovesTheVeryVersionBelowTheWatermark(t *testing.T) {
	if b := purgeNeedsAWatermark(); b != "" {
		t.Error(b)
	}
}

func purgeNeedsAWatermark() (b broken) {
	no := func(v hlc.Version) Result { return Result{Code: contract.BadRequest, Winner: v} }
	for _, tc := range []struct {
		name   string
		stored []byte
		of     hlc.Version
		want   Result
	}{
		{"a tombstone below", tombstone("k", at(-1, 1)), at(-1, 1), Result{}},
		{"a tombstone at the watermark", tombstone("k", at(0, 1)), at(0, 1), no(at(0, 1))},
		{"a tombstone above", tombstone("k", at(1, 1)), at(1, 1), no(at(1, 1))},
		{"a tombstone of another version", tombstone("k", at(-1, 1)), at(-2, 1), no(at(-1, 1))},
		{"a tombstone of another writer", tombstone("k", at(-1, 1)), at(-1, 2), no(at(-1, 1))},
		{"a live value", value("k", at(-1, 1), "v"), at(-1, 1), no(at(-1, 1))},
		{"a value that has expired by the clock only", expiring("k", at(-9, 1), "v", physical), at(-9, 1), no(at(-9, 1))},
		{"a value that expired below", expiring("k", at(-9, 1), "v", physical-1), at(-9, 1), Result{}},
		{"nothing", nil, at(-1, 1), Result{}},
	} {
		a, m := adopted(0, tc.stored)
		had := len(m.rows)
		got := apply(a, m, purgeOf(tc.of))[0]
		purged := had == 1 && tc.want == Result{}
		b.check(got == tc.want, "%s: %+v, want %+v", tc.name, got, tc.want)
		b.check(len(m.rows) == 0 == (purged || had == 0) && (a.Counters.Purged == 1) == purged, "%s: %d records left, %d purged", tc.name, len(m.rows), a.Counters.Purged)
	}
	// What one has only agreed to is not the watermark: not all may have.
	a, m := fencedApplier(0), &memory{}
	m.set(token("k"), ns, []byte("k"), tombstone("k", at(-1, 1)))
	got := apply(a, m, purgeOf(at(-1, 1)))[0]
	b.check(got.Code == contract.BadRequest && len(m.rows) == 1, "agreed only: %+v", got)
	return b
}

// A purge and the writes of its batch see each other, in both orders.
func TestPurgeAndWritesOfOneBatchSeeEachOther(t *testing.T) {
	dead, fresh := tombstone("k", at(-1, 1)), write(Fresh, "k", value("k", at(5, 1), "new"))
	a, m := adopted(0, dead)
	got := apply(a, m, purgeOf(at(-1, 1)), fresh)
	if diff := cmp.Diff([]Result{{}, {}}, got); diff != "" || text(m, "k") != "new" {
		t.Errorf("purged, then written: %s is stored, %s", text(m, "k"), diff)
	}
	a, m = adopted(0, dead)
	got = apply(a, m, fresh, purgeOf(at(-1, 1)))
	if diff := cmp.Diff([]Result{{}, {Code: contract.BadRequest, Winner: at(5, 1)}}, got); diff != "" || text(m, "k") != "new" {
		t.Errorf("written, then purged: %s is stored, %s", text(m, "k"), diff)
	}
	a, m = adopted(0, dead)
	got = apply(a, m, purgeOf(at(-1, 1)), purgeOf(at(-1, 1)), write(Repair, "k", dead), write(Fresh, "k", value("k", at(-2, 1), "back")))
	if diff := cmp.Diff([]Result{{}, {}, {}, refusedAsOld}, got); diff != "" || text(m, "k") != "absent" || a.Counters.Purged != 1 {
		t.Errorf("purged twice, then written back: %s is stored, %d purged, %s", text(m, "k"), a.Counters.Purged, diff)
	}
	// The watermark and the purge may come in one batch too.
	a, m = newApplier(), &memory{}
	a.Marks = NewMarks(partitions)
	m.set(token("k"), ns, []byte("k"), dead)
	got = apply(a, m, purgeOf(at(-1, 1)), Write{Kind: Adopt, Token: token("k"), Mark: mark(0)}, purgeOf(at(-1, 1)))
	if got[0].Code != contract.BadRequest || got[2] != (Result{}) || text(m, "k") != "absent" {
		t.Errorf("%+v, %s", got, text(m, "k"))
	}
}

// A deleted key never comes back: what was purged is not taken below the fence
// again, whoever brings it.
func TestWhatWasPurgedDoesNotComeBack(t *testing.T) {
	for _, kind := range []Kind{Fresh, Repair, Deliver, Exchange} {
		a, m := adopted(0, tombstone("k", at(-1, 1)))
		apply(a, m, purgeOf(at(-1, 1)))
		if got := apply(a, m, write(kind, "k", value("k", at(-2, 1), "back")))[0]; got != refusedAsOld || text(m, "k") != "absent" {
			t.Errorf("kind %d: %+v, %s", kind, got, text(m, "k"))
		}
	}
}

// A damaged record is not purged: nobody knows what it was. Nor is anything in
// quarantine, where what is stored waits to be compared.
func TestPurgeLeavesWhatIsInDoubt(t *testing.T) {
	a, m := adopted(0, tombstone("k", at(-1, 1)))
	m.damage(t, "k")
	if got := apply(a, m, purgeOf(at(-1, 1)))[0]; got.Code != contract.Corrupt || len(m.rows) != 1 {
		t.Errorf("damaged: %+v", got)
	}
	m.bad = errStopped
	if got := apply(a, m, purgeOf(at(-1, 1)))[0]; got.Code != contract.NotReady {
		t.Errorf("stopped: %+v", got)
	}
	a, m = adopted(0, tombstone("k", at(-1, 1)))
	if got := apply(a, m, Write{Kind: Quarantine, Token: token("k")}, purgeOf(at(-1, 1)))[1]; got.Code != contract.BadRequest || len(m.rows) != 1 {
		t.Errorf("in quarantine: %+v", got)
	}
}
