package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"
)

// Room says what may still be written.
type Room uint8

// The states of a disk, from good to bad.
const (
	// RoomForAll: there is room for anything.
	RoomForAll Room = iota
	// RoomForDeletes: the free space is down to the reserve. Values are refused
	// with ErrDiskFull, one by one, by whoever fills the batch, since only it
	// knows what a value is. What makes room, or costs next to none, goes on:
	// tombstones, purges, notes, system values.
	RoomForDeletes
	// RoomForNothing: the last floor. Write refuses every batch with ErrDiskFull.
	RoomForNothing
)

// String names the state, for logs.
func (r Room) String() string {
	return [...]string{"room for all", "room for deletes only", "no room"}[r]
}

// Space is what a file system says of itself, in bytes.
type Space struct {
	Total uint64
	Free  uint64 // of that, what this process may still use
}

// spaceAge is how old a measurement may become. What is written meanwhile is
// counted.
const spaceAge = time.Second

// floorPart is which part of the share lies below the last floor.
const floorPart = 5

// gauge knows how much room there is. It measures when it is asked and the last
// measurement is too old: no goroutine, and an idle node asks the disk nothing.
type gauge struct {
	fs      FS
	dir     string
	percent int           // the reserve, of the disk; 0: there is none
	engine  func() uint64 // bytes that compactions may need beside what is there
	failed  *failure      // of the engine, which cannot go on without its directory

	written atomic.Uint64 // bytes written to the directory since it was opened
	begun   atomic.Uint64 // of those, in tables that the MANIFEST does not name yet

	mu       sync.Mutex // guards what follows
	measured time.Time
	space    Space
	before   uint64 // written, at that moment
	work     uint64 // engine(), at that moment

	last atomic.Pointer[spaceNow] // what now returned
}

// spaceNow is the present space and limits.
type spaceNow struct {
	Space
	reserve uint64 // below that much free space values are refused
	floor   uint64 // below that much everything is
}

// now measures if it has to. Unflushed is how many bytes of journals still have
// to be written out as tables: they will be, so they are not free.
//
// The floor is what the engine needs to stand still in good order: the tables that it
// owes, and the copies that a compaction makes before it removes what it has
// merged; and a little of the share. An engine that runs into the end of the disk
// is poisoned until a restart; one that was refused is not. The reserve is that
// and the share of the disk, for deletes and notes.
func (g *gauge) now(unflushed uint64) spaceNow {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.measured.IsZero() || time.Since(g.measured) >= spaceAge {
		g.measure()
	}
	n := g.estimate(unflushed)
	if n.room() != RoomForAll && g.written.Load() != g.before {
		// What compactions have written is counted, what they have removed is not:
		// nothing is refused because of an estimate.
		g.measure()
		n = g.estimate(unflushed)
	}
	g.last.Store(&n)
	return n
}

// spare says whether the last answer was that values may be written, and would
// still be with so many bytes less.
func (g *gauge) spare(bytes uint64) bool {
	last := g.last.Load()
	return last != nil && last.Free >= last.reserve+bytes
}

// shown is now for those who only look: a disk that does not answer is not asked.
func (g *gauge) shown(stalled bool, unflushed uint64) spaceNow {
	if last := g.last.Load(); stalled && last != nil {
		return *last
	}
	return g.now(unflushed)
}

// measure asks the disk. A measurement that fails says nothing: the last one
// holds, and what is written since goes on being counted. But where the directory is gone,
// the next start finds nothing of what is written from here on.
func (g *gauge) measure() {
	before := g.written.Load()
	switch s, err := g.fs.Space(g.dir); {
	case err == nil:
		g.space, g.before, g.work = s, before, g.engine()
	case errors.Is(err, fs.ErrNotExist):
		g.failed.set(fmt.Errorf("the database was removed or moved away while it was open: %w", err))
	}
	g.measured = time.Now()
}

// estimate is the last measurement less what was written since.
func (g *gauge) estimate(unflushed uint64) spaceNow {
	n := spaceNow{Space: g.space}
	since := g.written.Load() - g.before
	n.Free -= min(n.Free, since)
	if n.Total == 0 || g.percent <= 0 {
		return n // never measured, or not asked for
	}
	share := n.Total / 100 * uint64(g.percent)
	owed := unflushed + g.work
	owed -= min(owed, g.begun.Load())      // that much of it is done, and not free any more
	n.floor = max(1, share/floorPart+owed) // a disk of any size can be full
	n.reserve = n.floor + share - share/floorPart
	return n
}

// room is the state at these figures.
func (n spaceNow) room() Room {
	switch {
	case n.Free < n.floor:
		return RoomForNothing
	case n.Free < n.reserve:
		return RoomForDeletes
	}
	return RoomForAll
}

// compactionTables is about how many tables goleveldb merges at most in one
// compaction below level 1, both levels counted.
const compactionTables = 26

// compactionBytes is how much the next compactions may write before they remove
// anything: level 0 is merged with level 1 as a whole, deeper levels some
// tables at a time.
func compactionBytes(levels []int64, tableSize int) uint64 {
	var top, deep int64
	for level, bytes := range levels {
		if level < 2 {
			top += bytes
		} else {
			deep += bytes
		}
	}
	return uint64(max(top, min(top+deep, int64(compactionTables*tableSize))))
}
