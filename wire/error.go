package wire

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
)

// Error is what an error answer says behind its head: a sentence, advice, and
// of the detail what its code has. Slices alias the frame.
type Error struct {
	Message      string
	RetryAfterMS uint64 // 0: no advice

	Limit     uint64             // TooLarge
	Mode      string             // WrongMode: the namespace's mode
	Need      int                // Unavailable, and the three below
	Reachable int                // how many natural replicas can be reached
	N         int                // how many there are
	Down      [][16]byte         // the ids of those that cannot be reached
	Clock     hlc.Timestamp      // Clock: the node's clock
	Kind      contract.ClockKind // Clock
	Epoch     uint64             // StaleEpoch: the newer one
	Version   hlc.Version        // Timeout, InDoubt: of the write; ConditionFailed: the current one; zero on reads
	Receipt   *contract.Receipt  // Timeout, InDoubt
	Value     []byte             // ConditionFailed: the current value; nil where absent
}

const errorFields = 3

// Append encodes the error as a frame.
func (e *Error) Append(dst []byte, h Head) []byte {
	start := len(dst)
	return EndFrame(e.appendFields(h.begin(dst, errorFields), h.Code), start)
}

// AppendResult encodes the error as a result of a BATCH.
func (e *Error) AppendResult(dst []byte, code contract.Code) []byte {
	return e.appendFields(appendUint(appendArray(dst, 1+errorFields), uint64(code)), code)
}

func (e *Error) appendFields(dst []byte, code contract.Code) []byte {
	dst = appendUint(appendStr(dst, e.Message), e.RetryAfterMS)
	switch code {
	case contract.TooLarge:
		return appendUint(dst, e.Limit)
	case contract.WrongMode:
		return appendStr(dst, e.Mode)
	case contract.Unavailable:
		dst = appendUint(appendUint(appendUint(appendArray(dst, 4), uint64(e.Need)), uint64(e.Reachable)), uint64(e.N))
		dst = appendArray(dst, len(e.Down))
		for _, id := range e.Down {
			dst = appendNode(dst, id)
		}
		return dst
	case contract.Clock:
		return append(appendUint(appendArray(dst, 2), uint64(e.Clock)), byte(e.Kind))
	case contract.StaleEpoch:
		return appendUint(dst, e.Epoch)
	case contract.ConditionFailed:
		return appendBinNil(appendVersionNil(appendArray(dst, 2), e.Version), e.Value)
	case contract.Timeout, contract.InDoubt:
		dst = appendVersionNil(appendArray(dst, 2), e.Version)
		if e.Receipt == nil {
			return appendNil(dst)
		}
		return appendReceipt(dst, e.Receipt)
	}
	return appendNil(dst)
}

func (e *Error) decode(r *reader, code contract.Code) {
	e.Message = r.text("message")
	e.RetryAfterMS = r.uint("retry_after_ms")
	switch code {
	case contract.TooLarge:
		e.Limit = r.uint("limit")
	case contract.WrongMode:
		e.Mode = r.text("mode")
	case contract.StaleEpoch:
		e.Epoch = r.uint("epoch")
	case contract.Unavailable, contract.Clock, contract.ConditionFailed, contract.Timeout, contract.InDoubt:
		outer, present := r.enter("detail")
		if present {
			e.decodeDetail(r, code)
		}
		r.leave(outer)
	}
}

func (e *Error) decodeDetail(r *reader, code contract.Code) {
	switch code {
	case contract.Unavailable:
		for _, p := range [...]*int{&e.Need, &e.Reachable, &e.N} {
			*p = int(r.uintMax("detail", receiptCountMax))
		}
		outer, list := rows(r, "down", e.Down)
		for r.more() {
			list = append(list, r.node("down"))
		}
		e.Down = list
		r.leave(outer)
	case contract.Clock:
		e.Clock = hlc.Timestamp(r.uint("clock"))
		e.Kind = contract.ClockKind(r.uintMax("kind", 255))
	case contract.ConditionFailed:
		e.Version, e.Value = r.version("version"), r.bin("value")
	case contract.Timeout, contract.InDoubt:
		e.Version = r.version("version")
		e.Receipt = new(contract.Receipt)
		if !decodeReceipt(r, e.Receipt) {
			e.Receipt = nil
		}
	}
}
