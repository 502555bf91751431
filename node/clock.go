package node

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/ring"
)

// clock is the node's hybrid clock: one atomic word, moved by the arithmetic of
// package hlc, under a bound that is persisted ahead of it.
type clock struct {
	start    time.Time
	wall     func() int64 // the wall clock, milliseconds since 1970
	maxDrift atomic.Int64 // milliseconds; of the configuration, then of the metadata
	fenced   atomic.Bool  // off by more than maxDrift: no versions are stamped

	last     atomic.Uint64 // hlc.Timestamp
	bound    atomic.Uint64 // hlc.Timestamp, synced
	offset   atomic.Int64  // physical time less monotonic time, milliseconds
	writer   uint64        // random, of this incarnation
	tooAhead atomic.Uint64 // messages whose clock was not absorbed

	mu       sync.Mutex // guards what follows
	physical hlc.Physical
	peers    map[ring.NodeID]heard
	others   int   // how many peers there are
	trustAt  int64 // monotonic milliseconds until which they are waited for
}

// heard is the youngest clock that a peer's messages showed of late.
type heard struct {
	offset int64 // ahead of this node's physical clock, milliseconds
	at     int64 // monotonic milliseconds
}

// peersWait is how long, in milliseconds, a node that starts waits for the clocks
// of all others before it trusts its own.
const peersWait = 2000

// heardFor is how long, in milliseconds, what a message showed counts.
const heardFor = 10_000

func newClock(maxDrift int64, writer uint64) *clock { return newClockOn(wallMillis, maxDrift, writer) }

func newClockOn(wall func() int64, maxDrift int64, writer uint64) *clock {
	c := &clock{start: time.Now(), wall: wall, writer: writer, peers: make(map[ring.NodeID]heard)}
	c.maxDrift.Store(maxDrift)
	c.adjust()
	return c
}

// mono is monotonic milliseconds since the node's start.
func (c *clock) mono() int64 { return time.Since(c.start).Milliseconds() }

// now reads the clocks for one turn.
func (c *clock) now() replica.Now {
	since := time.Since(c.start)
	m := since.Milliseconds()
	return replica.Now{Mono: m, Micros: since.Microseconds(), Physical: m + c.offset.Load()}
}

// adjust follows the wall clock as far as hlc.Physical allows. It tells whether
// that jumped and is not followed, and whether this clock is so far off the
// members' median that it has to be fenced.
func (c *clock) adjust() (jumped, fenced bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	wall, mono := c.wall(), c.mono()
	var offsets []int64
	for id, h := range c.peers {
		if mono-h.at > heardFor {
			delete(c.peers, id)
			continue
		}
		offsets = append(offsets, h.offset)
	}
	c.physical.MaxDrift = c.maxDrift.Load()
	median := hlc.Median(offsets)
	before := c.offset.Load()
	physical, jumped := c.physical.Read(wall, mono, median, len(offsets) > 0)
	c.offset.Store(physical - mono)
	if moved := physical - mono - before; moved != 0 {
		median -= moved
		for id, h := range c.peers { // each by itself: order does not matter
			c.peers[id] = heard{h.offset - moved, h.at}
		}
	}
	unknown := len(offsets) < c.others && mono < c.trustAt
	return jumped, unknown || hlc.Fenced(median, c.maxDrift.Load())
}

// median is the median of the clocks of all members that were heard lately, own
// included; false while none was, though there are others.
func (c *clock) median() (hlc.Timestamp, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var offsets []int64
	for _, h := range c.peers { // sorted by Median
		if c.mono()-h.at <= heardFor {
			offsets = append(offsets, h.offset)
		}
	}
	known := len(offsets) > 0 || c.others == 0
	return hlc.Make(c.now().Physical+hlc.Median(offsets), 0), known
}

// awaitPeers fences the clock until all others were heard, or some time has
// passed: one that is off must not be used before that can be known.
func (c *clock) awaitPeers(others int) {
	c.mu.Lock()
	c.others, c.trustAt = others, c.mono()+peersWait
	c.mu.Unlock()
	_, fenced := c.adjust()
	c.fenced.Store(fenced)
}

// read is the hybrid clock without moving it.
func (c *clock) read() hlc.Timestamp {
	return max(hlc.Timestamp(c.last.Load()), hlc.Make(c.now().Physical, 0))
}

// stamp makes a new version; false if the persisted bound or the fence is in
// the way.
func (c *clock) stamp() (hlc.Version, bool) {
	t, ok := c.tick()
	return hlc.Version{Time: t, Writer: c.writer}, ok && !c.fenced.Load()
}

// stampAbove makes a new version above another one. A time that is not a fresh
// tick of this clock goes with a fresh writer id, so that it is unique.
func (c *clock) stampAbove(above hlc.Version) (hlc.Version, bool) {
	v, ok := c.stamp()
	if ok && !above.Less(v) {
		ok = above.Time+1 != 0 // else there is no time above it
		v = hlc.Version{Time: above.Time + 1, Writer: rand.Uint64()}
	}
	return v, ok
}

func (c *clock) tick() (hlc.Timestamp, bool) {
	physical := c.now().Physical
	for {
		last := c.last.Load()
		next := hlc.Tick(hlc.Timestamp(last), physical)
		if !hlc.Within(next, hlc.Timestamp(c.bound.Load())) {
			return 0, false
		}
		if c.last.CompareAndSwap(last, uint64(next)) {
			return next, true
		}
	}
}

// observe absorbs the clock of a peer's message, if it is not too far ahead.
func (c *clock) observe(from ring.NodeID, remote hlc.Timestamp) {
	now := c.now()
	for {
		last := c.last.Load()
		next, ok := hlc.Receive(hlc.Timestamp(last), remote, now.Physical, c.maxDrift.Load())
		if !ok {
			c.tooAhead.Add(1)
			break
		}
		// Messages of one millisecond need not each move the word.
		if remote <= hlc.Timestamp(last) || c.last.CompareAndSwap(last, uint64(next)) {
			break
		}
	}
	c.hear(from, remote.Millis()-now.Physical, now.Mono)
}

// hear keeps the largest offset of the last heardFor: a message that was long on
// its way, or waited here, makes its sender's clock look older than it is, never
// younger.
func (c *clock) hear(from ring.NodeID, offset, mono int64) {
	if !c.mu.TryLock() {
		return // somebody else is; the next message will do
	}
	defer c.mu.Unlock()
	if h, ok := c.peers[from]; !ok || offset >= h.offset || mono-h.at >= heardFor {
		c.peers[from] = heard{offset, mono}
	}
}

// The clock record is the system value clockName: version 1 (1 byte), the
// bound (8, big-endian). highestName, in the same form, is the highest bound of all
// starts before the present one: a start whose clock was set back goes on below it,
// and what was told before is not above it.
const (
	clockName    = "clock"
	highestName  = "clock.highest"
	clockVersion = 1
)
