package history

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
)

// Replica is what a natural replica of a key holds, as EXPLAIN tells or as its disk
// shows.
type Replica struct {
	Node      string
	Known     bool        // false: it could not be asked
	Version   hlc.Version // zero: it holds nothing
	Tombstone bool
	Bytes     int // of the value
	Sound     bool
	// Record is the record, byte for byte, where a disk was read; else nil.
	Record []byte
}

// OnDisk is a replica whose disk was read; rec is nil if it holds nothing. A
// record that cannot be read is not Sound.
func OnDisk(node string, rec []byte) Replica {
	r := Replica{Node: node, Known: true, Sound: true, Record: rec}
	if rec == nil {
		return r
	}
	parsed, err := record.Parse(rec)
	r.Version, r.Tombstone, r.Bytes, r.Sound = parsed.Version, parsed.Tombstone, len(parsed.Value), err == nil
	return r
}

// same says whether two replicas hold the same.
func (r *Replica) same(o *Replica) bool {
	return r.Version == o.Version && r.Tombstone == o.Tombstone && r.Bytes == o.Bytes && r.Sound == o.Sound && bytes.Equal(r.Record, o.Record)
}

func (r Replica) String() string {
	switch {
	case !r.Known:
		return r.Node + " is not known"
	case !r.Sound:
		return r.Node + " is damaged"
	case r.Version.IsZero():
		return r.Node + " holds nothing"
	case r.Tombstone:
		return fmt.Sprintf("%s holds tombstone %v", r.Node, r.Version)
	}
	return fmt.Sprintf("%s holds %v, %d bytes", r.Node, r.Version, r.Bytes)
}

// Agree says whether all replicas of a key are known and hold the same.
func (b *Book) Agree(all []Replica) bool {
	var first *Replica
	for i := range all {
		r := &all[i]
		switch {
		case !r.Known || !r.Sound:
			return false
		case b.Purges && r.Version.IsZero():
		case first == nil:
			first = r
		case !r.same(first):
			return false
		}
	}
	return first == nil || first.Tombstone || !slices.ContainsFunc(all, func(r Replica) bool { return r.Version.IsZero() != first.Version.IsZero() })
}

// heldLocked judges what one replica holds, and returns its write.
func (k *Key) heldLocked(r *Replica) *Write {
	w := k.sightLocked(r.Version, 1, "on "+r.Node)
	if w == nil {
		return nil
	}
	value := w.Value()
	wrong := r.Tombstone != w.delete || r.Bytes != len(value)
	if r.Record != nil && !wrong {
		parsed, err := record.Parse(r.Record)
		wrong = err != nil || parsed.ExpiresAt != 0 || !bytes.Equal(parsed.Value, value)
	}
	if wrong {
		k.failLocked(Fabricated, "%v, which is not what %v wrote", r, w)
	}
	return w
}

// Final judges what the replicas of a key hold when all is healed and nobody
// writes any more.
func (k *Key) Final(all []Replica) {
	k.book.count.finals.Add(1)
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(all) != k.book.replicas {
		k.failLocked(Diverged, "there are %d replicas, not %d: %v", len(all), k.book.replicas, all)
	} else if !k.book.Agree(all) {
		k.failLocked(Diverged, "%v", all)
	}
	var best *Write
	for i := range all {
		if r := &all[i]; r.Known && r.Sound && !r.Version.IsZero() {
			if w := k.heldLocked(r); w != nil && (best == nil || best.version.Less(w.version)) {
				best = w
			}
		}
	}
	k.notLostLocked(best)
}

// notLostLocked checks that what stands in the end is at least the highest write
// that was acknowledged, or read.
func (k *Key) notLostLocked(best *Write) {
	least := k.book.proof
	floor := k.knownLocked(least)
	var top *Write // the highest delete that was acknowledged
	for v, w := range k.writes {
		if w.delete && w.class == Done && w.need >= least && (top == nil || top.version.Less(v)) {
			top = w
		}
	}
	switch {
	case best == nil && k.goneLocked(floor):
	case best != nil && !best.version.Less(floor):
		if k.element && best.class == Doubt {
			k.book.count.recovered.Add(1)
		}
	case best != nil && !best.delete && top != nil && best.version.Less(top.version):
		k.failLocked(Resurrected, "%v stands, below the acknowledged %v", best, top)
	case best == nil:
		k.failLocked(Lost, "no replica holds anything, but %v was acknowledged or read", floor)
	default:
		k.failLocked(Lost, "the best replica holds %v, but %v was acknowledged or read", best, floor)
	}
}

// Stray notes that a disk holds a key that does not belong there, or that nobody
// has written.
func (b *Book) Stray(node, key string) {
	b.Report(Fabricated, "%s holds key %q, which nobody wrote there", node, key)
}
