package router

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/coordinator"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/wire"
)

// commit hands the turn's writes to the committer.
func (r *Router) commit(t *Turn) {
	writes := t.writes
	t.writes = t.writes[:0]
	if r.world.Serving() && r.world.Commit(writes) {
		clear(writes)
		return
	}
	code := contract.Overloaded
	if !r.world.Serving() {
		code = contract.NotReady
	}
	for i := range writes {
		writes[i].Result = replica.Result{Code: code}
	}
	r.committed(t, writes, contract.OK)
	clear(writes)
}

// Committed takes writes back from the committer: their results are true, as
// they are durable (or soon, where the node is Periodic), or failure says why they are not: Internal if that cannot
// be known, NotReady if they were certainly not written.
func (r *Router) Committed(t *Turn, writes []replica.Write, failure contract.Code) {
	r.committed(t, writes, failure)
}

func (r *Router) committed(t *Turn, writes []replica.Write, failure contract.Code) {
	for i := 0; i < len(writes); {
		w := &writes[i]
		if failure != contract.OK {
			w.Result = replica.Result{Code: failure}
		}
		switch {
		case w.Origin.Done != nil:
			w.Origin.Done(w.Result.Code == contract.OK)
			i++
		case w.Origin.Result != nil:
			r.stood(w)
			w.Origin.Result(w.Result)
			i++
		case w.Origin.Peer == nil:
			r.taken(t, w)
			i++
		default:
			i += r.acknowledge(t, writes[i:], failure)
		}
	}
}

// taken tells who asked at this node what became of a write.
func (r *Router) taken(t *Turn, w *replica.Write) {
	r.stood(w)
	t.reply = coordinator.Reply{Ask: coordinator.AskWrite, Code: w.Result.Code, Kind: w.Result.Kind, Winner: w.Result.Winner, Buried: w.Result.Buried}
	if w.Kind == replica.Void {
		t.reply.Ask = coordinator.AskVoid
	}
	r.deliver(t, w.Origin.Call, r.o.Self, &t.reply)
}

// stood tells of a hint that has become durable.
func (r *Router) stood(w *replica.Write) {
	if w.Kind == replica.Stand && w.Result.Code == contract.OK {
		r.world.Stood(w)
	}
}

// acknowledge answers the leading writes that came in one frame with one frame.
func (r *Router) acknowledge(t *Turn, writes []replica.Write, failure contract.Code) int {
	first := writes[0].Origin
	op := wire.OpWrite
	if writes[0].Kind == replica.Void {
		op = wire.OpVoid
	}
	frame := wire.BeginResults(t.frame[:0], r.head(op, first.Frame))
	items, n := len(frame), 0
	for n < len(writes) && writes[n].Origin.Peer == first.Peer && writes[n].Origin.Frame == first.Frame {
		w := &writes[n]
		if failure != contract.OK {
			w.Result = replica.Result{Code: failure}
		}
		r.stood(w)
		t.wres = wire.WriteResult{Call: w.Origin.Call, Code: w.Result.Code, Winner: w.Result.Winner, Kind: w.Result.Kind, Buried: w.Result.Buried}
		frame = t.wres.Append(frame)
		n++
	}
	t.frame = wire.EndItems(frame, 0, items, n)
	r.append(t, first.Peer.(Conn), t.frame)
	return n
}
