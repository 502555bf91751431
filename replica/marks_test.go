package replica

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
)

// copied is what a Marks says now, so that a later look can be compared.
func copied(m *Marks) Marks { return Marks{m.Floor, slices.Clone(m.partitions)} }

func equal(m *Marks, o Marks) bool {
	return m.Floor == o.Floor && slices.Equal(m.partitions, o.partitions)
}

// Rules 7 and 8: floor and watermarks only rise, and are persisted before they are
// used: with each batch that changes them. What was handed to a reader never
// changes.
func TestMarksOnlyRiseAndAreSaved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, m := newApplier(), &memory{}
		a.Marks = NewMarks(partitions)
		type reader struct {
			marks *Marks
			saw   Marks
		}
		var readers []reader
		for range rapid.IntRange(1, 10).Draw(t, "batches") {
			before := copied(a.Marks)
			readers = append(readers, reader{a.Marks, before})
			writes := rapid.SliceOfN(rapid.Custom(drawMark), 0, 5).Draw(t, "batch")
			a.Apply(now(), m, writes, m)
			m.commit()
			if a.Marks.Floor < before.Floor {
				t.Fatalf("the floor went from %d to %d", before.Floor, a.Marks.Floor)
			}
			for p := range partitions {
				was, is := before.partitions[p], a.Marks.Partition(p)
				if is.Fence < was.Fence || is.Purge < was.Purge || is.Fence < is.Purge {
					t.Fatalf("partition %d went from %+v to %+v", p, was, is)
				}
			}
			saved, err := ParseMarks(partitions, value0(m, FloorName), value0(m, MarksName))
			if err != nil || !equal(saved, copied(a.Marks)) {
				t.Fatalf("in force %+v, saved %+v, %v", a.Marks, saved, err)
			}
		}
		for i, r := range readers {
			if !equal(r.marks, r.saw) {
				t.Fatalf("what reader %d saw has changed from %+v to %+v", i, r.saw, r.marks)
			}
		}
	})
}

// value0 is a system value, nil where there is none.
func value0(m *memory, name string) []byte {
	if v, ok := m.system[name]; ok {
		return []byte(v)
	}
	return nil
}

func drawMark(t *rapid.T) Write {
	return Write{
		Kind:  rapid.SampledFrom([]Kind{SetFloor, Agree, Adopt, Quarantine, Release}).Draw(t, "kind"),
		Token: rapid.Uint64().Draw(t, "token"),
		Mark:  hlc.Timestamp(rapid.Uint64Range(0, 9).Draw(t, "mark")),
	}
}

// What does not change the marks is not written again.
func TestMarksThatAreAsHighAreNotSavedAgain(t *testing.T) {
	a, m := newApplier(), &memory{}
	a.Marks = NewMarks(partitions)
	again := []Write{{Kind: SetFloor, Mark: mark(0)}, {Kind: Agree, Mark: mark(0)}, {Kind: Adopt, Mark: mark(-1)}}
	apply(a, m, again...)
	marks := a.Marks
	m.system = nil
	if got := apply(a, m, again...); a.Marks != marks || len(m.system) != 0 {
		t.Errorf("%+v, saved %v", got, m.system)
	}
	apply(a, m, Write{Kind: SetFloor, Mark: mark(1)})
	if _, floor := m.system[FloorName]; !floor || len(m.system) != 1 {
		t.Errorf("a new floor saves %d values", len(m.system))
	}
}

// Before there is an epoch there is nothing to mark.
func TestMarksNeedAnEpoch(t *testing.T) {
	for _, kind := range []Kind{SetFloor, Agree, Adopt, Quarantine, Release} {
		if got := apply(newApplier(), &memory{}, Write{Kind: kind, Mark: 1})[0]; got.Code != contract.NotReady {
			t.Errorf("kind %d: %+v", kind, got)
		}
	}
	if (*Marks)(nil).Of(maxToken) != (PartitionMarks{}) {
		t.Error("no marks mark something")
	}
}

// The partition of a token is its top bits.
func TestMarksAreOfTheTokensPartition(t *testing.T) {
	for _, n := range []int{1, 2, 16, 1024} {
		m := NewMarks(n)
		for i := range n {
			m.partitions[i].Fence = hlc.Timestamp(i + 1)
			first := uint64(i) * (maxToken/uint64(n) + 1)
			if n == 1 {
				first = 0
			}
			last := first + maxToken/uint64(n)
			if m.Of(first).Fence != hlc.Timestamp(i+1) || m.Of(last).Fence != hlc.Timestamp(i+1) {
				t.Fatalf("%d partitions: partition %d is not that of %x and %x", n, i, first, last)
			}
		}
	}
}

func TestDamagedMarksAreRefused(t *testing.T) {
	a, m := newApplier(), &memory{}
	a.Marks = NewMarks(partitions)
	apply(a, m, Write{Kind: SetFloor, Mark: 7}, Write{Kind: Agree, Token: maxToken, Mark: 9}, Write{Kind: Quarantine, Token: 0})
	floor, marks := value0(m, FloorName), value0(m, MarksName)
	later := func(b []byte) []byte { return append([]byte{marksFormat + 1}, b[1:]...) }
	for name, bad := range map[string][2][]byte{
		"a floor cut off": {floor[:8], marks}, "an empty floor": {{}, marks}, "a later floor": {later(floor), marks},
		"marks cut off": {floor, marks[:len(marks)-1]}, "no partition": {floor, marks[:1]}, "empty": {floor, {}}, "later marks": {floor, later(marks)},
	} {
		if _, err := ParseMarks(partitions, bad[0], bad[1]); !errors.Is(err, ErrMarks) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ParseMarks(2*partitions, floor, marks); !errors.Is(err, ErrMarks) {
		t.Errorf("of another ring: %v", err)
	}
	if got, err := ParseMarks(partitions, nil, nil); err != nil || !equal(got, copied(NewMarks(partitions))) {
		t.Errorf("nothing saved: %+v, %v", got, err)
	}
}

// Rule 8: a tombstone is dead if its version lies below H, an expired value if its
// version and its expiry do. No clock is asked.
func TestDead(t *testing.T) {
	h := mark(0)
	for _, tc := range []struct {
		name string
		rec  record.Record
		want bool
	}{
		{"a tombstone below", record.Record{Version: at(-1, 9), Tombstone: true}, true},
		{"a tombstone at H", record.Record{Version: at(0, 0), Tombstone: true}, false},
		{"a tombstone above", record.Record{Version: at(1, 0), Tombstone: true}, false},
		{"a value below", record.Record{Version: at(-1, 0)}, false},
		{"a value that expired below", record.Record{Version: at(-9, 0), ExpiresAt: physical - 1}, true},
		{"a value that expires at H", record.Record{Version: at(-9, 0), ExpiresAt: physical}, false},
		{"a value above that expired below", record.Record{Version: at(1, 0), ExpiresAt: physical - 1}, false},
	} {
		if got := Dead(&tc.rec, h); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
	if Dead(&record.Record{Tombstone: true}, 0) {
		t.Error("something is dead below no watermark")
	}
}
