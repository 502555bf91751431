package storage

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	ldjournal "github.com/syndtr/goleveldb/leveldb/journal"
	"pgregory.net/rapid"
)

// logFile writes records with the library's own writer.
func logFile(records ...[]byte) []byte {
	var file bytes.Buffer
	w := ldjournal.NewWriter(&file)
	for _, rec := range records {
		chunk, err := w.Next()
		if err == nil {
			_, err = chunk.Write(rec)
		}
		if err == nil {
			err = w.Flush()
		}
		if err != nil {
			panic(err)
		}
	}
	return file.Bytes()
}

// batchOf is a journal record: entries numbered from first, and a mark.
func batchOf(first uint64, m mark, values ...string) []byte {
	var b Batch
	for i, v := range values {
		b.Put(fmt.Appendf(nil, "key %d", i), []byte(v))
	}
	b.Put(markKey, m.append(nil))
	head := make([]byte, batchHead)
	for i := range 8 {
		head[i] = byte(first >> (8 * i))
	}
	head[8] = byte(b.n)
	return append(head, b.data...)
}

func TestScanReadsWhatTheLibraryWrites(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		sizes := rapid.SliceOfN(rapid.SampledFrom([]int{0, 1, 100, 32741, 32761, 32768, 70_000}), 1, 6).Draw(r, "sizes")
		var records [][]byte
		for i, size := range sizes {
			records = append(records, bytes.Repeat([]byte{byte('a' + i)}, size))
		}
		file := logFile(records...)
		var got [][]byte
		d := walkLog(file, func(rec logRecord) string {
			got = append(got, slices.Clone(rec.payload))
			return ""
		})
		if d.what != "" {
			r.Fatalf("damage in a whole file: %+v", d)
		}
		if !slices.EqualFunc(got, records, bytes.Equal) {
			r.Fatalf("%d records, want %d", len(got), len(records))
		}
	})
}

// TestUnusedZerosAreFound: whatever the records hold, above all zeros, and wherever
// the last one ends in its block, exactly the zeros behind it are cut off.
func TestUnusedZerosAreFound(t *testing.T) {
	const none = chunkHead + batchHead + 1 + 1 + 5 + 1 + 1 // about what a batch of one empty value takes
	rapid.Check(t, func(r *rapid.T) {
		var records [][]byte
		first := uint64(1)
		for range rapid.IntRange(0, 4).Draw(r, "batches") {
			size := rapid.OneOf(rapid.IntRange(0, 300), rapid.IntRange(blockBytes-none-80, blockBytes-none+20)).Draw(r, "size")
			value := make([]byte, size)
			for i := range rapid.IntRange(0, size).Draw(r, "not zero") {
				value[i] = byte(i)
			}
			records = append(records, batchOf(first, mark{7, 0}, string(value)))
			first += 2 // the mark is the second entry
		}
		written := logFile(records...)
		unusedBytes := rapid.IntRange(1, 3*blockBytes).Draw(r, "zeros")
		file := append(slices.Clone(written), make([]byte, unusedBytes)...)
		s := scanJournal(7, file)
		if s.records != len(records) {
			r.Fatalf("%d records, want %d", s.records, len(records))
		}
		rest := blockBytes - len(written)%blockBytes // of a block; less than a header is skipped
		end := len(written)
		if rest < chunkHead {
			end += min(rest, unusedBytes)
		}
		if end == len(file) {
			if s.damage.what != "" {
				r.Fatalf("%+v, and there is only what fills up a block", s.damage)
			}
			return
		}
		if s.damage != (damage{int64(end), unused}) {
			r.Fatalf("%+v, want zeros from %d on", s.damage, end)
		}
		if again := scanJournal(7, file[:end]); again.damage.what != "" || again.records != len(records) || again.next != s.next {
			r.Fatalf("after the cut: %+v", again)
		}
		file[len(file)-1] = 1
		if s := scanJournal(7, file); s.damage.what == unused {
			r.Fatalf("%+v, and the last byte is not zero", s.damage)
		}
	})
}

// TestZerosWhereARecordWasMarked: what was acknowledged is not unused, however much it
// looks like it.
func TestZerosWhereARecordWasMarked(t *testing.T) {
	unusedAt := func(offset int64, highest mark) journalScan {
		return journalScan{number: 5, size: 900, records: 2, first: 11, next: 20, highest: highest, damage: damage{offset, unused}}
	}
	for _, c := range []struct {
		name string
		s    journalScan
		bad  bool
	}{
		{"behind the mark", unusedAt(500, mark{5, 500}), false},
		{"in what is marked", unusedAt(499, mark{5, 500}), true},
		{"in a journal that is older than the mark", unusedAt(890, mark{6, 0}), true},
	} {
		scans := []journalScan{c.s}
		if c.s.highest.journal == 6 {
			scans = append(scans, journalScan{number: 6})
		}
		cuts, err := judgeJournals(manifest{journal: 5, sequence: 10}, scans)
		if c.bad != errors.Is(err, ErrCorrupt) || !c.bad && (err != nil || len(cuts) != 1) {
			t.Errorf("%s: %v, %v, corrupt should be %v", c.name, cuts, err, c.bad)
		}
	}
}

// TestJudgement is the table of what is done about a journal.
func TestJudgement(t *testing.T) {
	whole := func(number int64, first, next uint64, size, marked int64) journalScan {
		return journalScan{number: number, size: size, records: 2, first: first, next: next, highest: mark{number, marked}}
	}
	with := func(s journalScan, change func(*journalScan)) journalScan { change(&s); return s }
	torn := func(offset int64) func(*journalScan) {
		return func(s *journalScan) { s.damage = damage{offset, "a wrong checksum"} }
	}
	for _, c := range []struct {
		name  string
		m     manifest
		scans []journalScan
		want  []cut // nil and corrupt false: nothing to do
		bad   bool
	}{
		{"a new database", manifest{}, nil, nil, false},
		{"whole", manifest{journal: 5, sequence: 10}, []journalScan{whole(5, 11, 20, 900, 500)}, nil, false},
		{"the first entry of a start", manifest{journal: 5, sequence: 11}, []journalScan{whole(5, 11, 20, 900, 500)}, nil, false},
		{"two journals", manifest{journal: 5, sequence: 10}, []journalScan{whole(5, 11, 20, 900, 500), whole(6, 20, 30, 400, 0)}, nil, false},
		{"empty ones between", manifest{journal: 5, sequence: 10}, []journalScan{whole(5, 11, 20, 900, 500), {number: 6}, whole(7, 20, 30, 9, 0)}, nil, false},
		{"damage above the mark", manifest{journal: 5, sequence: 10}, []journalScan{with(whole(5, 11, 20, 900, 500), torn(500))}, []cut{{5, 500, "a wrong checksum"}}, false},
		{"damage below the mark", manifest{journal: 5, sequence: 10}, []journalScan{with(whole(5, 11, 20, 900, 500), torn(499))}, nil, true},
		{"damage in the older journal", manifest{journal: 5, sequence: 10}, []journalScan{with(whole(5, 11, 20, 900, 500), torn(800)), whole(6, 20, 30, 400, 0)}, nil, true},
		{"shorter than the mark", manifest{journal: 5, sequence: 10}, []journalScan{whole(5, 11, 20, 900, 901)}, nil, true},
		{"a gap", manifest{journal: 5, sequence: 10}, []journalScan{with(whole(5, 11, 20, 900, 0), func(s *journalScan) { s.damage, s.gap = damage{700, "jump"}, true })}, nil, true},
		{"entries missing before the first", manifest{journal: 5, sequence: 10}, []journalScan{whole(5, 13, 20, 900, 500)}, nil, true},
		{"entries that lie in tables", manifest{journal: 5, sequence: 12}, []journalScan{whole(5, 11, 20, 900, 500)}, nil, true},
		{"entries missing between", manifest{journal: 5, sequence: 10}, []journalScan{whole(5, 11, 20, 900, 500), whole(6, 21, 30, 400, 0)}, nil, true},
		{"the MANIFEST's journal gone", manifest{journal: 5, sequence: 10}, []journalScan{whole(6, 11, 20, 900, 500)}, nil, true},
		{"a marked journal gone", manifest{journal: 5, sequence: 10}, []journalScan{with(whole(5, 11, 20, 900, 500), func(s *journalScan) { s.highest = mark{6, 0} })}, nil, true},
		{"a mark of an obsolete journal", manifest{journal: 5, sequence: 10}, []journalScan{with(whole(5, 11, 20, 900, 0), func(s *journalScan) { s.highest = mark{4, 777} })}, nil, false},
	} {
		cuts, err := judgeJournals(c.m, c.scans)
		if c.bad != errors.Is(err, ErrCorrupt) || err != nil && !c.bad {
			t.Errorf("%s: %v, corrupt should be %v", c.name, err, c.bad)
		}
		if d := cmp.Diff(c.want, cuts, cmp.AllowUnexported(cut{})); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
}

// TestMarksBehindDamage: a whole batch behind a damaged one, in the same block,
// proves that the damaged one was acknowledged; what could not be true is not
// believed.
func TestMarksBehindDamage(t *testing.T) {
	first := batchOf(1, mark{7, 0}, "a")
	end1 := int64(len(logFile(first)))
	second := batchOf(3, mark{7, end1}, "b")
	end2 := int64(len(logFile(first, second)))
	third := func(seq uint64, m mark) []byte {
		file := logFile(first, second, batchOf(seq, m, "c"))
		file[end1+20] ^= 1 // in the second batch
		return file
	}
	for _, c := range []struct {
		name string
		file []byte
		want mark
	}{
		{"an honest mark", third(5, mark{7, end2}), mark{7, end2}},
		{"of an entry that came before", third(2, mark{7, end2}), mark{7, 0}},
		{"an offset behind itself", third(5, mark{7, end2 + 1}), mark{7, 0}},
		{"a journal behind itself", third(5, mark{8, 0}), mark{7, 0}},
	} {
		s := scanJournal(7, c.file)
		if s.damage.offset != end1 || s.records != 1 || s.highest != c.want {
			t.Errorf("%s: %+v, want damage at %d and mark %+v", c.name, s, end1, c.want)
		}
	}
}

// TestManifestEdits: what is read from a MANIFEST, and when a broken one is a
// torn tail.
func TestManifestEdits(t *testing.T) {
	edit := func(journal, sequence byte) []byte {
		return []byte{1, 3, 'c', 'm', 'p', 2, journal, 3, 99, 4, sequence, 5, 0, 1, 'k', 6, 1, 8, 7, 0, 9, 100, 1, 'a', 1, 'z', 9, 0}
	}
	first, second, third := edit(5, 10), edit(6, 20), []byte{6, 0, 7}
	end1 := int64(len(logFile(first)))
	end2 := int64(len(logFile(first, second)))
	whole := logFile(first, second, third)
	for _, c := range []struct {
		name string
		data []byte
		want manifest
		torn int64 // 0: not torn
		bad  bool
	}{
		{"whole", whole, manifest{journal: 6, sequence: 20}, 0, false},
		{"the last edit cut", whole[:len(whole)-1], manifest{journal: 6, sequence: 20}, end2, false},
		{"the last edit but one broken", flipped(whole, int(end1)+9), manifest{journal: 5, sequence: 10}, end1, true},
		{"the first edit cut", whole[:end1-1], manifest{}, 0, true},
		{"an unknown field", logFile(first, []byte{8, 1}), manifest{journal: 5, sequence: 10}, end1, true},
		{"a length that is a lie", logFile(first, []byte{1, 200, 1}), manifest{journal: 5, sequence: 10}, end1, true},
	} {
		got, torn, err := scanManifest(c.data)
		if got.journal != c.want.journal || got.sequence != c.want.sequence || torn.offset != c.torn || c.bad != errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %+v, torn %+v, %v", c.name, got, torn, err)
		}
	}
}

func flipped(data []byte, at int) []byte {
	data = slices.Clone(data)
	data[at] ^= 1
	return data
}

// FuzzJournalScan: the scan neither panics nor believes a length; and what it
// leaves after its cut is what the library reads without dropping anything.
func FuzzJournalScan(f *testing.F) {
	whole := logFile(batchOf(1, mark{1, 0}, "a", "b"), batchOf(4, mark{1, 50}, "c"), batchOf(6, mark{1, 90}, ""))
	f.Add([]byte{})
	f.Add(whole)
	f.Add(whole[:len(whole)-3])
	f.Add(append(slices.Clone(whole), make([]byte, 100)...))
	f.Add(append(slices.Clone(whole), whole...))
	f.Add(logFile(bytes.Repeat([]byte("x"), 40_000), nil)[30_000:])
	f.Fuzz(func(t *testing.T, data []byte) {
		s := scanJournal(1, data)
		end := int64(len(data))
		if s.damage.what != "" {
			end = s.damage.offset
		}
		if end < 0 || end > int64(len(data)) || s.highest.offset > int64(len(data)) {
			t.Fatalf("out of range: %+v", s)
		}
		_, _ = judgeJournals(manifest{}, []journalScan{s})
		_, _, _ = scanManifest(data)

		again := scanJournal(1, data[:end])
		if again.damage.what != "" || again.records != s.records {
			t.Fatalf("after the cut: %+v, before: %+v", again, s)
		}
		r := ldjournal.NewReader(bytes.NewReader(data[:end]), noDrops{t}, true, true)
		for n := 0; ; n++ {
			rec, err := r.Next()
			if err == io.EOF {
				if n != s.records {
					t.Fatalf("the library reads %d records, the scan %d", n, s.records)
				}
				return
			}
			if err == nil {
				_, err = io.Copy(io.Discard, rec)
			}
			if err != nil {
				t.Fatalf("the library, after the cut: %v", err)
			}
		}
	})
}

type noDrops struct{ t *testing.T }

func (d noDrops) Drop(err error) { d.t.Errorf("the library drops after the cut: %v", err) }
