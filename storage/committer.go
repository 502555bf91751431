package storage

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Item is what a Committer is given to commit. T is a plain value: an item's
// result, if it has one, is written into it by Apply.
type Item[T any] interface {
	// Own returns the item with the bytes it points to moved into the arena:
	// it appends them there, and points to them. It returns the grown arena.
	Own(arena []byte) (T, []byte)
	// Cost is about how many bytes the item adds to a batch and to the queue.
	Cost() int
}

// CommitterOptions say what a Committer does. Both functions are called from
// the goroutine of Run, and may submit.
type CommitterOptions[T any] struct {
	// Apply decides: it looks at the items in order, fills the batch, and
	// stores results in the items. It may leave the batch empty. It never sees
	// an engine that is poisoned.
	Apply func(items []T, b *Batch)
	// Done is called once for every item that was submitted, in order, when
	// its fate is known. A nil err: what Apply put into the batch is durable
	// and visible; with a SyncInterval, a batch that MaySyncLater may not be durable
	// yet. ErrInDoubt: it may or may not be. Any other error: Apply was
	// not called or nothing was written; after ErrDiskFull the committer goes on. The items and their bytes are valid
	// until Done returns.
	Done func(items []T, err error)

	// QueueBytes bounds the cost of what waits; 8 MiB if 0. As much again may
	// be in work.
	QueueBytes int
	// BatchBytes is the cost at which a batch is closed; 512 KiB if 0. Larger
	// batches wait longer for their sync and share it with more.
	BatchBytes int
	// SyncInterval is how long after it was written a batch that MaySyncLater is
	// synced at the latest; 0: before it is answered, as all others are. Longer loses
	// more to a power cut.
	SyncInterval time.Duration
}

// Committer is the one writer of an engine. Whoever wants something written
// submits it; the goroutine of Run takes all that has come meanwhile, lets
// Apply decide, writes one synced batch, and then tells. While one batch is
// being synced the next one gathers, so that the number of syncs per second
// is the disk's and not the callers'. Since deciding and writing are one step
// in one goroutine, Apply needs no lock against other writers.
//
// In a steady state nothing is allocated: there are two sets of items and
// bytes, one being filled and one being worked on, and they are swapped.
type Committer[T Item[T]] struct {
	engine Engine
	o      CommitterOptions[T]
	wake   chan struct{} // one slot: there is something in the queue, or closed was set

	mu     sync.Mutex // guards what follows
	queue  queue[T]
	closed bool

	work  queue[T] // Run only
	batch Batch    // Run only
	debt  debt     // Run only

	batches, items, bytes, syncNanos atomic.Uint64
}

// queue holds groups of items and the bytes that they point to.
type queue[T any] struct {
	items []T
	ends  []int  // of the groups, as indices into items
	arena []byte // what the items point to; when it grows, older items keep the old one
	cost  int
}

// CommitterStats only rise.
type CommitterStats struct {
	Batches uint64 // written
	Items   uint64 // told about, whatever their fate
	Bytes   uint64 // of the entries in those batches
	Sync    time.Duration
}

// NewCommitter returns a committer; Run makes it work.
func NewCommitter[T Item[T]](engine Engine, o CommitterOptions[T]) *Committer[T] {
	if o.QueueBytes == 0 {
		o.QueueBytes = 8 << 20
	}
	if o.BatchBytes == 0 {
		o.BatchBytes = 512 << 10
	}
	c := &Committer[T]{engine: engine, o: o, wake: make(chan struct{}, 1)}
	c.debt.init(engine, o.SyncInterval)
	return c
}

// Submit queues a group of items: they go into one batch, unless they are
// larger than a batch themselves. Their bytes are copied. It never blocks. It
// returns false, and takes nothing, when the queue is full, or after Close or a
// failure of the engine (see Err there). A group larger than the whole queue is
// taken when the queue is empty.
func (c *Committer[T]) Submit(items []T) bool {
	if len(items) == 0 {
		return true
	}
	cost := 0
	for i := range items {
		cost += items[i].Cost()
	}
	c.mu.Lock()
	q := &c.queue
	waiting := len(q.items)
	if c.closed || waiting > 0 && q.cost+cost > c.o.QueueBytes {
		c.mu.Unlock()
		return false
	}
	for i := range items {
		var own T
		own, q.arena = items[i].Own(q.arena)
		q.items = append(q.items, own)
	}
	q.ends = append(q.ends, len(q.items))
	q.cost += cost
	c.mu.Unlock()
	if waiting == 0 {
		c.nudge()
	}
	return true
}

// Close refuses new items; Run finishes what is queued and returns.
func (c *Committer[T]) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.nudge()
}

// Stats returns the counters.
func (c *Committer[T]) Stats() CommitterStats {
	return CommitterStats{
		Batches: c.batches.Load(),
		Items:   c.items.Load(),
		Bytes:   c.bytes.Load(),
		Sync:    time.Duration(c.syncNanos.Load()),
	}
}

// Run commits until Close is called or ctx ends, finishes what is queued by
// then, syncs, and returns nil; or until the engine fails, and returns that error when
// Done was called for every item. It is called once.
func (c *Committer[T]) Run(ctx context.Context) error {
	for {
		select {
		case <-c.wake:
		case <-c.debt.due.C:
			c.debt.pay()
		case <-c.debt.done:
			c.debt.paid()
		case <-ctx.Done():
			c.Close()
		}
		for c.take() {
			c.commit()
			c.debt.look()
		}
		end := c.finished()
		if end || c.engine.Err() != nil {
			c.debt.settle()
		}
		if err := c.engine.Err(); err != nil {
			return c.fail(err)
		}
		if end {
			return nil
		}
	}
}

// nudge wakes Run. The slot may be full; then Run is about to look anyway.
func (c *Committer[T]) nudge() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// take swaps the queue with the empty set that was worked on last. It reports
// whether there is something to do.
func (c *Committer[T]) take() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue.items) == 0 {
		return false
	}
	c.queue, c.work = c.work, c.queue
	return true
}

func (c *Committer[T]) finished() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed && len(c.queue.items) == 0
}

// fail refuses what is queued, and everything that comes.
func (c *Committer[T]) fail(err error) error {
	c.Close()
	for c.take() {
		c.commit() // the engine's error goes to each
	}
	return err
}

// commit works through what was taken, batch by batch, and empties it.
func (c *Committer[T]) commit() {
	start, cost := 0, 0
	for i, end, first := 0, 0, 0; i < len(c.work.ends); i++ {
		first, end = end, c.work.ends[i]
		group := 0
		for _, it := range c.work.items[first:end] {
			group += it.Cost()
		}
		if start < first && cost+group > c.o.BatchBytes {
			c.write(c.work.items[start:first])
			start, cost = first, 0
		}
		cost += group
		if cost > c.o.BatchBytes {
			c.writeLarge(c.work.items[start:end])
			start, cost = end, 0
		}
	}
	if start < len(c.work.items) {
		c.write(c.work.items[start:])
	}
	clear(c.work.items)
	c.work = queue[T]{items: c.work.items[:0], ends: c.work.ends[:0], arena: c.work.arena[:0]}
}

// writeLarge commits a group that is larger than a batch, in several.
func (c *Committer[T]) writeLarge(items []T) {
	start, cost := 0, 0
	for i := range items {
		next := items[i].Cost()
		if start < i && cost+next > c.o.BatchBytes {
			c.write(items[start:i])
			start, cost = i, 0
		}
		cost += next
	}
	c.write(items[start:])
}

// write commits one batch: decide, sync, tell.
func (c *Committer[T]) write(items []T) {
	err := c.engine.Err()
	if err == nil {
		c.batch.Reset()
		c.o.Apply(items, &c.batch)
		err = c.sync()
	}
	c.items.Add(uint64(len(items)))
	c.o.Done(items, err)
}

// sync writes what Apply put into the batch, and makes it durable or notes that this
// is owed; nothing, if it put nothing and rests on nothing.
func (c *Committer[T]) sync() error {
	if c.batch.Len() == 0 {
		if c.batch.rests {
			return c.debt.clear()
		}
		return nil
	}
	start := time.Now()
	var err error
	if c.batch.late && !c.batch.rests && c.o.SyncInterval > 0 {
		if err = c.engine.WriteUnsynced(&c.batch); err == nil {
			c.debt.add(time.Now())
		}
	} else if err = c.engine.Write(&c.batch); err == nil {
		c.debt.cancel()
	}
	c.syncNanos.Add(uint64(time.Since(start)))
	if err == nil {
		c.batches.Add(1)
		c.bytes.Add(uint64(c.batch.Bytes()))
	}
	return err
}
