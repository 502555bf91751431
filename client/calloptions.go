package client

import (
	"time"

	"github.com/candordb/candor/contract"
)

// CallOption changes one call. An option that means nothing to a call (TTL to
// Get) is ignored by it.
type CallOption func(*call)

// call is what the options of a call say.
type call struct {
	level                 Level
	ttl                   time.Duration
	hasTTL                bool
	stamp                 Version
	after, seen           Version
	hasAfter, hasSeen     bool
	rows, weaken, ordered bool
	sloppy                bool
	trace                 *Trace

	keysOnly bool
	pageSize int
	cursor   []byte
	progress *Progress
}

// At asks for a level.
func At(l Level) CallOption { return func(k *call) { k.level = l } }

// Weaken lets a Get or a Scan be answered at a lower level where its own cannot
// be met: at the best that was, after half of the deadline, or at once if too
// few replicas can be reached. Receipt.Level (a scan's Coverage) then tells.
func Weaken() CallOption { return func(k *call) { k.weaken = true } }

// Ordered has a write stamped by the node, above the version that a quorum
// holds: of two writes, the one that begins after the other has ended wins,
// whatever the clocks say. It costs a read more. As the client knows no stamp
// to repeat it with, such a write is never sent twice: without an answer it is
// in doubt at once. It excludes Stamp.
func Ordered() CallOption { return func(k *call) { k.ordered = true } }

// Sloppy lets nodes that own no copy of the key stand in for replicas that cannot
// be reached: each keeps the write for one of them, synced before it answers, and
// counts toward the level. Receipt.Hinted counts them apart. Such a write may be
// missed by a Get at QUORUM until it has been handed over. Of Outcome it says
// that the write was a sloppy one.
func Sloppy() CallOption { return func(k *call) { k.sloppy = true } }

// TTL lets a Put expire that long after its version's time; 0: never. It is
// counted in whole milliseconds, rounded up.
func TTL(d time.Duration) CallOption {
	return func(k *call) { k.ttl, k.hasTTL = max(d, 0), true }
}

// Stamp gives a write its version. It is for repeating a write that ended in
// doubt: with the same key, value, options and version it is the same write.
func Stamp(v Version) CallOption { return func(k *call) { k.stamp = v } }

// After asks that a Get be answered with this version of its key or a newer one,
// at any level, or fail. The zero version asks for nothing, not even under
// WithSession.
func After(v Version) CallOption { return func(k *call) { k.after, k.hasAfter = v, true } }

// Seen says which version of the key the writer knew (zero: of none). The
// receipt's Buried then tells whether the write replaced a newer one.
func Seen(v Version) CallOption { return func(k *call) { k.seen, k.hasSeen = v, true } }

// PerReplica asks for what each replica did, in Receipt.Replicas.
func PerReplica() CallOption { return func(k *call) { k.rows = true } }

// TraceTo asks for the steps of a Get, Put or Delete, which replace what t
// holds; t must not be read before the call has returned.
func TraceTo(t *Trace) CallOption { return func(k *call) { k.trace = t } }

// KeysOnly leaves the values out of a scan.
func KeysOnly() CallOption { return func(k *call) { k.keysOnly = true } }

// PageSize is how many items a Scan fetches at once, at most; 0 is the node's
// default (1000).
func PageSize(n int) CallOption { return func(k *call) { k.pageSize = max(n, 0) } }

// From lets a Scan go on at a cursor: that of a Progress, a Page or a
// *PartialError.
func From(cursor []byte) CallOption { return func(k *call) { k.cursor = cursor } }

// ProgressTo keeps p up to date while a Scan goes on: before the first item of
// each page it is set to what that page ends with. It is read by the goroutine
// that ranges over the scan.
func ProgressTo(p *Progress) CallOption { return func(k *call) { k.progress = p } }

func (k *call) flags(write bool) (f contract.Flags) {
	if k.rows {
		f |= contract.Rows
	}
	if k.trace != nil {
		f |= contract.Trace
	}
	if k.weaken && !write {
		f |= contract.Weaken
	}
	if k.sloppy && write {
		f |= contract.Sloppy
	}
	if k.ordered && write {
		f |= contract.Ordered
	}
	return f
}

func (k *call) ttlMillis() uint64 {
	return uint64((k.ttl + time.Millisecond - 1) / time.Millisecond)
}
