package storage_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/storage/faulty"
)

// TestPowerCutKeepsPrefix cuts the power before every single operation that
// changes the disk, while a few hundred batches make the engine rotate
// journals, flush and compact. After each cut, in every mode: all acknowledged
// batches are there, the one in flight is there whole or not at all, and
// nothing is called corrupt.
func TestPowerCutKeepsPrefix(t *testing.T) {
	const batches = 60
	workload := func(disk *faulty.Disk) (acked int) {
		db, err := storage.Open("db", calm(on(disk, small)))
		if err != nil {
			return 0
		}
		defer db.Close()
		for acked < batches && db.Write(puts(700, 2*acked, 2*acked+1)) == nil {
			acked++
		}
		return acked
	}
	counting := faulty.New()
	if acked := workload(counting); acked != batches {
		t.Fatalf("%d batches without any fault", acked)
	}
	total := counting.Ops()
	step := 1
	if testing.Short() || raceDetector {
		step = 7
	}
	cuts := 0
	for _, mode := range faulty.Modes {
		for at := 1; at <= total; at += step {
			r := rand.New(rand.NewPCG(uint64(at), uint64(mode)))
			disk := faulty.New()
			disk.Inject(faulty.Fault{On: faulty.Change, Nth: at, Cut: &faulty.Cut{Mode: mode, Rand: r}})
			acked := workload(disk)
			disk.Heal()
			checkPrefix(t, disk, acked, acked+1, fmt.Sprintf("%v before operation %d of %d", mode, at, total))
			cuts++
		}
	}
	t.Logf("%d cuts, %d operations in one run", cuts, total)
}

// TestPowerCutTakesAnEndOfWhatIsNotSynced is TestPowerCutKeepsPrefix for batches that
// are synced later: a cut takes any number of the last ones, across journals too, and
// none in front of one that was synced.
func TestPowerCutTakesAnEndOfWhatIsNotSynced(t *testing.T) {
	const batches = 90
	workload := func(disk *faulty.Disk) (durable, written int) {
		db, err := storage.Open("db", calm(on(disk, small)))
		if err != nil {
			return 0, 0
		}
		defer db.Close()
		for ; written < batches; written++ {
			write := db.WriteUnsynced
			if written%23 == 22 {
				write = db.Write
			}
			if write(puts(700, 2*written, 2*written+1)) != nil {
				return durable, written
			}
			if written%23 == 22 || written%37 == 36 && db.Sync() == nil {
				durable = written + 1
			}
		}
		return durable, written
	}
	counting := faulty.New()
	if _, written := workload(counting); written != batches {
		t.Fatalf("%d batches without any fault", written)
	}
	total, step, lost := counting.Ops(), 1, 0
	if testing.Short() || raceDetector {
		step = 7
	}
	for _, mode := range faulty.Modes {
		for at := 1; at <= total; at += step {
			r := rand.New(rand.NewPCG(uint64(at), uint64(mode)))
			disk := faulty.New()
			disk.Inject(faulty.Fault{On: faulty.Change, Nth: at, Cut: &faulty.Cut{Mode: mode, Rand: r}})
			durable, written := workload(disk)
			disk.Heal()
			there := checkPrefix(t, disk, durable, written+1, fmt.Sprintf("%v before operation %d of %d", mode, at, total))
			lost += max(0, written-there)
		}
	}
	if lost == 0 {
		t.Error("no cut took anything: nothing was written unsynced")
	}
}

// TestUnsyncedRotationSyncsTheOldJournal: what is in a journal is durable before there is
// another one, though the old one is not closed yet.
func TestUnsyncedRotationSyncsTheOldJournal(t *testing.T) {
	disk := faulty.New()
	db := mustOpen(t, "db", on(disk, small))
	first := db.Stats().JournalNumber
	n := 0
	for ; db.Stats().JournalNumber == first; n++ {
		if n == 0 { // the power goes when the next journal is made
			disk.Inject(faulty.Fault{On: faulty.Create, File: "*.log", Cut: &faulty.Cut{Mode: faulty.DropAll}})
		}
		if db.WriteUnsynced(puts(500, n)) != nil {
			break
		}
	}
	if n < 2 {
		t.Fatalf("%d writes", n)
	}
	disk.Heal()
	mustClose(t, db)
	db = mustOpen(t, "db", on(disk, small))
	for i := range n {
		wantValue(t, db, i, 500)
	}
}

// checkPrefix opens the disk and checks that it holds the first batches, at least so
// many and at most so many, and nothing else. It returns how many.
func checkPrefix(t *testing.T, disk *faulty.Disk, least, most int, when string) int {
	t.Helper()
	db, err := storage.Open("db", on(disk, small))
	if err != nil {
		t.Fatalf("%s, %d acked: %v", when, least, err)
	}
	defer db.Close()
	var got []string
	lo, hi := storage.RecordRange(0, 1<<64-1)
	if err := db.Scan(lo, hi, func(k, v []byte) bool {
		got = append(got, string(k)+" "+string(v))
		return true
	}); err != nil {
		t.Fatalf("%s: %v", when, err)
	}
	var want []string
	batches := min(max(len(got)/2, least), most)
	for i := range 2 * batches {
		want = append(want, string(key(i))+" "+string(value(i, 700)))
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%s: %d keys, which are not those of the first %d to %d batches of 2", when, len(got), least, most)
	}
	if n := db.Stats().Alarms; n != 0 {
		t.Fatalf("%s: %d alarms", when, n)
	}
	return batches
}

// TestPowerCutDuringRecovery cuts the power a second time, before each operation
// of the start that follows the first cut: recovery must be repeatable.
func TestPowerCutDuringRecovery(t *testing.T) {
	for _, mode := range faulty.Modes {
		disk := faulty.New()
		db := mustOpen(t, "db", on(disk, small))
		const acked = 30
		for i := range acked {
			mustWrite(t, db, puts(700, 2*i, 2*i+1))
		}
		r := rand.New(rand.NewPCG(1, uint64(mode)))
		disk.Inject(faulty.Fault{On: faulty.Sync, File: "*.log", Cut: &faulty.Cut{Mode: mode, Rand: r}})
		if err := db.Write(puts(700, 2*acked, 2*acked+1)); err == nil {
			t.Fatal("a write was acknowledged while the power went")
		}
		mustClose(t, db)
		disk.Heal()
		ops := disk.Clone()
		before := ops.Ops()
		mustClose(t, mustOpen(t, "db", on(ops, small)))
		for at := 1; at <= ops.Ops()-before; at++ {
			d := disk.Clone()
			d.Inject(faulty.Fault{On: faulty.Change, Nth: at, Cut: &faulty.Cut{Mode: mode, Rand: r}})
			if db, err := storage.Open("db", on(d, small)); err == nil {
				db.Close()
			}
			d.Heal()
			checkPrefix(t, d, acked, acked+1, fmt.Sprintf("%v before operation %d of the start", mode, at))
		}
	}
}

// TestReplayedIsDurableBeforeServing: what a start shows must survive the next
// power cut, also a batch that no sync ever covered. The process dies with one
// such batch in the page cache; the next one replays it, and then the power
// goes.
func TestReplayedIsDurableBeforeServing(t *testing.T) {
	disk := faulty.New()
	db := mustOpen(t, "db", storage.WithoutSync(on(disk, small)))
	fill(t, db, 0, 3, 50)
	disk.Cut(faulty.KeepAll, nil)
	mustClose(t, db)

	db = mustOpen(t, "db", on(disk, small))
	for i := range 3 {
		wantValue(t, db, i, 50)
	}
	disk.Cut(faulty.DropAll, nil)
	mustClose(t, db)

	db = mustOpen(t, "db", on(disk, small))
	for i := range 3 {
		wantValue(t, db, i, 50)
	}
}

// TestHarnessSeesUnsyncedWrites plants the bug that all of this is about.
func TestHarnessSeesUnsyncedWrites(t *testing.T) {
	disk := faulty.New()
	db := mustOpen(t, "db", storage.WithoutSync(on(disk, small)))
	fill(t, db, 0, 3, 50)
	disk.Cut(faulty.DropAll, nil)
	mustClose(t, db)
	db = mustOpen(t, "db", on(disk, small))
	wantAbsent(t, db, 0)
}

// TestRotationSyncsTheOldJournal: without sync per write, a newer write must
// not survive where an older one is lost.
func TestRotationSyncsTheOldJournal(t *testing.T) {
	disk := faulty.New()
	db := mustOpen(t, "db", storage.WithoutSync(on(disk, small)))
	first := db.Stats().JournalNumber
	n := 0
	for ; db.Stats().JournalNumber == first; n++ {
		mustWrite(t, db, puts(500, n))
	}
	disk.Cut(faulty.DropAll, nil)
	mustClose(t, db)
	db = mustOpen(t, "db", on(disk, small))
	for i := range n - 1 {
		wantValue(t, db, i, 500)
	}
}

// TestDirSyncedAfterCreate: a synced file whose name is lost is lost. Every
// file that matters keeps its name through a cut at any moment after the first
// acknowledged write into it.
func TestDirSyncedAfterCreate(t *testing.T) {
	disk := faulty.New()
	db := mustOpen(t, "data/db", on(disk, small))
	durable := func() string {
		d := disk.Clone()
		d.Cut(faulty.DropAll, nil)
		return strings.Join(d.Files(), " ")
	}
	// No flush succeeds, so that no other sync helps out.
	disk.Inject(faulty.Fault{On: faulty.Create, File: "*.ldb", Ever: true, Err: syscall.EMFILE})
	first := db.Stats().JournalNumber
	for i := 0; db.Stats().JournalNumber == first; i++ {
		mustWrite(t, db, puts(500, i))
	}
	if journal := fmt.Sprintf("%06d.log", db.Stats().JournalNumber); !strings.Contains(durable(), journal) {
		t.Errorf("the name of journal %s would be lost: %s", journal, durable())
	}
	disk.Heal()
	mustClose(t, db)
	db = mustOpen(t, "data/db", on(disk, small))
	fill(t, db, 0, 200, 500)
	mustClose(t, db)
	mustOpen(t, "data/db", on(disk, small)) // flushes and commits all
	lost := map[string]bool{}
	for _, name := range disk.Files() {
		if !strings.Contains(durable(), name) && !strings.HasSuffix(name, ".log") {
			lost[name] = true
		}
	}
	if len(lost) > 0 {
		t.Errorf("names that would be lost: %v", lost)
	}
	if !strings.Contains(durable(), ".ldb") {
		t.Errorf("no table is durable: %s", durable())
	}
}
