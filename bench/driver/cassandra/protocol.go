package cassandra

import (
	"encoding/binary"
	"fmt"

	"github.com/candordb/candor/bench/peer"
	"github.com/candordb/candor/load"
)

// The body of an EXECUTE, as it is written here:
//
//	+----------------+-------------+-------+--------+-------------------------+
//	| statement id   | consistency | flags | values | each value              |
//	| 2 + its length | 2           | 1     | 2      | 4 + its length          |
//	+----------------+-------------+-------+--------+-------------------------+
const (
	queryValues       = 0x01 // flags: values follow
	querySkipMetadata = 0x02 // flags: do not describe the columns with each answer
)

// The body of a RESULT begins with its kind; that of rows goes on
//
//	+-------+---------+------------------------+------+----------------------------+
//	| flags | columns | paging state           | rows | each column of each row    |
//	| 4     | 4       | 4 + its length, if any | 4    | 4 + its length, -1: absent |
//	+-------+---------+------------------------+------+----------------------------+
const (
	resultVoid     = 1
	resultRows     = 2
	resultPrepared = 4

	rowsHavePages  = 0x02
	rowsNoMetadata = 0x04
)

// Codes of an ERROR, of those that mean something for a request.
const (
	errorUnavailable   = 0x1000
	errorOverloaded    = 0x1001
	errorBootstrapping = 0x1002
	errorWriteTimeout  = 0x1100
	errorReadTimeout   = 0x1200
	errorWriteFailure  = 0x1500
)

// protocol is the native protocol on one connection, on which two statements were
// prepared.
type protocol struct {
	get, put []byte // bodies of EXECUTE up to where the values begin
}

var _ peer.Protocol = (*protocol)(nil)

// newProtocol takes the ids of the prepared statements.
func newProtocol(get, put []byte) *protocol {
	return &protocol{get: executeHead(get, 1), put: executeHead(put, 2)}
}

func executeHead(statement []byte, values uint16) []byte {
	dst := appendString(nil, string(statement))
	dst = binary.BigEndian.AppendUint16(dst, levelQuorum)
	dst = append(dst, queryValues|querySkipMetadata)
	return binary.BigEndian.AppendUint16(dst, values)
}

// Ordered implements peer.Protocol.
func (*protocol) Ordered() bool { return false }

// Append implements peer.Protocol.
func (p *protocol) Append(dst []byte, id uint32, op *load.Op) []byte {
	return appendFrame(dst, uint16(id), opExecute, func(dst []byte) []byte {
		if op.Kind == load.Get {
			return appendValue(append(dst, p.get...), op.Key)
		}
		return appendValue(appendValue(append(dst, p.put...), op.Key), op.Value)
	})
}

// Parse implements peer.Protocol.
func (*protocol) Parse(b []byte) (n int, a peer.Answer, err error) {
	n, f, err := parseFrame(b)
	if n == 0 || err != nil {
		return 0, a, err
	}
	a.ID = uint32(f.stream)
	r := reader{rest: f.body}
	switch f.opcode {
	case opError:
		a.Outcome = outcomeOf(r.int())
	case opResult:
		a.Outcome, a.Value = r.result()
	default:
		return 0, a, fmt.Errorf("%w: opcode %#x answers a statement", errProtocol, f.opcode)
	}
	if r.broken {
		return 0, a, fmt.Errorf("%w: its body is cut off", errProtocol)
	}
	return n, a, nil
}

// result reads what a statement gave: nothing for a write, one column of one row or
// of none for a read.
func (r *reader) result() (peer.Outcome, []byte) {
	switch r.int() {
	case resultVoid:
		return peer.Done, nil
	case resultRows:
	default:
		return peer.Failed, nil
	}
	flags := r.int()
	r.int() // columns
	if flags&rowsHavePages != 0 {
		r.value()
	}
	if flags&rowsNoMetadata == 0 {
		r.broken = true // it was asked for without
		return peer.Failed, nil
	}
	if r.int() == 0 {
		return peer.Absent, nil
	}
	value, there := r.value()
	if !there {
		return peer.Absent, nil
	}
	return peer.Done, value
}

// outcomeOf says what an error code means for a request.
func outcomeOf(code int) peer.Outcome {
	switch code {
	case errorUnavailable, errorOverloaded, errorBootstrapping: // told before anything was sent to a replica
		return peer.Refused
	case errorWriteTimeout, errorReadTimeout, errorWriteFailure:
		return peer.Unknown
	}
	return peer.Failed
}
