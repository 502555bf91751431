package wire

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
)

// The messages of nodes, [op, id, epoch, clock, field...]; what an item, a
// result, a range and a vote are is drawn at their types. Answers begin as
// those to clients do. Append-only.
//
//	op              fields of the request                      fields of the answer
//	0x40 WRITE      items                                      results
//	0x41 READ       items                                      results, each with the record
//	0x42 DIGEST     items                                      results, each with the record's header
//	0x43 RANGE      call, deadline_ms, namespace number, ...   call, code, items, done, next token, next key
//	0x44 VOID       items                                      results, as of a WRITE
//	0x45 STATUS     document or nil                            document
//	0x46 METADATA   nil                                        document
//	0x47 INSTALL    document                                   (none)
//	0x48 HEARTBEAT  echo                                       incarnation, time, echo
//	0x49 GOODBYE    nil                                        (none)
//	0x4a PREPARE    register, ballot, nil                      agreed, promised, accepted, value, ballot
//	0x4b ACCEPT     register, ballot, value                    agreed, promised, accepted, value, ballot
//	0x4c EXCHANGE   document                                   document
//	0x4d REPORT     nil                                        document
//
// A connection of a node begins with a HELLO of role 1 and its answer, which
// are those of clients (DecodeHello, DecodeAnswer).

// PeerHead is what a request between nodes begins with, and of an answer the
// same as of an answer to a client.
type PeerHead struct {
	Op    Op
	ID    uint64
	Epoch uint64        // of the sender's ring view
	Clock hlc.Timestamp // the sender's hybrid clock
}

// begin appends frame header and head of a request of n fields.
func (h PeerHead) begin(dst []byte, n int) []byte {
	dst = appendUint(append(appendArray(BeginFrame(dst), 4+n), byte(h.Op)), h.ID)
	return appendUint(appendUint(dst, h.Epoch), uint64(h.Clock))
}

// PeerRequest is a decoded request of a node. Slices alias the frame; the
// items of WRITE, READ, DIGEST and VOID are taken one by one with NextWrite,
// NextRead and NextVoid.
type PeerRequest struct {
	PeerHead
	Range    RangeRequest // OpRange
	Ballot   Ballot       // OpPrepare, OpAccept
	Document []byte       // of the ops whose one field is a document; OpHeartbeat: the echo
	items    reader
}

// DecodePeerRequest decodes the body of a request of a node. Its error is
// ErrMalformed: a peer that sends what cannot be read is cut off.
func DecodePeerRequest(body []byte, q *PeerRequest) error {
	*q = PeerRequest{}
	var r reader
	r.open(body)
	if r.left < 4 {
		return ErrMalformed
	}
	q.Op, q.ID = r.opAndID(0x7f)
	q.Epoch, q.Clock = r.uint("epoch"), hlc.Timestamp(r.uint("clock"))
	switch q.Op {
	case OpWrite, OpRead, OpDigest, OpVoid:
		q.items = r
		if _, present := q.items.enter("items"); !present {
			return ErrMalformed
		}
	case OpRange:
		q.Range.decode(&r)
	case OpStatus, OpMetadata, OpInstall, OpHeartbeat, OpGoodbye, OpExchange, OpReport:
		q.Document = r.bin("document")
	case OpPrepare, OpAccept:
		q.Ballot = Ballot{Register: r.bin("register"), Ballot: r.version("ballot"), Value: r.bin("value")}
	}
	r.close()
	if r.bad != noFault {
		return ErrMalformed
	}
	return nil
}

// PeerAnswer is a decoded answer of a node. Slices alias the frame; the results
// of WRITE, READ, DIGEST and VOID are taken one by one.
type PeerAnswer struct {
	Head
	Error    Error
	Range    RangeResult
	Vote     Vote
	Document []byte // OpStatus, OpMetadata, OpExchange, OpReport; OpHeartbeat: the echo
	// Incarnation is the number of the answering node's start, and Time its physical
	// clock in milliseconds since 1970, 0: it did not say. OpHeartbeat.
	Incarnation, Time uint64
	items             reader
}

// DecodePeerAnswer decodes the body of an answer of a node. Its error is
// ErrMalformed.
func DecodePeerAnswer(body []byte, a *PeerAnswer) error {
	items := a.Range.Items[:0]
	*a = PeerAnswer{}
	a.Range.Items = items
	var r reader
	r.open(body)
	a.Head.decode(&r)
	switch {
	case r.bad != noFault:
	case a.Code != contract.OK:
		a.Error.decode(&r, a.Code)
	default:
		a.decodeFields(&r)
	}
	r.close()
	if r.bad != noFault {
		return ErrMalformed
	}
	return nil
}

func (a *PeerAnswer) decodeFields(r *reader) {
	switch a.Op {
	case OpWrite, OpRead, OpDigest, OpVoid:
		a.items = *r
		if _, present := a.items.enter("items"); !present {
			r.fail(truncated, "items")
		}
	case OpRange:
		a.Range.decode(r)
	case OpPrepare, OpAccept:
		a.Vote.decode(r)
	case OpStatus, OpMetadata, OpExchange, OpReport:
		a.Document = r.bin("document")
	case OpHeartbeat:
		a.Incarnation, a.Time, a.Document = r.uint("incarnation"), r.uint("time"), r.bin("echo")
	}
}

// AppendDocument encodes a request whose one field is a document: STATUS,
// INSTALL, EXCHANGE; METADATA, GOODBYE and REPORT send nil.
func AppendDocument(dst []byte, h PeerHead, document []byte) []byte {
	start := len(dst)
	return EndFrame(appendBinNil(h.begin(dst, 1), document), start)
}

// AppendDocumentAnswer encodes the answer to STATUS, METADATA, EXCHANGE or REPORT.
func AppendDocumentAnswer(dst []byte, h Head, document []byte) []byte {
	start := len(dst)
	return EndFrame(appendBinNil(h.begin(dst, 1), document), start)
}
