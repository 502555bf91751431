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
	writer   atomic.Uint64 // random, of this incarnation, or of the time since the clock was set right
	tooAhead atomic.Uint64 // messages whose clock was not absorbed

	mu       sync.Mutex // guards what follows
	physical hlc.Physical
	peers    map[ring.NodeID]heard
	others   int           // how many peers there are
	trustAt  int64         // monotonic milliseconds until which they are waited for; 0: there is no cluster yet
	wrong    bool          // this clock was too far off when it was last compared with any other
	risen    hlc.Timestamp // no version of this start was stamped above it, but for those since the fence fell
}

// heard is a peer's physical clock, as its last answer showed it.
type heard struct {
	offset int64 // ahead of this node's physical clock, milliseconds
	at     int64 // monotonic milliseconds
}

// peersWait is how long, in milliseconds, a node that starts waits for the clocks
// of all others before it trusts its own.
const peersWait = 2000

// heardFor is how long, in milliseconds, what an answer showed counts.
const heardFor = 10_000

func newClock(maxDrift int64, writer uint64) *clock { return newClockOn(wallMillis, maxDrift, writer) }

func newClockOn(wall func() int64, maxDrift int64, writer uint64) *clock {
	c := &clock{start: time.Now(), wall: wall, peers: make(map[ring.NodeID]heard)}
	c.writer.Store(writer)
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
// members' median that it has to be fenced. Once it was, silence does not make it
// right: it stays fenced until it agrees with members that are heard.
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
	median := hlc.Median(offsets, c.wrong)
	before := c.offset.Load()
	physical, jumped := c.physical.Read(wall, mono, median, len(offsets) > 0)
	c.offset.Store(physical - mono)
	if moved := physical - mono - before; moved != 0 {
		median -= moved
		for id, h := range c.peers { // each by itself: order does not matter
			c.peers[id] = heard{h.offset - moved, h.at}
		}
	}
	if !c.fenced.Load() && c.trustAt != 0 {
		c.risen = hlc.Timestamp(c.last.Load())
	}
	unknown := len(offsets) < c.others && mono < c.trustAt
	switch {
	case len(offsets) > 0:
		c.wrong = hlc.Fenced(median, c.maxDrift.Load())
	case c.others == 0: // not known yet, or none: there is nothing that it could be off
		c.wrong = false
	}
	if fenced = unknown || c.wrong; !fenced && c.fenced.Load() {
		c.setRight(physical, physical+median)
	}
	return jumped, fenced
}

// setRight has a clock that comes out of the fence go on as one of a start would. The
// hybrid clock has followed physical time while that was off, and would keep an error
// alive that has ended: for an hour or ten years each of its versions would win over
// all later ones of others. It goes back, not below what it has stamped, and versions
// get a fresh writer id, so that they rise and are as unique as before. Nothing is
// stamped meanwhile: the fence still stands.
func (c *clock) setRight(physical, median int64) {
	for {
		last := c.last.Load()
		next := uint64(max(c.risen, hlc.Restart(hlc.Timestamp(last), physical, median, c.maxDrift.Load())))
		if next >= last {
			return
		}
		c.writer.Store(rand.Uint64())
		if c.last.CompareAndSwap(last, next) {
			return
		}
	}
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
	return hlc.Make(c.now().Physical+hlc.Median(offsets, c.wrong), 0), known
}

// awaitPeers fences the clock until all others were heard, or some time has
// passed: one that is off must not be used before that can be known.
func (c *clock) awaitPeers(others int) {
	c.mu.Lock()
	if c.trustAt == 0 {
		c.fenced.Store(true) // nothing was stamped before
	}
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
	if c.fenced.Load() {
		return hlc.Version{}, false // a time of now must not be stamped behind the fence's end (setRight)
	}
	t, ok := c.tick()
	return hlc.Version{Time: t, Writer: c.writer.Load()}, ok && !c.fenced.Load()
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
	for {
		last := c.last.Load()
		// Read behind last: else a time of before setRight could undo that.
		next := hlc.Tick(hlc.Timestamp(last), c.now().Physical)
		if !hlc.Within(next, hlc.Timestamp(c.bound.Load())) {
			return 0, false
		}
		if c.last.CompareAndSwap(last, uint64(next)) {
			return next, true
		}
	}
}

// observe absorbs the clock of a peer's message, if it is not too far ahead.
func (c *clock) observe(remote hlc.Timestamp) {
	for {
		last := c.last.Load()
		next, ok := hlc.Receive(hlc.Timestamp(last), remote, c.now().Physical, c.maxDrift.Load()) // as in tick
		if !ok {
			c.tooAhead.Add(1)
			break
		}
		// Messages of one millisecond need not each move the word.
		if remote <= hlc.Timestamp(last) || c.last.CompareAndSwap(last, uint64(next)) {
			break
		}
	}
}

// measure takes in the physical clock of a peer, milliseconds since 1970, from its
// answer to a heartbeat that was sent at a monotonic time: the hybrid clocks of all
// heads follow the fastest, and would hide which one that is. The answer was given
// some time since then, so that the offset lies between two ends, and the nearer to 0
// is what is proved: no clock is called off because an answer was long on its way. One
// that took longer than clocks may differ proves nothing.
func (c *clock) measure(from ring.NodeID, physical, asked int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	took := now.Mono - asked
	if took < 0 || took > c.maxDrift.Load() {
		return
	}
	least := physical - now.Physical
	c.peers[from] = heard{max(least, min(0, least+took)), now.Mono}
}

// The clock record is the system value clockName: version 1 (1 byte), the
// bound (8, big-endian). highestName, in the same form, is the highest bound of all
// starts before the present one: a start whose clock was set back goes on below it,
// and what was told before is not above it.
const (
	clockName    = "clock"
	askingName   = "clock.asking"
	highestName  = "clock.highest"
	clockVersion = 1
)
