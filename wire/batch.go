package wire

import "github.com/candordb/candor/contract"

// A BATCH on the wire:
//
//	[0x14, id, deadline_ms, ops]       its ops are [op, fields as on their own but for the deadline]
//	[0x94, id, 0, clock, epoch, results]   each [0, answer fields...] or [code, message, retry_after_ms, detail]

// BeginBatch, AppendOp and EndFrame encode a BATCH of n operations.
func BeginBatch(dst []byte, id, deadlineMS uint64, n int) []byte {
	q := Request{Op: OpBatch, ID: id}
	dst = appendArray(BeginFrame(dst), 4)
	return appendArray(appendUint(q.appendHead(dst), deadlineMS), n)
}

// AppendOp encodes the request as an operation of a BATCH.
func (q *Request) AppendOp(dst []byte) []byte {
	dst = appendArray(dst, 1+int(fieldCount[q.Op]))
	return q.appendFields(append(dst, byte(q.Op)))
}

// ops notes where the operations of a BATCH stand, and steps over them.
func (q *Request) ops(r *reader) {
	outer, present := r.enter("ops")
	if !present {
		r.fail(required, "ops")
	}
	q.Ops = r.left
	start := r.at
	r.leave(outer)
	q.rawOps = r.b[start:r.at]
}

// BatchOp decodes operation i of a BATCH into op; they have to be asked for in
// order, with at as BatchOp returned it (0 at first). A *RequestError is the
// result of this operation alone.
func (q *Request) BatchOp(at int, op *Request) (next int, err error) {
	*op = Request{}
	whole := reader{b: q.rawOps, at: at, left: 1, depth: 2}
	whole.skip()
	r := reader{b: q.rawOps[:whole.at], at: at, left: 1, depth: 2}
	outer, present := r.enter("operation")
	if !present {
		return whole.at, &RequestError{contract.BadRequest, "BATCH: an operation is an array that begins with its op"}
	}
	number, present := r.optUint("op")
	if !present || number > 0xff {
		r.fail(required, "op")
	}
	op.Op = Op(number)
	if r.bad == noFault && (op.Op < OpGet || op.Op > OpAdd) {
		return whole.at, &RequestError{contract.Unsupported, "BATCH: op " + op.Op.String() + " cannot stand in a batch"}
	}
	op.fields(&r)
	r.leave(outer)
	if r.bad != noFault {
		return whole.at, r.refusal(op.Op)
	}
	if err := op.rules(); err != nil {
		return whole.at, err
	}
	return whole.at, nil
}

// decodeResults reads the results of a BATCH: [0, fields...] or
// [code, message, retry_after_ms, detail]. More results than operations are no
// answer to it, and would cost memory that nobody asked for.
func (a *Answer) decodeResults(r *reader, ops []Op) {
	outer, _ := r.enter("results")
	if r.left > len(ops) {
		r.fail(wrongSize, "results")
	}
	if r.more() {
		a.Results = make([]Answer, 0, r.left)
	}
	for r.more() {
		one := Answer{Head: Head{Op: ops[len(a.Results)]}}
		inner, _ := r.enter("result")
		one.Code = r.code()
		if one.Code != contract.OK {
			one.Error.decode(r, one.Code)
		} else if one.Op != OpBatch {
			one.decodeFields(r, nil)
		}
		r.leave(inner)
		a.Results = append(a.Results, one)
	}
	r.leave(outer)
}

// BatchAnswer encodes the answer to a BATCH from its results, each as
// AppendResult made it.
func BatchAnswer(dst []byte, h Head, results [][]byte) []byte {
	start := len(dst)
	dst = appendArray(h.begin(dst, 1), len(results))
	for _, one := range results {
		dst = append(dst, one...)
	}
	return EndFrame(dst, start)
}
