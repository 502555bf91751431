package model

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/candordb/candor/storage"
)

// Engine is the model. The zero value is empty and ready to use.
type Engine struct {
	values map[string][]byte // durable and visible; a value is never changed, only replaced
	order  []string          // the keys of values, sorted

	staged []op // not durable yet, in order
	ends   []int
	loose  []loose // what is visible and not durable, in order

	failing  error // the next Sync fails with it
	poisoned error
	closed   bool
	syncs    uint64
	room     storage.Room
}

// op is one put or delete of a staged batch; value is nil for a delete.
type op struct {
	key   string
	value []byte
}

var _ storage.Engine = (*Engine)(nil)

// New returns an empty engine.
func New() *Engine { return &Engine{} }

// Get implements storage.Engine. It allocates nothing.
func (e *Engine) Get(key []byte) ([]byte, error) {
	if err := e.usable(); err != nil {
		return nil, err
	}
	if value, ok := e.values[string(key)]; ok {
		return value, nil
	}
	return nil, storage.ErrNotFound
}

// Write implements storage.Engine: Stage and Sync.
func (e *Engine) Write(b *storage.Batch) error {
	if err := e.Stage(b); err != nil || b.Len() == 0 {
		return err
	}
	return e.Sync()
}

// WriteUnsynced implements storage.Engine.
func (e *Engine) WriteUnsynced(b *storage.Batch) error {
	if err := e.Stage(b); err != nil || b.Len() == 0 {
		return err
	}
	e.loosen()
	return nil
}

// Stage takes a batch, which is copied. It is neither durable nor visible
// before the next Sync. Errors are those of Write for "nothing was written".
func (e *Engine) Stage(b *storage.Batch) error {
	if err := e.usable(); err != nil {
		return err
	}
	if b.Len() == 0 {
		return nil
	}
	if e.room == storage.RoomForNothing {
		return fmt.Errorf("model: write: %w", storage.ErrDiskFull)
	}
	b.Each(func(key, value []byte) {
		e.staged = append(e.staged, op{string(key), bytes.Clone(value)})
	})
	e.ends = append(e.ends, len(e.staged))
	return nil
}

// Staged returns how many batches wait for Sync.
func (e *Engine) Staged() int { return len(e.ends) }

// Sync makes everything staged durable and visible. Errors are those of Write:
// after ErrInDoubt what was staged may or may not survive the Crash that must
// come next.
func (e *Engine) Sync() error {
	if err := e.usable(); err != nil {
		return err
	}
	if e.failing != nil {
		e.poisoned = fmt.Errorf("model: %w: %w", storage.ErrPoisoned, e.failing)
		return fmt.Errorf("model: sync: %w: %w", storage.ErrInDoubt, e.failing)
	}
	if len(e.ends) == 0 && len(e.loose) == 0 {
		return nil
	}
	e.syncs++
	e.apply(len(e.ends))
	e.staged, e.ends, e.loose = e.staged[:0], e.ends[:0], nil
	return nil
}

// FailSync makes the next Sync fail with cause.
func (e *Engine) FailSync(cause error) { e.failing = cause }

// Crash ends the process and starts it again on the same disk. Keep is asked
// for each batch that is not durable, those of WriteUnsynced and then those that are
// staged, in order, whether it had reached the disk; at the
// first that had not, the rest is lost without asking. A nil keep loses all.
// The engine is then open and whole.
func (e *Engine) Crash(keep func() bool) {
	n := 0
	if e.tear(keep) {
		for n < len(e.ends) && keep != nil && keep() {
			n++
		}
	}
	e.apply(n)
	e.staged, e.ends = nil, nil
	e.failing, e.poisoned, e.closed = nil, nil, false
}

// Synced returns what a restart would find under key. It works at any time,
// also on a closed or poisoned engine.
func (e *Engine) Synced(key []byte) ([]byte, bool) {
	for i := range e.loose {
		for _, was := range e.loose[i].before {
			if was.key == string(key) {
				return was.value, was.value != nil
			}
		}
	}
	value, ok := e.values[string(key)]
	return value, ok
}

// Keys returns how many keys are stored.
func (e *Engine) Keys() int { return len(e.order) }

// Forget implements storage.Engine: all that is read here comes from the disk.
func (e *Engine) Forget([]byte) {}

// Scan implements storage.Engine. It sees what fn writes ahead of it.
func (e *Engine) Scan(lo, hi []byte, fn func(key, value []byte) bool) error {
	if err := e.usable(); err != nil {
		return err
	}
	var key []byte
	at, _ := slices.BinarySearch(e.order, string(lo))
	for at < len(e.order) {
		k := e.order[at]
		if hi != nil && k >= string(hi) {
			return nil
		}
		key = append(key[:0], k...)
		if !fn(key, e.values[k]) {
			return nil
		}
		if err := e.usable(); err != nil {
			return err
		}
		// Where was k? fn may have changed what lies before it.
		if at >= len(e.order) || e.order[at] != k {
			var there bool
			if at, there = slices.BinarySearch(e.order, k); !there {
				continue
			}
		}
		at++
	}
	return nil
}

// Stats implements storage.Engine; only the count of syncs has a meaning here.
func (e *Engine) Stats() storage.Stats {
	return storage.Stats{Syncs: storage.SyncTimes{Count: e.syncs}}
}

// Err implements storage.Engine.
func (e *Engine) Err() error { return e.poisoned }

// Close implements storage.Engine. What is staged stays so: whether it reached
// the disk is decided by Crash, which also opens the engine again.
func (e *Engine) Close() error {
	if e.closed {
		return storage.ErrClosed
	}
	e.closed = true
	return nil
}

func (e *Engine) usable() error {
	if e.closed {
		return storage.ErrClosed
	}
	return e.poisoned
}

// apply makes the first n staged batches visible.
func (e *Engine) apply(n int) {
	if n == 0 {
		return
	}
	for _, op := range e.staged[:e.ends[n-1]] {
		e.set(op)
	}
}

// set stores what an op says.
func (e *Engine) set(op op) {
	if e.values == nil {
		e.values = map[string][]byte{}
	}
	at, there := slices.BinarySearch(e.order, op.key)
	switch {
	case op.value != nil:
		e.values[op.key] = op.value
		if !there {
			e.order = slices.Insert(e.order, at, op.key)
		}
	case there:
		delete(e.values, op.key)
		e.order = slices.Delete(e.order, at, at+1)
	}
}
