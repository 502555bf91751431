package storage_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/storage/faulty"
)

// TestF5DiskFullIsRefusedEarly is scenario F5: the disk fills up. Values are
// refused while there is still room for deletes, everything is refused before the
// library sees a write fail, reads go on all the time, and when there is room again
// the engine works again, without a restart.
func TestF5DiskFullIsRefusedEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := faulty.New()
		disk.Resize(16 << 20)
		larger := storage.Options{WriteBuffer: 64 << 10, BlockCache: 1 << 20, TableSize: 64 << 10, LevelSize: 128 << 10}
		db := mustOpen(t, "db", calm(on(disk, larger)))
		defer letGo()
		defer db.Close()
		n, room := 0, db.Room()
		for ; room == storage.RoomForAll; room = db.Room() {
			if err := db.Write(puts(5000, n)); err != nil {
				t.Fatalf("write %d with room for all: %v", n, err)
			}
			n++
		}
		if n < 1000 || room != storage.RoomForDeletes {
			t.Fatalf("after %d writes of 5000 bytes on a disk of 16 MiB: %v", n, room)
		}
		// Whoever fills batches refuses values now. Notes go on, down to the floor.
		deletes := 0
		for err := error(nil); err == nil; deletes++ {
			var b storage.Batch
			b.Put(storage.SystemKey(fmt.Sprint("note ", deletes)), make([]byte, 300))
			b.Delete(key(deletes % n))
			if err = db.Write(&b); err != nil && !errors.Is(err, storage.ErrDiskFull) {
				t.Fatalf("after %d deletes: %v, want ErrDiskFull", deletes, err)
			}
			if deletes == 1_000_000 {
				t.Fatal("the disk never fills up")
			}
		}
		if deletes < 100 {
			t.Errorf("only %d deletes in the reserve", deletes)
		}
		if err := db.Err(); err != nil {
			t.Fatalf("the library met the end of the disk: %v", err)
		}
		if deletes < n {
			wantValue(t, db, n-1, 5000)
		}
		disk.Resize(616 << 20)
		<-time.After(2 * time.Second) // until it is measured again
		if db.Room() != storage.RoomForAll {
			t.Errorf("with room again: %v", db.Room())
		}
		mustWrite(t, db, puts(5000, n))
		wantValue(t, db, n, 5000)
	})
}

// TestDiskFullHasNoEffect: what was refused is not there, and was never synced.
func TestDiskFullHasNoEffect(t *testing.T) {
	disk := faulty.New()
	db := mustOpen(t, "db", on(disk, small))
	mustWrite(t, db, puts(50, 0))
	mustClose(t, db)
	db = mustOpen(t, "db", on(disk, small))
	fillUp(disk)
	if err := db.Write(puts(50, 1)); !errors.Is(err, storage.ErrDiskFull) || errors.Is(err, storage.ErrInDoubt) {
		t.Fatalf("Write: %v, want ErrDiskFull and no doubt", err)
	}
	if err := db.Err(); err != nil {
		t.Fatalf("a refusal has stopped the engine: %v", err)
	}
	wantAbsent(t, db, 1)
	wantValue(t, db, 0, 50)
	mustClose(t, db)
	disk.Resize(0)
	db = mustOpen(t, "db", on(disk, small))
	wantAbsent(t, db, 1)
}

// fillUp leaves not a byte free.
func fillUp(d *faulty.Disk) {
	used := 0
	for _, name := range d.Files() {
		used += len(d.Bytes(name))
	}
	d.Resize(used)
}

// TestReserveCountsWhatIsWrittenBetweenMeasurements: no time passes in this
// bubble, so nothing is measured twice.
func TestReserveCountsWhatIsWrittenBetweenMeasurements(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := faulty.New()
		disk.Resize(4 << 20)
		db := mustOpen(t, "db", calm(on(disk, small)))
		defer letGo()
		defer db.Close()
		before := db.Stats().Disk.Free
		mustWrite(t, db, puts(4000, 0))
		if s := db.Stats(); s.Disk.Total != 4<<20 || s.Disk.Free > before-4000 || s.DiskReserve < 4<<20/20 {
			t.Errorf("%d bytes were free, then %+v, reserve %d", before, s.Disk, s.DiskReserve)
		}
	})
}

// TestNoReserveIsNone: who wants none gets none.
func TestNoReserveIsNone(t *testing.T) {
	disk := faulty.New()
	o := small
	o.Reserve = -1
	disk.Resize(100 << 10)
	db := mustOpen(t, "db", calm(on(disk, o)))
	for i := range 40 {
		if db.Room() != storage.RoomForAll {
			t.Fatalf("after %d writes: %v", i, db.Room())
		}
		mustWrite(t, db, puts(100, i))
	}
}

// TestF9HangingSyncIsSeen is scenario F9: a sync does not come back. No call
// returns an error, but Stalled tells since when, from the first second on, and
// that it is over when it is.
func TestF9HangingSyncIsSeen(t *testing.T) {
	for _, op := range []faulty.Op{faulty.Sync, faulty.Write, faulty.SyncDir} {
		synctest.Test(t, func(t *testing.T) {
			disk := faulty.New()
			db := mustOpen(t, "db", calm(on(disk, small)))
			defer letGo()
			defer db.Close()
			if got := db.Stalled(); got != 0 {
				t.Errorf("an idle disk owes an answer for %v", got)
			}
			disk.Inject(faulty.Fault{On: op, Delay: 30 * time.Second})
			done := make(chan error, 1)
			go func() {
				var err error
				for i := 0; err == nil && i < 100; i++ { // a directory is synced with a new journal only
					err = db.Write(puts(500, i))
				}
				done <- err
			}()
			<-time.After(9 * time.Second)
			if got := db.Stalled(); got < 8*time.Second || got > 10*time.Second {
				t.Errorf("op %d: 9 s after the write began: stalled for %v", op, got)
			}
			if err := <-done; err != nil {
				t.Errorf("op %d: the write that waited: %v", op, err)
			}
			synctest.Wait()
			if got := db.Stalled(); got != 0 {
				t.Errorf("op %d: stalled for %v, and all is done", op, got)
			}
		})
	}
}
