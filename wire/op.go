package wire

import "fmt"

// Op is the number of a message. Append-only.
type Op uint8

// The ops of clients.
const (
	OpHello   Op = 0x01
	OpAuth    Op = 0x02
	OpPing    Op = 0x03
	OpRing    Op = 0x04
	OpGet     Op = 0x10
	OpPut     Op = 0x11
	OpDelete  Op = 0x12
	OpAdd     Op = 0x13
	OpBatch   Op = 0x14
	OpScan    Op = 0x15
	OpOutcome Op = 0x16
	OpExplain Op = 0x17
	OpWatch   Op = 0x18
)

// The ops of nodes among themselves.
const (
	OpWrite     Op = 0x40
	OpRead      Op = 0x41
	OpDigest    Op = 0x42
	OpRange     Op = 0x43
	OpVoid      Op = 0x44
	OpStatus    Op = 0x45
	OpMetadata  Op = 0x46
	OpInstall   Op = 0x47
	OpHeartbeat Op = 0x48
	OpGoodbye   Op = 0x49
	OpPrepare   Op = 0x4a
	OpAccept    Op = 0x4b
	OpExchange  Op = 0x4c
	OpReport    Op = 0x4d
)

// answerBit marks the op of an answer.
const answerBit = 0x80

var opNames = map[Op]string{
	OpHello: "HELLO", OpAuth: "AUTH", OpPing: "PING", OpRing: "RING", OpGet: "GET", OpPut: "PUT", OpDelete: "DELETE",
	OpAdd: "ADD", OpBatch: "BATCH", OpScan: "SCAN", OpOutcome: "OUTCOME", OpExplain: "EXPLAIN", OpWatch: "WATCH",
	OpWrite: "WRITE", OpRead: "READ", OpDigest: "DIGEST", OpRange: "RANGE", OpVoid: "VOID", OpStatus: "STATUS",
	OpMetadata: "METADATA", OpInstall: "INSTALL", OpHeartbeat: "HEARTBEAT", OpGoodbye: "GOODBYE", OpPrepare: "PREPARE", OpAccept: "ACCEPT",
	OpExchange: "EXCHANGE", OpReport: "REPORT",
}

// String is the op's name; OP_0xNN for one that is not in the table.
func (o Op) String() string {
	if n, ok := opNames[o]; ok {
		return n
	}
	return fmt.Sprintf("OP_%#02x", uint8(o))
}

// Writes says whether a request of a client with this op can change a key, so
// that an answer that went missing leaves it in doubt.
func (o Op) Writes() bool { return o == OpPut || o == OpDelete || o == OpAdd }
