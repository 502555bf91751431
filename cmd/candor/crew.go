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
	e       *env
	seed    maphash.Seed
	queues  []chan entry
	workers sync.WaitGroup

	mu         sync.Mutex // guards what follows, and the summary of the work
	complaints int
	bad        int // lines that are none
	progress   *progress
}

// newCrew starts n workers.
func newCrew(e *env, n int, bar *progress, work func(*entry)) *crew {
	c := &crew{e: e, seed: maphash.MakeSeed(), queues: make([]chan entry, n), progress: bar}
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
// workers. Its error is that of the input.
func (c *crew) run(ctx context.Context, in io.Reader) error {
	l := newLines(in)
	var err error
	for ctx.Err() == nil {
		var en entry
		en, err = l.next()
		var bad *lineError
		if errors.As(err, &bad) {
			c.refuse(bad.number, bad.why)
			continue
		}
		if err != nil {
			break
		}
		at := maphash.Bytes(c.seed, en.key) % uint64(len(c.queues))
		select {
		case c.queues[at] <- en:
		case <-ctx.Done():
		}
		c.progress.at(l.bytes)
	}
	for _, q := range c.queues {
		close(q)
	}
	c.workers.Wait()
	c.progress.end()
	if err != nil && err != io.EOF {
		return failf(exitPartly, "", "the file cannot be read on: %w", err)
	}
	return nil
}

// refuse counts a line that is no entry.
func (c *crew) refuse(number int, why string) {
	c.mu.Lock()
	c.bad++
	c.mu.Unlock()
	c.complain("line %d: %s", number, why)
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
