package wire

import (
	"encoding/binary"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
)

// WriteKind says what a WRITE item is. Append-only.
type WriteKind uint8

// The kinds.
const (
	// Fresh is a client's write; it alone is subject to the request age limit.
	Fresh WriteKind = 0
	// Repair is a write-back of what a replica holds.
	Repair WriteKind = 1
	// Deliver is the delivery of a hint to whom it is for.
	Deliver WriteKind = 2
	// Stand asks to keep the record, as a hint, for the item's target.
	Stand WriteKind = 3
	// Exchange is what anti-entropy found that the sender holds; the item's mark is
	// the fence that it had when it read the record.
	Exchange WriteKind = 4
)

// Place is where a record stands: its token, namespace number and key.
type Place struct {
	Token     uint64
	Namespace uint32
	Key       []byte
}

// WriteItem asks a replica to merge a record. One item of a WRITE:
//
//	[call, kind, deadline_ms, token, namespace number, key, record, seen, target, mark]
//
// seen, which is nil where the writer does not care, is the version of the key
// that it knew: the answer then names the one that the write buried. target is of
// kind Stand, mark of kind Exchange; what is not needed at the end is left out.
type WriteItem struct {
	Call       uint64 // the slot that waits at the sender; repeated in the answer
	Kind       WriteKind
	DeadlineMS uint64 // from the sending on
	Place
	Record  []byte // in its stored form
	Seen    hlc.Version
	HasSeen bool
	Target  [16]byte      // the node that the record is kept for
	Mark    hlc.Timestamp // the sender's fence
}

// ReadItem asks a replica for what it holds. One item of a READ or DIGEST:
//
//	[call, deadline_ms, token, namespace number, key, want, version]
//
// want, which is left out where it is 0, is a sum.
type ReadItem struct {
	Call       uint64
	DeadlineMS uint64
	Place
	Want    Want
	Version hlc.Version // WantHint: of the hint
}

// Want says what else a READ item asks for.
type Want uint8

const (
	// WantMark asks for the fence of the key's partition.
	WantMark Want = 1
	// WantHint asks not for what the node holds as a replica but for a hint of the
	// version, for whomever it is kept.
	WantHint Want = 2
)

// WriteResult is the answer to one WriteItem:
//
//	[call, code, winner, clock kind, buried]
//
// OK without a winner: the replica holds the record, durably. With one: it
// holds that higher version. Else it has refused for good. buried, which is left
// out where there is none, is the live version above the item's seen that the
// write has replaced.
type WriteResult struct {
	Call   uint64
	Code   contract.Code
	Winner hlc.Version
	Kind   contract.ClockKind
	Buried hlc.Version // zero: none
}

// ReadResult is the answer to one ReadItem: the record or, of a DIGEST, its
// header; nil if the replica holds nothing.
//
//	[call, code, record, mark]
//
// mark is left out where it is 0.
type ReadResult struct {
	Call   uint64
	Code   contract.Code
	Record []byte
	Mark   hlc.Timestamp // the fence of the key's partition, where that was asked for
}

// A frame of items has its count in a fixed-width array header, so that items
// can be added while it waits to be sent: BeginItems or BeginResults, then any
// number of Append calls, then EndItems with the count.

// itemsHeader is the width of that header.
const itemsHeader = 5

// BeginItems begins a frame of items. The items array is its last field.
func BeginItems(dst []byte, h PeerHead) []byte { return append(h.begin(dst, 1), 0xdd, 0, 0, 0, 0) }

// BeginResults begins the frame that answers one.
func BeginResults(dst []byte, h Head) []byte { return append(h.begin(dst, 1), 0xdd, 0, 0, 0, 0) }

// EndItems ends the frame that was begun at start, whose items begin at items
// (the length of dst after BeginItems or BeginResults).
func EndItems(dst []byte, start, items, count int) []byte {
	binary.BigEndian.PutUint32(dst[items-itemsHeader+1:], uint32(count))
	return EndFrame(dst, start)
}

func (p *Place) append(dst []byte) []byte {
	dst = appendUint(appendUint(dst, p.Token), uint64(p.Namespace))
	return appendBin(dst, p.Key)
}

func (p *Place) decode(r *reader) {
	p.Token = r.uint("token")
	p.Namespace = uint32(r.uintMax("namespace", 1<<32-1))
	p.Key = r.needBin("key")
}

// Append encodes the item.
func (w *WriteItem) Append(dst []byte) []byte {
	n := 7
	switch {
	case w.Kind == Exchange:
		n = 10
	case w.Kind == Stand:
		n = 9
	case w.HasSeen:
		n = 8
	}
	dst = append(appendUint(appendArray(dst, n), w.Call), byte(w.Kind))
	dst = appendBin(w.Place.append(appendUint(dst, w.DeadlineMS)), w.Record)
	switch {
	case w.HasSeen:
		dst = appendVersion(dst, w.Seen)
	case n > 7:
		dst = appendNil(dst)
	}
	switch {
	case w.Kind == Stand:
		dst = appendBin(dst, w.Target[:])
	case n > 8:
		dst = appendNil(dst)
	}
	if n > 9 {
		dst = appendUint(dst, uint64(w.Mark))
	}
	return dst
}

func (w *WriteItem) decode(r *reader) {
	w.Call, w.Kind = r.uint("call"), WriteKind(r.uintMax("kind", uint64(Exchange)))
	w.DeadlineMS = r.uint("deadline_ms")
	w.Place.decode(r)
	w.Record = r.needBin("record")
	w.Seen, w.HasSeen = r.optVersion("seen")
	w.Target = r.target(w.Kind == Stand)
	w.Mark = hlc.Timestamp(r.uint("mark"))
}

// target reads the id of the node that a hint is for.
func (r *reader) target(needed bool) (id [16]byte) {
	b := r.bin("target")
	switch {
	case b == nil && needed:
		r.fail(required, "target")
	case b != nil && len(b) != len(id):
		r.fail(wrongSize, "target")
	}
	copy(id[:], b)
	return id
}

// Append encodes the item.
func (w *ReadItem) Append(dst []byte) []byte {
	n := 5
	switch {
	case w.Want&WantHint != 0:
		n = 7
	case w.Want != 0:
		n = 6
	}
	dst = appendUint(appendUint(appendArray(dst, n), w.Call), w.DeadlineMS)
	dst = w.Place.append(dst)
	if n > 5 {
		dst = append(dst, byte(w.Want))
	}
	if n > 6 {
		dst = appendVersion(dst, w.Version)
	}
	return dst
}

func (w *ReadItem) decode(r *reader) {
	w.Call, w.DeadlineMS = r.uint("call"), r.uint("deadline_ms")
	w.Place.decode(r)
	w.Want = Want(r.uintMax("want", uint64(WantMark|WantHint)))
	w.Version = r.version("version")
}

// Append encodes the result.
func (w *WriteResult) Append(dst []byte) []byte {
	n := 4
	if !w.Buried.IsZero() {
		n++
	}
	dst = appendUint(appendUint(appendArray(dst, n), w.Call), uint64(w.Code))
	dst = append(appendVersionNil(dst, w.Winner), byte(w.Kind))
	if !w.Buried.IsZero() {
		dst = appendVersion(dst, w.Buried)
	}
	return dst
}

func (w *WriteResult) decode(r *reader) {
	w.Call, w.Code = r.uint("call"), r.code()
	w.Winner, w.Kind = r.version("winner"), contract.ClockKind(r.uintMax("kind", 255))
	w.Buried = r.version("buried")
}

// Append encodes the result.
func (w *ReadResult) Append(dst []byte) []byte {
	n := 3
	if w.Mark != 0 {
		n++
	}
	dst = appendUint(appendUint(appendArray(dst, n), w.Call), uint64(w.Code))
	dst = appendBinNil(dst, w.Record)
	if w.Mark != 0 {
		dst = appendUint(dst, uint64(w.Mark))
	}
	return dst
}

func (w *ReadResult) decode(r *reader) {
	w.Call, w.Code = r.uint("call"), r.code()
	w.Record = r.bin("record")
	w.Mark = hlc.Timestamp(r.uint("mark"))
}
