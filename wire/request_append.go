package wire

import "github.com/candordb/candor/hlc"

// Append encodes the request as a frame.
func (q *Request) Append(dst []byte) []byte {
	start, n := len(dst), 2+int(fieldCount[q.Op])
	if q.Op.waits() {
		n++
	}
	dst = q.appendHead(appendArray(BeginFrame(dst), n))
	if q.Op.waits() {
		dst = appendUint(dst, q.DeadlineMS)
	}
	return EndFrame(q.appendFields(dst), start)
}

func (q *Request) appendHead(dst []byte) []byte {
	return appendUint(append(dst, byte(q.Op)), q.ID)
}

// fieldCount is how many fields follow op, id and deadline.
var fieldCount = [1 << 8]uint8{
	OpAuth: 2, OpGet: 5, OpPut: 9, OpDelete: 7, OpAdd: 6, OpBatch: 1, OpScan: 7, OpOutcome: 4, OpExplain: 2,
}

func (q *Request) appendFields(dst []byte) []byte {
	switch q.Op {
	case OpAuth:
		dst = appendBinNil(appendStr(dst, q.Mechanism), q.Payload)
	case OpBatch:
		dst = append(appendArray(dst, q.Ops), q.rawOps...)
	case OpGet:
		dst = q.appendLevel(q.appendPlace(dst))
		dst = appendVersionNil(dst, q.After)
	case OpPut:
		dst = q.appendLevel(appendBin(q.appendPlace(dst), q.Value))
		if q.HasTTL {
			dst = appendUint(dst, q.TTL)
		} else {
			dst = appendNil(dst)
		}
		dst = q.appendStamp(dst)
	case OpDelete:
		dst = q.appendStamp(q.appendLevel(q.appendPlace(dst)))
	case OpAdd:
		dst = q.appendLevel(appendInt(q.appendPlace(dst), q.Delta))
		dst = appendVersionIf(dst, q.Version, q.HasVersion)
	case OpScan:
		dst = appendBinNil(appendBinNil(appendStr(dst, q.Namespace), q.Prefix), q.Cursor)
		dst = appendBool(q.appendLevel(appendUint(dst, q.Limit)), q.KeysOnly)
	case OpOutcome:
		dst = appendVersion(q.appendPlace(dst), q.Version)
		dst = appendUint(dst, uint64(q.Flags))
	case OpExplain:
		dst = q.appendPlace(dst)
	}
	return dst
}

func (q *Request) appendPlace(dst []byte) []byte {
	return appendBin(appendStr(dst, q.Namespace), q.Key)
}

func (q *Request) appendLevel(dst []byte) []byte {
	return appendUint(appendUint(dst, uint64(q.Level)), uint64(q.Flags))
}

func (q *Request) appendStamp(dst []byte) []byte {
	dst = appendVersionIf(dst, q.Version, q.HasVersion)
	dst = appendVersionIf(dst, q.Seen, q.HasSeen)
	if q.Condition.Kind == NoCondition {
		return appendNil(dst)
	}
	dst = appendUint(appendArray(dst, 2), uint64(q.Condition.Kind))
	return appendVersionNil(dst, q.Condition.Version)
}

func appendVersionIf(dst []byte, v hlc.Version, given bool) []byte {
	if !given {
		return appendNil(dst)
	}
	return appendVersion(dst, v)
}
