package wire

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
)

// WriteAnswer is the answer to a PUT or DELETE.
type WriteAnswer struct {
	Version hlc.Version
	Outcome contract.Outcome
	Winner  hlc.Version // zero: none
	Receipt contract.Receipt
	Trace   []TraceStep // nil unless it was asked for
	Buried  hlc.Version // zero: none
}

const writeFields = 6

// Append encodes the answer as a frame.
func (a *WriteAnswer) Append(dst []byte, h Head) []byte {
	start := len(dst)
	return EndFrame(a.appendFields(h.begin(dst, writeFields)), start)
}

// AppendResult encodes the answer as a result of a BATCH.
func (a *WriteAnswer) AppendResult(dst []byte) []byte {
	return a.appendFields(append(appendArray(dst, 1+writeFields), 0))
}

func (a *WriteAnswer) appendFields(dst []byte) []byte {
	dst = append(appendVersion(dst, a.Version), byte(a.Outcome))
	dst = appendVersionNil(dst, a.Winner)
	dst = appendTrace(appendReceipt(dst, &a.Receipt), a.Trace)
	return appendVersionNil(dst, a.Buried)
}

func (a *WriteAnswer) decode(r *reader) {
	a.Version = r.version("version")
	a.Outcome = contract.Outcome(r.uintMax("outcome", 255))
	a.Winner = r.version("winner")
	decodeReceipt(r, &a.Receipt)
	a.Trace = decodeTrace(r, a.Trace)
	a.Buried = r.version("buried")
}

// AddAnswer is the answer to an ADD.
type AddAnswer struct {
	Value   int64
	Version hlc.Version
	Receipt contract.Receipt
}

const addFields = 3

// Append encodes the answer as a frame.
func (a *AddAnswer) Append(dst []byte, h Head) []byte {
	start := len(dst)
	return EndFrame(a.appendFields(h.begin(dst, addFields)), start)
}

// AppendResult encodes the answer as a result of a BATCH.
func (a *AddAnswer) AppendResult(dst []byte) []byte {
	return a.appendFields(append(appendArray(dst, 1+addFields), 0))
}

func (a *AddAnswer) appendFields(dst []byte) []byte {
	return appendReceipt(appendVersion(appendInt(dst, a.Value), a.Version), &a.Receipt)
}

func (a *AddAnswer) decode(r *reader) {
	a.Value = r.int("value")
	a.Version = r.version("version")
	decodeReceipt(r, &a.Receipt)
}
