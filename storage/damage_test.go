package storage_test

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"testing"

	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/storage/faulty"
)

func isJournal(name string) bool  { return strings.HasSuffix(name, ".log") }
func isTable(name string) bool    { return strings.HasSuffix(name, ".ldb") }
func isManifest(name string) bool { return strings.HasPrefix(path.Base(name), "MANIFEST-") }

// journalOf makes a disk with one journal of n batches, and returns where each
// batch ends in it.
func journalOf(t *testing.T, n, size int) (disk *faulty.Disk, journal string, ends []int) {
	t.Helper()
	disk = faulty.New()
	o := on(disk, small)
	o.WriteBuffer = 1 << 20
	db := mustOpen(t, "db", o)
	for i := range n {
		mustWrite(t, db, puts(size, i))
		ends = append(ends, int(db.Stats().JournalBytes))
	}
	disk.Cut(faulty.DropAll, nil)
	mustClose(t, db)
	return disk, newest(t, disk, isJournal), ends
}

func flip(at int) func([]byte) []byte {
	return func(b []byte) []byte { b[at] ^= 1 << (at % 8); return b }
}

// wantCorrupt checks that Open refuses, in a sentence that says what to do, and
// changes nothing.
func wantCorrupt(t *testing.T, disk *faulty.Disk, when string) {
	t.Helper()
	before := disk.Ops()
	db, err := storage.Open("db", on(disk, small))
	if err == nil {
		db.Close()
		t.Fatalf("%s: Open found nothing wrong", when)
	}
	if !errors.Is(err, storage.ErrCorrupt) || !strings.Contains(err.Error(), "keep its files") {
		t.Fatalf("%s: Open: %v, want ErrCorrupt with advice", when, err)
	}
	if changed := disk.Ops() - before; changed > 2 { // MkdirAll and SyncDir of its parent
		t.Fatalf("%s: Open changed a damaged database, %d operations", when, changed)
	}
}

// TestJournalDamageIsFound flips one bit in every byte of a journal of twelve
// acknowledged batches. goleveldb opens all of these without an error. Only
// what happens to the very last batch looks like a write that was torn.
func TestJournalDamageIsFound(t *testing.T) {
	disk, journal, ends := journalOf(t, 12, 40)
	last := ends[len(ends)-2]
	for at := range ends[len(ends)-1] {
		d := disk.Clone()
		d.Edit(journal, flip(at))
		if at < last {
			wantCorrupt(t, d, fmt.Sprintf("byte %d of %s", at, journal))
			continue
		}
		db := mustOpen(t, "db", on(d, small))
		for i := range len(ends) - 1 {
			wantValue(t, db, i, 40)
		}
		wantAbsent(t, db, len(ends)-1)
		mustClose(t, db)
	}
}

// TestJournalDamageIsFoundInLargeBatches is the same with batches of several
// blocks, and a few places in each.
func TestJournalDamageIsFoundInLargeBatches(t *testing.T) {
	disk, journal, ends := journalOf(t, 5, 70_000)
	for at := 0; at < ends[len(ends)-2]; at += 1009 {
		d := disk.Clone()
		d.Edit(journal, flip(at))
		wantCorrupt(t, d, fmt.Sprintf("byte %d of %s", at, journal))
	}
}

// TestJournalDamageOtherThanBits: what was acknowledged is cut off, blanked, or
// gone.
func TestJournalDamageOtherThanBits(t *testing.T) {
	disk, journal, ends := journalOf(t, 400, 200) // several blocks, two journals
	disk.Cut(faulty.DropAll, nil)
	for name, edit := range map[string]func([]byte) []byte{
		"a sector of zeros": func(b []byte) []byte { clear(b[512:1024]); return b },
		"a block of zeros":  func(b []byte) []byte { clear(b[32<<10 : 64<<10]); return b },
		"a batch taken out": func(b []byte) []byte { return append(b[:ends[0]:ends[0]], b[ends[1]:]...) },
	} {
		d := disk.Clone()
		d.Edit(journal, edit)
		wantCorrupt(t, d, name)
	}
	d := disk.Clone()
	d.Delete(journal)
	wantCorrupt(t, d, "the journal is gone")
}

// TestOldJournalShortened: the mark of a later journal vouches for the whole of
// the one before, also if that ends neatly between two batches.
func TestOldJournalShortened(t *testing.T) {
	disk := faulty.New()
	db := mustOpen(t, "db", on(disk, small))
	first := db.Stats().JournalNumber
	// The flush of the first journal must not finish: it stays live.
	stall := faulty.Fault{On: faulty.Create, File: "*.ldb", Ever: true, Err: errors.New("no room for tables")}
	disk.Inject(stall)
	var ends []int64
	n := 0
	for ; db.Stats().JournalNumber == first; n++ {
		ends = append(ends, db.Stats().JournalBytes)
		mustWrite(t, db, puts(500, n))
	}
	disk.Cut(faulty.DropAll, nil)
	mustClose(t, db)
	disk.Heal()
	old := fmt.Sprintf("db/%06d.log", first)

	whole := disk.Clone()
	again := mustOpen(t, "db", on(whole, small))
	for i := range n {
		wantValue(t, again, i, 500)
	}
	for _, end := range ends[len(ends)-4 : len(ends)-1] {
		d := disk.Clone()
		d.Edit(old, func(b []byte) []byte { return b[:end] })
		wantCorrupt(t, d, fmt.Sprintf("%s ends at %d", old, end))
		d = disk.Clone()
		d.Edit(old, func(b []byte) []byte { clear(b[end:]); return b })
		wantCorrupt(t, d, fmt.Sprintf("%s has zeros from %d on", old, end))
		d = disk.Clone()
		d.Edit(old, flip(int(end)+20))
		wantCorrupt(t, d, fmt.Sprintf("%s is damaged at %d", old, end))
	}
	d := disk.Clone()
	d.Delete(old)
	wantCorrupt(t, d, "the older journal is gone")
}

// TestTornTailIsCut is scenario F3: the journal ends at every possible offset
// of its tail. Each time it opens, without an alarm, and holds exactly the
// batches that are whole; what is written then survives the next start.
func TestTornTailIsCut(t *testing.T) {
	disk, journal, ends := journalOf(t, 4, 300)
	acked := ends[len(ends)-2] // the last batch is the one that was torn
	for at := acked; at <= ends[len(ends)-1]; at++ {
		for name, tail := range map[string]func([]byte) []byte{
			"cut":    func(b []byte) []byte { return b[:at] },
			"zeroed": func(b []byte) []byte { clear(b[at:]); return b },
			"longer": func(b []byte) []byte { return append(b[:at:at], make([]byte, 2000)...) },
		} {
			d := disk.Clone()
			d.Edit(journal, tail)
			db, err := storage.Open("db", on(d, small))
			if err != nil {
				t.Fatalf("%s at %d: %v", name, at, err)
			}
			for i := range len(ends) - 1 {
				wantValue(t, db, i, 300)
			}
			if at == ends[len(ends)-1] {
				wantValue(t, db, len(ends)-1, 300)
			} else if _, err := db.Get(key(len(ends) - 1)); name == "cut" && !errors.Is(err, storage.ErrNotFound) {
				t.Fatalf("%s at %d: half a batch came back: %v", name, at, err)
			}
			if n := db.Stats().Alarms; n != 0 {
				t.Fatalf("%s at %d: %d alarms", name, at, n)
			}
			mustWrite(t, db, puts(300, 77))
			mustClose(t, db)
			db = mustOpen(t, "db", on(d, small))
			wantValue(t, db, 77, 300)
			mustClose(t, db)
		}
	}
}

// TestTornTailWithWholePieces: of a torn batch of several blocks later pieces
// may be whole while the first is not. They prove nothing.
func TestTornTailWithWholePieces(t *testing.T) {
	disk, journal, ends := journalOf(t, 2, 100_000)
	for _, hole := range []int{ends[0], ends[0] + 512, 160 << 10} {
		d := disk.Clone()
		d.Edit(journal, func(b []byte) []byte { clear(b[hole : hole+512]); return b })
		db := mustOpen(t, "db", on(d, small))
		wantValue(t, db, 0, 100_000)
		wantAbsent(t, db, 1)
	}
}

// TestManifestDamageIsFound flips bits in every byte of a MANIFEST with several
// edits. A lost edit would hide a table, or replay a journal that is gone.
func TestManifestDamageIsFound(t *testing.T) {
	disk := faulty.New()
	db := mustOpen(t, "db", on(disk, small))
	fill(t, db, 0, 150, 500)
	mustClose(t, db)
	manifest := newest(t, disk, isManifest)
	for at := range disk.Bytes(manifest) {
		d := disk.Clone()
		d.Edit(manifest, flip(at))
		db, err := storage.Open("db", on(d, small))
		if err == nil {
			// The last edit may have been torn; then everything must be there
			// without it.
			for i := range 150 {
				wantValue(t, db, i, 500)
			}
			mustClose(t, db)
		} else if !errors.Is(err, storage.ErrCorrupt) {
			t.Fatalf("byte %d: %v, want ErrCorrupt", at, err)
		}
	}
	for name, harm := range map[string]func(*faulty.Disk){
		"CURRENT is gone":             func(d *faulty.Disk) { d.Delete("db/CURRENT") },
		"CURRENT is empty":            func(d *faulty.Disk) { d.Edit("db/CURRENT", func([]byte) []byte { return nil }) },
		"CURRENT names a table":       func(d *faulty.Disk) { d.Edit("db/CURRENT", func([]byte) []byte { return []byte("000005.ldb\n") }) },
		"the MANIFEST is gone":        func(d *faulty.Disk) { d.Delete(manifest) },
		"the MANIFEST is empty":       func(d *faulty.Disk) { d.Edit(manifest, func([]byte) []byte { return nil }) },
		"everything but CURRENT gone": func(d *faulty.Disk) { deleteAllBut(d, "db/CURRENT") },
		"the tables are gone":         func(d *faulty.Disk) { deleteTables(d) }, // one alone could be a left-over
	} {
		d := disk.Clone()
		harm(d)
		db, err := storage.Open("db", on(d, small))
		if err == nil {
			db.Close()
		}
		if !errors.Is(err, storage.ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
	}
}

func deleteTables(d *faulty.Disk) {
	for _, name := range d.Files() {
		if isTable(name) {
			d.Delete(name)
		}
	}
}

func deleteAllBut(d *faulty.Disk, keep string) {
	for _, name := range d.Files() {
		if name != keep {
			d.Delete(name)
		}
	}
}

// TestTableDamageIsCorruptNotAbsent flips bits all over one table. A key in it
// reads as its value or as ErrCorrupt, never as another value or as absent, and
// a scan that cannot go on says so.
func TestTableDamageIsCorruptNotAbsent(t *testing.T) {
	disk := faulty.New()
	db := mustOpen(t, "db", on(disk, small))
	const keys = 40
	fill(t, db, 0, keys, 200)
	if err := db.CompactAll(); err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	mustClose(t, mustOpen(t, "db", on(disk, small))) // removes what the compaction has replaced
	table := newest(t, disk, isTable)
	for _, name := range disk.Files() {
		if isTable(name) && len(disk.Bytes(name)) > len(disk.Bytes(table)) {
			table = name
		}
	}
	damaged := 0
	for at := 0; at < len(disk.Bytes(table)); at += 7 {
		d := disk.Clone()
		d.Edit(table, flip(at))
		db, err := storage.Open("db", on(d, small))
		if errors.Is(err, storage.ErrCorrupt) { // the footer
			damaged++
			continue
		}
		if err != nil {
			t.Fatalf("byte %d: Open: %v", at, err)
		}
		for i := range keys {
			got, err := db.Get(key(i))
			switch {
			case errors.Is(err, storage.ErrCorrupt):
				damaged++
			case err != nil:
				t.Fatalf("byte %d: Get(key %d): %v, want the value or ErrCorrupt", at, i, err)
			case string(got) != string(value(i, 200)):
				t.Fatalf("byte %d: Get(key %d) = %q", at, i, got)
			}
		}
		seen := 0
		err = db.Scan(nil, []byte("s"), func(k, v []byte) bool { seen++; return true })
		if seen < keys && !errors.Is(err, storage.ErrCorrupt) {
			t.Fatalf("byte %d: a scan showed %d of %d keys and %v", at, seen, keys, err)
		}
		db.Close()
	}
	if damaged == 0 {
		t.Error("no flip was ever noticed: the test does not reach the table")
	}
}
