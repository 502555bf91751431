package node

import (
	"context"
	"sync"
	"time"

	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/verdict"
)

// timedWrite is the small write that is made again and again to see how long a
// synced write takes here: the way of every write, through the committer's queue.
type timedWrite struct {
	mu    sync.Mutex
	began time.Time     // of the one under way; zero: there is none
	ended time.Time     // of the last one; zero: there was none
	took  time.Duration // of the last one
	why   string        // why the last one failed; "": it did not
}

// timedEvery is how often there is one.
const timedEvery = 3 * time.Second

// slowWrite is when one that is under way is news.
const slowWrite = time.Second

// The value that is written: version 1 (1 byte), how many there were in this start (8,
// big-endian).
const (
	timedName    = "timed"
	timedVersion = 1
)

// last is the last one, or the one under way once that is slow.
func (t *timedWrite) last() (p verdict.Opt[verdict.Probe]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case !t.began.IsZero() && time.Since(t.began) >= slowWrite:
		return verdict.Known(verdict.Probe{TookMS: time.Since(t.began).Milliseconds()})
	case t.ended.IsZero():
		return p
	}
	return verdict.Known(verdict.Probe{TookMS: t.took.Milliseconds(), AgeMS: time.Since(t.ended).Milliseconds(), Error: t.why})
}

func (t *timedWrite) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.began = time.Now()
}

func (t *timedWrite) end(why string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.took, t.ended, t.why, t.began = time.Since(t.began), time.Now(), why, time.Time{}
}

// timeWrites makes them until ctx ends.
func (n *Node) timeWrites(ctx context.Context) error {
	count := uint64(0)
	one := func() {
		count++
		n.reporter.timed.begin()
		n.reporter.timed.end(n.timeOne(ctx, count))
	}
	one()
	return every(ctx, timedEvery, one)
}

// timeOne makes one and waits for it; why it failed, "" if it did not.
func (n *Node) timeOne(ctx context.Context, count uint64) (why string) {
	done := make(chan bool, 1)
	w := replica.Write{Kind: replica.System, Key: []byte(timedName), Record: uintValue(timedVersion, count), Origin: replica.Origin{Done: func(ok bool) { done <- ok }}}
	durable := false
	if n.control.submit(ctx, w) {
		select {
		case durable = <-done:
		case <-ctx.Done():
			return "this node is stopping"
		}
	}
	switch err := n.engine.Err(); {
	case durable:
		return ""
	case err != nil:
		return err.Error()
	}
	return "the storage refused it"
}
