package wire

import "github.com/candordb/candor/hlc"

// VoidItem asks a replica that lacks a version of a key, and any higher one, to
// note durably that it will refuse it from now on. One item of a VOID:
//
//	[call, deadline_ms, token, namespace number, key, version]
//
// It is answered by a WriteResult: OK without a winner, the note is durable; OK
// with one, the replica holds the version that was asked about, or this higher
// one, and has noted nothing.
type VoidItem struct {
	Call       uint64
	DeadlineMS uint64
	Place
	Version hlc.Version
}

// Append encodes the item.
func (w *VoidItem) Append(dst []byte) []byte {
	dst = appendUint(appendUint(appendArray(dst, 6), w.Call), w.DeadlineMS)
	return appendVersion(w.Place.append(dst), w.Version)
}

func (w *VoidItem) decode(r *reader) {
	w.Call, w.DeadlineMS = r.uint("call"), r.uint("deadline_ms")
	w.Place.decode(r)
	version, given := r.optVersion("version")
	if !given {
		r.fail(required, "version")
	}
	w.Version = version
}

// NextVoid takes the next item of a VOID; false at the end, or with
// ErrMalformed.
func (q *PeerRequest) NextVoid(w *VoidItem) (bool, error) {
	outer, more := q.items.beginItem()
	if !more {
		return false, q.items.broken()
	}
	w.decode(&q.items)
	return q.items.endItem(outer)
}
