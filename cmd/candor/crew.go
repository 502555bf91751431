package main

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"sync"
)

// complaintsMax is how many lines are complained about one by one.
const complaintsMax = 10

// crew hands the entries of a file to workers. Entries of one key go to the same
// worker, so that of two lines with the same key the later one wins; each worker
// holds two entries at most, so that memory is bounded whatever the file's size.
type crew struct {
	seed    maphash.Seed
	queues  []chan entry
	workers sync.WaitGroup

	mu         sync.Mutex // guards what follows, and the summary of the work
	complaints int
	bad        int // lines that are none
	progress   *progress
	ledger     *ledger // nil: nothing is kept
	rate       *bucket
}

// newCrew starts n workers.
func newCrew(n int, bar *progress, work func(*entry)) *crew {
	c := &crew{seed: maphash.MakeSeed(), queues: make([]chan entry, n), progress: bar}
	for i := range c.queues {
		c.queues[i] = make(chan entry, 1)
		c.workers.Go(func() {
			for en := range c.queues[i] {
				work(&en)
			}
		})
	}
	return c
}

// run hands out all entries of the input, until ctx ends, and waits for the
// workers. What has been read is handed out also then, so that where the reading
// ended is where a later run goes on. The error is that of the input.
func (c *crew) run(ctx context.Context, l *lines) error {
	err := error(nil)
	for err == nil && ctx.Err() == nil {
		before := l.bytes
		var en entry
		en, err = l.next()
		var bad *lineError
		switch {
		case errors.As(err, &bad):
			c.refuse(bad)
			err = nil
		case err != nil:
			continue
		default:
			c.hand(&en)
		}
		if c.ledger != nil {
			c.ledger.read(l, int(l.bytes-before))
		}
		c.progress.at(l.bytes)
		c.rate.wait(ctx, 1)
	}
	for _, q := range c.queues {
		close(q)
	}
	if c.ledger != nil {
		c.ledger.end(l)
	}
	c.workers.Wait()
	c.progress.end()
	if err != nil && err != io.EOF {
		return failf(exitPartly, "", "the file cannot be read on: %w", err)
	}
	return nil
}

// hand gives an entry to the worker of its key.
func (c *crew) hand(en *entry) {
	if c.ledger != nil {
		c.ledger.begin(en)
	}
	c.queues[maphash.Bytes(c.seed, en.key)%uint64(len(c.queues))] <- *en
}

// refuse counts a line that is no entry.
func (c *crew) refuse(bad *lineError) {
	c.mu.Lock()
	c.bad++
	c.mu.Unlock()
	if c.ledger != nil {
		c.ledger.refuse(bad)
	}
	c.complain("%v", bad)
}

// complain tells on stderr, of the first few lines.
func (c *crew) complain(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch c.complaints++; {
	case c.complaints > complaintsMax+1:
	case c.complaints > complaintsMax:
		c.progress.over("and more of the like, which are only counted")
	default:
		c.progress.over(fmt.Sprintf(format, args...))
	}
}
