package wire

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
)

func vReceipt(level contract.Level) contract.Receipt {
	return contract.Receipt{Need: 2, Asked: 3, Acked: 2, Durable: 2, Level: level}
}

// vRows is a receipt with a row of every state.
func vRows() contract.Receipt {
	c := vReceipt(contract.Quorum)
	for s := contract.Silent; s <= contract.Down; s++ {
		row := contract.Row{Node: [16]byte{0: 0x40 + byte(s), 15: 1}, State: s}
		switch s {
		case contract.RowApplied, contract.Durable, contract.Hinted:
			row.Version = vMine.Bytes()
		case contract.RowSuperseded:
			row.Version = vHigher.Bytes()
		}
		c.Rows = append(c.Rows, row)
	}
	return c
}

var vTrace = []TraceStep{{0, vNode1, "taken up"}, {180, vNode2, "asked"}, {1 << 20, vNode2, "answered: héllo"}}

func answerVectors() []vector {
	var all []vector
	all = append(all, nodeAnswerVectors()...)
	all = append(all, readAnswerVectors()...)
	all = append(all, writeAnswerVectors()...)
	all = append(all, scanAnswerVectors()...)
	all = append(all, explainAnswerVectors()...)
	all = append(all, outcomeAnswerVectors()...)
	return directed("answer", append(all, batchAnswerVectors()...))
}

// nodeAnswerVectors are the answers that are about the node and the cluster.
func nodeAnswerVectors() []vector {
	h := HelloAnswer{
		Proto: 1, ClusterName: []byte("prod"), ClusterID: vTeam, NodeID: vNode1, ServerVersion: []byte("candor 0.1.0"),
		Limits: Limits{FrameBytes: vectorFrameMax, KeyBytes: 4096, ValueBytes: 1 << 20, InFlight: 1024, BatchOps: 1000}, Features: [][]byte{[]byte("lww")},
	}
	early := h
	early.ClusterID, early.Features = nil, nil
	ring := RingAnswer{Q: 2, N: 2, Owners: []byte{0, 0, 0, 1, 0, 1, 0xff, 0xff}, Members: []RingMember{
		{vNode1, "n1", "10.0.0.1:7400", "10.0.0.1:7401", "z1", 2, "r1", "10.0.0.1:7402", "10.0.0.1:7403"},
		{ID: vNode2, Name: "n2", Client: "10.0.0.2:7400", Peer: "10.0.0.2:7401", State: 1},
		{ID: vNode3, Name: "n3", Client: "[::1]:7400", Peer: "[::1]:7401", State: 3},
	}}
	return []vector{
		{name: "answer to HELLO", frame: h.Append(nil, vHead(OpHello, 1))},
		{name: "answer to HELLO before epoch 1", frame: early.Append(nil, Head{Op: OpHello, ID: 1, Clock: vClock})},
		{name: "answer to AUTH", frame: (&AuthAnswer{Done: true}).Append(nil, vHead(OpAuth, 2))},
		{name: "answer to AUTH that asks on", frame: (&AuthAnswer{Payload: []byte("r=1,s=2,i=4096")}).Append(nil, vHead(OpAuth, 3))},
		{name: "answer to PING", frame: AppendOK(nil, vHead(OpPing, 3))},
		{name: "answer to PING before epoch 1", frame: AppendOK(nil, Head{Op: OpPing, ID: 3, Clock: vClock})},
		{name: "answer to RING", frame: ring.Append(nil, vHead(OpRing, 4))},
	}
}

func readAnswerVectors() []vector {
	found := vGet()
	forever, empty, gone, rows, traced := found, found, GetAnswer{Version: vHigher, Receipt: vReceipt(contract.Quorum)}, found, found
	forever.ExpiresAt = 0
	empty.Value = []byte{}
	rows.Receipt = vRows()
	traced.Trace = vTrace
	weaker := found
	weaker.Receipt = contract.Receipt{Need: 3, Asked: 2, Acked: 1, Durable: 1, Level: contract.One}
	nothing := GetAnswer{Receipt: vReceipt(contract.Quorum)}
	return []vector{
		{name: "answer to GET, found", frame: found.Append(nil, vHead(OpGet, 5))},
		{name: "answer to GET, found, never expires", frame: forever.Append(nil, vHead(OpGet, 5))},
		{name: "answer to GET, an empty value", frame: empty.Append(nil, vHead(OpGet, 5))},
		{name: "answer to GET, deleted", frame: gone.Append(nil, vHead(OpGet, 6))},
		{name: "answer to GET, never seen", frame: nothing.Append(nil, vHead(OpGet, 7))},
		{name: "answer to GET with rows", frame: rows.Append(nil, vHead(OpGet, 8))},
		{name: "answer to GET with a trace", frame: traced.Append(nil, vHead(OpGet, 9))},
		{name: "answer to GET, weakened to one", frame: weaker.Append(nil, vHead(OpGet, 10))},
	}
}

func vGet() GetAnswer {
	a := GetAnswer{Found: true, Value: vValue, Version: vMine, ExpiresAt: 1_760_000_060_000, Receipt: vReceipt(contract.Quorum)}
	a.Receipt.Repaired = 1
	return a
}

func writeAnswerVectors() []vector {
	var all []vector
	done := WriteAnswer{Version: vMine, Receipt: vReceipt(contract.Quorum)}
	for _, w := range []struct {
		what   string
		change func(*WriteAnswer)
	}{
		{"applied", func(*WriteAnswer) {}},
		{"superseded, with rows", func(a *WriteAnswer) { a.Outcome, a.Winner, a.Receipt = contract.Superseded, vHigher, vRows() }},
		{"a version was buried", func(a *WriteAnswer) { a.Buried = vOld }},
		{"with a trace", func(a *WriteAnswer) { a.Trace = vTrace }},
		{"with an empty trace and a buried version", func(a *WriteAnswer) { a.Trace, a.Buried = []TraceStep{}, vOld }},
		{"with a hint", func(a *WriteAnswer) {
			a.Receipt.Asked, a.Receipt.Acked, a.Receipt.Durable, a.Receipt.Hinted = 1, 1, 1, 1
		}},
	} {
		for _, op := range []Op{OpPut, OpDelete} {
			a := done
			w.change(&a)
			all = append(all, vector{name: "answer to " + op.String() + ", " + w.what, frame: a.Append(nil, vHead(op, uint64(20+len(all))))})
		}
	}
	return append(all, vector{name: "answer to ADD", frame: vAdd.Append(nil, vHead(OpAdd, 13))})
}

var vAdd = AddAnswer{Value: -5, Version: vMine, Receipt: vReceipt(contract.Serial)}

func scanAnswerVectors() []vector {
	items := []ScanItem{{vKey, vValue, vMine, 0}, {[]byte("user:43"), []byte{}, vOld, 1_760_000_060_000}}
	keys := []ScanItem{{vKey, nil, vMine, 0}, {[]byte("user:43"), nil, vOld, 1_760_000_060_000}}
	var all []vector
	add := func(what string, a ScanAnswer) {
		all = append(all, vector{name: "answer to SCAN" + what, frame: a.Append(nil, vHead(OpScan, uint64(40+len(all))))})
	}
	add("", ScanAnswer{Items: items, Cursor: []byte{9, 9}, Coverage: Coverage{3, 3, 1024}})
	add(", keys only", ScanAnswer{Items: keys, Cursor: []byte{9, 9}, Coverage: Coverage{3, 3, 1024}})
	add(" with partitions that were weakened", ScanAnswer{Items: items[:1], Cursor: []byte{9, 9}, Coverage: Coverage{3, 2, 1024}})
	add(", an empty page with a cursor", ScanAnswer{Cursor: []byte{8}, Coverage: Coverage{3, 3, 1024}})
	add(" at its end", ScanAnswer{Coverage: Coverage{1024, 1024, 1024}})
	return all
}

func explainAnswerVectors() []vector {
	holds := func(change func(*ExplainRow)) ExplainRow {
		w := ExplainRow{Node: vNode1, Role: RoleNatural, Reachable: true, Phi: 312, HasPhi: true, Version: vMine, ValueBytes: 5, ChecksumOK: true}
		change(&w)
		return w
	}
	a := ExplainAnswer{Token: 0x27525313dfa73c54, Partition: 157, RepairedAsOf: 1_759_999_900_000, Winner: vMine, Rows: []ExplainRow{
		holds(func(*ExplainRow) {}),
		holds(func(w *ExplainRow) { w.Node, w.Phi, w.HasPhi = vNode2, 0, false }),
		holds(func(w *ExplainRow) { w.Node, w.ExpiresAt = vNode3, 1_760_000_060_000 }),
		holds(func(w *ExplainRow) { w.Version, w.Tombstone, w.ValueBytes = vHigher, true, 0 }),
		holds(func(w *ExplainRow) { w.ChecksumOK = false }),
		{Node: vNode2, Role: RoleStandIn, Reachable: true, Phi: 0, HasPhi: true, HintsPending: 2}, // holds nothing but hints
		{Node: vNode3, Role: RoleJoining},                                                         // unreachable
	}}
	unknown := ExplainAnswer{Token: 1 << 63, Partition: 512, Rows: []ExplainRow{{Node: vNode1, Role: RoleNatural, Reachable: true}}}
	return []vector{
		{name: "answer to EXPLAIN", frame: a.Append(nil, vHead(OpExplain, 16))},
		{name: "answer to EXPLAIN, nothing is known of the key", frame: unknown.Append(nil, vHead(OpExplain, 17))},
	}
}

func outcomeAnswerVectors() []vector {
	var all []vector
	for fate := contract.Pending; fate <= contract.Forgotten; fate++ {
		a := OutcomeAnswer{Fate: fate, Receipt: vReceipt(contract.All)}
		switch fate {
		case contract.Committed:
			a.Winner = vMine
		case contract.FateSuperseded:
			a.Winner = vHigher
		}
		all = append(all, vector{name: "answer to OUTCOME, " + fate.String(), frame: a.Append(nil, vHead(OpOutcome, uint64(20+fate)))})
	}
	return all
}

// batchAnswerVectors mix what was done with every way in which an operation can
// end alone.
func batchAnswerVectors() []vector {
	get, put := vGet(), WriteAnswer{Version: vMine, Receipt: vReceipt(contract.Quorum)}
	lost := WriteAnswer{Version: vMine, Outcome: contract.Superseded, Winner: vHigher, Receipt: vRows(), Trace: vTrace, Buried: vOld}
	results := [][]byte{get.AppendResult(nil), put.AppendResult(nil), lost.AppendResult(nil), vAdd.AppendResult(nil)}
	ops := []Op{OpGet, OpPut, OpDelete, OpAdd}
	small := BatchAnswer(nil, vHead(OpBatch, 30), append(results[:len(results):len(results)], vError(contract.TooLarge).AppendResult(nil, contract.TooLarge)))
	smallOps := append(ops[:len(ops):len(ops)], OpGet)
	for _, code := range contract.Codes()[1:] {
		results, ops = append(results, vError(code).AppendResult(nil, code)), append(ops, OpPut)
	}
	return []vector{
		{name: "answer to BATCH", frame: small, ops: smallOps},
		{name: "answer to BATCH with every code", frame: BatchAnswer(nil, vHead(OpBatch, 31), results), ops: ops},
		{name: "answer to BATCH of nothing", frame: BatchAnswer(nil, vHead(OpBatch, 32), nil), ops: []Op{}},
	}
}

// vError is an error with all that its code can say of a write.
func vError(code contract.Code) *Error {
	e := Error{Message: "what to do about it"}
	switch code {
	case contract.TooLarge:
		e.Limit = 1 << 20
	case contract.WrongMode:
		e.Mode = "lww"
	case contract.Unavailable:
		e.Need, e.Reachable, e.N, e.Down, e.RetryAfterMS = 2, 1, 3, [][16]byte{vNode2, vNode3}, 250
	case contract.Overloaded:
		e.RetryAfterMS = 50
	case contract.ConditionFailed:
		e.Version, e.Value = vHigher, vValue
	case contract.Clock:
		e.Clock, e.Kind = vClock, contract.StampAhead
	case contract.StaleEpoch:
		e.Epoch = 8
	case contract.Timeout, contract.InDoubt:
		c := vRows()
		c.Acked, c.Durable = 1, 1
		e.Version, e.Receipt = vMine, &c
	}
	return &e
}

func errorVectors() []vector {
	var all []vector
	add := func(name string, op Op, code contract.Code, e *Error) {
		h := vHead(op, uint64(100+len(all)))
		h.Code = code
		all = append(all, vector{name: name, frame: e.Append(nil, h)})
	}
	plain := &Error{Message: "what to do about it"}
	receipt := &contract.Receipt{Need: 3, Asked: 3, Acked: 2, Durable: 2, Level: contract.All}
	for _, code := range contract.Codes()[1:] {
		add(code.String(), OpPut, code, vError(code))
	}
	for _, op := range []Op{OpGet, OpScan, OpOutcome} {
		add("TIMEOUT of "+op.String(), op, contract.Timeout, &Error{Message: "2 of 3 answered", Receipt: receipt})
	}
	for _, op := range []Op{OpPut, OpDelete} {
		add("TIMEOUT of "+op.String()+" without rows", op, contract.Timeout, &Error{Message: "2 of 3 answered", Version: vMine, Receipt: receipt})
		add("IN_DOUBT of "+op.String()+" without rows", op, contract.InDoubt, &Error{Message: "2 of 3 answered", Version: vMine, Receipt: receipt})
	}
	add("UNAVAILABLE with all replicas there", OpGet, contract.Unavailable, &Error{Message: "none has the version", Need: 1, Reachable: 3, N: 3})
	add("CONDITION_FAILED on an absent key", OpPut, contract.ConditionFailed, &Error{Message: "the key is absent"})
	add("CONDITION_FAILED on a tombstone", OpPut, contract.ConditionFailed, &Error{Message: "the key is absent", Version: vHigher})
	for k := contract.StampAhead; k <= contract.RepeatUnknown; k++ {
		add("CLOCK, kind "+string('0'+rune(k)), OpPut, contract.Clock, &Error{Message: "stamp again", Clock: vClock, Kind: k})
	}
	for _, op := range []Op{OpHello, OpAuth, OpPing, OpRing, OpBatch, OpExplain, OpWatch} {
		add("UNSUPPORTED of "+op.String(), op, contract.Unsupported, plain)
	}
	add("a code that this build does not know", OpPut, 199, plain)
	add("an unknown code in doubt", OpPut, 299, plain)
	unasked := func(name string, code contract.Code, e Error) {
		all = append(all, vector{name: name, frame: e.Append(nil, Head{Code: code, Clock: vClock, Epoch: 7})})
	}
	unasked("BAD_REQUEST before the connection is closed", contract.BadRequest, Error{Message: "not one msgpack array"})
	unasked("TOO_LARGE before the connection is closed", contract.TooLarge, Error{Message: "frame is too large", Limit: vectorFrameMax})
	unasked("the goodbye of a node", contract.ShuttingDown, Error{Message: "this node stops"})
	return directed("error", append(all, readOnlyAnswers()...))
}

// readOnlyAnswers are valid forms that no server of this build sends.
func readOnlyAnswers() []vector {
	head := fields{0x91, 90, 200, uint64(vClock), 7}
	all := []vector{
		{name: "TIMEOUT whose detail is missing", frame: framed(byLibrary(append(head[:5:5], "cut")))},
		{name: "TIMEOUT with unknown fields at its end", frame: framed(byLibrary(append(head[:5:5], "old", 0, fields{vMine, nil, 1}, "new")))},
		{name: "NOT_READY with an unknown detail", frame: framed(byLibrary(fields{0x91, 91, 113, uint64(hlc.Timestamp(1)), 0, "later", 9, fields{1, "more"}}))},
	}
	for i := range all {
		all[i].onlyRead = true
	}
	return all
}
