package storage_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/storage/faulty"
)

// one holds everything in one journal.
var one = storage.Options{WriteBuffer: 1 << 20, BlockCache: 64 << 10, BlockSize: 1 << 10, TableSize: 8 << 10, LevelSize: 32 << 10}

// ahead is how many zeros lie behind what was written to the newest journal. It
// fails the test if anything else lies there.
func ahead(t *testing.T, disk *faulty.Disk, db *storage.DB) int {
	t.Helper()
	s := db.Stats()
	tail := disk.Bytes(fmt.Sprintf("db/%06d.log", s.JournalNumber))[s.JournalBytes:]
	if len(bytes.Trim(tail, "\x00")) > 0 {
		t.Fatalf("behind the %d bytes of the journal lies %.40q", s.JournalBytes, tail)
	}
	return len(tail)
}

// TestJournalIsWrittenOverZeros: few syncs have to make the file longer, and none
// of the zeros counts as written.
func TestJournalIsWrittenOverZeros(t *testing.T) {
	disk := faulty.New()
	db := mustOpen(t, "db", on(disk, one))
	if n := ahead(t, disk, db); n != 0 {
		t.Errorf("%d zeros in a journal that nothing was written to", n)
	}
	grown, last := 0, 0
	for i := range 1000 {
		mustWrite(t, db, puts(300, i))
		length := int(db.Stats().JournalBytes) + ahead(t, disk, db)
		if length > last {
			grown++
		}
		last = length
	}
	if grown == 0 || grown > 3 { // 256 KiB last for more than 600 of these
		t.Errorf("the file grew at %d of 1000 syncs", grown)
	}
}

// TestLargeBatchesTakeNoZerosAlong: they would be written over at once, for nothing.
func TestLargeBatchesTakeNoZerosAlong(t *testing.T) {
	disk := faulty.New()
	db := mustOpen(t, "db", on(disk, one))
	mustWrite(t, db, puts(70_000, 0))
	if n := ahead(t, disk, db); n != 0 {
		t.Errorf("%d zeros behind a batch of 70 kB", n)
	}
	mustWrite(t, db, puts(60_000, 1))
	if n := ahead(t, disk, db); n != 256<<10 {
		t.Errorf("%d zeros behind a batch of 60 kB", n)
	}
}

// TestClosedJournalHasNoZeros: whoever opens the database next, and be it a build
// that knows nothing of zeros, finds records only. Power may go right afterwards.
func TestClosedJournalHasNoZeros(t *testing.T) {
	disk := faulty.New()
	db := mustOpen(t, "db", on(disk, one))
	fill(t, db, 0, 10, 300)
	if ahead(t, disk, db) == 0 {
		t.Fatal("there are no zeros to begin with")
	}
	journal := newest(t, disk, isJournal)
	want := int(db.Stats().JournalBytes)
	mustClose(t, db)
	disk.Cut(faulty.DropAll, nil)
	if got := len(disk.Bytes(journal)); got != want {
		t.Errorf("after Close the journal has %d bytes, %d were written", got, want)
	}
	db, err := storage.OpenUnverified("db", on(disk, one))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		wantValue(t, db, i, 300)
	}
	if n := db.Stats().Alarms; n != 0 {
		t.Errorf("the library alone finds something wrong: %d alarms", n)
	}
	mustClose(t, db)
}

// TestZerosOfAKilledJournalAreNoTornTail: they are cut off before the library reads
// them, and nobody is warned of them.
func TestZerosOfAKilledJournalAreNoTornTail(t *testing.T) {
	for _, mode := range faulty.Modes {
		disk := faulty.New()
		db := mustOpen(t, "db", on(disk, one))
		fill(t, db, 0, 10, 300)
		disk.Cut(mode, rand.New(rand.NewPCG(1, 1)))
		mustClose(t, db)
		var lines bytes.Buffer
		o := on(disk, one)
		o.Log = slog.New(slog.NewTextHandler(&lines, &slog.HandlerOptions{Level: slog.LevelInfo}))
		db = mustOpen(t, "db", o)
		for i := range 10 {
			wantValue(t, db, i, 300)
		}
		if n := db.Stats().Alarms; n != 0 || strings.Contains(lines.String(), "cut") {
			t.Errorf("%v: %d alarms, and the log says %s", mode, n, lines.String())
		}
		mustClose(t, db)
	}
}

// TestOldJournalHasNoZeros: at a rotation they are cut off durably, before a batch in
// the new journal vouches for all of the old one. Zeros there later are a loss.
func TestOldJournalHasNoZeros(t *testing.T) {
	disk := faulty.New()
	db := mustOpen(t, "db", on(disk, small))
	first := db.Stats().JournalNumber
	disk.Inject(faulty.Fault{On: faulty.Create, File: "*.ldb", Ever: true, Err: syscall.EMFILE}) // it stays live
	was, want := 0, int64(0)
	for i := 0; db.Stats().JournalNumber == first; i++ {
		want, was = db.Stats().JournalBytes, max(was, ahead(t, disk, db))
		mustWrite(t, db, puts(500, i))
	}
	mustWrite(t, db, puts(500, 999)) // the first batch of a journal has the mark of the one before
	disk.Cut(faulty.DropAll, nil)
	mustClose(t, db)
	disk.Heal()
	old := fmt.Sprintf("db/%06d.log", first)
	if got := int64(len(disk.Bytes(old))); got != want || was == 0 {
		t.Errorf("the old journal has %d bytes, %d were written; it had up to %d zeros", got, want, was)
	}
	mustClose(t, mustOpen(t, "db", on(disk.Clone(), small)))
	disk.Edit(old, func(b []byte) []byte { return append(b, make([]byte, 1000)...) })
	wantCorrupt(t, disk, "zeros behind the old journal")
}

// TestTornWriteOverZeros: of a batch of several sectors any may have reached the
// disk. It is there when all have, and cut off otherwise; what was acknowledged is
// there.
func TestTornWriteOverZeros(t *testing.T) {
	const sector = 512
	disk, journal, ends := journalOf(t, 4, 1300)
	from, to := ends[len(ends)-2], ends[len(ends)-1]
	sectors := (to-1)/sector - from/sector + 1
	for kept := range 1 << sectors {
		d := disk.Clone()
		d.Edit(journal, func(b []byte) []byte {
			for i := range sectors {
				at := (from/sector + i) * sector
				if kept>>i&1 == 0 {
					clear(b[max(from, at):min(to, at+sector)])
				}
			}
			return b
		})
		db := mustOpen(t, "db", on(d, small))
		for i := range len(ends) - 1 {
			wantValue(t, db, i, 1300)
		}
		if kept == 1<<sectors-1 {
			wantValue(t, db, len(ends)-1, 1300)
		} else {
			wantAbsent(t, db, len(ends)-1)
		}
		if n := db.Stats().Alarms; n != 0 {
			t.Errorf("sectors %b: %d alarms", kept, n)
		}
		mustClose(t, db)
	}
}

// TestZerosThatCannotBeWrittenAreNoFailure: the journal goes on without, the next one
// tries again.
func TestZerosThatCannotBeWrittenAreNoFailure(t *testing.T) {
	for _, short := range []int{0, 1000} {
		disk := faulty.New()
		db := mustOpen(t, "db", on(disk, small))
		disk.Inject(faulty.Fault{On: faulty.WriteAt, File: "*.log", Err: syscall.ENOSPC, Short: short})
		first := db.Stats().JournalNumber
		mustWrite(t, db, puts(300, 0))
		if n := ahead(t, disk, db); n != short {
			t.Errorf("%d zeros, want %d", n, short)
		}
		n := 1
		for ; db.Stats().JournalNumber == first; n++ {
			mustWrite(t, db, puts(300, n))
			if got := ahead(t, disk, db); db.Stats().JournalNumber == first && got > short {
				t.Fatalf("%d zeros after some could not be written", got)
			}
		}
		if ahead(t, disk, db) == 0 {
			t.Error("the next journal has no zeros")
		}
		if err := db.Err(); err != nil {
			t.Errorf("the engine stopped: %v", err)
		}
		disk.Cut(faulty.DropAll, nil)
		mustClose(t, db)
		db = mustOpen(t, "db", on(disk, small))
		for i := range n {
			wantValue(t, db, i, 300)
		}
		mustClose(t, db)
	}
}

// deniesFS writes zeros and says that it has not.
type deniesFS struct{ storage.FS }

func (d deniesFS) Create(name string) (storage.File, error) {
	f, err := d.FS.Create(name)
	return deniesFile{f}, err
}

type deniesFile struct{ storage.File }

func (f deniesFile) WriteAt(p []byte, off int64) (int, error) {
	if _, err := f.File.WriteAt(p, off); err != nil {
		return 0, err
	}
	return 0, syscall.EIO
}

// TestZerosThatWereDeniedAreCutOff: else the next journal would vouch for them.
func TestZerosThatWereDeniedAreCutOff(t *testing.T) {
	disk := faulty.New()
	o := small
	o.FS = deniesFS{disk.FS()}
	db := mustOpen(t, "db", o)
	first := db.Stats().JournalNumber
	disk.Inject(faulty.Fault{On: faulty.Create, File: "*.ldb", Ever: true, Err: syscall.EMFILE}) // the old one stays live
	fill(t, db, 0, 20, 100)
	mustWrite(t, db, puts(15_000, 20)) // for this the memory table has no room
	fill(t, db, 21, 23, 100)
	if db.Stats().JournalNumber == first {
		t.Fatal("there is no second journal")
	}
	disk.Cut(faulty.DropAll, nil)
	mustClose(t, db)
	disk.Heal()
	db = mustOpen(t, "db", on(disk, small))
	for i := range 20 {
		wantValue(t, db, i, 100)
	}
	wantValue(t, db, 22, 100)
}

// TestZerosCountAsUsedSpaceOnce: when they are written, and not again when a record
// goes over them; and they never take what is reserved.
func TestZerosCountAsUsedSpaceOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // no time passes: the disk is measured once
		disk := faulty.New()
		disk.Resize(100 << 20)
		db := mustOpen(t, "db", on(disk, one))
		defer letGo()
		defer db.Close()
		for i := range 700 {
			mustWrite(t, db, puts(400, i))
			real, err := disk.FS().Space("db")
			if err != nil {
				t.Fatal(err)
			}
			if got := db.Stats().Disk.Free; got != real.Free {
				t.Fatalf("after write %d it counts with %d free bytes, there are %d", i, got, real.Free)
			}
		}
		mustClose(t, db)
		db = mustOpen(t, "db", on(disk, one))
		defer db.Close()
		db.Room()
		now := db.Stats()
		used := int(now.Disk.Total - now.Disk.Free)
		mustClose(t, db)
		disk.Resize(used + 1<<20)
		db = mustOpen(t, "db", on(disk, one))
		defer db.Close()
		n := 0
		for ; db.Room() == storage.RoomForAll; n++ {
			mustWrite(t, db, puts(400, n))
		}
		if s := db.Stats(); n < 100 || s.DiskReserve-s.Disk.Free > 2000 {
			t.Errorf("after %d writes %d bytes are free, %d are reserved: more than the last batch was taken", n, s.Disk.Free, s.DiskReserve)
		}
	})
}
