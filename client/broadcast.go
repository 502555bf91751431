package client

import "sync"

// broadcast wakes everybody who waits for a change of some link.
type broadcast struct {
	mu sync.Mutex // guards ch
	ch chan struct{}
}

// next is closed at the next change. Ask for it before looking at the state.
func (b *broadcast) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *broadcast) changed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}
