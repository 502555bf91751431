package storage_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/storage/faulty"
)

const syncInterval = 50 * time.Millisecond

// putLate is putAll for batches that may be synced later; every 40th item may not.
func putLate(items []write, b *storage.Batch) {
	putAll(items, b)
	for _, it := range items {
		if it.id%40 == 39 {
			return
		}
	}
	b.MaySyncLater()
}

// late is what a committer with a SyncInterval has acknowledged: in this order, and when.
type late struct {
	*acks
	order []int
	at    []time.Time
	upTo  int // so many of order were acknowledged when a synced batch was
}

func (l *late) done(items []write, err error) {
	synced := false
	for _, it := range items {
		if err == nil {
			l.order, l.at = append(l.order, it.id), append(l.at, time.Now())
			synced = synced || it.id%40 == 39
		}
	}
	if synced {
		l.upTo = len(l.order)
	}
	l.acks.done(items, err)
}

// TestPowerCutTakesAtMostASyncInterval is F2 with batches that are synced later: a power
// cut takes an end of what was acknowledged, nothing older than the interval and
// what a sync takes, and nothing that was acknowledged before a synced batch was.
func TestPowerCutTakesAtMostASyncInterval(t *testing.T) {
	lost := 0
	for seed := range uint64(30) {
		lost += lateCut(t, seed)
	}
	if lost == 0 {
		t.Error("no cut took anything: all is synced before it is answered")
	}
}

func lateCut(t *testing.T, seed uint64) (lost int) {
	synctest.Test(t, func(t *testing.T) {
		defer letGo()
		r := rand.New(rand.NewPCG(seed, 1))
		disk := faulty.New()
		disk.Inject(faulty.Fault{On: faulty.Sync, File: "*.log", Ever: true, Delay: 2 * time.Millisecond})
		disk.Inject(faulty.Fault{On: faulty.Write, File: "*.log", Ever: true, Delay: 300 * time.Microsecond})
		db, err := storage.Open("db", calm(on(disk, small)))
		if err != nil {
			t.Error(err)
			return
		}
		l := &late{acks: newAcks()}
		c := storage.NewCommitter(db, storage.CommitterOptions[write]{Apply: putLate, Done: l.done, SyncInterval: syncInterval})
		var all sync.WaitGroup
		all.Go(func() { _ = c.Run(context.Background()) })
		for w := range 3 {
			all.Go(func() { l.writer(c, w, 3) })
		}
		<-time.After(time.Duration(5+r.IntN(200)) * time.Millisecond)
		cut := time.Now()
		disk.Cut(faulty.DropAll, nil)
		all.Wait()
		if err := db.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		disk.Heal()
		if db, err = storage.Open("db", on(disk, small)); err != nil {
			t.Errorf("seed %d: after the cut: %v", seed, err)
			return
		}
		for i, id := range l.order {
			_, err := db.Get(key(id))
			switch {
			case err == nil && lost > 0:
				t.Errorf("seed %d: write %d is there, but one before it is lost", seed, id)
			case err == nil:
			case i < l.upTo:
				t.Errorf("seed %d: write %d is lost, though a batch behind it was synced", seed, id)
			case cut.Sub(l.at[i]) > syncInterval+10*time.Millisecond:
				t.Errorf("seed %d: write %d is lost, acknowledged %v before the cut", seed, id, cut.Sub(l.at[i]))
			}
			if err != nil {
				lost++
			}
		}
		if err := db.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return lost
}

// synced counts the syncs of an engine that never needs any time, and remembers when.
type synced struct {
	storage.Engine
	mu    sync.Mutex
	at    []time.Time
	loose int
	hold  chan struct{} // if set, a sync waits for it
	fails error
}

func (s *synced) WriteUnsynced(*storage.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loose++
	return nil
}

func (s *synced) Write(*storage.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loose = 0
	return nil
}

func (s *synced) Sync() error {
	s.mu.Lock()
	loose := s.loose
	s.mu.Unlock()
	if s.hold != nil {
		<-s.hold
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loose -= loose
	s.at = append(s.at, time.Now())
	return s.fails
}

func (s *synced) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.at) > 0 {
		return s.fails
	}
	return nil
}

// seen is when it was synced, and how many batches are owed.
func (s *synced) seen() (at []time.Time, loose int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.at), s.loose
}

// running is a committer over an engine that counts its syncs, in a bubble.
func running(t *testing.T, e *synced, test func(submit func(id int), stop func() error)) {
	synctest.Test(t, func(t *testing.T) {
		c := storage.NewCommitter(e, storage.CommitterOptions[write]{Apply: putLate, Done: func([]write, error) {}, SyncInterval: syncInterval})
		ended := make(chan error, 1)
		go func() { ended <- c.Run(context.Background()) }()
		synctest.Wait()
		test(func(id int) {
			if !c.Submit(group(10, id)) {
				t.Errorf("write %d was not taken", id)
			}
			synctest.Wait()
		}, func() error {
			c.Close()
			return <-ended
		})
	})
}

// TestWhatIsOwedIsSyncedWithinTheInterval: from the first batch that is owed, whatever
// comes behind it; and never while nothing is.
func TestWhatIsOwedIsSyncedWithinTheInterval(t *testing.T) {
	e := &synced{}
	running(t, e, func(submit func(int), stop func() error) {
		<-time.After(10 * syncInterval)
		if at, _ := e.seen(); len(at) != 0 {
			t.Error("an idle committer syncs")
		}
		submit(1)
		first := time.Now()
		<-time.After(syncInterval / 2)
		submit(2)
		<-time.After(syncInterval)
		if at, loose := e.seen(); len(at) != 1 || !at[0].Equal(first.Add(syncInterval)) || loose != 0 {
			t.Errorf("synced at %v, written at %v and half an interval later; %d batches are owed", at, first, loose)
		}
		submit(3)
		submit(39) // is synced itself, and all before it
		<-time.After(10 * syncInterval)
		if at, _ := e.seen(); len(at) != 1 {
			t.Errorf("%d syncs after a batch that was synced itself", len(at))
		}
		submit(4)
		err := stop()
		if at, loose := e.seen(); err != nil || len(at) != 2 || loose != 0 {
			t.Errorf("stopped with %v after %d syncs, %d batches owed", err, len(at), loose)
		}
	})
}

// TestABatchThatRestsOnEarlierOnesIsAnsweredWhenTheyAreSynced: also one that puts nothing
// in. Another one that puts nothing in waits for nothing.
func TestABatchThatRestsOnEarlierOnesIsAnsweredWhenTheyAreSynced(t *testing.T) {
	const silent, resting = 1000, 2000 // these put nothing in
	for _, tc := range []struct {
		id   int
		owed bool
	}{{silent, true}, {resting, false}, {resting + 1, false}} {
		e := &synced{}
		var loose int
		c := storage.NewCommitter(e, storage.CommitterOptions[write]{
			SyncInterval: syncInterval,
			Apply: func(items []write, b *storage.Batch) {
				if items[0].id != silent && items[0].id != resting {
					putAll(items, b)
				}
				if items[0].id >= resting {
					b.RestsOnEarlier()
				}
				b.MaySyncLater()
			},
			Done: func([]write, error) { _, loose = e.seen() },
		})
		ended := make(chan error, 1)
		go func() { ended <- c.Run(context.Background()) }()
		c.Submit(group(10, 1))
		c.Submit(group(600_000, 2)) // so that the next one is in a batch of its own
		c.Submit(group(10, tc.id))
		c.Close()
		if err := <-ended; err != nil || loose > 0 != tc.owed {
			t.Errorf("item %d: %v, %d batches are owed when it is answered", tc.id, err, loose)
		}
	}
	e := &synced{fails: fmt.Errorf("planted: %w", storage.ErrInDoubt)}
	var last error
	c := storage.NewCommitter(e, storage.CommitterOptions[write]{
		SyncInterval: syncInterval,
		Apply: func(items []write, b *storage.Batch) {
			if items[0].id == resting {
				b.RestsOnEarlier()
			} else {
				putLate(items, b)
			}
		},
		Done: func(_ []write, err error) { last = err },
	})
	c.Submit(group(600_000, 1))
	c.Submit(group(10, resting))
	c.Close()
	if err := c.Run(context.Background()); err == nil || !errors.Is(last, storage.ErrInDoubt) {
		t.Errorf("the sync failed, and what rests on it is answered with %v; Run: %v", last, err)
	}
}

// TestWhatIsOwedIsSyncedWhileNothingIsWritten: batches that put nothing in come without a
// rest, so that nobody looks at the timer.
func TestWhatIsOwedIsSyncedWhileNothingIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &synced{}
		var stop atomic.Bool
		var c *storage.Committer[write]
		c = storage.NewCommitter(e, storage.CommitterOptions[write]{
			SyncInterval: syncInterval,
			Apply: func(items []write, b *storage.Batch) {
				if items[0].id == 1 {
					putLate(items, b)
				}
			},
			Done: func([]write, error) {
				<-time.After(syncInterval / 4)
				if !stop.Load() {
					c.Submit(group(10, 2))
				}
			},
		})
		ended := make(chan error, 1)
		go func() { ended <- c.Run(context.Background()) }()
		c.Submit(group(10, 1))
		<-time.After(2 * syncInterval)
		synctest.Wait()
		if at, loose := e.seen(); len(at) != 1 || loose != 0 {
			t.Errorf("after two intervals: %d syncs, %d batches owed", len(at), loose)
		}
		stop.Store(true)
		c.Close()
		<-ended
	})
}

// TestWritesGoOnDuringALateSync, and wait when the next one is due.
func TestWritesGoOnDuringALateSync(t *testing.T) {
	e := &synced{}
	running(t, e, func(submit func(int), stop func() error) {
		e.hold = make(chan struct{})
		submit(1)
		<-time.After(syncInterval) // the sync begins, and hangs
		synctest.Wait()
		submit(2)
		if _, loose := e.seen(); loose != 2 {
			t.Error("no write during a sync")
		}
		<-time.After(syncInterval)
		submit(3) // is written, and then the next sync is due
		submit(4)
		if _, loose := e.seen(); loose != 3 {
			t.Errorf("%d batches are written, though two syncs are owed", loose)
		}
		close(e.hold)
		synctest.Wait()
		err := stop()
		if _, loose := e.seen(); err != nil || loose != 0 {
			t.Errorf("stopped with %v, %d batches owed", err, loose)
		}
	})
}

// TestLateSyncThatFailsEndsTheCommitter: what was acknowledged may be lost, and nothing
// more is acknowledged.
func TestLateSyncThatFailsEndsTheCommitter(t *testing.T) {
	e := &synced{fails: fmt.Errorf("planted: %w", storage.ErrPoisoned)}
	running(t, e, func(submit func(int), stop func() error) {
		submit(1)
		<-time.After(syncInterval)
		synctest.Wait()
		if err := stop(); !errors.Is(err, storage.ErrPoisoned) {
			t.Errorf("Run: %v, want ErrPoisoned", err)
		}
	})
}

// TestFailedLateSyncPoisons: as a failed sync of a batch does.
func TestFailedLateSyncPoisons(t *testing.T) {
	disk := faulty.New()
	db := mustOpen(t, "db", on(disk, small))
	if err := db.WriteUnsynced(puts(10, 1)); err != nil {
		t.Fatal(err)
	}
	disk.Inject(faulty.Fault{On: faulty.Sync, File: "*.log", Err: syscall.EIO})
	if err := db.Sync(); !errors.Is(err, storage.ErrInDoubt) {
		t.Errorf("Sync: %v, want ErrInDoubt", err)
	}
	for what, err := range map[string]error{"Write": db.Write(puts(10, 2)), "WriteUnsynced": db.WriteUnsynced(puts(10, 2)), "Sync": db.Sync(), "Err": db.Err()} {
		if !errors.Is(err, storage.ErrPoisoned) {
			t.Errorf("%s: %v, want ErrPoisoned", what, err)
		}
	}
}
