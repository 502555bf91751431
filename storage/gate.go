package storage

import "sync"

// gate counts the calls that are inside, so that Close can wait for them:
// goleveldb crashes when it is closed under a call. A plain RWMutex around
// each call would do, but for a callback of Scan that calls Get while Close
// waits: an RWMutex lets no new reader pass a waiting writer, and all three
// would wait for ever.
type gate struct {
	mu     sync.RWMutex // guards closed, and inside against rising after it
	closed bool
	inside sync.WaitGroup
}

// enter reports whether the caller may go on; if so it must leave.
func (g *gate) enter() bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.closed {
		return false
	}
	g.inside.Add(1)
	return true
}

func (g *gate) leave() { g.inside.Done() }

// close shuts the gate and waits until everybody has left. It reports whether
// this call was the one that shut it.
func (g *gate) close() bool {
	g.mu.Lock()
	first := !g.closed
	g.closed = true
	g.mu.Unlock()
	g.inside.Wait()
	return first
}
