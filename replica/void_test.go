package replica

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
)

// The tests of this file are sentences of rule 4 of algorithms.md: OUTCOME.

// giveUp asks to note that a version of a key was given up.
func giveUp(key string, v hlc.Version) Write {
	return Write{Kind: Void, Token: token(key), Namespace: ns, Key: []byte(key), Version: v}
}

var givenUp = Result{Code: contract.Clock, Kind: contract.StampGivenUp}

// "All N lack it: each, in one committer step, looks again and durably notes."
func TestVoidLooksAgain(t *testing.T) {
	for _, tc := range []struct {
		name   string
		stored []byte
		want   Result
	}{
		{"nothing is stored", nil, Result{}},
		{"a lower version", value("k", at(-1, 9), "old"), Result{}},
		{"the same time, a lower writer", value("k", at(0, 0), "old"), Result{}},
		{"a lower tombstone", tombstone("k", at(-1, 1)), Result{}},
		{"the version itself", value("k", at(0, 1), "v"), Result{Winner: at(0, 1)}},
		{"the version itself, a tombstone", tombstone("k", at(0, 1)), Result{Winner: at(0, 1)}},
		{"the version itself, expired", expiring("k", at(0, 1), "v", physical-1), Result{Winner: at(0, 1)}},
		{"a higher version", value("k", at(0, 2), "new"), Result{Winner: at(0, 2)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, m := newApplier(), &memory{}
			if tc.stored != nil {
				m.set(token("k"), ns, []byte("k"), tc.stored)
			}
			got := apply(a, m, giveUp("k", at(0, 1)))[0]
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("result: %s", diff)
			}
			noted, _ := m.Voided(token("k"), ns, []byte("k"), at(0, 1))
			if noted != tc.want.Winner.IsZero() || noted != (a.Counters.Voided == 1) {
				t.Errorf("noted is %v, %d are counted", noted, a.Counters.Voided)
			}
			if m.puts != 0 {
				t.Error("a record was written")
			}
		})
	}
}

// "A note refuses v as a fresh write or hint."
func TestVoidRefusesFreshWritesAndHints(t *testing.T) {
	for _, kind := range []Kind{Fresh, Deliver} {
		a, m := newApplier(), &memory{}
		apply(a, m, giveUp("k", at(0, 1)))
		for range 2 { // and goes on refusing
			if got := apply(a, m, write(kind, "k", value("k", at(0, 1), "v")))[0]; got != givenUp {
				t.Errorf("kind %d: %+v", kind, got)
			}
		}
		if got := text(m, "k"); got != "absent" || a.Counters.Refused != 2 {
			t.Errorf("kind %d: stored %s, %d refused", kind, got, a.Counters.Refused)
		}
	}
}

// "Durably": the note is in the store, so that another Applier, as after a
// restart, refuses too.
func TestVoidIsDurable(t *testing.T) {
	m := &memory{}
	apply(newApplier(), m, giveUp("k", at(0, 1)))
	if got := apply(newApplier(), m, write(Fresh, "k", value("k", at(0, 1), "v")))[0]; got != givenUp {
		t.Errorf("%+v", got)
	}
	// And before it is durable it binds nobody but its own batch.
	b := &memory{}
	lost := []Write{giveUp("k", at(0, 1))}
	newApplier().Apply(now(), b, lost, b)
	if got := apply(newApplier(), &memory{}, write(Fresh, "k", value("k", at(0, 1), "v")))[0]; got != (Result{}) {
		t.Errorf("a note that was lost refuses: %+v", got)
	}
}

// "v from a replica that holds it (write-back, exchange) erases the note."
func TestWriteBackErasesTheVoid(t *testing.T) {
	a, m := newApplier(), &memory{}
	v := value("k", at(0, 1), "v")
	apply(a, m, giveUp("k", at(0, 1)))
	if got := apply(a, m, write(Repair, "k", v))[0]; got != (Result{}) || text(m, "k") != "v" {
		t.Errorf("the write-back: %+v, stored %s", got, text(m, "k"))
	}
	if noted, _ := m.Voided(token("k"), ns, []byte("k"), at(0, 1)); noted {
		t.Error("the note is still there")
	}
	if got := apply(a, m, write(Fresh, "k", v))[0]; got != (Result{}) {
		t.Errorf("the write, repeated by its client: %+v", got)
	}
}

// A write-back that loses to a higher version stores nothing, so the note stays.
func TestSupersededWriteBackLeavesTheVoid(t *testing.T) {
	a, m := newApplier(), &memory{}
	apply(a, m, giveUp("k", at(0, 1)), write(Fresh, "k", value("k", at(5, 1), "new")))
	if got := apply(a, m, write(Repair, "k", value("k", at(0, 1), "v")))[0]; got != (Result{Winner: at(5, 1)}) {
		t.Errorf("%+v", got)
	}
	if got := apply(a, m, write(Fresh, "k", value("k", at(0, 1), "v")))[0]; got != givenUp || text(m, "k") != "new" {
		t.Errorf("%+v, stored %s", got, text(m, "k"))
	}
}

// "In one committer step": writes and voids of one batch take effect in its order.
func TestVoidsAndWritesOfOneBatchSeeEachOther(t *testing.T) {
	void, v := giveUp("k", at(0, 1)), value("k", at(0, 1), "v")
	fresh, hint, repair, higher := write(Fresh, "k", v), write(Deliver, "k", v), write(Repair, "k", v), write(Fresh, "k", value("k", at(3, 1), "new"))
	held := Result{Winner: at(0, 1)}
	for _, tc := range []struct {
		name   string
		before []Write // of an earlier batch
		batch  []Write
		want   []Result
		reads  string
		noted  bool
	}{
		{"void, write", nil, []Write{void, fresh, hint}, []Result{{}, givenUp, givenUp}, "absent", true},
		{"write, void", nil, []Write{fresh, void}, []Result{{}, held}, "v", false},
		{"void, write-back", nil, []Write{void, repair}, []Result{{}, {}}, "v", false},
		{"void, write-back, write", nil, []Write{void, repair, fresh}, []Result{{}, {}, {}}, "v", false},
		{"void, write-back, void", nil, []Write{void, repair, void}, []Result{{}, {}, held}, "v", false},
		{"void, write, write-back, write", nil, []Write{void, fresh, repair, fresh}, []Result{{}, givenUp, {}, {}}, "v", false},
		{"void, higher, void", nil, []Write{void, higher, void}, []Result{{}, {}, {Winner: at(3, 1)}}, "new", true},
		{"void twice", nil, []Write{void, void, fresh}, []Result{{}, {}, givenUp}, "absent", true},
		{"void twice, write-back, write", nil, []Write{void, void, repair, fresh}, []Result{{}, {}, {}, {}}, "v", false},
		{"noted before: write-back, write", []Write{void}, []Write{repair, fresh}, []Result{{}, {}}, "v", false},
		{"noted before: write-back, hint, void", []Write{void}, []Write{repair, hint, void}, []Result{{}, {}, held}, "v", false},
		{"noted before: write-back, higher, write", []Write{void}, []Write{repair, higher, fresh}, []Result{{}, {}, {Winner: at(3, 1)}}, "new", false},
		{"void, write-back, higher, write, hint", nil, []Write{void, repair, higher, fresh, hint}, []Result{{}, {}, {}, {Winner: at(3, 1)}, {Winner: at(3, 1)}}, "new", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, m := newApplier(), &memory{}
			apply(a, m, tc.before...)
			if diff := cmp.Diff(tc.want, apply(a, m, tc.batch...)); diff != "" {
				t.Error(diff)
			}
			noted, _ := m.Voided(token("k"), ns, []byte("k"), at(0, 1))
			if text(m, "k") != tc.reads || noted != tc.noted {
				t.Errorf("reads %s, noted is %v", text(m, "k"), noted)
			}
			// The next batch begins with what is stored.
			want := Result{}
			if noted {
				want = givenUp
			} else if tc.reads == "new" {
				want = Result{Winner: at(3, 1)}
			}
			if got := apply(a, m, fresh)[0]; got != want {
				t.Errorf("behind it: %+v, want %+v", got, want)
			}
		})
	}
}

// "void(key, v)": another version of the key, and the version of another key,
// are not refused, nor is a key that shares the token.
func TestVoidIsOfOneVersionOfOneKey(t *testing.T) {
	for name, batches := range map[string][][]Write{
		"in one batch": {{giveUp("k", at(0, 1)), write(Fresh, "key", value("key", at(0, 1), "v")), write(Fresh, "l", value("l", at(0, 1), "v")), write(Fresh, "k", value("k", at(0, 2), "v"))}},
		"one by one": {
			{giveUp("k", at(0, 1))}, {write(Fresh, "key", value("key", at(0, 1), "v"))}, {write(Fresh, "l", value("l", at(0, 1), "v"))},
			{write(Fresh, "k", value("k", at(-1, 1), "lower"))}, {write(Fresh, "k", value("k", at(0, 2), "v"))},
		},
	} {
		a, m := newApplier(), &memory{}
		for i, batch := range batches {
			for j, r := range apply(a, m, batch...) {
				if r != (Result{}) {
					t.Errorf("%s, write %d of batch %d: %+v", name, j, i, r)
				}
			}
		}
		for _, key := range []string{"k", "key", "l"} {
			if got := text(m, key); got != "v" {
				t.Errorf("%s: %s is %s", name, key, got)
			}
		}
	}
	// Nor the same key of another namespace.
	a, m := newApplier(), &memory{}
	other := giveUp("k", at(0, 1))
	other.Namespace++
	if got := apply(a, m, other, write(Fresh, "k", value("k", at(0, 1), "v"))); got[1] != (Result{}) {
		t.Errorf("of another namespace: %+v", got[1])
	}
}

// A damaged record may be the version itself, so nothing can be promised, and the
// same where the engine cannot be read.
func TestVoidOverDamageIsNotNoted(t *testing.T) {
	a, m := newApplier(), &memory{}
	apply(a, m, write(Fresh, "k", value("k", at(-5, 1), "v")))
	m.damage(t, "k")
	if got := apply(a, m, giveUp("k", at(0, 1)))[0]; got.Code != contract.Corrupt || len(m.voids) != 0 || a.Counters.Corrupt != 1 {
		t.Errorf("%+v, %d noted, %d counted", got, len(m.voids), a.Counters.Corrupt)
	}
	for _, tc := range []struct {
		err  error
		want contract.Code
	}{{blockError(), contract.Corrupt}, {errStopped, contract.NotReady}} {
		m := &memory{bad: tc.err}
		if got := apply(newApplier(), m, giveUp("k", at(0, 1)))[0]; got.Code != tc.want || len(m.voids) != 0 {
			t.Errorf("%v: %+v, %d noted", tc.err, got, len(m.voids))
		}
	}
}

func TestLateVoidIsDropped(t *testing.T) {
	a, m := newApplier(), &memory{}
	late := giveUp("k", at(0, 1))
	late.Deadline = now().Mono
	if got := apply(a, m, late)[0]; got.Code != contract.Overloaded || len(m.voids) != 0 || a.Counters.Expired != 1 {
		t.Errorf("%+v, %d noted", got, len(m.voids))
	}
}

// What makes "not applied" true: whatever comes, in whatever order, cut into
// batches anyhow: a replica that noted a void holds the version only if a
// write-back brought it.
func TestVoidedVersionShowsOnlyByWriteBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, m := newApplier(), &memory{}
		v := at(0, 1)
		noted, brought := false, false
		for range rapid.IntRange(1, 6).Draw(t, "batches") {
			var batch []Write
			for range rapid.IntRange(1, 5).Draw(t, "writes") {
				switch kind := rapid.SampledFrom([]Kind{Fresh, Deliver, Repair, Void}).Draw(t, "kind"); kind {
				case Void:
					batch = append(batch, giveUp("k", v))
				default:
					batch = append(batch, write(kind, "k", value("k", at(rapid.Int64Range(-1, 1).Draw(t, "time"), 1), "v")))
				}
			}
			for i, r := range apply(a, m, batch...) {
				of := version(batch[i].Record)
				switch {
				case batch[i].Kind == Void && r == (Result{}):
					noted, brought = true, false
				case batch[i].Kind == Repair && of == v && r == (Result{}):
					brought = true
				case batch[i].Kind != Repair && batch[i].Kind != Void && of == v && noted && !brought && r.Code == contract.OK:
					t.Fatalf("kind %d was taken: %+v", batch[i].Kind, r)
				}
			}
			if rec, _ := m.Record(token("k"), ns, []byte("k")); noted && !brought && version(rec) == v {
				t.Fatal("it shows though it was noted, and nobody brought it")
			}
		}
	})
}

// Rule 4: who notes that a version was given up keeps no hint of it from then on.
// One that only moves was kept before.
func TestANoteRefusesHintsToKeep(t *testing.T) {
	a, m := newApplier(), &memory{}
	v := at(0, 1)
	void := write(Void, "k", nil)
	void.Version = v
	moved := write(Stand, "k", value("k", v, "v"))
	moved.Moved = true
	got := apply(a, m, void, write(Stand, "k", value("k", v, "v")), write(Stand, "k", value("k", at(1, 1), "w")), moved)
	if got[1] != (Result{Code: contract.Clock, Kind: contract.StampGivenUp}) || got[2] != (Result{}) || got[3] != (Result{}) {
		t.Errorf("in one batch: %+v", got)
	}
	if got := apply(a, m, write(Stand, "k", value("k", v, "v"))); got[0].Kind != contract.StampGivenUp {
		t.Errorf("in a later batch: %+v", got)
	}
}
