package wire

import (
	"bytes"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
)

// The values that the vectors are made of.
var (
	vNode1  = [16]byte{0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f}
	vNode2  = [16]byte{0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x2b, 0x2c, 0x2d, 0x2e, 0x2f}
	vNode3  = [16]byte{0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f}
	vTeam   = bytes.Repeat([]byte{0xc1}, 16) // the cluster's id
	vClock  = hlc.Make(1_760_000_000_000, 3)
	vOld    = hlc.Version{Time: hlc.Make(1_759_999_990_000, 0), Writer: 0x1111111111111111}
	vMine   = hlc.Version{Time: hlc.Make(1_760_000_000_000, 1), Writer: 0x2222222222222222}
	vHigher = hlc.Version{Time: hlc.Make(1_760_000_000_500, 2), Writer: 0x3333333333333333}
	vKey    = []byte("user:42")
	vValue  = []byte("hello")
)

func vHead(op Op, id uint64) Head { return Head{Op: op, ID: id, Clock: vClock, Epoch: 7} }

func vReceipt(level contract.Level) contract.Receipt {
	return contract.Receipt{Need: 2, Asked: 3, Acked: 2, Durable: 2, Level: level}
}

func vRows() contract.Receipt {
	c := vReceipt(contract.Quorum)
	c.Rows = []contract.Row{
		{Node: vNode1, State: contract.Durable, Version: vMine.Bytes()}, {Node: vNode2, State: contract.RowSuperseded, Version: vHigher.Bytes()},
		{Node: vNode3, State: contract.Silent},
	}
	return c
}

// operation is a request for the vectors' key.
func operation(op Op, id uint64, change func(*Request)) *Request {
	q := &Request{Op: op, ID: id, DeadlineMS: 2000, Key: vKey}
	if op == OpPut {
		q.Value = vValue
	}
	if change != nil {
		change(q)
	}
	return q
}

func requestVectors() []vector {
	hello := Hello{ID: 1, ProtoMin: 1, ProtoMax: 1, ClientName: []byte("python 1.0")}
	token, user, node, early := hello, hello, hello, hello
	token.HasAuth, token.Auth = true, Credentials{Kind: []byte("token"), Secret: []byte{1, 2, 3, 4}}
	user.HasAuth, user.Auth = true, Credentials{Kind: []byte("user"), Name: []byte("ada"), Secret: []byte("secret")}
	node.Role, node.ClientName, node.ClusterName, node.ClusterID, node.NodeID, node.Incarnation = RoleNode, []byte("candor"), []byte("prod"), vTeam, vNode1, 4
	early = node
	early.ClusterID, early.Incarnation = nil, 1
	all := []vector{
		{name: "HELLO of a client", frame: hello.Append(nil)},
		{name: "HELLO with a token", frame: token.Append(nil)},
		{name: "HELLO with a user", frame: user.Append(nil)},
		{name: "HELLO of a node", frame: node.Append(nil)},
		{name: "HELLO of a node before epoch 1", frame: early.Append(nil)},
	}
	add := func(name string, q *Request) { all = append(all, vector{name: name, frame: q.Append(nil)}) }
	add("AUTH", &Request{Op: OpAuth, ID: 2, Mechanism: []byte("scram-sha-256"), Payload: []byte("n,,n=ada")})
	add("PING", &Request{Op: OpPing, ID: 3})
	add("RING", &Request{Op: OpRing, ID: 4})
	add("GET", operation(OpGet, 5, nil))
	add("GET after a version", operation(OpGet, 6, func(q *Request) { q.Namespace, q.Level, q.After = []byte("users"), contract.One, vMine }))
	add("GET weaken", operation(OpGet, 7, func(q *Request) { q.Flags = contract.Weaken }))
	add("GET rows, trace and weaken", operation(OpGet, 8, func(q *Request) { q.Flags = contract.Rows | contract.Trace | contract.Weaken }))
	add("PUT", operation(OpPut, 9, nil))
	add("PUT with every field", operation(OpPut, 10, func(q *Request) {
		q.Namespace, q.Level, q.Flags, q.TTL, q.HasTTL = []byte("locks"), contract.Serial, contract.Rows, 60_000, true
		q.Version, q.HasVersion, q.Seen, q.HasSeen, q.Condition = vMine, true, vOld, true, Condition{VersionEquals, vOld}
	}))
	add("PUT of an empty value that never expires", operation(OpPut, 11, func(q *Request) { q.Value, q.HasTTL = []byte{}, true }))
	add("PUT of 300 bytes", operation(OpPut, 12, func(q *Request) { q.Value = bytes.Repeat([]byte{0xab}, 300) }))
	add("PUT that knew of no version", operation(OpPut, 13, func(q *Request) { q.HasSeen = true }))
	add("PUT if absent", operation(OpPut, 14, func(q *Request) { q.Condition.Kind = IfAbsent }))
	add("PUT if it exists", operation(OpPut, 15, func(q *Request) { q.Condition.Kind = IfExists }))
	for i, f := range []struct {
		name string
		flag contract.Flags
	}{{"sloppy", contract.Sloppy}, {"rows", contract.Rows}, {"trace", contract.Trace}, {"ordered", contract.Ordered}} {
		add("PUT "+f.name, operation(OpPut, uint64(20+i), func(q *Request) { q.Flags = f.flag }))
	}
	for i, l := range []contract.Level{
		contract.One, contract.Two, contract.Three, contract.LevelsExact, contract.Quorum, contract.All, contract.Any, contract.Serial,
		contract.LocalOne, contract.LocalQuorum, contract.EachQuorum,
	} {
		add("PUT at level "+l.String(), operation(OpPut, uint64(30+i), func(q *Request) { q.Level = l }))
	}
	add("DELETE", operation(OpDelete, 50, nil))
	add("DELETE with every field", operation(OpDelete, 51, func(q *Request) {
		q.Level, q.Flags, q.Version, q.HasVersion, q.Seen, q.HasSeen, q.Condition = contract.All, contract.Rows, vMine, true, vOld, true, Condition{Kind: IfExists}
	}))
	add("ADD", operation(OpAdd, 52, func(q *Request) { q.Delta = 1 }))
	add("ADD below zero, stamped", operation(OpAdd, 53, func(q *Request) { q.Delta, q.Version, q.HasVersion = -1<<63, vMine, true }))
	add("SCAN", &Request{Op: OpScan, ID: 54, DeadlineMS: 2000})
	add("SCAN with every field", &Request{
		Op: OpScan, ID: 55, DeadlineMS: 5000, Namespace: []byte("users"), Prefix: []byte("{de}"), Cursor: []byte{1, 2, 3}, Limit: 100,
		Level: contract.Quorum, Flags: contract.Weaken, KeysOnly: true,
	})
	add("OUTCOME", operation(OpOutcome, 56, func(q *Request) { q.Version, q.HasVersion = vMine, true }))
	add("OUTCOME of a sloppy write", operation(OpOutcome, 57, func(q *Request) { q.Version, q.HasVersion, q.Flags = vMine, true, contract.OutcomeSloppy }))
	add("EXPLAIN", operation(OpExplain, 58, nil))
	add("WATCH, reserved", &Request{Op: OpWatch, ID: 59})
	add("PING with the largest id and deadline", &Request{Op: OpPing, ID: 1<<64 - 1, DeadlineMS: 1<<64 - 1})
	batch := BeginBatch(nil, 60, 2000, 4)
	for _, op := range []Op{OpGet, OpPut, OpDelete, OpAdd} {
		batch = operation(op, 0, nil).AppendOp(batch)
	}
	all = append(all, vector{name: "BATCH", frame: EndFrame(batch, 0)}, vector{name: "BATCH of nothing", frame: EndFrame(BeginBatch(nil, 61, 0, 0), 0)})
	return directed("request", all)
}

// readOnlyVectors are forms that nobody sends, and everybody has to read.
func readOnlyVectors() []vector {
	short := byLibrary(fields{0x10, 70, 0, nil, vKey})
	wide := []byte{
		0xdd, 0, 0, 0, 3, // array32 of 3
		0xcf, 0, 0, 0, 0, 0, 0, 0, 3, // op as uint64
		0xd3, 0, 0, 0, 0, 0, 0, 0, 71, // id as int64
		0xd1, 7, 0xd0, // deadline as int16
	}
	wideKey := append([]byte{0x95, 0xcd, 0, 0x10, 72, 0xce, 0, 0, 7, 0xd0, 0xdb, 0, 0, 0, 5, 'u', 's', 'e', 'r', 's', 0xc6, 0, 0, 0, 7}, vKey...)
	tail := byLibrary(fields{0x10, 73, 0, "", vKey, 0, 0, nil, "new", list{1, nil}, true})
	nils := byLibrary(fields{0x11, 74, nil, nil, vKey, vValue, nil, nil, nil, nil, nil, nil})
	all := []vector{
		{name: "GET whose tail is missing", frame: framed(short)},
		{name: "PING in the widest numbers", frame: framed(wide)},
		{name: "GET with wide heads", frame: framed(wideKey)},
		{name: "GET with unknown fields at its end", frame: framed(tail)},
		{name: "PUT with nil for every default", frame: framed(nils)},
		{name: "RING with unknown fields at its end", frame: framed(byLibrary(fields{4, 75, 1, 2}))},
	}
	for i := range all {
		all[i].onlyRead = true
	}
	return directed("request", all)
}

func answerVectors() []vector {
	h := HelloAnswer{
		Proto: 1, ClusterName: []byte("prod"), ClusterID: vTeam, NodeID: vNode1, ServerVersion: []byte("candor 0.1.0"),
		Limits: Limits{FrameBytes: 1<<20 + 64<<10, KeyBytes: 4096, ValueBytes: 1 << 20, InFlight: 1024, BatchOps: 1000}, Features: [][]byte{[]byte("lww")},
	}
	early := h
	early.ClusterID, early.Features = nil, nil
	ring := RingAnswer{Q: 2, N: 2, Owners: []byte{0, 0, 0, 1, 0, 1, 0xff, 0xff}, Members: []RingMember{
		{vNode1, "n1", "10.0.0.1:7400", "10.0.0.1:7401", "z1", 2, "r1", "10.0.0.1:7402", "10.0.0.1:7403"},
		{ID: vNode2, Name: "n2", Client: "10.0.0.2:7400", Peer: "10.0.0.2:7401", State: 1},
	}}
	get := GetAnswer{Found: true, Value: vValue, Version: vMine, ExpiresAt: 1_760_000_060_000, Receipt: vReceipt(contract.Quorum)}
	get.Receipt.Repaired = 1
	gone := GetAnswer{Version: vHigher, Receipt: vReceipt(contract.Quorum)}
	put := WriteAnswer{Version: vMine, Receipt: vReceipt(contract.Quorum)}
	lost := WriteAnswer{Version: vMine, Outcome: contract.Superseded, Winner: vHigher, Receipt: vRows()}
	buried := WriteAnswer{Version: vMine, Receipt: vReceipt(contract.All), Buried: vOld}
	sloppy := WriteAnswer{Version: vMine, Receipt: contract.Receipt{Need: 2, Asked: 1, Acked: 1, Durable: 1, Hinted: 1, Level: contract.Quorum}}
	explain := ExplainAnswer{Token: 0x27525313dfa73c54, Partition: 157, RepairedAsOf: 1_759_999_900_000, Winner: vMine, Rows: []ExplainRow{
		{Node: vNode1, Role: RoleNatural, Reachable: true, Phi: 312, HasPhi: true, Version: vMine, ValueBytes: 5, ChecksumOK: true},
		{Node: vNode2, Role: RoleStandIn, Reachable: true, Version: vOld, Tombstone: true, ChecksumOK: true, HintsPending: 2},
		{Node: vNode3, Role: RoleJoining},
	}}
	add := AddAnswer{Value: -5, Version: vMine, Receipt: vReceipt(contract.Serial)}
	all := []vector{
		{name: "answer to HELLO", frame: h.Append(nil, vHead(OpHello, 1))},
		{name: "answer to HELLO before epoch 1", frame: early.Append(nil, Head{Op: OpHello, ID: 1, Clock: vClock})},
		{name: "answer to AUTH", frame: (&AuthAnswer{Done: true}).Append(nil, vHead(OpAuth, 2))},
		{name: "answer to PING", frame: AppendOK(nil, vHead(OpPing, 3))},
		{name: "answer to RING", frame: ring.Append(nil, vHead(OpRing, 4))},
		{name: "answer to GET, found", frame: get.Append(nil, vHead(OpGet, 5))},
		{name: "answer to GET, deleted", frame: gone.Append(nil, vHead(OpGet, 6))},
		{name: "answer to GET, never seen", frame: (&GetAnswer{Receipt: vReceipt(contract.Quorum)}).Append(nil, vHead(OpGet, 7))},
		{name: "answer to PUT, applied", frame: put.Append(nil, vHead(OpPut, 8))},
		{name: "answer to PUT, superseded, with rows", frame: lost.Append(nil, vHead(OpPut, 9))},
		{name: "answer to PUT that buried a version", frame: buried.Append(nil, vHead(OpPut, 10))},
		{name: "answer to PUT with a hint", frame: sloppy.Append(nil, vHead(OpPut, 11))},
		{name: "answer to DELETE", frame: put.Append(nil, vHead(OpDelete, 12))},
		{name: "answer to ADD", frame: add.Append(nil, vHead(OpAdd, 13))},
		{name: "answer to SCAN", frame: (&ScanAnswer{
			Items:  []ScanItem{{vKey, vValue, vMine, 0}, {[]byte("user:43"), nil, vOld, 1_760_000_060_000}},
			Cursor: []byte{9, 9}, Coverage: Coverage{3, 2, 1024},
		}).Append(nil, vHead(OpScan, 14))},
		{name: "answer to SCAN at its end", frame: (&ScanAnswer{Coverage: Coverage{1024, 1024, 1024}}).Append(nil, vHead(OpScan, 15))},
		{name: "answer to EXPLAIN", frame: explain.Append(nil, vHead(OpExplain, 16))},
	}
	for i, name := range []string{"pending", "committed", "superseded", "not applied", "forgotten"} {
		a := OutcomeAnswer{Fate: contract.Fate(i), Receipt: vReceipt(contract.All)}
		switch a.Fate {
		case contract.Committed:
			a.Winner = vMine
		case contract.FateSuperseded:
			a.Winner = vHigher
		}
		all = append(all, vector{name: "answer to OUTCOME, " + name, frame: a.Append(nil, vHead(OpOutcome, uint64(20+i)))})
	}
	batch := BatchAnswer(nil, vHead(OpBatch, 30), [][]byte{
		get.AppendResult(nil), put.AppendResult(nil), (&Error{Message: "key is 5000 bytes", Limit: 4096}).AppendResult(nil, contract.TooLarge), add.AppendResult(nil),
	})
	all = append(all, vector{name: "answer to BATCH", frame: batch, ops: []Op{OpGet, OpPut, OpDelete, OpAdd}})
	return directed("answer", all)
}

func errorVectors() []vector {
	detail := map[contract.Code]Error{
		contract.TooLarge:        {Limit: 1 << 20},
		contract.WrongMode:       {Mode: "lww"},
		contract.Unavailable:     {Need: 2, Reachable: 1, N: 3, Down: [][16]byte{vNode2, vNode3}, RetryAfterMS: 250},
		contract.Overloaded:      {RetryAfterMS: 50},
		contract.ConditionFailed: {Version: vHigher, Value: vValue},
		contract.Clock:           {Clock: vClock, Kind: contract.StampAhead},
		contract.StaleEpoch:      {Epoch: 8},
		contract.Timeout:         {Version: vMine, Receipt: &contract.Receipt{Need: 2, Asked: 3, Acked: 1, Durable: 1, Level: contract.Quorum}},
		contract.InDoubt:         {Version: vMine, Receipt: &contract.Receipt{Need: 2, Asked: 3, Acked: 1, Durable: 1, Level: contract.Quorum}},
	}
	var all []vector
	add := func(name string, h Head, e Error) { all = append(all, vector{name: name, frame: e.Append(nil, h)}) }
	for i, code := range contract.Codes()[1:] {
		e := detail[code]
		e.Message = "what to do about it"
		h := vHead(OpPut, uint64(100+i))
		h.Code = code
		add(code.String(), h, e)
	}
	of := func(op Op, id uint64, code contract.Code) Head { h := vHead(op, id); h.Code = code; return h }
	add("TIMEOUT of a read", of(OpGet, 200, contract.Timeout), Error{Message: "2 of 3 answered", Receipt: &contract.Receipt{Need: 3, Asked: 3, Acked: 2, Durable: 2, Level: contract.All}})
	add("CONDITION_FAILED on an absent key", of(OpPut, 201, contract.ConditionFailed), Error{Message: "the key is absent"})
	for k := contract.StampAhead; k <= contract.RepeatUnknown; k++ {
		add("CLOCK, kind "+string('0'+rune(k)), of(OpPut, 202+uint64(k), contract.Clock), Error{Message: "stamp again", Clock: vClock, Kind: k})
	}
	add("BAD_REQUEST before the connection is closed", Head{Code: contract.BadRequest, Clock: vClock, Epoch: 7}, Error{Message: "not one msgpack array"})
	add("TOO_LARGE before the connection is closed", Head{Code: contract.TooLarge, Clock: vClock, Epoch: 7}, Error{Message: "frame is too large", Limit: 1<<20 + 64<<10})
	add("the goodbye of a node", Head{Code: contract.ShuttingDown, Clock: vClock, Epoch: 7}, Error{Message: "this node stops"})
	add("a code that this build does not know", of(OpPut, 300, 199), Error{Message: "treat it by its class"})
	return directed("error", all)
}
