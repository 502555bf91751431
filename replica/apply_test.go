package replica

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
)

func TestWhatBecomesOfAWrite(t *testing.T) {
	applied, superseded := Result{}, func(v hlc.Version) Result { return Result{Winner: v} }
	for _, tc := range []struct {
		name   string
		stored []byte
		write  []byte
		want   Result
		reads  string
	}{
		{"the first of its key", nil, value("k", at(0, 1), "new"), applied, "new"},
		{"above what is stored", value("k", at(-5, 1), "old"), value("k", at(0, 1), "new"), applied, "new"},
		{"below what is stored", value("k", at(5, 1), "old"), value("k", at(0, 1), "new"), superseded(at(5, 1)), "old"},
		{"the same time, a lower writer", value("k", at(0, 2), "old"), value("k", at(0, 1), "new"), superseded(at(0, 2)), "old"},
		{"the same write again", value("k", at(0, 1), "new"), value("k", at(0, 1), "new"), applied, "new"},
		{"a delete above", value("k", at(-5, 1), "old"), tombstone("k", at(0, 1)), applied, "tombstone"},
		{"below a tombstone", tombstone("k", at(5, 1)), value("k", at(0, 1), "new"), superseded(at(5, 1)), "tombstone"},
		{"below an expired value", expiring("k", at(5, 1), "gone", physical-1), value("k", at(0, 1), "new"), superseded(at(5, 1)), "gone"},
		{"an expired value above a live one", value("k", at(-5, 1), "old"), expiring("k", at(0, 1), "gone", physical-1), applied, "gone"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var m memory
			if tc.stored != nil {
				m.set(token("k"), ns, []byte("k"), tc.stored)
			}
			got := apply(newApplier(), &m, write(Fresh, "k", tc.write))
			if diff := cmp.Diff([]Result{tc.want}, got); diff != "" {
				t.Errorf("result: %s", diff)
			}
			if got := text(&m, "k"); got != tc.reads {
				t.Errorf("reads %q, want %q", got, tc.reads)
			}
		})
	}
}

// A write that is repeated is the same write: it is acknowledged, and nothing
// goes to disk a second time.
func TestRepeatChangesNothing(t *testing.T) {
	a, m := newApplier(), &memory{}
	w := write(Fresh, "k", value("k", at(0, 1), "v"))
	got := apply(a, m, w, w, w)
	got = append(got, apply(a, m, w)...)
	if diff := cmp.Diff(make([]Result, 4), got); diff != "" {
		t.Error(diff)
	}
	if m.puts != 1 {
		t.Errorf("stored %d times", m.puts)
	}
}

func TestWritesOfOneBatchSeeEachOther(t *testing.T) {
	a, m := newApplier(), &memory{}
	// The keys k and key share a token, so the overlay has to tell them apart.
	got := apply(a, m,
		write(Fresh, "k", value("k", at(1, 1), "first")),
		write(Fresh, "key", value("key", at(9, 1), "other")),
		write(Fresh, "k", value("k", at(3, 1), "third")),
		write(Fresh, "k", value("k", at(2, 1), "second")),
		write(Fresh, "key", value("key", at(8, 1), "older")),
		write(Fresh, "k", value("k", at(3, 1), "third")),
	)
	want := []Result{{}, {}, {}, {Winner: at(3, 1)}, {Winner: at(9, 1)}, {}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if text(m, "k") != "third" || text(m, "key") != "other" {
		t.Errorf("k is %q, key is %q", text(m, "k"), text(m, "key"))
	}
	// The next batch starts with what is stored, not with the last batch's.
	*m = memory{}
	if got := apply(a, m, write(Fresh, "k", value("k", at(0, 1), "v"))); got[0] != (Result{}) || text(m, "k") != "v" {
		t.Errorf("an earlier batch shows through: %+v", got[0])
	}
}

// algorithms.md, rule 1: one version with two contents is a broken invariant;
// replicas agree on it all the same, and count it.
func TestOneVersionWithTwoContentsIsDecidedAndCounted(t *testing.T) {
	x, y := value("k", at(0, 1), "x"), value("k", at(0, 1), "y")
	for _, order := range [][2][]byte{{x, y}, {y, x}} {
		a, m := newApplier(), &memory{}
		apply(a, m, write(Repair, "k", order[0]))
		apply(a, m, write(Repair, "k", order[1]))
		want, _ := record.Merge(x, y)
		if got, _ := m.Record(token("k"), ns, []byte("k")); !bytes.Equal(got, want) || a.Counters.Conflicts != 1 {
			t.Errorf("stored %q with %d conflicts", got, a.Counters.Conflicts)
		}
	}
}

// algorithms.md, rule 4 and 7: only fresh writes are bound by the request age
// limit. A write-back or a hint carries an old version by its nature.
func TestFreshWritesAreBoundByAge(t *testing.T) {
	old := Result{Code: contract.Clock, Kind: contract.StampOld}
	for _, tc := range []struct {
		kind Kind
		age  int64
		want Result
	}{
		{Fresh, ageLimit, Result{}},
		{Fresh, ageLimit + 1, old},
		{Fresh, 365 * 24 * 3600_000, old},
		{Repair, ageLimit + 1, Result{}},
		{Deliver, ageLimit + 1, Result{}},
		{Fresh, -600_000, Result{}}, // replicas check the age, never the future
	} {
		m := &memory{}
		got := apply(newApplier(), m, write(tc.kind, "k", value("k", at(-tc.age, 1), "v")))
		if got[0] != tc.want {
			t.Errorf("kind %d, %d ms old: %+v, want %+v", tc.kind, tc.age, got[0], tc.want)
		}
		if stored := text(m, "k") == "v"; stored != (tc.want == Result{}) {
			t.Errorf("kind %d, %d ms old: stored is %v", tc.kind, tc.age, stored)
		}
	}
}

func TestExpiredWorkIsDropped(t *testing.T) {
	a, m := newApplier(), &memory{}
	late, now, soon := write(Fresh, "a", value("a", at(0, 1), "v")), write(Repair, "b", value("b", at(0, 1), "v")), write(Fresh, "c", value("c", at(0, 1), "v"))
	late.Deadline, now.Deadline, soon.Deadline = 999, 1000, 1001
	got := apply(a, m, late, now, soon)
	want := []Result{{Code: contract.Overloaded}, {Code: contract.Overloaded}, {}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if text(m, "a") != "absent" || text(m, "b") != "absent" || text(m, "c") != "v" || a.Counters.Expired != 2 {
		t.Errorf("a %s, b %s, c %s, %d expired", text(m, "a"), text(m, "b"), text(m, "c"), a.Counters.Expired)
	}
}

func TestDamagedRecordsAreRefusedOnTheirWayIn(t *testing.T) {
	good := value("k", at(0, 1), "v")
	flipped := bytes.Clone(good)
	flipped[len(flipped)-1] ^= 1
	for name, rec := range map[string][]byte{
		"a bit flipped": flipped, "cut off": good[:10], "empty": {}, "of another key": value("l", at(0, 1), "v"),
		"a header only": good[:len(good)-1],
	} {
		a, m := newApplier(), &memory{}
		if got := apply(a, m, write(Repair, "k", rec)); got[0].Code != contract.Corrupt || m.puts != 0 || a.Counters.Corrupt != 1 {
			t.Errorf("%s: %+v, stored %d times", name, got[0], m.puts)
		}
	}
}

// algorithms.md, rule 8: a bad record takes no write until its key has been
// read from others. Contract, section 3: and it is never NOT FOUND.
func TestDamagedStoredRecordTakesNoWriteAndIsNoAnswer(t *testing.T) {
	a, m := newApplier(), &memory{}
	apply(a, m, write(Fresh, "k", value("k", at(0, 1), "v")))
	m.damage(t, "k")
	before, _ := m.Record(token("k"), ns, []byte("k"))
	for _, kind := range []Kind{Fresh, Repair, Deliver} {
		if got := apply(a, m, write(kind, "k", value("k", at(9, 1), "newer"))); got[0].Code != contract.Corrupt {
			t.Errorf("kind %d: %+v", kind, got[0])
		}
	}
	if after, _ := m.Record(token("k"), ns, []byte("k")); !bytes.Equal(before, after) {
		t.Error("the damaged record was replaced")
	}
	if got := text(m, "k"); got != "CORRUPT" {
		t.Errorf("reads as %s", got)
	}
}

func TestStoreErrors(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want contract.Code
	}{{blockError(), contract.Corrupt}, {errStopped, contract.NotReady}} {
		m := &memory{bad: tc.err}
		if got := apply(newApplier(), m, write(Fresh, "k", value("k", at(0, 1), "v"))); got[0].Code != tc.want || m.puts != 0 {
			t.Errorf("a write meets %v: %+v", tc.err, got[0])
		}
		if got := text(m, "k"); got != tc.want.String() {
			t.Errorf("a read meets %v: %s", tc.err, got)
		}
	}
}

func TestSystemValuesAreStoredAsTheyAre(t *testing.T) {
	m := &memory{}
	got := apply(newApplier(), m, Write{Kind: System, Key: []byte("clock"), Record: []byte("not a record")})
	if got[0] != (Result{}) || m.system["clock"] != "not a record" || len(m.rows) != 0 {
		t.Errorf("%+v, %v", got, m.system)
	}
}

func TestOwnedWriteOutlivesItsBuffer(t *testing.T) {
	key, rec := []byte("key"), []byte("record")
	w, arena := Write{Key: key, Record: rec}.Own(nil)
	second, _ := Write{Key: []byte("another"), Record: bytes.Repeat([]byte("x"), 1000)}.Own(arena)
	clear(key)
	clear(rec)
	if string(w.Key) != "key" || string(w.Record) != "record" || string(second.Key) != "another" {
		t.Errorf("%q %q %q", w.Key, w.Record, second.Key)
	}
	_ = append(w.Key, 'x')
	if string(w.Record) != "record" {
		t.Error("the key's slice reaches into the record")
	}
}

// A10 and B4 of testing.md: whatever comes in whatever order, cut into batches
// anyhow, a stored version never decreases, the end is the merge of all, and
// each acknowledgement is true.
func TestStoredVersionNeverDecreases(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, m := newApplier(), &memory{}
		var all []Write
		for range rapid.IntRange(1, 6).Draw(t, "batches") {
			writes := rapid.SliceOfN(drawWrite(), 1, 8).Draw(t, "batch")
			before := *m
			before.rows = append([]row(nil), m.rows...)
			results := apply(a, m, writes...)
			for i, w := range writes {
				had, _ := before.Record(w.Token, ns, w.Key)
				has, _ := m.Record(w.Token, ns, w.Key)
				if version(has).Less(version(had)) {
					t.Fatalf("%s went back from %v to %v", w.Key, version(had), version(has))
				}
				wrote, r := version(w.Record), results[i]
				switch {
				case r.Code == contract.BadRequest && w.Kind == Fresh && version(has).Compare(wrote) >= 0:
					continue // another write of this very version stands, or did
				case r.Code != contract.OK:
					t.Fatalf("refused: %+v", r)
				case r.Winner.IsZero() && version(has).Less(wrote):
					t.Fatalf("%v was acknowledged and %v is stored", wrote, version(has))
				case !r.Winner.IsZero() && (!wrote.Less(r.Winner) || version(has).Less(r.Winner)):
					t.Fatalf("%v was told that %v won, and %v is stored", wrote, r.Winner, version(has))
				}
				all = append(all, w)
			}
		}
		for _, key := range []string{"a", "ab", "b"} {
			var want []byte
			for _, w := range all {
				if string(w.Key) == key {
					want, _ = record.Merge(want, w.Record)
				}
			}
			if got, _ := m.Record(token(key), ns, []byte(key)); !bytes.Equal(got, want) {
				t.Fatalf("%s is %x, the merge of all is %x", key, got, want)
			}
		}
	})
}

func drawWrite() *rapid.Generator[Write] {
	return rapid.Custom(func(t *rapid.T) Write {
		key := rapid.SampledFrom([]string{"a", "ab", "b"}).Draw(t, "key")
		v := at(rapid.Int64Range(-3, 3).Draw(t, "time"), rapid.Uint64Range(1, 2).Draw(t, "writer"))
		kind := rapid.SampledFrom([]Kind{Fresh, Repair, Deliver}).Draw(t, "kind")
		switch rapid.IntRange(0, 2).Draw(t, "form") {
		case 0:
			return write(kind, key, tombstone(key, v))
		case 1:
			// Expired by now or not, the order does not care.
			return write(kind, key, expiring(key, v, "v", physical+rapid.Int64Range(-1, 1).Draw(t, "expiry")))
		}
		return write(kind, key, value(key, v, "v"))
	})
}

func version(rec []byte) hlc.Version {
	if rec == nil {
		return hlc.Version{}
	}
	r, err := record.Parse(rec)
	if err != nil {
		panic(err)
	}
	return r.Version
}

// nothing is a Batch that keeps nothing, so that only Apply is measured.
type nothing struct{}

func (nothing) PutRecord(uint64, uint32, []byte, []byte)      {}
func (nothing) PutSystem([]byte, []byte)                      {}
func (nothing) PutVoid(uint64, uint32, []byte, hlc.Version)   {}
func (nothing) EraseVoid(uint64, uint32, []byte, hlc.Version) {}
func (nothing) EraseRecord(uint64, uint32, []byte)            {}
func (nothing) PutHint(*Hint)                                 {}
func (nothing) EraseHint(*Hint)                               {}
func (nothing) PutLeaves(int, []byte)                         {}

func TestAllocations(t *testing.T) {
	a, m := newApplier(), &memory{}
	a.Marks, a.Trees = NewMarks(16), newTrees(t)
	apply(a, m, write(Fresh, "a", value("a", at(0, 1), "v")))
	a.Trees.Publish()
	writes := []Write{write(Fresh, "a", value("a", at(1, 1), "w")), write(Fresh, "b", value("b", at(1, 1), "w")), write(Fresh, "a", value("a", at(0, 1), "v"))}
	if n := testing.AllocsPerRun(100, func() { a.Apply(now(), m, writes, nothing{}); a.Trees.Publish() }); n != 0 {
		t.Errorf("Apply of %d writes allocates %v times", len(writes), n)
	}
	key := []byte("a")
	if n := testing.AllocsPerRun(100, func() { Read(m, token("a"), ns, key) }); n != 0 {
		t.Errorf("Read allocates %v times", n)
	}
}

// A version names one write. Other bytes under a version that is taken are refused,
// whichever would win by the merge law: what was acknowledged would be gone, and
// nobody told. Write-backs only bring replicas together.
func TestAVersionNamesOneWrite(t *testing.T) {
	v := at(0, 1)
	for _, order := range [][2][]byte{
		{value("k", v, "aaa"), value("k", v, "bbb")}, {value("k", v, "bbb"), value("k", v, "aaa")},
		{value("k", v, "aaa"), tombstone("k", v)}, {tombstone("k", v), value("k", v, "aaa")},
	} {
		a, m := newApplier(), &memory{}
		got := apply(a, m, write(Fresh, "k", order[0]), write(Fresh, "k", order[1]))
		got = append(got, apply(a, m, write(Fresh, "k", order[1]), write(Fresh, "k", order[0]))...)
		refused := Result{Code: contract.BadRequest}
		if diff := cmp.Diff([]Result{{}, refused, refused, {}}, got); diff != "" || a.Counters.Conflicts != 2 {
			t.Errorf("%d conflicts, %s", a.Counters.Conflicts, diff)
		}
		if stored, _ := m.Record(token("k"), ns, []byte("k")); !bytes.Equal(stored, order[0]) {
			t.Errorf("stored %x, acknowledged %x", stored, order[0])
		}
	}
}

// What anti-entropy brings is counted where it is stored, whoever began it.
func TestExchangedRecordsAreCountedWhereTheyAreStored(t *testing.T) {
	a, m := newApplier(), &memory{}
	rec := value("a", at(1, 1), "v")
	for _, w := range []Write{write(Exchange, "a", rec), write(Exchange, "a", rec), write(Exchange, "a", value("a", at(0, 1), "v")), write(Repair, "b", value("b", at(0, 1), "v"))} {
		apply(a, m, w)
	}
	if a.Counters.Exchanged != 1 || a.Counters.ExchangedBytes != uint64(len(rec)) {
		t.Errorf("%d records of %d bytes, want 1 of %d", a.Counters.Exchanged, a.Counters.ExchangedBytes, len(rec))
	}
}
