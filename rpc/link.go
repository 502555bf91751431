package rpc

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/candordb/candor/wire"
)

// Link is the outgoing connection to one peer. It is up or down; while it is
// down, Begin gives nil and Reserve refuses, at once.
//
// What waits is first gathered in a wire.Outbox, so that all that is said to a
// peer in one wave travels in few frames, and is moved to the connection by
// Flush.
type Link struct {
	o     LinkOptions
	nudge chan struct{}

	live     atomic.Pointer[Conn] // nil: down; changed under mu
	reserved atomic.Int64
	queued   atomic.Int64 // what waits in out; changed under mu

	mu  sync.Mutex // guards out
	out wire.Outbox
}

// NewLink builds a link; Run dials.
func NewLink(o LinkOptions) *Link {
	o = o.withDefaults()
	return &Link{o: o, out: wire.Outbox{FrameBytes: o.FrameBytes}, nudge: make(chan struct{}, 1)}
}

// Up says whether the link is up.
func (l *Link) Up() bool { return l.live.Load() != nil }

// Begin locks the link's outbox for appending; End must follow. While the link
// is down it returns nil, and nothing is locked.
func (l *Link) Begin() *wire.Outbox {
	l.mu.Lock()
	if l.live.Load() == nil {
		l.mu.Unlock()
		return nil
	}
	return &l.out
}

// End unlocks what Begin locked. Nothing is sent before Flush.
func (l *Link) End() {
	l.queued.Store(int64(l.out.Waiting()))
	l.mu.Unlock()
}

// Flush sends what waits; it never blocks.
func (l *Link) Flush() {
	if l.queued.Load() == 0 {
		return
	}
	l.mu.Lock()
	c := l.live.Load()
	if c == nil {
		l.mu.Unlock()
		return
	}
	// Usually the connection has sent everything, and the buffers just change
	// places.
	if buf := c.Begin(); len(buf) == 0 {
		c.put(l.out.Take(buf))
	} else {
		frames := l.out.Take(nil)
		c.put(append(buf, frames...))
		l.out.SetReady(frames[:0])
	}
	// In this order Reserve may count bytes twice for a moment, but never misses
	// them.
	l.queued.Store(0)
	l.mu.Unlock()
	c.Flush()
}

// Reserve sets n bytes of LinkOptions.Room aside. It refuses while the link is
// down, and when what waits and what is reserved would exceed the room. Every
// success is followed by one Release(n), whatever becomes of the link: once the
// bytes were appended, or are not needed.
func (l *Link) Reserve(n int) bool {
	for {
		c := l.live.Load()
		if c == nil {
			return false
		}
		reserved := l.reserved.Load()
		if reserved+l.queued.Load()+c.waiting.Load()+int64(n) > int64(l.o.Room) {
			return false
		}
		if l.reserved.CompareAndSwap(reserved, reserved+int64(n)) {
			return true
		}
	}
}

// Release gives back what Reserve set aside.
func (l *Link) Release(n int) { l.reserved.Add(-int64(n)) }

// Waiting is how many bytes the peer's socket has not taken yet.
func (l *Link) Waiting() int {
	n := l.queued.Load()
	if c := l.live.Load(); c != nil {
		n += c.waiting.Load()
	}
	return int(n)
}

// Heard is when the last whole frame came in on the present connection, and Sent
// when its socket last took something; the zero time while the link is down.
func (l *Link) Heard() time.Time {
	if c := l.live.Load(); c != nil {
		return c.Heard()
	}
	return time.Time{}
}

// Sent is described at Heard.
func (l *Link) Sent() time.Time {
	if c := l.live.Load(); c != nil {
		return c.Sent()
	}
	return time.Time{}
}

// Nudge ends the pause between two attempts: the peer is known to be there
// again, or to have moved.
func (l *Link) Nudge() {
	select {
	case l.nudge <- struct{}{}:
	default:
	}
}

// CloseNow breaks the present connection; the link goes down and dials again.
func (l *Link) CloseNow() {
	if c := l.live.Load(); c != nil {
		c.Close()
	}
}

// raise puts the connection into use.
func (l *Link) raise(c *Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.live.Store(c)
}

// lower takes it out of use; what waited is dropped.
func (l *Link) lower() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.live.Store(nil)
	l.out.Take(nil)
	l.queued.Store(0)
}
