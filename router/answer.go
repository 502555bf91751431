package router

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/coordinator"
	"github.com/candordb/candor/wire"
)

// answer sends the end of a request to its connection.
func (r *Router) answer(t *Turn, a *coordinator.Answer) {
	op := clientOp(a.Op)
	if r.o.Count != nil && a.Code == contract.OK {
		r.o.Count(op, a.Code)
	}
	if a.Code != contract.OK {
		r.refuse(t, a.Client, op, r.failed(a))
		return
	}
	switch a.Op {
	case coordinator.OpGet:
		w := &t.get
		*w = wire.GetAnswer{Found: a.Found, Value: a.Value, Version: a.Version, ExpiresAt: a.ExpiresAt, Receipt: a.Receipt}
		if a.ExpiresAt != 0 && a.ExpiresAt <= t.now.Physical {
			w.Found = false
		}
		if !w.Found {
			w.Value, w.ExpiresAt = nil, 0
		}
		r.result(t, a.Client, op, w)
	case coordinator.OpPut, coordinator.OpDelete:
		t.put = wire.WriteAnswer{Version: a.Version, Outcome: a.Outcome, Winner: a.Winner, Receipt: a.Receipt}
		r.result(t, a.Client, op, &t.put)
	case coordinator.OpOutcome:
		w := wire.OutcomeAnswer{Fate: a.Fate, Winner: a.Winner, Receipt: a.Receipt}
		r.reply(t, a.Client, w.Append, op)
	case coordinator.OpScan:
		r.reply(t, a.Client, scanAnswer(a).Append, op)
	}
}

func clientOp(op coordinator.Op) wire.Op {
	return [...]wire.Op{
		coordinator.OpGet: wire.OpGet, coordinator.OpPut: wire.OpPut, coordinator.OpDelete: wire.OpDelete,
		coordinator.OpOutcome: wire.OpOutcome, coordinator.OpScan: wire.OpScan,
	}[op]
}

func scanAnswer(a *coordinator.Answer) *wire.ScanAnswer {
	w := &wire.ScanAnswer{
		Items: make([]wire.ScanItem, len(a.Items)), Cursor: a.Next,
		Coverage: wire.Coverage{Done: uint64(a.Coverage.Done), MetLevel: uint64(a.Coverage.MetLevel), Asked: uint64(a.Coverage.Asked)},
	}
	for i, it := range a.Items {
		w.Items[i] = wire.ScanItem(it)
	}
	return w
}

// failed is the error for an answer whose code is not OK.
func (r *Router) failed(a *coordinator.Answer) *failure {
	f := fail(a.Code, a.Reason)
	f.Need, f.Reachable, f.N = a.Receipt.Need, a.Reachable, a.N
	f.Clock, f.Kind = r.world.Clock(), a.ClockKind
	f.Version, f.Receipt = a.Version, &a.Receipt
	for _, id := range a.Down {
		f.Down = append(f.Down, id)
	}
	return f
}

// framer is an answer that can stand alone and in a BATCH.
type framer interface {
	Append(dst []byte, h wire.Head) []byte
	AppendResult(dst []byte) []byte
}

// result sends an answer that may be one of a BATCH.
func (r *Router) result(t *Turn, who coordinator.Client, op wire.Op, a framer) {
	if who.Batch == 0 {
		c := who.Conn.(Conn)
		s, buf := c.Begin()
		if s.finish(who.ID) {
			buf = a.Append(buf, r.head(op, who.ID))
			t.touchConn(c)
		}
		c.End(buf)
		return
	}
	t.result = a.AppendResult(t.result[:0])
	r.batched(t, who, t.result, op == wire.OpGet)
}

// reply sends an answer that stands alone.
func (r *Router) reply(t *Turn, who coordinator.Client, appendTo func([]byte, wire.Head) []byte, op wire.Op) {
	c := who.Conn.(Conn)
	s, buf := c.Begin()
	if s.finish(who.ID) {
		buf = appendTo(buf, r.head(op, who.ID))
		t.touchConn(c)
	}
	c.End(buf)
}

// refuse sends an error.
func (r *Router) refuse(t *Turn, who coordinator.Client, op wire.Op, f *failure) {
	if r.o.Count != nil {
		r.o.Count(op, f.code)
	}
	if who.Batch > 0 {
		t.result = f.AppendResult(t.result[:0], f.code)
		r.batched(t, who, t.result, false)
		return
	}
	h := r.headCode(op, who.ID, f.code)
	r.reply(t, who, func(buf []byte, _ wire.Head) []byte { return f.Append(buf, h) }, op)
}

// batched puts one result into its BATCH, and answers that when it is the last.
func (r *Router) batched(t *Turn, who coordinator.Client, result []byte, isGet bool) {
	c := who.Conn.(Conn)
	s, buf := c.Begin()
	if b := s.batches[who.ID]; b != nil && b.results[who.Batch-1] == nil {
		b.put(who.Batch-1, result, isGet, r.o.Limits.FrameBytes)
		if b.missing == 0 {
			buf = r.endBatch(s, buf, who.ID)
			t.touchConn(c)
		}
	}
	c.End(buf)
}
