package cassandra

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// A frame of the native protocol, version 4. Numbers are big-endian.
//
//	0         1       2        4        5        9
//	+---------+-------+--------+--------+--------+----------------+
//	| version | flags | stream | opcode | length | body           |
//	+---------+-------+--------+--------+--------+----------------+
//
// version is 0x04 of a request and 0x84 of an answer. The stream of an answer is
// that of its request. length is that of the body.
const (
	headerBytes    = 9
	bodyBytesMax   = 256 << 20 // what the protocol allows
	versionRequest = 0x04
	versionAnswer  = 0x84
)

// Opcodes, of those that are used here.
const (
	opError   = 0x00
	opStartup = 0x01
	opReady   = 0x02
	opQuery   = 0x07
	opResult  = 0x08
	opPrepare = 0x09
	opExecute = 0x0a
)

// Flags of a frame: what stands in front of an answer's body, in this order.
const (
	flagTracing  = 0x02 // 16 bytes
	flagWarning  = 0x08 // a list of strings
	flagPayload  = 0x04 // a map of strings to bytes
	flagsSkipped = flagTracing | flagWarning | flagPayload
)

// Consistency levels.
const (
	levelQuorum = 0x0004
	levelAll    = 0x0005
)

// errProtocol is returned for bytes that are no answer of the native protocol. The
// connection is of no use any more.
var errProtocol = errors.New("cassandra: not an answer of the native protocol, version 4")

// frame is an answer.
type frame struct {
	stream uint16
	opcode byte
	body   []byte // without what its flags put in front
}

// parseFrame reads the frame at the start of b, and says how many bytes it has; 0: b
// does not have all of it.
func parseFrame(b []byte) (n int, f frame, err error) {
	if len(b) < headerBytes {
		return 0, f, nil
	}
	length := binary.BigEndian.Uint32(b[5:])
	switch {
	case b[0] != versionAnswer:
		return 0, f, fmt.Errorf("%w: its version is %#x", errProtocol, b[0])
	case length > bodyBytesMax:
		return 0, f, fmt.Errorf("%w: a body of %d bytes", errProtocol, length)
	case b[1]&^flagsSkipped != 0:
		return 0, f, fmt.Errorf("%w: flags %#x were not agreed on", errProtocol, b[1])
	}
	n = headerBytes + int(length)
	if len(b) < n {
		return 0, f, nil
	}
	r := reader{rest: b[headerBytes:n]}
	r.skipFront(b[1])
	if r.broken {
		return 0, f, fmt.Errorf("%w: what its flags %#x announce is cut off", errProtocol, b[1])
	}
	return n, frame{binary.BigEndian.Uint16(b[2:]), b[4], r.rest}, nil
}

// skipFront goes behind what the flags of a frame put in front of its body.
func (r *reader) skipFront(flags byte) {
	if flags&flagTracing != 0 {
		r.take(16)
	}
	if flags&flagWarning != 0 {
		for n := r.short(); n > 0 && !r.broken; n-- {
			r.take(r.short())
		}
	}
	if flags&flagPayload != 0 {
		for n := r.short(); n > 0 && !r.broken; n-- {
			r.take(r.short())
			r.value()
		}
	}
}

// reader reads a body from its start. Once something was not there, it is broken and
// reads zeros.
type reader struct {
	rest   []byte
	broken bool
}

// take reads n bytes, which is 0 or more.
func (r *reader) take(n int) []byte {
	if n > len(r.rest) {
		r.broken, r.rest = true, nil
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) short() int {
	if b := r.take(2); b != nil {
		return int(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (r *reader) int() int {
	if b := r.take(4); b != nil {
		return int(int32(binary.BigEndian.Uint32(b)))
	}
	return 0
}

// value reads bytes with their length in front; a negative one means that there is
// none.
func (r *reader) value() (b []byte, there bool) {
	n := r.int()
	if n < 0 {
		return nil, false
	}
	b = r.take(n)
	return b, !r.broken
}

// appendFrame appends a request whose body is written by a function.
func appendFrame(dst []byte, stream uint16, opcode byte, body func(dst []byte) []byte) []byte {
	start := len(dst)
	dst = append(dst, versionRequest, 0, byte(stream>>8), byte(stream), opcode, 0, 0, 0, 0)
	dst = body(dst)
	binary.BigEndian.PutUint32(dst[start+5:], uint32(len(dst)-start-headerBytes))
	return dst
}

func appendString(dst []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(s))), s...)
}

func appendLongString(dst []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(s))), s...)
}

func appendValue(dst, b []byte) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(b))), b...)
}
