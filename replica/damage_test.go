package replica

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/candordb/candor/contract"
)

// lostApplier is one whose partition of the key k is in quarantine.
func lostApplier() *Applier {
	a := newApplier()
	a.Marks = NewMarks(partitions)
	apply(a, &memory{}, Write{Kind: Quarantine, Token: token("k"), Mark: mark(-100)})
	return a
}

func rotten(key string) []byte {
	rec := value(key, at(-5, 1), "v")
	rec[len(rec)-1] ^= 1
	return rec
}

// Rule 8: quarantine raises the fence as well, and outlives a start; a rebuild takes
// notes and records below it, and drops what it names, and nothing else is taken.
func TestWhatAPartitionInQuarantineTakes(t *testing.T) {
	old, k := value("k", at(-200, 1), "v"), []byte("k")
	a, m := lostApplier(), &memory{}
	m.set(token("k"), ns, k, old)
	drop := Write{Kind: Drop, Token: token("k"), Namespace: ns, Key: k, Version: at(-200, 2)}
	if got := apply(a, m, drop)[0]; got.Code != contract.BadRequest || text(m, "k") != "v" {
		t.Errorf("another version was dropped: %+v", got)
	}
	drop.Version.Writer = 1
	if got := apply(a, m, drop)[0]; got != (Result{}) || len(m.rows) != 0 {
		t.Errorf("not dropped: %+v", got)
	}
	if got := apply(a, m, drop)[0]; got != (Result{}) {
		t.Errorf("dropped twice: %+v", got)
	}
	m.set(token("k"), ns, k, rotten("k"))
	if got := apply(a, m, drop)[0]; got != (Result{}) || len(m.rows) != 0 {
		t.Errorf("what is damaged was not dropped: %+v", got)
	}
	note := Write{Kind: Note, Token: token("k"), Namespace: ns, Key: k, Version: at(3, 1)}
	if got := apply(a, m, note)[0]; got != (Result{}) {
		t.Errorf("note: %+v", got)
	}
	if got := apply(a, m, write(Rebuild, "k", old))[0]; got != (Result{}) || text(m, "k") != "v" {
		t.Errorf("a record below the fence: %+v", got)
	}
	for _, kind := range []Kind{Fresh, Repair, Deliver, Exchange, Heal} {
		if got := apply(a, m, write(kind, "k", value("k", at(9, 1), "x")))[0]; got.Code != contract.NotReady {
			t.Errorf("kind %d: %+v", kind, got)
		}
	}
	if got := a.Marks.Of(token("k")); !got.Quarantined || got.Fence != mark(-100) {
		t.Errorf("marks %+v", got)
	}
	apply(a, m, Write{Kind: Release, Token: token("k")})
	if got := apply(a, m, write(Fresh, "k", value("k", at(3, 1), "x")))[0]; got.Code != contract.Clock || got.Kind != contract.StampGivenUp {
		t.Errorf("a version whose note was taken: %+v", got)
	}
	for _, w := range []Write{drop, note} {
		if got := apply(a, m, w)[0]; got.Code != contract.BadRequest {
			t.Errorf("kind %d, in service: %+v", w.Kind, got)
		}
	}
}

// Rule 4: what OUTCOME gave up never shows, also where an older copy of a disk is put
// back that holds it. A source that holds it has it come back, and the note go.
func TestANoteOfASourceOutweighsAnOwnRecord(t *testing.T) {
	k := []byte("k")
	for _, tc := range []struct {
		name    string
		stored  []byte
		rebuilt []byte
		want    string
		noted   bool
	}{
		{"nothing", nil, nil, "absent", true},
		{"the version itself", value("k", at(3, 1), "own"), nil, "absent", true},
		{"the same, a tombstone", tombstone("k", at(3, 1)), nil, "absent", true},
		{"the version itself, that a source holds", value("k", at(3, 1), "v"), value("k", at(3, 1), "v"), "v", false},
		{"a lower one", value("k", at(2, 1), "lower"), nil, "lower", true},
		{"a higher one", value("k", at(4, 1), "higher"), nil, "higher", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, m := newApplier(), &memory{}
			a.Marks = NewMarks(partitions)
			apply(a, m, Write{Kind: Quarantine, Token: token("k")})
			if tc.stored != nil {
				m.set(token("k"), ns, k, tc.stored)
			}
			batch := []Write{{Kind: Note, Token: token("k"), Namespace: ns, Key: k, Version: at(3, 1)}}
			if tc.rebuilt != nil {
				batch = append(batch, write(Rebuild, "k", tc.rebuilt))
			}
			for i, got := range apply(a, m, batch...) {
				if got != (Result{}) {
					t.Errorf("write %d: %+v", i, got)
				}
			}
			noted, _ := m.Voided(token("k"), ns, k, at(3, 1))
			if text(m, "k") != tc.want || noted != tc.noted {
				t.Errorf("%s is stored, noted is %v", text(m, "k"), noted)
			}
		})
	}
}

// Rule 8: a damaged record takes no write until it is healed; what is not damaged is
// not touched by that.
func TestOnlyAHealReplacesADamagedRecord(t *testing.T) {
	k := []byte("k")
	heal := func(rec []byte) Write {
		return Write{Kind: Heal, Token: token("k"), Namespace: ns, Key: k, Record: rec}
	}
	a, m := newApplier(), &memory{}
	m.set(token("k"), ns, k, rotten("k"))
	for _, kind := range []Kind{Fresh, Repair, Deliver, Exchange} {
		if got := apply(a, m, write(kind, "k", value("k", at(9, 1), "x")))[0]; got.Code != contract.Corrupt {
			t.Errorf("kind %d: %+v", kind, got)
		}
	}
	if got := apply(a, m, heal(rotten("k")))[0]; got.Code != contract.Corrupt {
		t.Errorf("healed by what is damaged itself: %+v", got)
	}
	if got := apply(a, m, heal(value("k", at(-9, 1), "older")), write(Fresh, "k", value("k", at(9, 1), "x"))); got[0] != (Result{}) || got[1] != (Result{}) || text(m, "k") != "x" || a.Counters.Healed != 1 {
		t.Errorf("%+v, %s", got, text(m, "k"))
	}
	if got := apply(a, m, heal(nil))[0]; got != (Result{}) || text(m, "k") != "x" {
		t.Errorf("what is whole was healed: %+v, %s", got, text(m, "k"))
	}
	m.set(token("k"), ns, k, rotten("k"))
	if got := apply(a, m, heal([]byte{}))[0]; got != (Result{}) || len(m.rows) != 0 {
		t.Errorf("nothing in its place: %+v, %d records", got, len(m.rows))
	}
}

// Rule 6: no tree ever claims what is not so. Nobody knows what a damaged record has
// added to its leaf, so the tree is counted anew before it is used, behind a crash too.
func TestATreeIsCountedAnewBehindDamage(t *testing.T) {
	a, m := newApplier(), &memory{}
	a.Marks, a.Trees = NewMarks(partitions), newTrees(t)
	step := func(writes ...Write) []Result {
		got := apply(a, m, writes...)
		a.Trees.Publish()
		return got
	}
	step(write(Fresh, "k", value("k", at(1, 1), "v")), write(Fresh, "other", value("other", at(1, 1), "v")))
	m.set(token("k"), ns, []byte("k"), rotten("k"))
	p := a.Trees.partition(token("k"))
	if got := step(Write{Kind: Heal, Token: token("k"), Namespace: ns, Key: []byte("k"), Record: value("k", at(0, 1), "older")}); got[0] != (Result{}) {
		t.Fatal(got)
	}
	if _, known := shown(a.Trees, p); known || !a.Trees.Marked(p) {
		t.Error("the tree is used uncounted, or would be behind a crash")
	}
	for a.Trees.Counting(p) {
		step(Write{Kind: Count, Token: token("k")})
	}
	leaves, known := shown(a.Trees, p)
	if diff := cmp.Diff(counted(a.Trees, m, p), leaves); diff != "" || !known {
		t.Errorf("known %v, the tree is not what is stored: %s", known, diff)
	}
}
