package hinted

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
)

// Options are fixed when a Core is made.
type Options struct {
	Self     ring.NodeID
	MaxBytes int64         // of the hints for one target, keys and records; 0: none are taken
	MaxAge   time.Duration // of hints that did not count
	Rate     int64         // bytes per second that are sent, to all targets together; 0: no bound
	Retry    time.Duration // the longest pause after a target was not able to take its hints
}

// Now is a reading of this node's clocks.
type Now struct {
	Mono     int64         // monotonic milliseconds
	Physical int64         // milliseconds since 1970
	Floor    hlc.Timestamp // this node's floor, durable or on its way there: no new hint at or below it
}

// Reach says whether a target can be reached.
type Reach uint8

// The three states of a peer (rule 3).
const (
	Down    Reach = iota
	Suspect       // reachable, but little is risked on it
	Up
)

// Input is what Tick is told.
type Input struct {
	Now
	// Busy says that the foreground needs what replay would take: nothing new is
	// read or sent meanwhile.
	Busy bool
	// Reach says how a target is. It is asked about members of the ring alone.
	Reach func(ring.NodeID) Reach
}

// Send is a hint to be delivered: a WRITE item of kind Deliver.
type Send struct {
	To   ring.NodeID
	Call uint64
	Place
	Record []byte
}

// WriteKind says what a Write is.
type WriteKind uint8

const (
	// Unhint erases the hint for Target at the Place.
	Unhint WriteKind = iota
	// Stand stores the record as a hint for Target. It replaces one that lies for
	// another target, so no floor keeps it out.
	Stand
	// Apply merges the record here, as the delivery of a hint to oneself.
	Apply
)

// Write is a change of this node's own storage.
type Write struct {
	Kind   WriteKind
	Call   uint64
	Target ring.NodeID
	Place
	Record  []byte // of Stand and Apply
	Counted bool   // of Stand
}

// Mark is a system value to be stored: all dirty marks of one target.
type Mark struct {
	Call  uint64
	Name  string
	Value []byte
}

// Effects is what is to be done after a Tick. A caller keeps one and its memory.
type Effects struct {
	Marks   []Mark        // to the committer
	Writes  []Write       // to the committer
	Sends   []Send        // to other nodes
	Reads   []*Page       // to be filled
	Compact []ring.NodeID // targets in whose range little is left but erased keys
	Alarms  []Refused     // refusals that cannot be, by rule 8
	Rest    int64         // milliseconds after which a Tick would read on for a target; 0: none rests
}

// Reset empties the effects and keeps their memory.
func (e *Effects) Reset() {
	e.Marks, e.Writes, e.Sends = e.Marks[:0], e.Writes[:0], e.Sends[:0]
	e.Reads, e.Compact, e.Alarms, e.Rest = e.Reads[:0], e.Compact[:0], e.Alarms[:0], 0
}

// Core is one node's hints: what is known of them, never themselves. Its owner
// calls it from one place at a time.
type Core struct {
	o       Options
	view    *ring.View
	targets []*target // by slot, in the order in which they were met
	sorted  []*target // by id, for people
	slots   map[ring.NodeID]int
	tickets []ticket
	free    []uint16 // tickets that are not in use
	coming  []coming // in the order of their batches
	turn    int      // the target that is served first
	credit  int64    // bytes that may be sent now; below 0 after a large one
	filled  int64    // when credit was reckoned last, monotonic milliseconds
	started bool     // filled is set
	alarms  []Refused
}

// New makes a Core from what is stored, which it walks once. Its error is the
// store's, or wraps record.ErrCorrupt where dirty marks cannot be read.
func New(o Options, s Store) (*Core, error) {
	c := &Core{o: o, slots: make(map[ring.NodeID]int)}
	err := s.All(func(id ring.NodeID, p Place, value []byte) bool {
		t := c.target(id)
		if t.next == never {
			t.next = p.Version.Time
		}
		t.count++
		t.bytes += int64(hintOverhead-valueHead+len(p.Key)) + int64(len(value))
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("hinted: walk the hints: %w", err)
	}
	var bad error
	err = s.Marks(func(name string, value []byte) bool {
		id, rows, err := parseMarks(name, value)
		if bad = err; err != nil {
			return false
		}
		c.target(id).marks.rows = rows
		return true
	})
	if err = cmp.Or(bad, err); err != nil {
		return nil, fmt.Errorf("hinted: read the dirty marks: %w", err)
	}
	return c, nil
}

// Ring tells what the present epoch says. When owners have changed, hints follow
// them: each is looked at again.
func (c *Core) Ring(v *ring.View) {
	if c.view != nil && c.view.Epoch() == v.Epoch() {
		return
	}
	c.view = v
	for _, t := range c.targets {
		t.reroute = reroute{wanted: t.any()}
		t.unmove()
	}
}

// target finds or makes the row of a target.
func (c *Core) target(id ring.NodeID) *target {
	if i, ok := c.slots[id]; ok {
		return c.targets[i]
	}
	t := newTarget(id, len(c.targets))
	c.slots[id] = t.slot
	c.targets = append(c.targets, t)
	at, _ := slices.BinarySearchFunc(c.sorted, id, func(o *target, id ring.NodeID) int { return o.id.Compare(id) })
	c.sorted = slices.Insert(c.sorted, at, t)
	return t
}

// Calls tie an answer to what it is about. The shard byte is Shard for all of
// them.
//
//	bits    56..63  Shard
//	        48..55  what: item of a page, ticket, marks
//	        32..47  slot of the target
//	        16..31  generation of the page or the ticket
//	        0..15   number of the item or the ticket
const (
	// Shard is the highest byte of every call of a Core.
	Shard = 0xf0

	callItem   = 0
	callTicket = 1
	callMarks  = 2
)

func makeCall(what, slot int, generation uint16, i int) uint64 {
	return Shard<<56 | uint64(what)<<48 | uint64(uint16(slot))<<32 | uint64(generation)<<16 | uint64(uint16(i))
}

func splitCall(call uint64) (what, slot int, generation uint16, i int) {
	return int(call >> 48 & 0xff), int(call >> 32 & 0xffff), uint16(call >> 16), int(call & 0xffff)
}
