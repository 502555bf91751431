package wire

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
)

// GetAnswer is the answer to a GET.
type GetAnswer struct {
	Found     bool
	Value     []byte
	Version   hlc.Version // of a tombstone or an expired record where not found; zero: nothing was ever seen
	ExpiresAt int64       // milliseconds since 1970; 0: never
	Receipt   contract.Receipt
	Trace     []TraceStep // nil unless it was asked for
}

const getFields = 6

// Append encodes the answer as a frame.
func (a *GetAnswer) Append(dst []byte, h Head) []byte {
	start := len(dst)
	return EndFrame(a.appendFields(h.begin(dst, getFields)), start)
}

// AppendResult encodes the answer as a result of a BATCH.
func (a *GetAnswer) AppendResult(dst []byte) []byte {
	return a.appendFields(append(appendArray(dst, 1+getFields), 0))
}

func (a *GetAnswer) appendFields(dst []byte) []byte {
	dst = appendBool(dst, a.Found)
	if a.Found {
		dst = appendBin(dst, a.Value)
	} else {
		dst = appendNil(dst)
	}
	dst = appendVersionNil(dst, a.Version)
	if a.ExpiresAt == 0 {
		dst = appendNil(dst)
	} else {
		dst = appendUint(dst, uint64(a.ExpiresAt))
	}
	return appendTrace(appendReceipt(dst, &a.Receipt), a.Trace)
}

func (a *GetAnswer) decode(r *reader) {
	a.Found = r.bool("found")
	a.Value = r.bin("value")
	a.Version = r.version("version")
	a.ExpiresAt = int64(r.uintMax("expires_at_ms", 1<<63-1))
	decodeReceipt(r, &a.Receipt)
	a.Trace = decodeTrace(r, a.Trace)
}
