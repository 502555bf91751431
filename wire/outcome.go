package wire

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
)

// OutcomeAnswer is the answer to an OUTCOME.
type OutcomeAnswer struct {
	Fate    contract.Fate
	Winner  hlc.Version // zero: none
	Receipt contract.Receipt
}

// Append encodes the answer as a frame.
func (a *OutcomeAnswer) Append(dst []byte, h Head) []byte {
	start := len(dst)
	dst = appendVersionNil(append(h.begin(dst, 3), byte(a.Fate)), a.Winner)
	return EndFrame(appendReceipt(dst, &a.Receipt), start)
}

func (a *OutcomeAnswer) decode(r *reader) {
	a.Fate = contract.Fate(r.uintMax("state", 255))
	a.Winner = r.version("winner")
	decodeReceipt(r, &a.Receipt)
}
