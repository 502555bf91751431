package topology

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

// Append encodes the message as a frame; op and fields are the message's own,
// the rest of the head is the sender's.
func (s *Send) Append(dst []byte, h wire.PeerHead) []byte {
	h.Op = s.Op
	if s.Op == wire.OpPrepare || s.Op == wire.OpAccept {
		return s.Ballot.Append(dst, h)
	}
	return wire.AppendDocument(dst, h, s.Document)
}

// Append encodes the answer as a frame.
func (r *Reply) Append(dst []byte, h wire.Head) []byte {
	h.Op, h.ID = r.Op, r.ID
	switch {
	case r.Refused != "":
		h.Code = contract.Forbidden
		return (&wire.Error{Message: r.Refused}).Append(dst, h)
	case r.Op == wire.OpPrepare || r.Op == wire.OpAccept:
		return r.Vote.Append(dst, h)
	case r.Op == wire.OpInstall:
		return wire.AppendOK(dst, h)
	}
	return wire.AppendDocumentAnswer(dst, h, r.Document)
}
