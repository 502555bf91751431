package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/candordb/candor/client"
)

// write is one key that was written once, and what its writer was told.
type write struct {
	key  string
	fate client.Outcome
}

// valueBytesMost is the size of the largest values, of which there are few.
const valueBytesMost = 16 << 10

// value is what belongs to a key: anyone can tell from the key alone whether a
// value is whole, and whose it is.
func (w write) value() []byte {
	h := fnv.New64a()
	h.Write([]byte(w.key))
	rng := rand.New(rand.NewPCG(h.Sum64(), 0))
	length := valueBytesMost >> rng.IntN(12)
	out := append([]byte(w.key), ' ')
	for len(out) < length {
		out = append(out, byte('a'+rng.IntN(26)))
	}
	return out
}

// writeUntilKilled writes from many goroutines and kills the node after a while.
// It returns every write that was begun.
func writeUntilKilled(ctx context.Context, n *node, round, writers int, salt uint64, load time.Duration) []write {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	written := make([][]write, writers)
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			for seq := 0; ctx.Err() == nil; seq++ {
				w := write{key: fmt.Sprintf("%x/round-%d/writer-%d/%d", salt, round, i, seq)}
				_, err := n.client.Put(ctx, []byte(w.key), w.value(), client.At(client.All))
				w.fate = fateOf(err)
				written[i] = append(written[i], w)
			}
		})
	}
	select {
	case <-time.After(load):
	case <-ctx.Done():
	}
	n.kill()
	cancel() // else the client would look for a living node until the deadline
	all.Wait()
	n.forget()
	var together []write
	for _, list := range written {
		together = append(together, list...)
	}
	return together
}

// fateOf is what an error says of a write's effect.
func fateOf(err error) client.Outcome {
	var e *client.Error
	switch {
	case err == nil:
		return client.Done
	case errors.As(err, &e):
		return e.Outcome()
	}
	return client.InDoubt
}

// tally is what verifying has found to be as it should.
type tally struct{ acked, doubtThere, doubtGone, refused int }

func (t tally) String() string {
	return fmt.Sprintf("%d writes acknowledged, 0 of them lost; %d in doubt, of which %d took effect; %d refused, 0 of them there",
		t.acked, t.doubtThere+t.doubtGone, t.doubtThere, t.refused)
}

// count says whether what was found is allowed, and counts it if so.
func (t *tally) count(w write, there, whole bool) bool {
	switch {
	case there && !whole:
		return false
	case w.fate == client.Done && there:
		t.acked++
	case w.fate == client.InDoubt && there:
		t.doubtThere++
	case w.fate == client.InDoubt:
		t.doubtGone++
	case w.fate == client.NotApplied && !there:
		t.refused++
	default:
		return false
	}
	return true
}

// askers is how many keys are asked for at once.
const askers = 64

// verify asks for each write. One that is not as its writer was told makes it
// errLost; all such are counted, and the first is named.
func verify(ctx context.Context, c *client.Client, writes []write) (sum tally, err error) {
	var (
		mu    sync.Mutex // guards sum and what follows
		bad   int
		first string
		fault error
	)
	judge := func(w write, got client.Item, err error) {
		mu.Lock()
		defer mu.Unlock()
		there := err == nil
		switch {
		case err != nil && !errors.Is(err, client.ErrNotFound):
			fault = fmt.Errorf("get %s: %w", w.key, err)
		case sum.count(w, there, bytes.Equal(got.Value, w.value())):
		default:
			bad++
			if first == "" {
				first = fmt.Sprintf("%s (told: %v, found: %t)", w.key, w.fate, there)
			}
		}
	}
	queue := make(chan write)
	var all sync.WaitGroup
	for range askers {
		all.Go(func() {
			for w := range queue {
				got, err := c.Get(ctx, []byte(w.key), client.At(client.One))
				judge(w, got, err)
			}
		})
	}
	for _, w := range writes {
		queue <- w
	}
	close(queue)
	all.Wait()
	if bad > 0 {
		return sum, fmt.Errorf("%w: %d of %d writes are not as their writer was told, the first is %s", errLost, bad, len(writes), first)
	}
	return sum, fault
}
