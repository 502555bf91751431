package wire

import (
	"pgregory.net/rapid"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
)

func drawHello(t *rapid.T) sample {
	h := Hello{ID: draw(t, anyIDs), ProtoMin: draw(t, numbers), ProtoMax: draw(t, numbers), ClientName: []byte(draw(t, words))}
	var auth any
	switch rapid.IntRange(0, 2).Draw(t, "auth") {
	case 1:
		h.HasAuth, h.Auth = true, Credentials{Kind: []byte("token"), Secret: draw(t, anyBytes)}
		auth = list{"token", h.Auth.Secret}
	case 2:
		h.HasAuth, h.Auth = true, Credentials{Kind: []byte("user"), Name: []byte(draw(t, words)), Secret: []byte(draw(t, words))}
		auth = list{"user", string(h.Auth.Name), string(h.Auth.Secret)}
	}
	v := fields{1, h.ID, "CNDR", h.ProtoMin, h.ProtoMax, string(h.ClientName), auth, 0}
	if rapid.Bool().Draw(t, "node") {
		h.Role, h.ClusterName, h.NodeID, h.Incarnation = RoleNode, []byte(draw(t, labels)), drawNode(t), draw(t, numbers)
		id := drawNode(t)
		var written any
		h.ClusterID, written, _ = orNil(t, id[:], any(id[:]))
		v = append(v[:7], 1, string(h.ClusterName), written, nodeText(h.NodeID), h.Incarnation)
	}
	return sample{v, h.Append(nil), h, readHello, h.Role == RoleClient}
}

// drawOperation gives a request with one key, and its fields behind the
// deadline.
func drawOperation(t *rapid.T, op Op) (Request, fields) {
	q := Request{Op: op, Namespace: []byte(draw(t, labels)), Key: draw(t, someKeys)}
	v := fields{string(q.Namespace), q.Key}
	level := func(flags ...contract.Flags) {
		q.Level, q.Flags = draw(t, readable), rapid.SampledFrom(flags).Draw(t, "flags")
		v = append(v, int(q.Level), uint64(q.Flags))
	}
	version := func() {
		var written any
		q.Version, written, q.HasVersion = drawOptVersion(t)
		if q.Flags&contract.Ordered != 0 {
			q.Version, written, q.HasVersion = hlc.Version{}, nil, false
		}
		v = append(v, written)
	}
	stamp := func() {
		version()
		var seen, condition any
		q.Seen, seen, q.HasSeen = drawOptVersion(t)
		if kind := rapid.IntRange(0, 3).Draw(t, "condition"); kind != 0 {
			q.Condition = Condition{Kind: ConditionKind(kind), Version: drawVersion(t)}
			condition = fields{kind, q.Condition.Version}
		}
		v = append(v, seen, condition)
	}
	forWrites := []contract.Flags{0, 1, 2, 4, 16, 23}
	switch op {
	case OpGet:
		level(0, 2, 4, 8, 14)
		var after any
		q.After, after, _ = drawOptVersion(t)
		v = append(v, after)
	case OpPut:
		q.Value = draw(t, anyBytes)
		v = append(v, q.Value)
		level(forWrites...)
		ttl := draw(t, numbers)
		var written any
		q.TTL, written, q.HasTTL = orNil(t, ttl, any(ttl))
		v = append(v, written)
		stamp()
	case OpDelete:
		level(forWrites...)
		stamp()
	case OpAdd:
		q.Delta = rapid.Int64().Draw(t, "delta")
		v = append(v, q.Delta)
		level(forWrites...)
		version()
	case OpOutcome:
		q.Version, q.HasVersion, q.Flags = drawVersion(t), true, contract.Flags(rapid.IntRange(0, 1).Draw(t, "flags"))
		v = append(v, q.Version, uint64(q.Flags))
	}
	return q, v
}

func drawRequest(t *rapid.T) sample {
	op := rapid.SampledFrom([]Op{OpAuth, OpPing, OpRing, OpGet, OpPut, OpDelete, OpAdd, OpBatch, OpScan, OpOutcome, OpExplain, OpWatch}).Draw(t, "op")
	id, deadline := draw(t, anyIDs), draw(t, numbers)
	head := fields{int(op), id, deadline}
	var q Request
	var v fields
	switch op {
	case OpRing, OpWatch:
		head = head[:2]
	case OpAuth:
		head = head[:2]
		q.Mechanism = []byte(draw(t, words))
		var payload any
		q.Payload, payload = drawOptBytes(t)
		v = fields{string(q.Mechanism), payload}
	case OpBatch:
		return drawBatch(t, id, deadline)
	case OpScan:
		q = Request{Namespace: []byte(draw(t, labels)), Limit: draw(t, numbers), Level: draw(t, readable), Flags: 8, KeysOnly: rapid.Bool().Draw(t, "keys")}
		var prefix, cursor any
		q.Prefix, prefix = drawOptBytes(t)
		q.Cursor, cursor = drawOptBytes(t)
		v = fields{string(q.Namespace), prefix, cursor, q.Limit, int(q.Level), 8, q.KeysOnly}
	case OpPing:
	default:
		q, v = drawOperation(t, op)
	}
	q.Op, q.ID = op, id
	if op.waits() {
		q.DeadlineMS = deadline
	}
	return sample{values: append(head, v...), frame: q.Append(nil), want: requestRead{Request: q}, read: readRequest}
}

func drawBatch(t *rapid.T, id, deadline uint64) sample {
	n := counts.Draw(t, "ops")
	frame := BeginBatch(nil, id, deadline, n)
	want := requestRead{Request: Request{Op: OpBatch, ID: id, DeadlineMS: deadline, Ops: n}}
	ops := list{}
	for range n {
		op := rapid.SampledFrom([]Op{OpGet, OpPut, OpDelete, OpAdd}).Draw(t, "op")
		q, v := drawOperation(t, op)
		frame = q.AppendOp(frame)
		want.Ops = append(want.Ops, q)
		ops = append(ops, append(fields{int(op)}, v...))
	}
	return sample{fields{int(OpBatch), id, deadline, ops}, EndFrame(frame, 0), want, readRequest, false}
}

// drawHead gives the head of an answer and its values.
func drawHead(t *rapid.T, op Op, code contract.Code) (Head, fields) {
	h := Head{Op: op, ID: draw(t, numbers), Code: code, Clock: hlc.Timestamp(draw(t, numbers)), Epoch: draw(t, numbers)}
	return h, fields{0x80 | int(op), h.ID, int(code), uint64(h.Clock), h.Epoch}
}

// keyAnswer is an answer that can also be a result of a BATCH.
type keyAnswer interface {
	Append(dst []byte, h Head) []byte
	AppendResult(dst []byte) []byte
}

// drawKeyAnswer puts a random answer to op into a, and gives its values.
func drawKeyAnswer(t *rapid.T, op Op, a *Answer) (keyAnswer, fields) {
	c, receipt := drawReceipt(t)
	v, version, _ := drawOptVersion(t)
	switch op {
	case OpGet:
		a.Get = GetAnswer{Version: v, Receipt: c}
		var value, expires any
		if a.Get.Found = rapid.Bool().Draw(t, "found"); a.Get.Found {
			a.Get.Value = draw(t, anyBytes)
			value = a.Get.Value
		}
		at := draw(t, times)
		a.Get.ExpiresAt, expires, _ = orNil(t, at, any(at))
		steps, trace := drawTrace(t)
		a.Get.Trace = steps
		return &a.Get, fields{a.Get.Found, value, version, expires, receipt, trace}
	case OpAdd:
		a.Add = AddAnswer{Value: rapid.Int64().Draw(t, "value"), Version: drawVersion(t), Receipt: c}
		return &a.Add, fields{a.Add.Value, a.Add.Version, receipt}
	}
	a.Write = WriteAnswer{Version: drawVersion(t), Outcome: contract.Outcome(rapid.IntRange(0, 1).Draw(t, "outcome")), Winner: v, Receipt: c}
	var buried, trace any
	a.Write.Trace, trace = drawTrace(t)
	a.Write.Buried, buried, _ = drawOptVersion(t)
	return &a.Write, fields{a.Write.Version, int(a.Write.Outcome), version, receipt, trace, buried}
}

func drawAnswer(t *rapid.T) sample {
	op := rapid.SampledFrom([]Op{OpHello, OpAuth, OpPing, OpRing, OpGet, OpPut, OpDelete, OpAdd, OpScan, OpOutcome, OpExplain}).Draw(t, "op")
	h, head := drawHead(t, op, contract.OK)
	a := Answer{Head: h}
	var frame []byte
	var v fields
	switch op {
	case OpHello:
		frame, v = drawHelloAnswer(t, &a)
	case OpAuth:
		a.Auth.Done = rapid.Bool().Draw(t, "done")
		var payload any
		a.Auth.Payload, payload = drawOptBytes(t)
		frame, v = a.Auth.Append(nil, h), fields{a.Auth.Done, payload}
	case OpPing:
		frame = AppendOK(nil, h)
	case OpRing:
		frame, v = drawRing(t, &a)
	case OpScan:
		frame, v = drawScan(t, &a)
	case OpOutcome:
		c, receipt := drawReceipt(t)
		winner, written, _ := drawOptVersion(t)
		a.Outcome = OutcomeAnswer{contract.Fate(rapid.IntRange(0, 4).Draw(t, "fate")), winner, c}
		frame, v = a.Outcome.Append(nil, h), fields{int(a.Outcome.Fate), written, receipt}
	case OpExplain:
		frame, v = drawExplain(t, &a)
	default:
		var k keyAnswer
		k, v = drawKeyAnswer(t, op, &a)
		frame = k.Append(nil, h)
	}
	return sample{append(head, v...), frame, a, readAnswer(), false}
}

func drawHelloAnswer(t *rapid.T, a *Answer) ([]byte, fields) {
	w := &a.Hello
	id := drawNode(t)
	var cluster any
	w.ClusterID, cluster, _ = orNil(t, id[:], any(id[:]))
	w.Proto, w.ClusterName, w.NodeID, w.ServerVersion = draw(t, numbers), []byte(draw(t, words)), drawNode(t), []byte(draw(t, words))
	w.Limits = Limits{draw(t, numbers), draw(t, numbers), draw(t, numbers), draw(t, numbers), draw(t, numbers)}
	features := list{}
	for range rapid.IntRange(0, 3).Draw(t, "features") {
		f := draw(t, labels)
		w.Features = append(w.Features, []byte(f))
		features = append(features, f)
	}
	l := w.Limits
	return w.Append(nil, a.Head), fields{
		w.Proto, string(w.ClusterName), cluster, nodeText(w.NodeID), string(w.ServerVersion),
		fields{l.FrameBytes, l.KeyBytes, l.ValueBytes, l.InFlight, l.BatchOps}, features,
	}
}

func drawRing(t *rapid.T, a *Answer) ([]byte, fields) {
	w := &a.Ring
	w.Q, w.N, w.Owners = draw(t, numbers), draw(t, numbers), draw(t, anyBytes)
	members := list{}
	for range rapid.IntRange(0, 3).Draw(t, "members") {
		m := RingMember{drawNode(t), draw(t, words), draw(t, words), draw(t, words), draw(t, words), draw(t, numbers), draw(t, words), draw(t, words), draw(t, words)}
		w.Members = append(w.Members, m)
		members = append(members, fields{nodeText(m.ID), m.Name, m.Client, m.Peer, m.Zone, m.State, m.Region, m.Gossip, m.HTTP})
	}
	return w.Append(nil, a.Head), fields{w.Q, w.N, members, w.Owners}
}

func drawScan(t *rapid.T, a *Answer) ([]byte, fields) {
	w := &a.Scan
	items := list{}
	for range counts.Draw(t, "items") {
		item := ScanItem{Key: draw(t, someKeys), Version: drawVersion(t)}
		var value, expires any
		item.Value, value = drawOptBytes(t)
		at := draw(t, times)
		item.ExpiresAt, expires, _ = orNil(t, at, any(at))
		w.Items = append(w.Items, item)
		items = append(items, fields{item.Key, value, item.Version, expires})
	}
	var cursor any
	w.Cursor, cursor = drawOptBytes(t)
	w.Coverage = Coverage{draw(t, numbers), draw(t, numbers), draw(t, numbers)}
	return w.Append(nil, a.Head), fields{items, cursor, fields{w.Coverage.Done, w.Coverage.MetLevel, w.Coverage.Asked}}
}

func drawExplain(t *rapid.T, a *Answer) ([]byte, fields) {
	w := &a.Explain
	w.Token, w.Partition = draw(t, numbers), draw(t, numbers)
	rows := list{}
	for range rapid.IntRange(0, 3).Draw(t, "rows") {
		row := ExplainRow{Node: drawNode(t), Role: Role(rapid.IntRange(1, 3).Draw(t, "role"))}
		v := fields{nodeText(row.Node), int(row.Role), false, nil, nil, nil, nil, nil, nil, nil}
		if rapid.Bool().Draw(t, "reachable") {
			row.Reachable, row.Tombstone, row.ChecksumOK = true, rapid.Bool().Draw(t, "tombstone"), rapid.Bool().Draw(t, "sum")
			row.ValueBytes, row.HintsPending = draw(t, numbers), draw(t, numbers)
			phi, at := draw(t, numbers), draw(t, times)
			var p, version, expires any
			row.Phi, p, row.HasPhi = orNil(t, phi, any(phi))
			row.Version, version, _ = drawOptVersion(t)
			row.ExpiresAt, expires, _ = orNil(t, at, any(at))
			v = append(v[:2], true, p, version, row.Tombstone, expires, row.ValueBytes, row.ChecksumOK, row.HintsPending)
		}
		w.Rows = append(w.Rows, row)
		rows = append(rows, v)
	}
	at := draw(t, anyIDs)
	var repaired, winner any
	w.RepairedAsOf, repaired, _ = orNil(t, at, any(at))
	w.Winner, winner, _ = drawOptVersion(t)
	return w.Append(nil, a.Head), fields{w.Token, w.Partition, rows, repaired, winner}
}

func drawErrorDetail(t *rapid.T, e *Error, code contract.Code) any {
	small := rapid.IntRange(0, 300)
	switch code {
	case contract.TooLarge:
		e.Limit = draw(t, numbers)
		return e.Limit
	case contract.WrongMode:
		e.Mode = draw(t, words)
		return e.Mode
	case contract.StaleEpoch:
		e.Epoch = draw(t, numbers)
		return e.Epoch
	case contract.Unavailable:
		e.Need, e.Reachable, e.N = draw(t, small), draw(t, small), draw(t, small)
		down := list{}
		for range rapid.IntRange(0, 3).Draw(t, "down") {
			e.Down = append(e.Down, drawNode(t))
			down = append(down, nodeText(e.Down[len(e.Down)-1]))
		}
		return fields{e.Need, e.Reachable, e.N, down}
	case contract.Clock:
		e.Clock, e.Kind = hlc.Timestamp(draw(t, numbers)), contract.ClockKind(rapid.IntRange(1, 5).Draw(t, "kind"))
		return fields{uint64(e.Clock), int(e.Kind)}
	case contract.ConditionFailed:
		var version, value any
		e.Version, version, _ = drawOptVersion(t)
		e.Value, value = drawOptBytes(t)
		return fields{version, value}
	case contract.Timeout, contract.InDoubt:
		var version, receipt any
		e.Version, version, _ = drawOptVersion(t)
		if rapid.Bool().Draw(t, "receipt") {
			c, written := drawReceipt(t)
			e.Receipt, receipt = &c, written
		}
		return fields{version, receipt}
	}
	return nil
}

func drawError(t *rapid.T) sample {
	code := rapid.SampledFrom(contract.Codes()[1:]).Draw(t, "code")
	h, head := drawHead(t, Op(rapid.IntRange(0, 0x7f).Draw(t, "op")), code)
	e := Error{Message: draw(t, words), RetryAfterMS: draw(t, numbers)}
	detail := drawErrorDetail(t, &e, code)
	v := append(head, e.Message, e.RetryAfterMS, detail)
	return sample{v, e.Append(nil, h), Answer{Head: h, Error: e}, readAnswer(), false}
}

func drawBatchAnswer(t *rapid.T) sample {
	h, head := drawHead(t, OpBatch, contract.OK)
	want := Answer{Head: h}
	var results [][]byte
	var ops []Op
	values := list{}
	for range counts.Draw(t, "results") {
		op := rapid.SampledFrom([]Op{OpGet, OpPut, OpDelete, OpAdd}).Draw(t, "op")
		one := Answer{Head: Head{Op: op}}
		ops = append(ops, op)
		if rapid.Bool().Draw(t, "failed") {
			one.Code = rapid.SampledFrom(contract.Codes()[1:]).Draw(t, "code")
			one.Error = Error{Message: draw(t, words), RetryAfterMS: draw(t, numbers)}
			detail := drawErrorDetail(t, &one.Error, one.Code)
			results = append(results, one.Error.AppendResult(nil, one.Code))
			values = append(values, fields{int(one.Code), one.Error.Message, one.Error.RetryAfterMS, detail})
		} else {
			k, v := drawKeyAnswer(t, op, &one)
			results = append(results, k.AppendResult(nil))
			values = append(values, append(fields{0}, v...))
		}
		want.Results = append(want.Results, one)
	}
	return sample{append(head, values), BatchAnswer(nil, h, results), want, readAnswer(ops...), false}
}
