package storage

import (
	"sync"
	"time"
)

// waits knows since when the disk has been owing an answer. A sync that hangs
// returns no error, and everything behind it waits without a word; the node
// leaves its quorums when that lasts.
type waits struct {
	mu    sync.Mutex
	begun []time.Time // of each operation under way; zero: the slot is free
}

// begin notes that an operation on the disk begins, and returns its slot.
func (w *waits) begin() int {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.begun {
		if w.begun[i].IsZero() {
			w.begun[i] = now
			return i
		}
	}
	w.begun = append(w.begun, now)
	return len(w.begun) - 1
}

// end notes that it has ended, well or not.
func (w *waits) end(slot int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun[slot] = time.Time{}
}

// longest is how long the oldest operation under way has taken so far.
func (w *waits) longest() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	var longest time.Duration
	for _, begun := range w.begun {
		if !begun.IsZero() {
			longest = max(longest, time.Since(begun))
		}
	}
	return longest
}
