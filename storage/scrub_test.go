package storage_test

import (
	"errors"
	"testing"
	"time"

	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/storage/faulty"
	"github.com/candordb/candor/storage/model"
)

const day = 24 * time.Hour

func mustScrub(t *testing.T, e storage.Engine, cycle time.Duration) *storage.Scrub {
	t.Helper()
	s, err := storage.NewScrub(e, cycle)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// runPass steps from now on until a pass has ended, and returns when that was and
// in how many steps.
func runPass(t *testing.T, s *storage.Scrub, now int64, found func(storage.Damage)) (end int64, steps int) {
	t.Helper()
	for passes := s.Stats().Passes; s.Stats().Passes == passes; steps++ {
		wait, err := s.Step(now, found)
		if err != nil || wait <= 0 || steps > 1_000_000 {
			t.Fatalf("step %d: %v, %v", steps, wait, err)
		}
		now += wait.Milliseconds()
	}
	return now, steps
}

func fine(t *testing.T) func(storage.Damage) {
	return func(d storage.Damage) { t.Errorf("damage: %v", d) }
}

// TestScrubReadsEverythingOncePerCycle: within the cycle, in small steps, and not
// more often; and it is known for how old a state that holds.
func TestScrubReadsEverythingOncePerCycle(t *testing.T) {
	db := mustOpen(t, "data/db", on(newRotten(t), small))
	s := mustScrub(t, db, 20*time.Second)
	if s.AsOf() != 0 {
		t.Fatalf("as of %d before the first pass", s.AsOf())
	}
	start := int64(1_000_000)
	end, steps := runPass(t, s, start, fine(t))
	if s.AsOf() != start || end-start > 20_000 || s.Stats().Bytes < rottenRecords*180 {
		t.Errorf("a pass from %d to %d in %d steps of %d bytes, as of %d", start, end, steps, s.Stats().Bytes, s.AsOf())
	}
	wait, err := s.Step(end, fine(t))
	if err != nil || s.Running() || end+wait.Milliseconds() != start+20_000 {
		t.Errorf("after the pass: %v, %v, running %v; want the next one a cycle after the last began", wait, err, s.Running())
	}
	s.Hurry()
	if _, err := s.Step(end, fine(t)); err != nil || s.Stats().Passes == 1 && !s.Running() {
		t.Errorf("hurried: %v", err)
	}
}

// TestScrubIsPaced: a large database is not read in one go.
func TestScrubIsPaced(t *testing.T) {
	disk := faulty.New()
	db := mustOpen(t, "db", on(disk, small))
	fill(t, db, 0, 600, 1000)
	if err := db.CompactAll(); err != nil {
		t.Fatal(err)
	}
	s := mustScrub(t, db, 8*time.Second)
	start := int64(1_000_000)
	end, steps := runPass(t, s, start, func(storage.Damage) {}) // these values are no records
	if steps < 5 || end-start > 8_000 {
		t.Errorf("%d steps in %d ms", steps, end-start)
	}
}

// TestScrubbedAsOfIsTheLastCompletedPass: it survives a restart, and a pass that
// a restart has interrupted counts for nothing.
func TestScrubbedAsOfIsTheLastCompletedPass(t *testing.T) {
	disk := newRotten(t)
	db := mustOpen(t, "data/db", on(disk, small))
	first := mustScrub(t, db, day)
	runPass(t, first, 1000, fine(t))
	first.Hurry()
	if _, err := first.Step(5000, fine(t)); err != nil {
		t.Fatal(err)
	}
	interrupted := first.Running()
	first.Close()
	mustClose(t, db)
	db = mustOpen(t, "data/db", on(disk, small))
	again := mustScrub(t, db, day)
	if want := int64(1000); interrupted && again.AsOf() != want {
		t.Errorf("as of %d after a restart, want %d", again.AsOf(), want)
	}
	if wait, err := again.Step(again.AsOf()+1, fine(t)); err != nil || wait < day-time.Second {
		t.Errorf("a pass was completed just now, and the next is due in %v, %v", wait, err)
	}
	// A clock that was set back by a year does not stop it.
	if _, err := again.Step(again.AsOf()-365*day.Milliseconds(), fine(t)); err != nil || again.Stats().Bytes == 0 {
		t.Errorf("after the clock was set back: %v, %+v", err, again.Stats())
	}
}

// TestScrubGoesOnBehindDamage, and says it again in the next pass.
func TestScrubGoesOnBehindDamage(t *testing.T) {
	disk := newRotten(t)
	db := mustOpen(t, "data/db", on(disk, small))
	disk.LoseBlock(tables(disk)[0], 100, 50)
	s := mustScrub(t, db, day)
	var found []storage.Damage
	end, _ := runPass(t, s, 1000, func(d storage.Damage) { found = append(found, d) })
	once := len(found)
	if once == 0 || s.Stats().Bytes < rottenRecords*100 || s.AsOf() != 1000 {
		t.Fatalf("found %v in %d bytes", found, s.Stats().Bytes)
	}
	s.Hurry()
	runPass(t, s, end, func(d storage.Damage) { found = append(found, d) })
	if len(found) != 2*once || found[0].String() != found[once].String() {
		t.Errorf("found %v in the second pass", found[once:])
	}
}

// TestScrubOfAStoppedEngineEnds: with the engine's error, and again if asked.
func TestScrubOfAStoppedEngineEnds(t *testing.T) {
	e := model.New()
	s := mustScrub(t, e, day)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := s.Step(1000, fine(t)); !errors.Is(err, storage.ErrClosed) {
			t.Errorf("Step: %v, want ErrClosed", err)
		}
	}
}

// TestScrubDoesNotClaimWhatItCouldNotNote: on a full disk the pass is repeated.
func TestScrubDoesNotClaimWhatItCouldNotNote(t *testing.T) {
	e := model.New()
	s := mustScrub(t, e, day)
	e.SetRoom(storage.RoomForNothing)
	if _, err := s.Step(1000, fine(t)); !errors.Is(err, storage.ErrDiskFull) || s.AsOf() != 0 {
		t.Errorf("Step: %v, as of %d", err, s.AsOf())
	}
}

// TestCheckUnderCompactions: tables come and go while a pass is under way, and no
// pass takes that for damage.
func TestCheckUnderCompactions(t *testing.T) {
	disk := newRotten(t)
	db := mustOpen(t, "data/db", on(disk, small))
	for round := range 5 {
		c, err := db.Check()
		if err != nil {
			t.Fatal(err)
		}
		for more := true; more; {
			if _, more, err = c.Next(3000, fine(t)); err != nil {
				t.Fatal(err)
			}
			for i := range 20 {
				var b storage.Batch
				b.Put(rottenKey(i*12+round), rottenValue(i*12+round))
				mustWrite(t, db, &b)
			}
			if err := db.CompactAll(); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
