package wire

import (
	"pgregory.net/rapid"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
)

func drawPlace(t *rapid.T) (Place, fields) {
	p := Place{Token: draw(t, numbers), Namespace: rapid.Uint32().Draw(t, "namespace"), Key: draw(t, someKeys)}
	return p, fields{p.Token, uint64(p.Namespace), p.Key}
}

func drawPeerRequest(t *rapid.T) sample {
	op := Op(rapid.IntRange(int(OpWrite), int(OpAccept)).Draw(t, "op"))
	h := PeerHead{Op: op, ID: draw(t, anyIDs), Epoch: draw(t, numbers), Clock: hlc.Timestamp(draw(t, numbers))}
	head := fields{int(op), h.ID, h.Epoch, uint64(h.Clock)}
	want := peerRead{Request: PeerRequest{PeerHead: h}}
	var frame []byte
	var v fields
	switch op {
	case OpWrite, OpRead, OpDigest:
		frame, v = drawItems(t, &want)
	case OpRange:
		q := &want.Request.Range
		*q = RangeRequest{
			Call: draw(t, numbers), DeadlineMS: draw(t, numbers), Namespace: rapid.Uint32().Draw(t, "namespace"), From: draw(t, numbers),
			Last: draw(t, numbers), Limit: draw(t, numbers), Bytes: draw(t, numbers), KeysOnly: rapid.Bool().Draw(t, "keys"),
		}
		var after, prefix any
		q.After, after = drawOptBytes(t)
		q.Prefix, prefix = drawOptBytes(t)
		v = fields{q.Call, q.DeadlineMS, uint64(q.Namespace), q.From, after, q.Last, prefix, q.Limit, q.Bytes, q.KeysOnly}
		frame = q.Append(nil, h)
	case OpPrepare, OpAccept:
		b := Ballot{Ballot: drawVersion(t)}
		var register, value any
		b.Register, register = drawOptBytes(t)
		b.Value, value = drawOptBytes(t)
		want.Request.Ballot, v = b, fields{register, b.Ballot, value}
		frame = b.Append(nil, h)
	case OpVoid:
		frame, v = AppendDocument(nil, h, nil), fields{nil}
	default:
		var document any
		want.Request.Document, document = drawOptBytes(t)
		frame, v = AppendDocument(nil, h, want.Request.Document), fields{document}
	}
	return sample{append(head, v...), frame, want, readPeerRequest, false}
}

func drawItems(t *rapid.T, want *peerRead) ([]byte, fields) {
	h := want.Request.PeerHead
	frame := BeginItems(nil, h)
	start, n := len(frame), counts.Draw(t, "items")
	items := wide32{}
	for range n {
		place, p := drawPlace(t)
		call, deadline := draw(t, numbers), draw(t, numbers)
		if h.Op != OpWrite {
			item := ReadItem{call, deadline, place}
			want.Reads = append(want.Reads, item)
			frame = item.Append(frame)
			items = append(items, append(fields{call, deadline}, p...))
			continue
		}
		item := WriteItem{call, WriteKind(rapid.IntRange(0, 2).Draw(t, "kind")), deadline, place, draw(t, anyBytes)}
		want.Writes = append(want.Writes, item)
		frame = item.Append(frame)
		items = append(items, append(append(fields{call, int(item.Kind), deadline}, p...), item.Record))
	}
	return EndItems(frame, 0, start, n), fields{items}
}

func drawPeerAnswer(t *rapid.T) sample {
	op := Op(rapid.IntRange(int(OpWrite), int(OpAccept)).Draw(t, "op"))
	h, head := drawHead(t, op, contract.OK)
	want := peerRead{Answer: PeerAnswer{Head: h}}
	var frame []byte
	var v fields
	switch op {
	case OpWrite, OpRead, OpDigest:
		frame, v = drawResults(t, &want)
	case OpRange:
		frame, v = drawRange(t, &want)
	case OpPrepare, OpAccept:
		w := &want.Answer.Vote
		var promised, accepted, value, ballot any
		w.Agreed = rapid.Bool().Draw(t, "agreed")
		w.Promised, promised, _ = drawOptVersion(t)
		w.Accepted, accepted, _ = drawOptVersion(t)
		w.Value, value = drawOptBytes(t)
		w.Ballot, ballot, _ = drawOptVersion(t)
		frame, v = w.Append(nil, h), fields{w.Agreed, promised, accepted, value, ballot}
	case OpStatus, OpMetadata:
		var document any
		want.Answer.Document, document = drawOptBytes(t)
		frame, v = AppendDocumentAnswer(nil, h, want.Answer.Document), fields{document}
	default:
		frame = AppendOK(nil, h)
	}
	return sample{append(head, v...), frame, want, readPeerAnswer, false}
}

func drawResults(t *rapid.T, want *peerRead) ([]byte, fields) {
	h := want.Answer.Head
	frame := BeginResults(nil, h)
	start, n := len(frame), counts.Draw(t, "results")
	results := wide32{}
	for range n {
		call, code := draw(t, numbers), rapid.SampledFrom(contract.Codes()).Draw(t, "code")
		if h.Op != OpWrite {
			var record any
			one := ReadResult{Call: call, Code: code}
			one.Record, record = drawOptBytes(t)
			want.ReadResults = append(want.ReadResults, one)
			frame = one.Append(frame)
			results = append(results, fields{call, int(code), record})
			continue
		}
		winner, written, _ := drawOptVersion(t)
		one := WriteResult{call, code, winner, contract.ClockKind(rapid.IntRange(0, 5).Draw(t, "kind"))}
		want.WriteResults = append(want.WriteResults, one)
		frame = one.Append(frame)
		results = append(results, fields{call, int(code), written, int(one.Kind)})
	}
	return EndItems(frame, 0, start, n), fields{results}
}

func drawRange(t *rapid.T, want *peerRead) ([]byte, fields) {
	w := &want.Answer.Range
	w.Call, w.Code = draw(t, numbers), rapid.SampledFrom(contract.Codes()).Draw(t, "code")
	items := list{}
	for range counts.Draw(t, "items") {
		// A record has a header of 22 bytes at least.
		item := RangeItem{draw(t, numbers), draw(t, someKeys), rapid.SliceOfN(rapid.Byte(), 22, 60).Draw(t, "record")}
		w.Items = append(w.Items, item)
		items = append(items, fields{item.Token, item.Key, item.Record})
	}
	w.Done, w.NextToken = rapid.Bool().Draw(t, "done"), draw(t, numbers)
	var next any
	w.NextKey, next = drawOptBytes(t)
	return w.Append(nil, want.Answer.Head), fields{w.Call, int(w.Code), items, w.Done, w.NextToken, next}
}
