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
	op := Op(rapid.IntRange(int(OpWrite), int(OpReport)).Draw(t, "op"))
	h := PeerHead{Op: op, ID: draw(t, anyIDs), Epoch: draw(t, numbers), Clock: hlc.Timestamp(draw(t, numbers))}
	head := fields{int(op), h.ID, h.Epoch, uint64(h.Clock)}
	want := peerRead{Request: PeerRequest{PeerHead: h}}
	var frame []byte
	var v fields
	switch op {
	case OpWrite, OpRead, OpDigest, OpVoid:
		frame, v = drawItems(t, &want)
	case OpRange:
		q := &want.Request.Range
		*q = RangeRequest{
			Call: draw(t, numbers), DeadlineMS: draw(t, numbers), Namespace: rapid.Uint32().Draw(t, "namespace"), From: draw(t, numbers),
			Last: draw(t, numbers), Limit: draw(t, numbers), Bytes: draw(t, numbers), KeysOnly: rapid.Bool().Draw(t, "keys"),
			All: rapid.Bool().Draw(t, "all"),
		}
		var after, prefix any
		q.After, after = drawOptBytes(t)
		q.Prefix, prefix = drawOptBytes(t)
		v = fields{q.Call, q.DeadlineMS, uint64(q.Namespace), q.From, after, q.Last, prefix, q.Limit, q.Bytes, q.KeysOnly, q.All}
		frame = q.Append(nil, h)
	case OpPrepare, OpAccept:
		b := Ballot{Ballot: drawVersion(t)}
		var register, value any
		b.Register, register = drawOptBytes(t)
		b.Value, value = drawOptBytes(t)
		want.Request.Ballot, v = b, fields{register, b.Ballot, value}
		frame = b.Append(nil, h)
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
		switch h.Op {
		case OpWrite:
			item := WriteItem{Call: call, Kind: WriteKind(rapid.IntRange(int(Fresh), int(Exchange)).Draw(t, "kind")), DeadlineMS: deadline, Place: place, Record: draw(t, anyBytes)}
			var seen any
			item.Seen, seen, item.HasSeen = drawOptVersion(t)
			v := append(append(fields{call, int(item.Kind), deadline}, p...), item.Record)
			var row any
			switch item.Kind {
			case Stand:
				copy(item.Target[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "target"))
				row = list(append(v, seen, item.Target[:]))
			case Exchange:
				item.Mark = hlc.Timestamp(draw(t, numbers))
				row = append(v, seen, nil, uint64(item.Mark))
			default:
				if seen != nil {
					v = append(v, seen)
				}
				row = list(v) // a field behind would be taken for another one
			}
			want.Writes = append(want.Writes, item)
			frame = item.Append(frame)
			items = append(items, row)
		case OpVoid:
			item := VoidItem{call, deadline, place, drawVersion(t)}
			want.Voids = append(want.Voids, item)
			frame = item.Append(frame)
			items = append(items, append(append(fields{call, deadline}, p...), item.Version))
		default:
			item := ReadItem{Call: call, DeadlineMS: deadline, Place: place, Want: Want(rapid.IntRange(0, 3).Draw(t, "want"))}
			v := append(fields{call, deadline}, p...)
			var row any = list(v)
			switch {
			case item.Want&WantHint != 0:
				item.Version = drawVersion(t)
				row = append(v, int(item.Want), item.Version)
			case item.Want != 0:
				row = list(append(v, int(item.Want)))
			}
			want.Reads = append(want.Reads, item)
			frame = item.Append(frame)
			items = append(items, row)
		}
	}
	return EndItems(frame, 0, start, n), fields{items}
}

// optionalTail adds a field that is left out where it is nil. Where it is left
// out nothing may be added behind: that would stand in its place.
func optionalTail(v fields, tail any) any {
	if tail == nil {
		return list(v)
	}
	return append(v, tail)
}

func drawPeerAnswer(t *rapid.T) sample {
	op := Op(rapid.IntRange(int(OpWrite), int(OpReport)).Draw(t, "op"))
	h, head := drawHead(t, op, contract.OK)
	want := peerRead{Answer: PeerAnswer{Head: h}}
	var frame []byte
	var v fields
	switch op {
	case OpWrite, OpRead, OpDigest, OpVoid:
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
	case OpStatus, OpMetadata, OpExchange, OpReport:
		var document any
		want.Answer.Document, document = drawOptBytes(t)
		frame, v = AppendDocumentAnswer(nil, h, want.Answer.Document), fields{document}
	case OpHeartbeat:
		a := &want.Answer
		a.Incarnation, a.Time = draw(t, numbers), draw(t, numbers)
		var echo any
		if a.Document, echo = drawOptBytes(t); len(a.Document) > EchoBytesMax {
			a.Document, echo = nil, nil
		}
		frame, v = AppendHeartbeatAnswer(nil, h, a.Incarnation, a.Time, a.Document), fields{a.Incarnation, a.Time, echo}
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
		if h.Op == OpRead || h.Op == OpDigest {
			var record any
			one := ReadResult{Call: call, Code: code}
			one.Record, record = drawOptBytes(t)
			if rapid.Bool().Draw(t, "marked") {
				one.Mark = hlc.Timestamp(1 + draw(t, numbers)>>1)
			}
			want.ReadResults = append(want.ReadResults, one)
			frame = one.Append(frame)
			row := fields{call, int(code), record}
			if one.Mark != 0 {
				results = append(results, append(row, uint64(one.Mark)))
			} else {
				results = append(results, list(row))
			}
			continue
		}
		winner, written, _ := drawOptVersion(t)
		buried, lost, _ := drawOptVersion(t)
		one := WriteResult{call, code, winner, contract.ClockKind(rapid.IntRange(0, 5).Draw(t, "kind")), buried}
		want.WriteResults = append(want.WriteResults, one)
		frame = one.Append(frame)
		results = append(results, optionalTail(fields{call, int(code), written, int(one.Kind)}, lost))
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
