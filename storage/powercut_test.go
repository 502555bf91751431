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
			checkPrefix(t, disk, acked, fmt.Sprintf("%v before operation %d of %d", mode, at, total))
			cuts++
		}
	}
	t.Logf("%d cuts, %d operations in one run", cuts, total)
}

// checkPrefix opens the disk and checks that it holds the first acked batches,
// perhaps one more, and nothing else.
func checkPrefix(t *testing.T, disk *faulty.Disk, acked int, when string) {
	t.Helper()
	db, err := storage.Open("db", on(disk, small))
	if err != nil {
		t.Fatalf("%s, %d acked: %v", when, acked, err)
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
	for i := range 2 * acked {
		want = append(want, string(key(i))+" "+string(value(i, 700)))
	}
	if len(got) == 2*acked+2 {
		for i := 2 * acked; i < 2*acked+2; i++ {
			want = append(want, string(key(i))+" "+string(value(i, 700)))
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%s: %d keys after %d acknowledged batches of 2", when, len(got), acked)
	}
	if n := db.Stats().Alarms; n != 0 {
		t.Fatalf("%s: %d alarms", when, n)
	}
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
			checkPrefix(t, d, acked, fmt.Sprintf("%v before operation %d of the start", mode, at))
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
