package router

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/coordinator"
	"github.com/candordb/candor/wire"
)

// batch opens the operations of a BATCH, each on its own.
func (r *Router) batch(t *Turn, who coordinator.Client, cl *Cluster, q *wire.Request) {
	if uint64(q.Ops) > r.o.Limits.BatchOps {
		f := fail(contract.TooLarge, "too many operations in a BATCH")
		f.Limit = r.o.Limits.BatchOps
		r.refuse(t, who, q.Op, f)
		return
	}
	c := who.Conn.(Conn)
	s, buf := c.Begin()
	if s.batches == nil {
		s.batches = make(map[uint64]*batch)
	}
	b := &batch{missing: q.Ops, results: make([][]byte, q.Ops), reserve: batchReserve(cl.Ring.N())}
	s.batches[q.ID] = b
	if q.Ops == 0 {
		buf = r.endBatch(s, buf, q.ID)
		t.touchConn(c)
	}
	c.End(buf)
	at := 0
	for i := range q.Ops {
		next, err := q.BatchOp(at, &t.op)
		at = next
		one := who
		one.Batch = i + 1
		if err != nil {
			r.refuse(t, one, t.op.Op, badRequest(err))
			continue
		}
		t.op.DeadlineMS = q.DeadlineMS
		if f := r.open(t, one, cl, &t.op); f != nil {
			r.refuse(t, one, t.op.Op, f)
		}
	}
}

// endBatch answers a BATCH whose results are all in. The session is locked.
func (r *Router) endBatch(s *Session, buf []byte, id uint64) []byte {
	b := s.batches[id]
	delete(s.batches, id)
	if !s.finish(id) {
		return buf
	}
	return wire.BatchAnswer(buf, r.head(wire.OpBatch, id), b.results)
}
