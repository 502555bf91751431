package wire

import "github.com/candordb/candor/contract"

// RangeRequest asks a replica for records of a range of tokens, in order
// of token and key:
//
//	[0x43, id, epoch, clock, call, deadline_ms, namespace number, from token, after key, last token, prefix, limit, bytes, keys_only, all]
//
// The range begins behind (From, After), or at From if After is nil, and ends
// with Last.
type RangeRequest struct {
	Call       uint64
	DeadlineMS uint64
	Namespace  uint32
	From       uint64
	After      []byte
	Last       uint64
	Prefix     []byte
	Limit      uint64 // items at most
	Bytes      uint64 // of keys and values at most, but for the first item
	KeysOnly   bool
	All        bool // tombstones and expired records too, not only what is live
}

const rangeFields = 11

// Append encodes the request as a frame.
func (q *RangeRequest) Append(dst []byte, h PeerHead) []byte {
	start := len(dst)
	dst = appendUint(appendUint(h.begin(dst, rangeFields), q.Call), q.DeadlineMS)
	dst = appendBinNil(appendUint(appendUint(dst, uint64(q.Namespace)), q.From), q.After)
	dst = appendBinNil(appendUint(dst, q.Last), q.Prefix)
	dst = appendBool(appendBool(appendUint(appendUint(dst, q.Limit), q.Bytes), q.KeysOnly), q.All)
	return EndFrame(dst, start)
}

func (q *RangeRequest) decode(r *reader) {
	q.Call, q.DeadlineMS = r.uint("call"), r.uint("deadline_ms")
	q.Namespace = uint32(r.uintMax("namespace", 1<<32-1))
	q.From, q.After, q.Last = r.uint("from"), r.bin("after"), r.uint("last")
	q.Prefix, q.Limit, q.Bytes, q.KeysOnly = r.bin("prefix"), r.uint("limit"), r.uint("bytes"), r.bool("keys_only")
	q.All = r.bool("all")
}

// RangeItem is one record of a range. Record is the whole record, or its
// header under keys_only.
type RangeItem struct {
	Token  uint64
	Key    []byte
	Record []byte
}

// RangeResult answers a RangeRequest:
//
//	[call, code, items, done, next token, next key]
//
// Items are rows [token, key, record]. Done: the range was walked to its end.
// Else it goes on behind (NextToken, NextKey).
type RangeResult struct {
	Call      uint64
	Code      contract.Code
	Items     []RangeItem
	Done      bool
	NextToken uint64
	NextKey   []byte
}

// Append encodes the result as the answer frame.
func (w *RangeResult) Append(dst []byte, h Head) []byte {
	start := len(dst)
	dst = appendUint(appendUint(h.begin(dst, 6), w.Call), uint64(w.Code))
	dst = appendArray(dst, len(w.Items))
	for i := range w.Items {
		it := &w.Items[i]
		dst = appendBin(appendBin(appendUint(appendArray(dst, 3), it.Token), it.Key), it.Record)
	}
	dst = appendUint(appendBool(dst, w.Done), w.NextToken)
	return EndFrame(appendBinNil(dst, w.NextKey), start)
}

func (w *RangeResult) decode(r *reader) {
	w.Call, w.Code = r.uint("call"), r.code()
	outer, items := rows(r, "items", w.Items)
	for r.more() {
		inner, _ := r.enter("item")
		items = append(items, RangeItem{r.uint("token"), r.needBin("key"), r.needBin("record")})
		r.leave(inner)
	}
	r.leave(outer)
	w.Items = items
	w.Done, w.NextToken, w.NextKey = r.bool("done"), r.uint("next token"), r.bin("next key")
}
