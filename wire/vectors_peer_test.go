package wire

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/record"
)

var (
	vPlace  = Place{Token: 0x27525313dfa73c54, Namespace: 1, Key: vKey}
	vRecord = record.Append(nil, 1, vKey, record.Record{Version: vMine, Value: vValue})
	vDigest = vRecord[:len(vRecord)-len(vValue)]
	vTomb   = record.Append(nil, 1, vKey, record.Record{Version: vHigher, Tombstone: true})
)

func vPeer(op Op, id uint64) PeerHead { return PeerHead{Op: op, ID: id, Epoch: 7, Clock: vClock} }

// itemed is a frame of items or results, between its begin and its end.
func itemed(frame []byte, items ...interface{ Append([]byte) []byte }) []byte {
	start := len(frame)
	for _, it := range items {
		frame = it.Append(frame)
	}
	return EndItems(frame, 0, start, len(items))
}

func peerRequestVectors() []vector {
	read := &ReadItem{Call: 9, DeadlineMS: 1500, Place: vPlace}
	ranged := RangeRequest{Call: 5, DeadlineMS: 50, Namespace: 1, From: 1 << 63, Last: 1<<64 - 1, Limit: 1000, Bytes: 1 << 20}
	onward := ranged
	onward.After, onward.Prefix, onward.KeysOnly = vKey, []byte("user:"), true
	all := ranged
	all.All = true
	void := &VoidItem{Call: 7, DeadlineMS: 1500, Place: vPlace, Version: vMine}
	return directed("peer_request", []vector{
		{name: "WRITE, fresh, repair and the delivery of a hint", frame: itemed(BeginItems(nil, vPeer(OpWrite, 1)),
			&WriteItem{Call: 7, Kind: Fresh, DeadlineMS: 1500, Place: vPlace, Record: vRecord},
			&WriteItem{Call: 8, Kind: Repair, DeadlineMS: 1500, Place: vPlace, Record: vTomb},
			&WriteItem{Call: 9, Kind: Deliver, DeadlineMS: 1500, Place: vPlace, Record: vRecord})},
		{name: "WRITE with seen", frame: itemed(BeginItems(nil, vPeer(OpWrite, 1)),
			&WriteItem{Call: 7, Kind: Fresh, DeadlineMS: 1500, Place: vPlace, Record: vRecord, Seen: vOld, HasSeen: true},
			&WriteItem{Call: 8, Kind: Fresh, DeadlineMS: 1500, Place: vPlace, Record: vRecord, HasSeen: true})},
		{name: "WRITE of a hint, and of an exchange", frame: itemed(BeginItems(nil, vPeer(OpWrite, 1)),
			&WriteItem{Call: 7, Kind: Stand, DeadlineMS: 1500, Place: vPlace, Record: vRecord, Target: [16]byte{1, 2, 3}},
			&WriteItem{Call: 8, Kind: Exchange, DeadlineMS: 1500, Place: vPlace, Record: vTomb, Mark: vOld.Time})},
		{name: "VOID", frame: itemed(BeginItems(nil, vPeer(OpVoid, 14)), void, &VoidItem{Call: 8, Place: vPlace, Version: vHigher})},
		{name: "READ of two keys", frame: itemed(BeginItems(nil, vPeer(OpRead, 2)), read, &ReadItem{Call: 10, Place: Place{Token: 3, Namespace: 2, Key: []byte("k")}})},
		{name: "READ of a fence, of a hint", frame: itemed(BeginItems(nil, vPeer(OpRead, 2)),
			&ReadItem{Call: 9, DeadlineMS: 1500, Place: vPlace, Want: WantMark}, &ReadItem{Call: 10, DeadlineMS: 1500, Place: vPlace, Want: WantHint, Version: vMine})},
		{name: "DIGEST", frame: itemed(BeginItems(nil, vPeer(OpDigest, 3)), read)},
		{name: "READ of nothing", frame: itemed(BeginItems(nil, vPeer(OpRead, 4)))},
		{name: "RANGE", frame: ranged.Append(nil, vPeer(OpRange, 5))},
		{name: "RANGE, onward, keys only", frame: onward.Append(nil, vPeer(OpRange, 6))},
		{name: "RANGE of tombstones too", frame: all.Append(nil, vPeer(OpRange, 6))},
		{name: "STATUS", frame: AppendDocument(nil, vPeer(OpStatus, 7), nil)},
		{name: "METADATA", frame: AppendDocument(nil, vPeer(OpMetadata, 8), nil)},
		{name: "INSTALL", frame: AppendDocument(nil, vPeer(OpInstall, 9), []byte{0x81, 0xa5, 'e', 'p', 'o', 'c', 'h', 7})},
		{name: "HEARTBEAT", frame: AppendHeartbeat(nil, vPeer(OpHeartbeat, 10), []byte{1, 2})},
		{name: "GOODBYE", frame: AppendDocument(nil, vPeer(OpGoodbye, 11), nil)},
		{name: "PREPARE", frame: (&Ballot{Ballot: vMine}).Append(nil, vPeer(OpPrepare, 12))},
		{name: "ACCEPT", frame: (&Ballot{Ballot: vMine, Value: []byte{0x80}}).Append(nil, vPeer(OpAccept, 13))},
		{name: "EXCHANGE", frame: AppendDocument(nil, vPeer(OpExchange, 15), []byte{1, 2, 3})},
		{name: "REPORT", frame: AppendDocument(nil, vPeer(OpReport, 16), nil)},
	})
}

func peerAnswerVectors() []vector {
	end := RangeResult{Call: 5, Items: []RangeItem{{vPlace.Token, vKey, vRecord}}, Done: true}
	more := RangeResult{Call: 6, Items: []RangeItem{{vPlace.Token, vKey, vDigest}}, NextToken: vPlace.Token, NextKey: vKey}
	agreed := Vote{Agreed: true, Promised: vMine, Ballot: vMine}
	refused := Vote{Promised: vHigher, Accepted: vOld, Value: []byte{0x80}, Ballot: vMine}
	refusals := func(code contract.Code) vector {
		h := vHead(OpWrite, 14)
		h.Code = code
		return vector{name: code.String() + " between nodes", direction: "error", frame: vError(code).Append(nil, h)}
	}
	all := directed("peer_answer", []vector{
		{name: "answer to WRITE: held, superseded, refused", frame: itemed(BeginResults(nil, vHead(OpWrite, 1)),
			&WriteResult{Call: 7}, &WriteResult{Call: 8, Winner: vHigher}, &WriteResult{Call: 9, Code: contract.Clock, Kind: contract.StampOld})},
		{name: "answer to WRITE that buried a version", frame: itemed(BeginResults(nil, vHead(OpWrite, 1)), &WriteResult{Call: 7, Buried: vOld}, &WriteResult{Call: 8})},
		{name: "answer to VOID: noted, held, superseded, refused", frame: itemed(BeginResults(nil, vHead(OpVoid, 14)),
			&WriteResult{Call: 7}, &WriteResult{Call: 8, Winner: vMine}, &WriteResult{Call: 9, Winner: vHigher}, &WriteResult{Call: 10, Code: contract.DiskFull})},
		{name: "answer to READ: found, nothing, damaged", frame: itemed(BeginResults(nil, vHead(OpRead, 2)),
			&ReadResult{Call: 9, Record: vRecord}, &ReadResult{Call: 10}, &ReadResult{Call: 11, Code: contract.Corrupt})},
		{name: "answer to READ with the fence", frame: itemed(BeginResults(nil, vHead(OpRead, 2)), &ReadResult{Call: 9, Record: vRecord, Mark: vOld.Time})},
		{name: "answer to DIGEST", frame: itemed(BeginResults(nil, vHead(OpDigest, 3)), &ReadResult{Call: 9, Record: vDigest})},
		{name: "answer to RANGE at its end", frame: end.Append(nil, vHead(OpRange, 5))},
		{name: "answer to RANGE, to be continued", frame: more.Append(nil, vHead(OpRange, 6))},
		{name: "answer to RANGE, refused", frame: (&RangeResult{Call: 7, Code: contract.StaleEpoch}).Append(nil, vHead(OpRange, 7))},
		{name: "answer to STATUS", frame: AppendDocumentAnswer(nil, vHead(OpStatus, 7), []byte{0x80})},
		{name: "answer to METADATA", frame: AppendDocumentAnswer(nil, vHead(OpMetadata, 8), []byte{0x81, 0xa5, 'e', 'p', 'o', 'c', 'h', 7})},
		{name: "answer to INSTALL", frame: AppendOK(nil, vHead(OpInstall, 9))},
		{name: "answer to HEARTBEAT", frame: AppendHeartbeatAnswer(nil, vHead(OpHeartbeat, 10), 4, 1_767_225_600_000, []byte{1, 2})},
		{name: "answer to GOODBYE", frame: AppendOK(nil, vHead(OpGoodbye, 11))},
		{name: "answer to EXCHANGE", frame: AppendDocumentAnswer(nil, vHead(OpExchange, 15), []byte{4, 5})},
		{name: "answer to REPORT", frame: AppendDocumentAnswer(nil, vHead(OpReport, 16), []byte(`{"age_ms":7,"report":{}}`))},
		{name: "answer to PREPARE, agreed", frame: agreed.Append(nil, vHead(OpPrepare, 12))},
		{name: "answer to ACCEPT, refused", frame: refused.Append(nil, vHead(OpAccept, 13))},
	})
	return append(all, clockResults(), refusals(contract.StaleEpoch), refusals(contract.NotReady), refusals(contract.Forbidden))
}

// clockResults are a WRITE's refusals of every kind of CLOCK.
func clockResults() vector {
	frame := BeginResults(nil, vHead(OpWrite, 1))
	start, n := len(frame), 0
	for k := contract.StampAhead; k <= contract.RepeatUnknown; k++ {
		frame = (&WriteResult{Call: uint64(k), Code: contract.Clock, Kind: k}).Append(frame)
		n++
	}
	return vector{name: "answer to WRITE: every kind of CLOCK", direction: "peer_answer", frame: EndItems(frame, 0, start, n)}
}
