package wire

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
)

// Head is what every answer begins with.
type Head struct {
	Op    Op // of the request, without the answer bit; 0 where it is not known
	ID    uint64
	Code  contract.Code
	Clock hlc.Timestamp // the node's hybrid clock when it answered
	Epoch uint64        // the ring epoch it answered with
}

// begin appends the frame header and the head of an answer of n fields.
func (h Head) begin(dst []byte, n int) []byte {
	dst = appendArray(BeginFrame(dst), 5+n)
	dst = append(dst, 0xcc, byte(h.Op)|answerBit)
	dst = appendUint(appendUint(dst, h.ID), uint64(h.Code))
	return appendUint(appendUint(dst, uint64(h.Clock)), h.Epoch)
}

// Answer is a decoded answer: its head, and what its op or its code has. It is
// one struct for all answers; slices alias the frame.
type Answer struct {
	Head
	Error   Error         // Code is not OK
	Hello   HelloAnswer   // OpHello
	Auth    AuthAnswer    // OpAuth
	Ring    RingAnswer    // OpRing
	Get     GetAnswer     // OpGet
	Write   WriteAnswer   // OpPut, OpDelete
	Add     AddAnswer     // OpAdd
	Scan    ScanAnswer    // OpScan
	Outcome OutcomeAnswer // OpOutcome
	Explain ExplainAnswer // OpExplain
	Results []Answer      // OpBatch: Op is that of the operation, the rest of the head is empty but for the code
}

// DecodeAnswer decodes the body of an answer. ops names the operations of the
// BATCH that it answers, as its results do not tell. Its error is ErrMalformed.
func DecodeAnswer(body []byte, a *Answer, ops ...Op) error {
	*a = Answer{}
	var r reader
	r.open(body)
	a.Head.decode(&r)
	if a.Code != contract.OK {
		a.Error.decode(&r, a.Code)
	} else {
		a.decodeFields(&r, ops)
	}
	r.close()
	if r.bad != noFault {
		return ErrMalformed
	}
	return nil
}

func (h *Head) decode(r *reader) {
	h.Op, h.ID = r.opAndID(0xff)
	if h.Op&answerBit == 0 {
		r.fail(wrongSize, "op")
	}
	h.Op &^= answerBit
	h.Code = r.code()
	h.Clock = hlc.Timestamp(r.uint("clock"))
	h.Epoch = r.uint("epoch")
}

func (a *Answer) decodeFields(r *reader, ops []Op) {
	switch a.Op {
	case OpHello:
		a.Hello.decode(r)
	case OpAuth:
		a.Auth.decode(r)
	case OpRing:
		a.Ring.decode(r)
	case OpGet:
		a.Get.decode(r)
	case OpPut, OpDelete:
		a.Write.decode(r)
	case OpAdd:
		a.Add.decode(r)
	case OpScan:
		a.Scan.decode(r)
	case OpOutcome:
		a.Outcome.decode(r)
	case OpExplain:
		a.Explain.decode(r)
	case OpBatch:
		a.decodeResults(r, ops)
	}
}

// AppendOK encodes an answer without fields (PING, INSTALL) as a frame.
func AppendOK(dst []byte, h Head) []byte {
	start := len(dst)
	return EndFrame(h.begin(dst, 0), start)
}
