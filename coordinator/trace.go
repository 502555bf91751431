package coordinator

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
)

// Step is one step of a request with the flag trace.
type Step struct {
	Micros int64 // since the request was taken up
	Node   ring.NodeID
	What   string
}

// note adds a step, of owner i or, with -1, of the coordinator itself.
func (s *slot) note(out *Effects, i int, what string) {
	if !s.Trace {
		return
	}
	node := s.Coordinator
	if i >= 0 {
		node = s.node(i)
	}
	s.trace = append(s.trace, Step{out.Micros - s.opened, node, what})
}

var askWords = [...]string{
	AskWrite: "write sent", AskRepair: "write-back sent", AskRead: "read sent", AskDigest: "digest sent", AskRange: "range sent", AskVoid: "void sent",
	AskStand: "hint sent", AskHint: "asked for a hint", AskDeliver: "hint delivered",
}

// noteReply adds what a replica answered.
func (s *slot) noteReply(out *Effects, i int, r *Reply) {
	if !s.Trace {
		return
	}
	switch written := r.Ask == AskWrite || r.Ask == AskRepair; {
	case r.Code != contract.OK:
		s.note(out, i, "refused: "+r.Code.String())
	case written && r.Winner.IsZero() && s.Periodic.has(i):
		s.note(out, i, "applied, not synced yet")
	case written && r.Winner.IsZero():
		s.note(out, i, "durable")
	case written:
		s.note(out, i, "holds a higher version, "+r.Winner.String())
	case r.Ask == AskVoid && r.Winner.IsZero():
		s.note(out, i, "noted that it will refuse the version")
	case r.Ask == AskVoid:
		s.note(out, i, "holds "+r.Winner.String())
	case len(r.Record) == 0:
		s.note(out, i, "holds nothing")
	default:
		s.note(out, i, askAnswers[r.Ask]+heldVersion(r.Record).String())
	}
}

var askAnswers = [...]string{AskRead: "record, version ", AskDigest: "digest, version ", AskVoid: ""}

// heldVersion is the version of a record or header; zero if it is neither.
func heldVersion(rec []byte) hlc.Version {
	var h head
	h.set(rec)
	return h.version
}
