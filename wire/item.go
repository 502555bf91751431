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
	// Hint is the delivery of a hint.
	Hint WriteKind = 2
)

// Place is where a record stands: its token, namespace number and key.
type Place struct {
	Token     uint64
	Namespace uint32
	Key       []byte
}

// WriteItem asks a replica to merge a record. One item of a WRITE:
//
//	[call, kind, deadline_ms, token, namespace number, key, record, seen]
//
// seen, which is left out where the writer does not care, is the version of the
// key that it knew: the answer then names the one that the write buried.
type WriteItem struct {
	Call       uint64 // the slot that waits at the sender; repeated in the answer
	Kind       WriteKind
	DeadlineMS uint64 // from the sending on
	Place
	Record  []byte // in its stored form
	Seen    hlc.Version
	HasSeen bool
}

// ReadItem asks a replica for what it holds. One item of a READ or DIGEST:
//
//	[call, deadline_ms, token, namespace number, key]
type ReadItem struct {
	Call       uint64
	DeadlineMS uint64
	Place
}

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
//	[call, code, record]
type ReadResult struct {
	Call   uint64
	Code   contract.Code
	Record []byte
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
	if w.HasSeen {
		n++
	}
	dst = append(appendUint(appendArray(dst, n), w.Call), byte(w.Kind))
	dst = appendBin(w.Place.append(appendUint(dst, w.DeadlineMS)), w.Record)
	if w.HasSeen {
		dst = appendVersion(dst, w.Seen)
	}
	return dst
}

func (w *WriteItem) decode(r *reader) {
	w.Call, w.Kind = r.uint("call"), WriteKind(r.uintMax("kind", uint64(Hint)))
	w.DeadlineMS = r.uint("deadline_ms")
	w.Place.decode(r)
	w.Record = r.needBin("record")
	w.Seen, w.HasSeen = r.optVersion("seen")
}

// Append encodes the item.
func (w *ReadItem) Append(dst []byte) []byte {
	dst = appendUint(appendUint(appendArray(dst, 5), w.Call), w.DeadlineMS)
	return w.Place.append(dst)
}

func (w *ReadItem) decode(r *reader) {
	w.Call, w.DeadlineMS = r.uint("call"), r.uint("deadline_ms")
	w.Place.decode(r)
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
	dst = appendUint(appendUint(appendArray(dst, 3), w.Call), uint64(w.Code))
	return appendBinNil(dst, w.Record)
}

func (w *ReadResult) decode(r *reader) {
	w.Call, w.Code = r.uint("call"), r.code()
	w.Record = r.bin("record")
}
