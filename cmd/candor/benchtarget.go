package main

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/candordb/candor/client"
	"github.com/candordb/candor/contract"
	loadgen "github.com/candordb/candor/load"
)

// benchStore is what a bench asks of a client.
type benchStore interface {
	Get(ctx context.Context, key []byte, opts ...client.CallOption) (client.Item, error)
	Put(ctx context.Context, key, value []byte, opts ...client.CallOption) (client.Receipt, error)
	Delete(ctx context.Context, key []byte, opts ...client.CallOption) (client.Receipt, error)
	ScanPage(ctx context.Context, prefix, cursor []byte, limit int, opts ...client.CallOption) (client.Page, error)
	NewVersion() (client.Version, error)
}

// benchTarget carries out operations: a worker for each that may be in flight, and
// a queue for those that are due while all are busy. It looks at every answer.
type benchTarget struct {
	keys          benchKeys
	valueSize     int
	reads, writes client.Level
	timeout       time.Duration
	copies        int  // replicas of a key
	readNeed      int  // replicas that a read at the level needs
	deletes       bool // keys may be gone, by the workload itself
	book          benchBook
	checks        *benchChecks

	ctx     context.Context
	workers sync.WaitGroup

	mu     sync.Mutex // guards what follows
	wake   *sync.Cond
	queue  []benchJob
	head   int // of the queue
	closed bool
}

// benchJob is an operation that waits for a worker.
type benchJob struct {
	kind          loadgen.Kind
	number, limit int
	ticket        loadgen.Ticket
}

// start starts so many workers on each client. ctx ends their calls.
func (t *benchTarget) start(ctx context.Context, clients []benchStore, depth int) {
	t.ctx, t.wake = ctx, sync.NewCond(&t.mu)
	for _, c := range clients {
		for range depth {
			t.workers.Go(func() { t.work(c) })
		}
	}
}

// close ends the workers, once what is queued has been carried out.
func (t *benchTarget) close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.wake.Broadcast()
	t.workers.Wait()
}

// Issue implements load.Target.
func (t *benchTarget) Issue(op *loadgen.Op, ticket loadgen.Ticket) {
	t.mu.Lock()
	t.queue = append(t.queue, benchJob{op.Kind, op.Number, op.Limit, ticket})
	t.mu.Unlock()
	t.wake.Signal()
}

// Flush implements load.Target: nothing is held back.
func (t *benchTarget) Flush() {}

// take waits for an operation; it is false when there will be none.
func (t *benchTarget) take() (j benchJob, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.head == len(t.queue) && !t.closed {
		t.wake.Wait()
	}
	if t.head == len(t.queue) {
		return j, false
	}
	j = t.queue[t.head]
	if t.head++; t.head == len(t.queue) {
		t.queue, t.head = t.queue[:0], 0
	} else if t.head > 1<<10 && t.head > len(t.queue)/2 {
		t.queue, t.head = append(t.queue[:0], t.queue[t.head:]...), 0
	}
	return j, true
}

func (t *benchTarget) work(c benchStore) {
	w := &benchWorker{benchTarget: t, c: c}
	for {
		j, ok := t.take()
		if !ok {
			return
		}
		// An operation that waited too long for a worker is refused unsent: its time
		// counts from when it was due.
		ctx, cancel := context.WithDeadline(t.ctx, j.ticket.Due().Add(t.timeout))
		err := w.carryOut(ctx, &j)
		cancel()
		if err != nil && t.ctx.Err() != nil {
			continue // it may have failed for the interrupt: that settles nothing
		}
		j.ticket.Settled(meaningOf(err))
	}
}

// meaningOf is the code of how an operation ended, and what it means.
func meaningOf(err error) (contract.Code, contract.Class) {
	var e *client.Error
	switch {
	case err == nil || errors.Is(err, client.ErrNotFound):
		return contract.OK, contract.Done
	case !errors.As(err, &e):
		return contract.Internal, contract.Damage
	case e.Outcome() == client.InDoubt:
		return e.Code, contract.Unknown
	case e.Code.Class() == contract.Damage:
		return e.Code, contract.Damage
	}
	return e.Code, contract.NoEffect
}

// benchWorker carries out one operation at a time.
type benchWorker struct {
	*benchTarget
	c          benchStore
	key, value []byte
	expected   []benchFloor // of a scan
}

func (w *benchWorker) carryOut(ctx context.Context, j *benchJob) error {
	w.key = w.keys.append(w.key[:0], j.number)
	switch j.kind {
	case loadgen.Get:
		_, err := w.get(ctx, j.number)
		return err
	case loadgen.Scan:
		return w.scan(ctx, j.number, j.limit)
	case loadgen.Delete:
		r, err := w.c.Delete(ctx, w.key, client.At(w.writes))
		return w.wrote(j.number, &r, err)
	case loadgen.Modify:
		seen, err := w.get(ctx, j.number)
		if err != nil && !errors.Is(err, client.ErrNotFound) {
			return err
		}
		return w.put(ctx, j.number, client.Seen(seen))
	}
	return w.put(ctx, j.number)
}

// put writes the value that follows from the key and the version, which is why the
// version is made here.
func (w *benchWorker) put(ctx context.Context, n int, more ...client.CallOption) error {
	v, err := w.c.NewVersion()
	if err != nil {
		return err
	}
	w.value = appendBenchValue(w.value[:0], w.key, v, w.valueSize)
	r, err := w.c.Put(ctx, w.key, w.value, append(more, client.At(w.writes), client.Stamp(v))...)
	if err == nil && r.Version != v {
		w.checks.breaks(func(c *benchCounts) *uint64 { return &c.OtherStamp }, "a write of %q with version %v is answered for version %v", w.key, v, r.Version)
	}
	return w.wrote(n, &r, err)
}

// wrote looks at the answer of a write.
func (w *benchWorker) wrote(n int, r *client.Receipt, err error) error {
	if err != nil {
		return err
	}
	if r.Superseded() {
		w.checks.count(func(c *benchCounts) *uint64 { return &c.Superseded })
	}
	if !r.Buried.IsZero() {
		w.checks.count(func(c *benchCounts) *uint64 { return &c.Buried })
	}
	w.receipt("write", r, w.writes, r.Acked+r.Hinted)
	w.book.raise(n, benchFloor{r.Version, r.Acked})
	return nil
}

// receipt checks that a receipt has what it says that it needs, at the level that
// was asked for.
func (w *benchWorker) receipt(what string, r *client.Receipt, asked client.Level, acked int) {
	w.checks.count(func(c *benchCounts) *uint64 { return &c.Answers })
	if acked < r.Need || r.Need < 1 {
		w.checks.breaks(func(c *benchCounts) *uint64 { return &c.Short }, "a %s of %q is done with %d of %d acknowledgements", what, w.key, acked, r.Need)
	}
	if asked != 0 && r.Level != asked {
		w.checks.breaks(func(c *benchCounts) *uint64 { return &c.OtherLevel }, "a %s of %q at %v is answered at %v", what, w.key, asked, r.Level)
	}
}

// get reads a key and compares the answer with what was known when it began.
func (w *benchWorker) get(ctx context.Context, n int) (client.Version, error) {
	floor := w.book.floor(n)
	item, err := w.c.Get(ctx, w.key, client.At(w.reads))
	found := err == nil
	if !found && !errors.Is(err, client.ErrNotFound) {
		return client.Version{}, err
	}
	r := &item.Receipt
	w.receipt("read", r, w.reads, r.Acked)
	w.compare(w.key, floor, item.Version, r.Acked)
	if found {
		w.content(w.key, &item)
	} else if floor.version.IsZero() {
		w.checks.count(func(c *benchCounts) *uint64 { return &c.Absent })
	}
	w.book.raise(n, benchFloor{item.Version, r.Acked})
	return item.Version, err
}

// compare judges the version of a read.
func (w *benchWorker) compare(key []byte, floor benchFloor, read client.Version, acked int) {
	switch floor.judge(read, acked, w.copies) {
	case readStale:
		w.checks.breaks(func(c *benchCounts) *uint64 { return &c.Stale },
			"STALE: a read of %q has version %v from %d replicas, and %d of %d held version %v before it began", key, read, acked, floor.acked, w.copies, floor.version)
	case readBehind:
		w.checks.count(func(c *benchCounts) *uint64 { return &c.Behind })
	}
}

// content compares a value with the one that its version was written with.
func (w *benchWorker) content(key []byte, item *client.Item) {
	w.value = appendBenchValue(w.value[:0], key, item.Version, len(item.Value))
	if !bytes.Equal(w.value, item.Value) {
		w.checks.breaks(func(c *benchCounts) *uint64 { return &c.WrongValues },
			"WRONG VALUE: %q has, under version %v, %d bytes that this version was not written with", key, item.Version, len(item.Value))
	}
}

// scan reads the first keys of the group that key n is in. The keys of a group are
// inserted in their order; each that was there before must be in the answer, as far
// as that goes.
func (w *benchWorker) scan(ctx context.Context, n, limit int) error {
	first := n - n%w.keys.group
	w.expected = w.expected[:0]
	for i := range limit {
		w.expected = append(w.expected, w.book.floor(first+i))
	}
	w.key = w.keys.appendGroup(w.key[:0], n)
	page, err := w.c.ScanPage(ctx, w.key, nil, limit, client.At(w.reads))
	if err != nil {
		return err
	}
	w.checks.count(func(c *benchCounts) *uint64 { return &c.Answers })
	ended := page.Cursor == nil // nothing is behind the last item
	for i, floor := range w.expected {
		w.key = w.keys.append(w.key[:0], first+i)
		at, found := slices.BinarySearchFunc(page.Items, w.key, func(item client.Item, key []byte) int { return bytes.Compare(item.Key, key) })
		switch {
		case found:
			w.compare(w.key, floor, page.Items[at].Version, w.readNeed)
			w.content(w.key, &page.Items[at])
		case at < len(page.Items) || ended:
			w.missing(floor)
		}
	}
	return nil
}

// missing judges that a scan has left out a key. It may have been deleted, so the
// floor says nothing where the workload deletes.
func (w *benchWorker) missing(floor benchFloor) {
	if !floor.version.IsZero() && !w.deletes {
		w.compare(w.key, floor, client.Version{}, w.readNeed)
	}
}
