package hinted

import (
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
)

// Store reads what is durable of the hints and the dirty marks.
type Store interface {
	// Hints walks the hints for a target, in the order of their places, behind
	// after, until fn returns false; behind the zero Place lie all. The bytes are
	// good during fn only. It may wait for the disk. Outcomes: nil, the end was
	// reached or fn stopped; an error, what was seen is good and the rest unknown.
	Hints(target ring.NodeID, after Place, fn func(p Place, value []byte) bool) error
	// All walks the hints for all targets, one target after the other, in the same
	// way.
	All(fn func(target ring.NodeID, p Place, value []byte) bool) error
	// Marks walks the system values whose names begin with MarksPrefix.
	Marks(fn func(name string, value []byte) bool) error
}

// Page is one window of the hints for one target, in memory.
type Page struct {
	slot   int // of the target
	target ring.NodeID
	after  Place         // reading begins behind it
	until  hlc.Timestamp // and does not go above this time
	hints  int           // at most so many
	bytes  int           // and, but for the first, of so many bytes

	items []item
	arena []byte        // keys and records of the items
	end   bool          // there was nothing behind the last item
	next  hlc.Timestamp // else the time of the first hint behind it
}

// state is how far a hint of a page has come.
type state uint8

const (
	waiting  state = iota // for a decision, or for its turn
	sent                  // to the target
	moving                // to its present owners
	doomed                // to be erased
	erasing               // the committer has it
	gone                  // it is erased, durably
	left                  // it stays, and will be looked at again
	retained              // it stays, because it was refused
)

// reason is why a hint is erased.
type reason uint8

const (
	replayed reason = iota
	voided
	expired
	dropped
	moved
)

// item is one hint of a page.
type item struct {
	version   hlc.Version
	token     ring.Token
	namespace uint32
	at        int // of the key in the arena; the record follows
	keyBytes  int
	recBytes  int
	counted   bool
	damaged   bool // its bytes are not those of a hint
	state     state
	reason    reason
	failed    bool  // a move did not come through
	tried     bool  // it was sent, if perhaps in vain
	waits     int   // writes that a move waits for
	sentAt    int64 // monotonic milliseconds
	partition int
	marked    uint64 // the write of the dirty marks that has to be durable before it is erased
}

func (p *Page) key(it *item) []byte { return p.arena[it.at : it.at+it.keyBytes : it.at+it.keyBytes] }

func (p *Page) record(it *item) []byte {
	from, to := it.at+it.keyBytes, it.at+it.keyBytes+it.recBytes
	return p.arena[from:to:to]
}

func (p *Page) place(it *item) Place {
	return Place{Version: it.version, Token: it.token, Namespace: it.namespace, Key: p.key(it)}
}

func (p *Page) size(it *item) int64 { return int64(hintOverhead + it.keyBytes + it.recBytes) }

// Target is whose hints the page holds.
func (p *Page) Target() ring.NodeID { return p.target }

// Fill reads the page. It is the one thing of a Core that may wait for the disk;
// meanwhile the Core does not look at the page.
func (p *Page) Fill(s Store) error {
	p.items, p.arena, p.end, p.next = p.items[:0], p.arena[:0], true, never
	return s.Hints(p.target, p.after, p.take)
}

// take adds a hint; false if it does not belong into the page any more.
func (p *Page) take(at Place, value []byte) bool {
	full := len(p.items) >= p.hints || len(p.items) > 0 && len(p.arena)+len(at.Key)+len(value) > p.bytes
	if full || at.Version.Time > p.until {
		p.end, p.next = false, at.Version.Time
		return false
	}
	it := item{version: at.Version, token: at.Token, namespace: at.Namespace, at: len(p.arena), keyBytes: len(at.Key)}
	rec, counted, err := ParseValue(at.Version, value)
	if err != nil {
		rec, it.damaged = value[min(valueHead, len(value)):], true
	}
	it.counted, it.recBytes = counted, len(rec)
	p.arena = append(append(p.arena, at.Key...), rec...)
	p.items = append(p.items, it)
	return true
}

// clear forgets what the page holds, and keeps its memory for the next.
func (p *Page) clear() { p.items, p.arena = p.items[:0], p.arena[:0] }

// release gives the memory back.
func (p *Page) release() { p.items, p.arena = nil, nil }
