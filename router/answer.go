package router

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/coordinator"
	"github.com/candordb/candor/wire"
)

// answer sends the end of a request to its connection.
func (r *Router) answer(t *Turn, a *coordinator.Answer) {
	op := clientOp(a.Op)
	if r.o.Took != nil && a.Micros > 0 && a.Code.Class() != contract.NoEffect && (op == wire.OpGet || op.Writes()) {
		r.o.Took(op, a.Micros)
	}
	if r.o.Count != nil && a.Code == contract.OK {
		r.o.Count(op, a.Code)
	}
	if a.Code != contract.OK {
		if a.Code == contract.Overloaded {
			r.o.Gate.Refused(shedBy(a.Receipt.Asked))
		}
		r.refuse(t, a.Client, op, r.failed(a))
		return
	}
	switch a.Op {
	case coordinator.OpGet:
		w := &t.get
		*w = wire.GetAnswer{Found: a.Found, Value: a.Value, Version: a.Version, ExpiresAt: a.ExpiresAt, Receipt: a.Receipt, Trace: trace(a)}
		if a.ExpiresAt != 0 && a.ExpiresAt <= t.now.Physical {
			w.Found = false
		}
		if !w.Found {
			w.Value, w.ExpiresAt = nil, 0
		}
		r.result(t, a.Client, op, w, &w.Trace)
	case coordinator.OpPut, coordinator.OpDelete:
		t.put = wire.WriteAnswer{Version: a.Version, Outcome: a.Outcome, Winner: a.Winner, Receipt: a.Receipt, Trace: trace(a), Buried: a.Buried}
		r.result(t, a.Client, op, &t.put, &t.put.Trace)
	case coordinator.OpOutcome:
		w := wire.OutcomeAnswer{Fate: a.Fate, Winner: a.Winner, Receipt: a.Receipt}
		r.reply(t, a.Client, w.Append, op)
	case coordinator.OpScan:
		r.reply(t, a.Client, scanAnswer(a, t.now.Physical).Append, op)
	case coordinator.OpExplain:
		r.reply(t, a.Client, r.explainAnswer(a).Append, op)
	}
}

// trace is the steps of a request; nil where it did not ask for them.
func trace(a *coordinator.Answer) []wire.TraceStep {
	if a.Trace == nil {
		return nil
	}
	steps := make([]wire.TraceStep, len(a.Trace))
	for i, s := range a.Trace {
		steps[i] = wire.TraceStep{OffsetUS: uint64(max(s.Micros, 0)), Node: s.Node, What: s.What}
	}
	return steps
}

func (r *Router) explainAnswer(a *coordinator.Answer) *wire.ExplainAnswer {
	w := &wire.ExplainAnswer{Token: uint64(a.Token), Winner: a.Winner, Rows: make([]wire.ExplainRow, len(a.Explain))}
	if cl := r.world.Cluster(); cl != nil {
		w.Partition = uint64(cl.Ring.PartitionOf(a.Token))
		w.RepairedAsOf = r.world.RepairedAsOf(int(w.Partition))
	}
	for i, row := range a.Explain {
		w.Rows[i] = wire.ExplainRow{
			Node: row.Node, Role: wire.RoleNatural, Reachable: row.Reachable, Version: row.Version, Tombstone: row.Tombstone,
			ExpiresAt: row.ExpiresAt, ValueBytes: uint64(row.ValueBytes), ChecksumOK: row.Intact, HintsPending: r.world.HintsFor(row.Node),
		}
		if p := r.world.Peer(row.Node); p != nil {
			w.Rows[i].Phi, w.Rows[i].HasPhi = p.Phi()
		}
	}
	return w
}

func clientOp(op coordinator.Op) wire.Op {
	return [...]wire.Op{
		coordinator.OpGet: wire.OpGet, coordinator.OpPut: wire.OpPut, coordinator.OpDelete: wire.OpDelete,
		coordinator.OpOutcome: wire.OpOutcome, coordinator.OpScan: wire.OpScan,
		coordinator.OpExplain: wire.OpExplain,
	}[op]
}

// scanAnswer leaves out what has expired by now.
func scanAnswer(a *coordinator.Answer, now int64) *wire.ScanAnswer {
	w := &wire.ScanAnswer{
		Items: make([]wire.ScanItem, 0, len(a.Items)), Cursor: a.Next,
		Coverage: wire.Coverage{Done: uint64(a.Coverage.Done), MetLevel: uint64(a.Coverage.MetLevel), Asked: uint64(a.Coverage.Asked)},
	}
	for _, it := range a.Items {
		if it.ExpiresAt == 0 || it.ExpiresAt > now {
			w.Items = append(w.Items, wire.ScanItem(it))
		}
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

// result sends an answer that may be one of a BATCH. There its trace gives way to
// the results that are still to come.
func (r *Router) result(t *Turn, who coordinator.Client, op wire.Op, a framer, trace *[]wire.TraceStep) {
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
	if *trace != nil && !r.fits(who, len(t.result)) {
		*trace = nil
		t.result = a.AppendResult(t.result[:0])
	}
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
	if f.code == contract.Overloaded {
		f.RetryAfterMS = r.o.Gate.RetryMS()
	}
	if who.Batch > 0 {
		t.result = f.AppendResult(t.result[:0], f.code)
		r.batched(t, who, t.result, false)
		return
	}
	h := r.headCode(op, who.ID, f.code)
	r.reply(t, who, func(buf []byte, _ wire.Head) []byte { return f.Append(buf, h) }, op)
}

// fits says whether a result of its BATCH leaves room for the others.
func (r *Router) fits(who coordinator.Client, size int) bool {
	c := who.Conn.(Conn)
	s, buf := c.Begin()
	b := s.batches[who.ID]
	ok := b == nil || b.fits(size, r.o.Limits.FrameBytes)
	c.End(buf)
	return ok
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
