package client

import (
	"sync"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
)

// clock makes the stamps of a client's writes: later than every clock that a
// trusted node has sent, and later than each other. The client's own wall clock
// takes no part, because nobody watches it; its monotonic clock only carries the
// nodes' clocks on.
type clock struct {
	writer uint64       // random, of this client
	mono   func() int64 // milliseconds of a clock that does not jump

	mu    sync.Mutex // guards what follows
	last  hlc.Timestamp
	heard map[ring.NodeID]reading
}

// reading is a node's clock and when it came.
type reading struct {
	clock  hlc.Timestamp
	at     int64
	fenced bool // the node said itself that its clock cannot be used
}

func newClock(writer uint64, mono func() int64) *clock {
	return &clock{writer: writer, mono: mono, heard: make(map[ring.NodeID]reading)}
}

// observe takes the clock of a node's answer. A node that refused with CLOCK,
// kind 3, is not believed until it has carried out a request again.
func (c *clock) observe(node ring.NodeID, at hlc.Timestamp, code contract.Code, kind contract.ClockKind, worked bool) {
	now := c.mono()
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.heard[node]
	switch {
	case code == contract.Clock && kind == contract.ClockFenced:
		r.fenced = true
	case worked:
		r.fenced = false
	}
	if !r.fenced {
		r.clock, r.at = at, now
	}
	c.heard[node] = r
}

// fence takes a node's word that its clock cannot be used.
func (c *clock) fence(node ring.NodeID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.heard[node]
	r.fenced = true
	c.heard[node] = r
}

// stamp makes a version; false while no node's clock is known.
func (c *clock) stamp() (hlc.Version, bool) {
	now := c.mono()
	c.mu.Lock()
	defer c.mu.Unlock()
	var t hlc.Timestamp
	for _, r := range c.heard { // the largest: order does not matter
		if !r.fenced && r.clock != 0 {
			t = max(t, r.clock.Add(now-r.at))
		}
	}
	if t == 0 {
		return hlc.Version{}, false
	}
	// One more, as the node may have given its clock's present value to a write of
	// its own.
	c.last = max(t, c.last) + 1
	return hlc.Version{Time: c.last, Writer: c.writer}, true
}

// distrust starts over with the clocks of these nodes alone (nil: none): they
// have refused a stamp as too far ahead, so that some other node's clock, now
// gone or not yet fenced, must have been wrong.
func (c *clock) distrust(trusted ...*node) {
	keep := make(map[ring.NodeID]bool, len(trusted))
	for _, n := range trusted {
		if n != nil {
			keep[n.identity()] = true
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range c.heard { // all but those go: order does not matter
		if !keep[id] {
			delete(c.heard, id)
		}
	}
	c.last = 0
}
