package storage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/storage/faulty"
	"github.com/candordb/candor/storage/model"
)

// write is the item of these tests: a put, and what came of it.
type write struct {
	id    int
	key   []byte
	value []byte
	seen  string // result: what Apply found under the key
}

func (w write) Own(arena []byte) (write, []byte) {
	at := len(arena)
	arena = append(append(arena, w.key...), w.value...)
	end := at + len(w.key)
	w.key, w.value = arena[at:end:end], arena[end:len(arena):len(arena)]
	return w, arena
}

func (w write) Cost() int { return len(w.key) + len(w.value) }

// ledger drives a committer and remembers what it was told.
type ledger struct {
	*storage.Committer[write]
	engine  storage.Engine
	batches [][]int // ids in each batch
	done    []write // copies, in order
	errs    []error
	apply   func(items []write, b *storage.Batch)
}

func newLedger(engine storage.Engine, o storage.CommitterOptions[write]) *ledger {
	l := &ledger{engine: engine}
	l.apply = func(items []write, b *storage.Batch) {
		for i := range items {
			v, _ := engine.Get(items[i].key)
			items[i].seen = string(v)
			b.Put(items[i].key, items[i].value)
		}
	}
	o.Apply = func(items []write, b *storage.Batch) {
		var ids []int
		for _, it := range items {
			ids = append(ids, it.id)
		}
		l.batches = append(l.batches, ids)
		l.apply(items, b)
	}
	o.Done = func(items []write, err error) {
		for _, it := range items {
			it.key, it.value = bytes.Clone(it.key), bytes.Clone(it.value)
			l.done = append(l.done, it)
			l.errs = append(l.errs, err)
		}
	}
	l.Committer = storage.NewCommitter(engine, o)
	return l
}

// group is items with these ids and values of this size; the key is the id.
func group(size int, ids ...int) []write {
	var ws []write
	for _, id := range ids {
		ws = append(ws, write{id: id, key: key(id), value: value(id, size)})
	}
	return ws
}

func (l *ledger) mustSubmit(t *testing.T, items []write) {
	t.Helper()
	if !l.Submit(items) {
		t.Fatal("Submit refused")
	}
}

// runToEnd closes the committer and works off what is queued.
func (l *ledger) runToEnd(t *testing.T) {
	t.Helper()
	l.Close()
	if err := l.Run(context.Background()); err != nil {
		t.Fatalf("Run: %v", err)
	}
}

func (l *ledger) wantDone(t *testing.T, ids ...int) {
	t.Helper()
	var got []int
	for _, w := range l.done {
		got = append(got, w.id)
	}
	if !slices.Equal(got, ids) {
		t.Fatalf("Done for %v, want %v", got, ids)
	}
}

// TestGroupCommitSharesOneSync: what waits goes into one batch, in order, and is
// told about after its sync.
func TestGroupCommitSharesOneSync(t *testing.T) {
	e := model.New()
	l := newLedger(e, storage.CommitterOptions[write]{})
	for id := range 10 {
		l.mustSubmit(t, group(20, id))
	}
	l.runToEnd(t)
	l.wantDone(t, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	if n := e.Stats().Syncs.Count; n != 1 {
		t.Errorf("%d syncs, want 1", n)
	}
	if s := l.Stats(); s.Batches != 1 || s.Items != 10 || s.Bytes == 0 {
		t.Errorf("counters %+v", s)
	}
}

// TestAckComesAfterTheSync: at the moment of Done the write is on the disk.
func TestAckComesAfterTheSync(t *testing.T) {
	e := model.New()
	told := 0
	c := storage.NewCommitter(e, storage.CommitterOptions[write]{
		Apply: func(items []write, b *storage.Batch) {
			for _, it := range items {
				b.Put(it.key, it.value)
				if _, ok := e.Synced(it.key); ok {
					t.Error("on disk before it was written")
				}
			}
		},
		Done: func(items []write, err error) {
			for _, it := range items {
				if v, ok := e.Synced(it.key); err != nil || !ok || !bytes.Equal(v, it.value) {
					t.Errorf("told about %d before it was durable: %v", it.id, err)
				}
				told++
			}
		},
	})
	c.Submit(group(20, 1, 2))
	c.Close()
	if err := c.Run(context.Background()); err != nil || told != 2 {
		t.Fatalf("Run: %v, told %d times", err, told)
	}
}

// TestSubmitCopies: the caller's buffer is its own again at once; the items are
// whole until Done returns, however the arena has grown.
func TestSubmitCopies(t *testing.T) {
	l := newLedger(model.New(), storage.CommitterOptions[write]{})
	for id := range 200 {
		ws := group(id, id)
		l.mustSubmit(t, ws)
		clear(ws[0].key)
		clear(ws[0].value)
	}
	l.runToEnd(t)
	for i, w := range l.done {
		if !bytes.Equal(w.key, key(i)) || !bytes.Equal(w.value, value(i, i)) {
			t.Fatalf("item %d became %q=%.20q", i, w.key, w.value)
		}
	}
}

// TestGroupsAreNotSplit, unless one alone is larger than a batch.
func TestGroupsAreNotSplit(t *testing.T) {
	cost := write{key: key(0), value: value(0, 100)}.Cost()
	for _, c := range []struct {
		name   string
		groups [][]int
		want   [][]int
	}{
		{"they fit", [][]int{{1, 2}, {3}}, [][]int{{1, 2, 3}}},
		{"the second does not", [][]int{{1, 2}, {3, 4}}, [][]int{{1, 2}, {3, 4}}},
		{"a full one", [][]int{{1, 2, 3}, {4}}, [][]int{{1, 2, 3}, {4}}},
		{"one too large, alone", [][]int{{1, 2, 3, 4, 5, 6, 7}}, [][]int{{1, 2, 3}, {4, 5, 6}, {7}}},
		{"one too large, between", [][]int{{1}, {2, 3, 4, 5}, {6}}, [][]int{{1}, {2, 3, 4}, {5}, {6}}},
		{"an empty one", [][]int{{}, {1}, {}, {2}}, [][]int{{1, 2}}},
	} {
		l := newLedger(model.New(), storage.CommitterOptions[write]{BatchBytes: 3 * cost})
		for _, ids := range c.groups {
			l.mustSubmit(t, group(100, ids...))
		}
		l.runToEnd(t)
		if fmt.Sprint(l.batches) != fmt.Sprint(c.want) {
			t.Errorf("%s: batches %v, want %v", c.name, l.batches, c.want)
		}
		l.wantDone(t, slices.Concat(c.groups...)...)
	}
}

// TestQueueLimit: at the limit the answer is "no", at once, and not a longer
// queue; what is larger than the whole queue passes when it is empty.
func TestQueueLimit(t *testing.T) {
	cost := write{key: key(0), value: value(0, 100)}.Cost()
	l := newLedger(model.New(), storage.CommitterOptions[write]{QueueBytes: 2 * cost})
	l.mustSubmit(t, group(100, 1))
	l.mustSubmit(t, group(100, 2))
	if l.Submit(group(100, 3)) {
		t.Error("Submit over the limit was taken")
	}
	l.runToEnd(t)
	l.wantDone(t, 1, 2)

	l = newLedger(model.New(), storage.CommitterOptions[write]{QueueBytes: 2 * cost})
	l.mustSubmit(t, group(100, 1, 2, 3))
	if l.Submit(group(1, 4)) {
		t.Error("Submit behind a group that fills the queue was taken")
	}
	l.runToEnd(t)
	l.wantDone(t, 1, 2, 3)
	if l.Submit(group(1, 5)) {
		t.Error("Submit after Close was taken")
	}
}

// TestEmptyBatchNeedsNoSync: what Apply decides without writing is told at once.
func TestEmptyBatchNeedsNoSync(t *testing.T) {
	e := model.New()
	l := newLedger(e, storage.CommitterOptions[write]{})
	l.apply = func(items []write, _ *storage.Batch) {
		for i := range items {
			items[i].seen = "decided"
		}
	}
	l.mustSubmit(t, group(10, 1))
	l.runToEnd(t)
	if l.errs[0] != nil || l.done[0].seen != "decided" || e.Stats().Syncs.Count != 0 {
		t.Errorf("told %v, result %q, %d syncs", l.errs[0], l.done[0].seen, e.Stats().Syncs.Count)
	}
}

// TestFailedCommitIsInDoubt: the batch in flight is in doubt, what waits behind
// it was definitely not written and is not even decided.
func TestFailedCommitIsInDoubt(t *testing.T) {
	disk := faulty.New()
	db := mustOpen(t, "db", on(disk, small))
	l := newLedger(db, storage.CommitterOptions[write]{BatchBytes: 1})
	for id := range 4 {
		l.mustSubmit(t, group(10, id))
	}
	disk.Inject(faulty.Fault{On: faulty.Sync, File: "*.log", Nth: 2, Err: syscall.EIO})
	err := l.Run(context.Background())
	if !errors.Is(err, storage.ErrPoisoned) || !errors.Is(err, syscall.EIO) {
		t.Errorf("Run: %v, want ErrPoisoned with EIO in it", err)
	}
	l.wantDone(t, 0, 1, 2, 3)
	for i, want := range []error{nil, storage.ErrInDoubt, storage.ErrPoisoned, storage.ErrPoisoned} {
		if got := l.errs[i]; !errors.Is(got, want) || want != storage.ErrInDoubt && errors.Is(got, storage.ErrInDoubt) {
			t.Errorf("item %d: %v, want %v", i, got, want)
		}
	}
	if len(l.batches) != 2 {
		t.Errorf("Apply was called for %v after the failure", l.batches)
	}
	if l.Submit(group(10, 5)) {
		t.Error("Submit after the failure was taken")
	}
}

// TestGracefulStop: Close, and the end of ctx, finish what is queued.
func TestGracefulStop(t *testing.T) {
	l := newLedger(model.New(), storage.CommitterOptions[write]{})
	l.mustSubmit(t, group(10, 1, 2))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := l.Run(ctx); err != nil {
		t.Fatalf("Run: %v", err)
	}
	l.wantDone(t, 1, 2)
	if l.Submit(group(10, 3)) {
		t.Error("Submit after the end was taken")
	}
}

// TestDoneMaySubmit: a write that leads to another one.
func TestDoneMaySubmit(t *testing.T) {
	e := model.New()
	var c *storage.Committer[write]
	var order []int
	c = storage.NewCommitter(e, storage.CommitterOptions[write]{
		Apply: func(items []write, b *storage.Batch) { b.Put(items[0].key, items[0].value) },
		Done: func(items []write, _ error) {
			for _, it := range items {
				order = append(order, it.id)
				if it.id < 3 {
					c.Submit(group(10, it.id+1))
				} else {
					c.Close()
				}
			}
		},
	})
	c.Submit(group(10, 1))
	if err := c.Run(context.Background()); err != nil || !slices.Equal(order, []int{1, 2, 3}) {
		t.Fatalf("Run: %v, order %v", err, order)
	}
}

// TestSteadyStateAllocatesNothing measures Submit and the work on it, over an
// engine that costs nothing.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	var told atomic.Int64
	turn := make(chan struct{})
	c := storage.NewCommitter(null{}, storage.CommitterOptions[write]{
		Apply: func(items []write, b *storage.Batch) {
			for i := range items {
				b.Put(items[i].key, items[i].value)
			}
		},
		Done: func(items []write, _ error) {
			told.Add(int64(len(items)))
			turn <- struct{}{}
		},
	})
	ended := make(chan error)
	go func() { ended <- c.Run(context.Background()) }()
	items := group(300, 1, 2, 3)
	if n := testing.AllocsPerRun(200, func() {
		c.Submit(items)
		<-turn
	}); n != 0 {
		t.Errorf("%v allocations per group of 3", n)
	}
	c.Close()
	if err := <-ended; err != nil || told.Load() != 3*201 {
		t.Errorf("Run: %v, told about %d items", err, told.Load())
	}
}

// null is an engine that does nothing, successfully.
type null struct{ storage.Engine }

func (null) Write(*storage.Batch) error { return nil }
func (null) Err() error                 { return nil }
