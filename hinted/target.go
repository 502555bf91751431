package hinted

import (
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
)

// target is what is known of the hints for one node.
//
// They are read in the order of their places, and reading goes on where it
// stopped: what lies before has been erased, and to look for the first hint from
// the beginning would mean to walk over all erased keys again. So each hint that
// is still there is in one of five groups, each known by a time that none of it
// lies below: those behind the last place read (next); those at or before it that
// came later or were left (again); counted ones that were left when their
// neighbours expired (skipped); the page; and those that were refused. Oldest is
// the least of the five, and of what is on its way into the store.
type target struct {
	id    ring.NodeID
	slot  int
	count int64 // hints that are stored, or in a batch that is being synced
	bytes int64

	reserved int64 // bytes of hints that Offer has taken and that have no result yet
	coming   int   // of count: those in a batch

	at      Place // the last place read
	next    hlc.Timestamp
	again   hlc.Timestamp
	skipped hlc.Timestamp

	page       Page
	generation uint16 // of the page; a late answer to an earlier one is not counted
	pass       pass   // what the page was read for
	reading    bool   // the shell fills the page
	open       int    // items of the page that are not settled; 0: there is no page
	lows       lows

	refusals refusals
	marks    marks
	flow     flow
	reroute  reroute
	drop     reroute
	erased   int64 // since the range was compacted last
	drained  int64 // since when there has been nothing to read, monotonic milliseconds; notYet: there is
	sums     sums
}

// lows are the least times of what a page leaves behind.
type lows struct{ again, skipped hlc.Timestamp }

// reroute is a pass over all hints of a target: wanted, and then under way.
type reroute struct{ wanted, begun bool }

// sums only rise.
type sums struct {
	stored, replayed, voided, expired, dropped, moved, overflowed, withheld, refused, late uint64
}

// pass is what a page is read for.
type pass uint8

const (
	passReplay pass = iota // the target can be reached
	passExpire             // the oldest are too old
	passMove               // owners have changed
	passDrop               // an operator wants them gone
)

func newTarget(id ring.NodeID, slot int) *target {
	t := &target{id: id, slot: slot, next: never, again: never, skipped: never}
	t.refusals.low, t.flow.window, t.drained = never, windowFirst, notYet
	return t
}

// any says whether there may be hints for the target.
func (t *target) any() bool {
	return t.open > 0 || t.reading || t.coming > 0 || t.refusals.count() > 0 || !t.read()
}

// read says whether every hint that is stored was looked at.
func (t *target) read() bool { return t.next == never && t.again == never && t.skipped == never }

// stored tells that a hint of this time is durable now.
func (t *target) stored(at hlc.Timestamp) {
	switch {
	case t.reading:
		// Whether the page has met it cannot be told. Filled sorts it out.
		t.lows.again = min(t.lows.again, at)
	case at > t.at.Version.Time:
		t.next = min(t.next, at)
	default:
		t.again = min(t.again, at)
	}
}

// rewind makes reading go on at the first hint of this time or above.
func (t *target) rewind(low hlc.Timestamp) {
	if low <= t.at.Version.Time {
		t.at.set(Place{Version: hlc.Version{Time: low}})
	}
	t.next = min(t.next, low)
	if t.again >= low {
		t.again = never
	}
	if t.skipped >= low {
		t.skipped = never
	}
}

// oldest is a time that no hint for the target lies below; never if there is
// none. Those on their way into the store are not looked at.
func (t *target) oldest() hlc.Timestamp {
	low := min(t.next, t.again, t.skipped, t.refusals.low)
	if t.reading || t.open > 0 {
		low = min(low, t.lows.again, t.lows.skipped)
	}
	if t.open > 0 && len(t.page.items) > 0 {
		low = min(low, t.page.items[0].version.Time)
	}
	return low
}
