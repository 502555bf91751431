package storage

import (
	"fmt"
	"sync/atomic"
)

// failure remembers the first failed write or sync. It is set once and never
// taken back; everything that could change the disk asks it first.
type failure struct {
	first atomic.Pointer[error]
}

// set records cause if it is the first.
func (f *failure) set(cause error) {
	err := fmt.Errorf("storage: %w: %w", ErrPoisoned, cause)
	f.first.CompareAndSwap(nil, &err)
}

// get returns nil, or an ErrPoisoned that names the first failure.
func (f *failure) get() error {
	if p := f.first.Load(); p != nil {
		return *p
	}
	return nil
}
