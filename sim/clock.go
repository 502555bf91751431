package sim

import (
	"encoding/binary"
	"time"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/traitor"
)

// yearZero is the true time at virtual time 0, in milliseconds since 1970.
const yearZero = 1_900_000_000_000

// hardware is a machine's clocks: a wall clock that can be wrong and be set,
// and a crystal that both its clocks run on.
type hardware struct {
	offset time.Duration // of the wall clock from true time
	drift  int64         // parts per million
}

func (h *hardware) elapsed(now time.Duration) time.Duration {
	return now + time.Duration(int64(now)/1_000_000*h.drift)
}

// wall is milliseconds since 1970, as the machine believes.
func (h *hardware) wall(now time.Duration) int64 {
	return yearZero + (h.elapsed(now) + h.offset).Milliseconds()
}

// hybrid is the hybrid clock of one process, as the node keeps it: one word,
// moved by package hlc under a bound that is persisted ahead of it.
type hybrid struct {
	h        *hardware
	maxDrift int64
	monoZero int64         // monotonic time at virtual time 0
	offset   int64         // physical time less monotonic time
	word     hlc.Timestamp // the last time that was issued or absorbed
	bound    hlc.Timestamp // synced
	writer   uint64        // random, of this process
	physical hlc.Physical
	peers    []heard // by node
	scratch  []int64
	fenced   bool // off by more than maxDrift: no versions are stamped, if it fences
	fences   bool
	ahead    int64         // the members' median, at the last adjust
	risen    hlc.Timestamp // where the word was before the fence
}

// heard is the physical clock of a peer as it was measured last.
type heard struct {
	known  bool
	offset int64 // milliseconds ahead of physical time here
	at     int64 // monotonic milliseconds
}

// heardFor is how long a peer's clock counts, in milliseconds.
const heardFor = 10_000

// boot starts the clock of a process from the record that its disk holds.
func (c *hybrid) boot(now time.Duration, stored []byte) {
	c.physical.MaxDrift = c.maxDrift
	c.adjust(now)
	if len(stored) == 8 {
		bound := hlc.Timestamp(binary.BigEndian.Uint64(stored))
		physical := c.now(now).Physical
		c.word = hlc.Restart(bound, physical, physical, c.maxDrift)
	}
}

// adjust follows the wall clock as far as hlc.Physical allows, and sees whether
// this clock is too far off the members' median.
func (c *hybrid) adjust(now time.Duration) {
	mono := c.mono(now)
	c.scratch = c.scratch[:0]
	for i := range c.peers {
		if p := &c.peers[i]; p.known && mono-p.at > heardFor {
			p.known = false
		} else if p.known {
			c.scratch = append(c.scratch, p.offset)
		}
	}
	known, median, before := len(c.scratch) > 0, hlc.Median(c.scratch, c.fenced), c.offset
	physical, _ := c.physical.Read(c.h.wall(now), mono, median, known)
	c.offset = physical - mono
	if moved := c.offset - before; moved != 0 && known {
		median -= moved
		for i := range c.peers {
			c.peers[i].offset -= moved
		}
	}
	if !c.shut() {
		c.risen = c.word
	}
	c.ahead = median
	if known { // one that is off is not made right by silence
		c.fenced = hlc.Fenced(median, c.maxDrift)
	}
}

// shut says whether nothing is stamped, as the clock is off.
func (c *hybrid) shut() bool { return c.fenced && c.fences }

// setRight has a clock that comes out of the fence go on as one of a start would, as the
// node does: not below what it has stamped, and with another writer id. It says whether
// it went back.
func (c *hybrid) setRight(now time.Duration, writer uint64) bool {
	physical := c.now(now).Physical
	next := max(c.risen, hlc.Restart(c.word, physical, physical+c.ahead, c.maxDrift))
	if next >= c.word {
		return false
	}
	c.word, c.writer = next, writer
	return true
}

// median is the median of the clocks of all members that were heard lately, own
// included; false while none was.
func (c *hybrid) median(now time.Duration) (hlc.Timestamp, bool) {
	here := c.now(now)
	c.scratch = c.scratch[:0]
	for i := range c.peers {
		if p := &c.peers[i]; p.known && here.Mono-p.at <= heardFor {
			c.scratch = append(c.scratch, p.offset)
		}
	}
	known := len(c.scratch) > 0
	return hlc.Make(here.Physical+hlc.Median(c.scratch, c.fenced), 0), known
}

// mono is the monotonic clock of the process, in milliseconds.
func (c *hybrid) mono(now time.Duration) int64 { return c.monoZero + c.h.elapsed(now).Milliseconds() }

func (c *hybrid) now(now time.Duration) replica.Now {
	mono := c.mono(now)
	return replica.Now{Mono: mono, Physical: mono + c.offset}
}

// read is the hybrid clock, not moved.
func (c *hybrid) read(now time.Duration) hlc.Timestamp {
	return max(c.word, hlc.Make(c.now(now).Physical, 0))
}

// stamp issues a time; false if the persisted bound is in the way.
func (c *hybrid) stamp(now time.Duration) (hlc.Version, bool) {
	t := hlc.Tick(c.word, c.now(now).Physical)
	if !hlc.Within(t, c.bound) && !traitor.Is(traitor.ForgottenBound) {
		return hlc.Version{}, false
	}
	c.word = t
	return hlc.Version{Time: t, Writer: c.writer}, true
}

// fill makes the clock one of a node that has had some 65,000 events within the
// present millisecond.
func (c *hybrid) fill(now time.Duration) {
	t := hlc.Make(c.read(now).Millis(), 1<<16-2)
	if t > c.word && hlc.Within(t, c.bound) {
		c.word = t
	}
}

// observe absorbs the clock of a peer's message, if it is not too far ahead.
func (c *hybrid) observe(now time.Duration, remote hlc.Timestamp) {
	if next, ok := hlc.Receive(c.word, remote, c.now(now).Physical, c.maxDrift); ok && remote > c.word {
		c.word = next
	}
}

// measure takes in the physical clock of a peer that is heard. Nobody sends a
// HEARTBEAT here: what its answer proves is looked up.
func (c *hybrid) measure(now time.Duration, from int, physical int64) {
	here := c.now(now)
	c.peers[from] = heard{true, physical - here.Physical, here.Mono}
}

// clockName is the system value that holds the persisted bound, 8 bytes
// big-endian.
const clockName = "clock"

// nextBound is the clock record to persist now.
func (c *hybrid) nextBound(now time.Duration) (hlc.Timestamp, []byte) {
	b := hlc.NextBound(c.word, c.bound, c.now(now).Physical)
	return b, binary.BigEndian.AppendUint64(nil, uint64(b))
}

// boundOn is the bound that a disk holds synced; 0 if it holds none.
func boundOn(d *disk) hlc.Timestamp {
	if b, ok := d.engine.Synced(storage.SystemKey(clockName)); ok && len(b) == 8 {
		return hlc.Timestamp(binary.BigEndian.Uint64(b))
	}
	return 0
}
