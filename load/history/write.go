package history

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
)

// Class is what is known of a write's effect.
type Class uint8

// The classes.
const (
	Open  Class = iota
	Done        // as the answer says
	None        // no effect, now and for ever
	Doubt       // in doubt, or no answer came
)

func (c Class) String() string { return [...]string{"open", "done", "no effect", "in doubt"}[c] }

// Write is one write over all its attempts.
type Write struct {
	key     *Key
	id      uint64
	version hlc.Version
	delete  bool
	level   contract.Level
	floor   hlc.Version // what was acknowledged when it began, and its replicas cannot all be without

	// Guarded by the key's lock.
	class Class
	need  int // of how many replicas a client was told that they hold it
	seen  int // how many replicas stood behind a sight of it; 0: nobody has seen it
	sight string
}

// BeginWrite opens a write that is about to be sent under version v.
func (k *Key) BeginWrite(v hlc.Version, remove bool, l contract.Level) *Write {
	b := k.book
	w := &Write{key: k, id: b.ids.Add(1), version: v, delete: remove, level: l}
	b.count.writes.Add(1)
	if k.element {
		b.count.elements.Add(1)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	w.floor = k.acked.floor(b.need(l), b.proof)
	if k.writes[v] != nil {
		k.failLocked(Untrue, "version %v was given twice", v)
	}
	k.writes[v] = w
	k.lineLocked("%v", w)
	return w
}

// Version is the version of the write.
func (w *Write) Version() hlc.Version { return w.version }

// Written is what a client was told of a write that is done.
type Written struct {
	Version      hlc.Version
	SupersededBy hlc.Version // zero: it was applied
	Receipt      Receipt
}

// Done ends a write that was answered OK.
func (w *Write) Done(a Written) {
	k := w.key
	k.mu.Lock()
	defer k.mu.Unlock()
	w.endLocked(Done, a.Receipt.String())
	need := k.book.need(w.level)
	w.need = max(w.need, need)
	k.receiptLocked(w.level, need, a.Receipt, w.String())
	if a.Version != w.version {
		k.failLocked(Untrue, "%v is answered as version %v", w, a.Version)
	}
	if a.SupersededBy.IsZero() {
		if w.version.Less(w.floor) {
			k.failLocked(Untrue, "%v is answered applied, but %v was acknowledged before it began", w, w.floor)
		}
	} else {
		k.book.count.superseded.Add(1)
		if !w.version.Less(a.SupersededBy) {
			k.failLocked(Untrue, "%v is superseded by the lower %v", w, a.SupersededBy)
		}
		k.sightLocked(a.SupersededBy, 1, "as what superseded another write")
	}
	k.acked.told(need, w.version)
}

// Refused ends a write of which its client was told that it had no effect.
func (w *Write) Refused(why string) { w.failed(None, why) }

// InDoubt ends a write that may have had an effect.
func (w *Write) InDoubt(why string) { w.failed(Doubt, why) }

func (w *Write) failed(c Class, why string) {
	w.key.mu.Lock()
	defer w.key.mu.Unlock()
	w.endLocked(c, why)
	w.ghostLocked(why)
}

func (w *Write) endLocked(c Class, text string) {
	w.class = c
	w.key.book.count.ended[c].Add(1)
	w.key.lineLocked("%v -> %v: %s", w, c, text)
}

// Settled notes what OUTCOME has said of a write that was in doubt. winner is the
// version that stands, where that is another.
func (w *Write) Settled(f contract.Fate, winner hlc.Version) {
	k := w.key
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lineLocked("outcome of %v -> %v %v", w, f, winner)
	quorum := contract.QuorumOf(k.book.replicas)
	switch f {
	case contract.Committed:
		if w.class == None {
			k.failLocked(Ghost, "%v is committed, after it was not applied", w)
		}
		k.book.count.committed.Add(1)
		w.class, w.need = Done, max(w.need, quorum)
		k.acked.told(quorum, w.version)
	case contract.FateSuperseded:
		if !w.version.Less(winner) {
			k.failLocked(Untrue, "%v is superseded by the lower %v", w, winner)
		}
		k.sightLocked(winner, quorum, "as what superseded another write")
		k.shown.told(quorum, winner)
	case contract.NotApplied:
		k.book.count.notApplied.Add(1)
		if w.class == Done {
			k.failLocked(Untrue, "%v is not applied, but was acknowledged", w)
			return
		}
		w.class = None
		w.ghostLocked("OUTCOME: not applied")
	}
}

// InDoubt are the writes of a key of which nobody knows what became of them, in the
// order of their versions.
func (k *Key) InDoubt() (all []*Write) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, w := range k.writes { // sorted below
		if w.class == Doubt {
			all = append(all, w)
		}
	}
	slices.SortFunc(all, func(a, b *Write) int { return a.version.Compare(b.version) })
	return all
}

// sightLocked notes that a version has shown, as so many replicas hold it, and
// returns its write; nil if there is none.
func (k *Key) sightLocked(v hlc.Version, replicas int, where string) *Write {
	w := k.writes[v]
	if w == nil {
		k.failLocked(Fabricated, "version %v shows %s, which nobody wrote here", v, where)
		return nil
	}
	if replicas > w.seen {
		w.seen, w.sight = replicas, where
	}
	w.ghostLocked("")
	return w
}

// ghostLocked fails if a write that had no effect has shown.
func (w *Write) ghostLocked(why string) {
	if w.class == None && w.seen >= w.key.book.proof {
		w.key.failLocked(Ghost, "%v had no effect, but shows %s. %s", w, w.sight, why)
	}
}

func (w *Write) String() string {
	kind := "put"
	if w.delete {
		kind = "delete"
	}
	return fmt.Sprintf("#%d %s at %v, version %v", w.id, kind, w.level, w.version)
}

// valueSizes are the sizes of values, which follow from the number of the write.
var valueSizes = [...]int{8, 24, 100, 100, 100, 400, 1000, 12_000}

// Value is what the write writes: its number, and bytes that follow from it.
func (w *Write) Value() []byte {
	if w.delete {
		return nil
	}
	b := make([]byte, valueSizes[w.id%uint64(len(valueSizes))])
	binary.BigEndian.PutUint64(b, w.id)
	for i := 8; i < len(b); i++ {
		b[i] = byte(w.id>>8) ^ byte(w.id*uint64(i))
	}
	return b
}
