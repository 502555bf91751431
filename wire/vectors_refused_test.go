package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// The ends that a frame can come to when it is refused.
const (
	closeSilently    = "close_silently"
	noCommonVersion  = "UNSUPPORTED_then_close"
	closeBadRequest  = "close_after_BAD_REQUEST"
	closeTooLarge    = "TOO_LARGE_then_close"
	staysBadRequest  = "BAD_REQUEST_stays"
	staysUnsupported = "UNSUPPORTED_stays"
	accepted         = ""
)

// vectorFrameMax is the max_frame that the vectors suppose.
const vectorFrameMax = 1<<20 + 64<<10

// judge tells what a server does with the bytes of one frame, as the protocol's
// chapter about frames has it.
func judge(buf []byte, beforeHello bool) string {
	if beforeHello {
		return judgeFirst(buf)
	}
	body, n, err := NextFrame(buf, vectorFrameMax)
	switch {
	case errors.Is(err, ErrFrameTooLarge):
		return closeTooLarge
	case err != nil:
		return closeBadRequest
	case n != len(buf):
		return "cut off"
	}
	var q Request
	err = DecodeRequest(body, &q)
	var refused *RequestError
	switch {
	case errors.Is(err, ErrMalformed), q.ID == 0:
		return closeBadRequest
	case errors.As(err, &refused):
		return refused.Code.String() + "_stays"
	}
	return accepted
}

func judgeFirst(buf []byte) string {
	body, n, err := NextFrame(buf, HelloBytesMax)
	if err != nil {
		return closeSilently
	}
	if n != len(buf) {
		return "cut off"
	}
	var h Hello
	switch err := DecodeHello(body, &h); {
	case err != nil:
		return closeSilently
	case h.ProtoMin > ProtocolVersion || h.ProtoMax < ProtocolVersion:
		return noCommonVersion
	}
	return accepted
}

func framed(body []byte) []byte { return EndFrame(append(BeginFrame(nil), body...), 0) }

func claimed(length uint32, body string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, length), body...)
}

func nested(depth int, inside string) raw {
	return raw(strings.Repeat("\x91", depth) + inside)
}

func refusedVectors() []vector {
	var all []vector
	phase, refusal := "", ""
	bytesOf := func(why string, frame []byte) {
		all = append(all, vector{name: "refused: " + why, direction: "refused", frame: frame, why: why, phase: phase, refusal: refusal})
	}
	message := func(why string, values ...any) { bytesOf(why, framed(byLibrary(fields(values)))) }

	phase, refusal = "before_hello", closeSilently
	message("any other op before HELLO", 3, 1, 0)
	message("a wrong magic", 1, 1, "RNDC", 1, 1, "c", nil, 0)
	message("the magic as a bin", 1, 1, []byte(Magic), 1, 1, "c", nil, 0)
	message("a HELLO with id 0", 1, 0, Magic, 1, 1, "c", nil, 0)
	message("a cluster id of 15 bytes", 1, 1, Magic, 1, 1, "c", nil, 1, "prod", vTeam[:15], nodeText(vNode1), 1)
	message("a node id in upper case", 1, 1, Magic, 1, 1, "c", nil, 1, "prod", nil, strings.ToUpper(nodeText(vNode1)), 1)
	message("credentials that are no array", 1, 1, Magic, 1, 1, "c", "token", 0)
	bytesOf("a claimed length over 4 KiB before HELLO", claimed(4097, ""))
	bytesOf("a claimed length of 0 before HELLO", claimed(0, ""))
	bytesOf("HTTP on the client port", []byte("GET / HTTP/1.1\r\n"))
	bytesOf("a TLS greeting on a port without TLS", []byte{0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01})
	bytesOf("a HELLO that ends within a field", framed([]byte{0x98, 1, 1, 0xa4, 'C', 'N'}))
	bytesOf("bytes behind a HELLO in its frame", framed(append(byLibrary(fields{1, 1, Magic, 1, 1, "c", nil, 0}), 0)))
	refusal = noCommonVersion
	message("no common version", 1, 1, Magic, 2, 9, "c", nil, 0)

	phase, refusal = "after_hello", closeBadRequest
	bytesOf("a claimed length of 0", claimed(0, ""))
	bytesOf("a body that is a number", framed([]byte{7}))
	bytesOf("a body that is a map", framed([]byte{0x81, 3, 1}))
	bytesOf("a body that is nil", framed([]byte{0xc0}))
	bytesOf("bytes behind the array", framed([]byte{0x93, 3, 1, 0, 0}))
	bytesOf("two arrays in one frame", framed([]byte{0x93, 3, 1, 0, 0x93, 3, 2, 0}))
	bytesOf("an array that ends too early", framed([]byte{0x94, 3, 1, 0}))
	bytesOf("the unused byte 0xc1", framed([]byte{0x93, 3, 1, 0xc1}))
	bytesOf("an array that claims 4294967295 elements", framed([]byte{0xdd, 0xff, 0xff, 0xff, 0xff, 3, 1}))
	bytesOf("a bin that claims 4 GiB", framed([]byte{0x95, 0x10, 1, 0, 0xa0, 0xc6, 0xff, 0xff, 0xff, 0xff}))
	bytesOf("an unknown map that claims 4294967295 pairs", framed([]byte{0x94, 3, 1, 0, 0xdf, 0xff, 0xff, 0xff, 0xff}))
	message("arrays nested 9 deep", 3, 1, 0, nested(8, "\x00"))
	message("a map that makes it 9 deep", 3, 1, 0, nested(7, "\x80"))
	message("no id", 3)
	message("nothing at all")
	message("an op that is a str", "3", 1, 0)
	message("an op that is nil", nil, 1, 0)
	message("an op below zero", -3, 1, 0)
	message("an op of two bytes", 0x103, 1, 0)
	message("an id that is nil", 3, nil, 0)
	message("an id that is a str", 3, "1", 0)
	message("an id below zero", 3, -1, 0)
	message("id 0", 3, 0, 0)
	refusal = closeTooLarge
	bytesOf("a claimed length above max_frame", claimed(vectorFrameMax+1, ""))
	bytesOf("a claimed length of 4 GiB", claimed(1<<32-1, ""))

	refusal = staysBadRequest
	get := func(why string, rest ...any) {
		message(why, append([]any{0x10, 400 + len(all), 0, "users"}, rest...)...)
	}
	put := func(why string, rest ...any) {
		message(why, append([]any{0x11, 400 + len(all), 0, "users", vKey}, rest...)...)
	}
	get("a key that is a str", "user:42")
	get("a key that is missing")
	get("a key that is nil", nil)
	get("an empty key", []byte{})
	get("a key that is a map", raw{0x81, 1, 1})
	get("a level that is a float", vKey, 1.0)
	get("a level below zero", vKey, -1)
	get("flags that are an extension", vKey, 0, raw{0xd4, 1, 1})
	get("after of 15 bytes", vKey, 0, 0, make([]byte, 15))
	get("after as text", vKey, 0, 0, vMine.String())
	get("sloppy on a read", vKey, 0, 1)
	get("ordered on a read", vKey, 0, 16)
	get("level any on a read", vKey, 66)
	put("a value that is missing")
	put("a value that is a str", "hello")
	put("a ttl below zero", vValue, 0, 0, -1)
	put("weaken on a write", vValue, 0, 8)
	put("ordered together with a version", vValue, 0, 16, nil, vMine)
	put("a version of 17 bytes", vValue, 0, 0, nil, make([]byte, 17))
	put("a condition that is no array", vValue, 0, 0, nil, nil, nil, 1)
	put("a condition of kind 0", vValue, 0, 0, nil, nil, nil, fields{0, nil})
	put("a condition of an unknown kind", vValue, 0, 0, nil, nil, nil, fields{4, nil})
	put("a condition that lacks its version", vValue, 0, 0, nil, nil, nil, fields{3})
	message("a namespace that is a bin", 0x10, 450, 0, []byte("users"), vKey)
	message("a namespace in upper case", 0x10, 451, 0, "Users", vKey)
	message("a namespace of 65 bytes", 0x10, 452, 0, strings.Repeat("n", 65), vKey)
	message("a namespace that is not UTF-8", 0x10, 453, 0, raw{0xa1, 0xff}, vKey)
	message("a deadline that is true", 0x10, 454, true, "", vKey)
	message("a delta above the largest int", 0x13, 455, 0, "", vKey, uint64(1<<63))
	message("keys_only as a number", 0x15, 456, 0, "", nil, nil, 0, 0, 0, 1)
	message("an OUTCOME without a version", 0x16, 457, 0, "", vKey)
	message("a BATCH without operations", 0x14, 458, 0)
	message("a BATCH whose operations are a map", 0x14, 459, 0, raw{0x81, 0x90, 0x90})
	message("a second HELLO", 1, 460, Magic, 1, 1, "c", nil, 0)
	message("sloppy on a SCAN", 0x15, 461, 0, "", nil, nil, 0, 0, 1)
	message("ordered on a SCAN", 0x15, 462, 0, "", nil, nil, 0, 0, 16)
	message("level any on a SCAN", 0x15, 463, 0, "", nil, nil, 0, 66)
	message("weaken on a DELETE", 0x12, 464, 0, "", vKey, 0, 8)
	message("weaken on an ADD", 0x13, 465, 0, "", vKey, 1, 0, 8)
	message("ordered together with a version, in a DELETE", 0x12, 466, 0, "", vKey, 0, 16, vMine)
	message("ordered together with a version, in an ADD", 0x13, 467, 0, "", vKey, 1, 0, 16, vMine)
	message("seen of 15 bytes", 0x12, 468, 0, "", vKey, 0, 0, nil, make([]byte, 15))
	all = append(all, floatVectors()...)

	refusal = staysUnsupported
	message("an unknown op", 0x7e, 470, 0)
	message("the op of a node", 0x41, 471, 0)
	message("an op with the bit of answers", 0x90, 472, 0)
	get("an unknown flag", vKey, 0, 32)
	get("an unknown flag beside a known one", vKey, 0, uint64(1<<63+2))
	get("an unknown level", vKey, 71)
	get("a level of two bytes", vKey, 257)
	put("an unknown flag on a write", vValue, 0, 64)
	put("an unknown level on a write", vValue, 71)
	message("an unknown flag on an OUTCOME", 0x16, 480, 0, "", vKey, vMine, 2)
	for i, op := range leveled {
		level := map[Op]int{OpGet: 5, OpPut: 6, OpDelete: 5, OpAdd: 6, OpScan: 7}[op]
		for j, what := range []string{"level 71", "flag 32"} {
			values := fieldsOf(op)
			values[1], values[level+j] = 490+2*i+j, []int{71, 32}[j]
			message(what+" on "+op.String(), values...)
		}
	}
	return all
}

// readableHead tells op and id of a refused frame, where they can be read.
func readableHead(frame []byte) (op Op, id uint64, ok bool) {
	if len(frame) < HeaderBytes || !wellFormed(frame[HeaderBytes:]) {
		return 0, 0, false
	}
	var r reader
	r.open(bytes.Clone(frame[HeaderBytes:]))
	op, id = r.opAndID(0xff)
	return op, id, r.bad == noFault
}

// fieldsOf is a good request with every field of its op.
func fieldsOf(op Op) fields {
	id, deadline := 500, 2000
	switch op {
	case OpAuth:
		return fields{int(op), id, "scram-sha-256", []byte{1}}
	case OpPing:
		return fields{int(op), id, deadline}
	case OpGet:
		return fields{int(op), id, deadline, "users", vKey, 1, 0, nil}
	case OpPut:
		return fields{int(op), id, deadline, "users", vKey, vValue, 1, 0, nil, nil, nil, nil}
	case OpDelete:
		return fields{int(op), id, deadline, "users", vKey, 1, 0, nil, nil, nil}
	case OpAdd:
		return fields{int(op), id, deadline, "users", vKey, 1, 1, 0, nil}
	case OpBatch:
		return fields{int(op), id, deadline, list{}}
	case OpScan:
		return fields{int(op), id, deadline, "users", nil, nil, 0, 1, 0, false}
	case OpOutcome:
		return fields{int(op), id, deadline, "users", vKey, vMine, 0}
	case OpExplain:
		return fields{int(op), id, deadline, "users", vKey}
	}
	return fields{int(op), id}
}

// floatVectors put a float, which no field takes, into each field of each op.
func floatVectors() []vector {
	float := raw{0xca, 0x3f, 0x80, 0, 0}
	var all []vector
	for op := OpHello; op <= OpWatch; op++ {
		if !op.ofClient() || op == OpHello {
			continue
		}
		good := fieldsOf(op)
		for i := 2; i < len(good); i++ {
			bad := append(fields{}, good...)
			bad[1], bad[i] = 600+len(all), float
			why := fmt.Sprintf("%v with a float for field %d", op, i-1)
			all = append(all, vector{name: "refused: " + why, direction: "refused", frame: framed(byLibrary(bad)), why: why, phase: "after_hello", refusal: staysBadRequest})
		}
	}
	return all
}
