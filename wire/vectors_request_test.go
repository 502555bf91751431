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
	add("PUT", operation(OpPut, 9, nil))
	add("PUT with every field", operation(OpPut, 10, func(q *Request) {
		q.Namespace, q.Level, q.Flags, q.TTL, q.HasTTL = []byte("locks"), contract.Serial, contract.Rows, 60_000, true
		q.Version, q.HasVersion, q.Seen, q.HasSeen, q.Condition = vMine, true, vOld, true, Condition{VersionEquals, vOld}
	}))
	add("PUT of an empty value that never expires", operation(OpPut, 11, func(q *Request) { q.Value, q.HasTTL = []byte{}, true }))
	add("PUT of 300 bytes", operation(OpPut, 12, func(q *Request) { q.Value = bytes.Repeat([]byte{0xab}, 300) }))
	add("PUT that knew of a version", operation(OpPut, 16, func(q *Request) { q.Seen, q.HasSeen = vOld, true }))
	add("PUT that knew of no version", operation(OpPut, 13, func(q *Request) { q.HasSeen = true }))
	add("PUT if absent", operation(OpPut, 14, func(q *Request) { q.Condition.Kind = IfAbsent }))
	add("PUT if it exists", operation(OpPut, 15, func(q *Request) { q.Condition.Kind = IfExists }))
	add("DELETE", operation(OpDelete, 50, nil))
	add("DELETE that knew of no version", operation(OpDelete, 49, func(q *Request) { q.HasSeen = true }))
	add("DELETE with every field", operation(OpDelete, 51, func(q *Request) {
		q.Level, q.Flags, q.Version, q.HasVersion, q.Seen, q.HasSeen, q.Condition = contract.All, contract.Rows, vMine, true, vOld, true, Condition{Kind: IfExists}
	}))
	add("ADD", operation(OpAdd, 52, func(q *Request) { q.Delta = 1 }))
	add("ADD of the largest int", operation(OpAdd, 63, func(q *Request) { q.Delta = 1<<63 - 1 }))
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
	batch, mixed := BeginBatch(nil, 60, 2000, 4), BeginBatch(nil, 62, 5000, 4)
	for _, op := range []Op{OpGet, OpPut, OpDelete, OpAdd} {
		batch = operation(op, 0, nil).AppendOp(batch)
		mixed = operation(op, 0, func(q *Request) {
			q.Namespace, q.Level, q.Flags = []byte("users"), contract.All, contract.Rows|contract.Trace
			if q.Version, q.HasVersion = vMine, op.Writes(); op == OpGet {
				q.Version, q.After = hlc.Version{}, vOld
			}
			q.Seen, q.HasSeen = vOld, op == OpPut || op == OpDelete
		}).AppendOp(mixed)
	}
	all = append(all, vector{name: "BATCH", frame: EndFrame(batch, 0)}, vector{name: "BATCH with levels, flags and versions", frame: EndFrame(mixed, 0)}, vector{name: "BATCH of nothing", frame: EndFrame(BeginBatch(nil, 61, 0, 0), 0)})
	return directed("request", append(all, levelAndFlagVectors()...))
}

// levels are the levels of the table: of the numbers the first and the last.
func levels() []contract.Level {
	all := []contract.Level{contract.Default, contract.One, contract.Two, contract.Three, contract.LevelsExact}
	for l := contract.LevelsExact + 1; l.Known(); l++ {
		all = append(all, l)
	}
	return all
}

// flagName is a flag, and what may be asked with it.
type flagName struct {
	name          string
	flag          contract.Flags
	reads, writes bool
}

// flagNames are all flags.
var flagNames = []flagName{
	{"sloppy", contract.Sloppy, false, true}, {"rows", contract.Rows, true, true}, {"trace", contract.Trace, true, true},
	{"weaken", contract.Weaken, true, false}, {"ordered", contract.Ordered, false, true},
}

// levelAndFlagVectors has each level and each flag on each op that takes it,
// and all flags of the op together.
func levelAndFlagVectors() []vector {
	var all []vector
	add := func(op Op, what string, level contract.Level, flags contract.Flags) {
		q := &Request{Op: op, ID: uint64(500 + len(all)), DeadlineMS: 2000, Level: level, Flags: flags}
		if op.hasKey() {
			q.Key = vKey
		}
		if op == OpPut {
			q.Value = vValue
		}
		all = append(all, vector{name: op.String() + " " + what, frame: q.Append(nil)})
	}
	for _, op := range leveled {
		for _, l := range levels() {
			if l != contract.Any || op.Writes() {
				add(op, "at level "+l.String(), l, 0)
			}
		}
		var sum contract.Flags
		for _, f := range flagNames {
			if op.Writes() && f.writes || !op.Writes() && f.reads {
				add(op, f.name, contract.Quorum, f.flag)
				sum |= f.flag
			}
		}
		add(op, "with all its flags", contract.Default, sum)
	}
	return all
}

// leveled are the ops with level and flags.
var leveled = []Op{OpGet, OpPut, OpDelete, OpAdd, OpScan}

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
