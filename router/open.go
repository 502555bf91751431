package router

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/coordinator"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// open checks a GET, PUT, DELETE, ADD, OUTCOME or EXPLAIN and hands it to its Core.
func (r *Router) open(t *Turn, who coordinator.Client, cl *Cluster, q *wire.Request) *failure {
	ns, f := r.checkPlace(cl, q)
	if f != nil {
		return f
	}
	o := &t.open
	*o = coordinator.Request{
		Client: who, Since: t.now.Mono - t.Late, Deadline: r.deadline(t, q), View: cl.Ring, Coordinator: r.o.Self, Rows: q.Flags&contract.Rows != 0,
		Trace: q.Flags&contract.Trace != 0, Weaken: q.Flags&contract.Weaken != 0, Ordered: q.Flags&contract.Ordered != 0,
	}
	if f := checkFlags(q); f != nil {
		return f
	}
	if o.Level, f = checkLevel(cl, ns, q); f != nil {
		return f
	}
	if !r.world.Coordinating() {
		return r.fenced()
	}
	name := ns.Name
	token, scratch := ring.TokenOf(t.token, name, q.Key)
	t.token = scratch
	o.Place = coordinator.Place{Token: token, Namespace: ns.Number, Key: q.Key}
	switch q.Op {
	case wire.OpGet:
		o.Op, o.After = coordinator.OpGet, q.After
	case wire.OpOutcome:
		if q.Version.IsZero() {
			return fail(contract.BadRequest, "OUTCOME: no write has the version 0")
		}
		o.Op, o.Stamp, o.Rows, o.Trace, o.Weaken, o.Ordered = coordinator.OpOutcome, q.Version, false, false, false, false
	case wire.OpExplain:
		o.Op, o.Rows = coordinator.OpExplain, false
	default:
		if f := r.encode(t, cl, ns, q, o); f != nil {
			return f
		}
	}
	o.Sloppy = q.Flags&contract.Sloppy != 0 && q.Op.Writes() || o.Level == contract.Any || q.Op == wire.OpOutcome && q.Flags&contract.OutcomeSloppy != 0
	r.reach(t, o, cl)
	if o.Sloppy || o.Op == coordinator.OpOutcome {
		r.standIns(t, o, cl)
	}
	t.parts, _ = coordinator.AppendParts(t.parts[:0], o.Level, cl.Ring, o.Owners, r.region(cl))
	o.Parts, o.Need = t.parts, coordinator.NeedOf(t.parts)
	s := r.shardOf(token)
	s.lock.Lock()
	switch {
	case o.Op.Writes():
		s.core.Put(t.now.Mono, o, &t.fx)
	case o.Op == coordinator.OpExplain:
		s.core.Explain(t.now.Mono, o, &t.fx)
	default:
		s.core.Get(t.now.Mono, o, &t.fx)
	}
	s.lock.Unlock()
	return nil
}

// region is that of this node.
func (r *Router) region(cl *Cluster) string {
	if i, member := cl.Ring.Index(r.o.Self); member {
		return cl.Ring.Member(i).Region
	}
	return ""
}

// encode stamps a write and makes its record, in the one form that it will
// ever have.
func (r *Router) encode(t *Turn, cl *Cluster, ns *Namespace, q *wire.Request, o *coordinator.Request) *failure {
	o.Op = coordinator.OpPut
	if q.Op == wire.OpDelete {
		o.Op = coordinator.OpDelete
	}
	ttl := q.TTL
	if !q.HasTTL && q.Op == wire.OpPut {
		ttl = ns.TTL
	}
	o.Seen, o.HasSeen = q.Seen, q.HasSeen
	if o.Ordered {
		o.Value, o.TTL = q.Value, ttl
		return nil
	}
	v, f := r.stamp(cl, q)
	if f != nil {
		return f
	}
	expires, ok := record.ExpiresAt(v, ttl)
	if !ok {
		return fail(contract.BadRequest, ttlTooLarge)
	}
	rec := record.Record{Version: v, ExpiresAt: expires, Value: q.Value, Tombstone: q.Op == wire.OpDelete}
	t.rec = record.Append(t.rec[:0], ns.Number, q.Key, rec)
	o.Stamp, o.Record = v, t.rec
	return nil
}

const ttlTooLarge = "ttl_ms is too large to be a time"

// deadline is when the request ends, in monotonic milliseconds.
func (r *Router) deadline(t *Turn, q *wire.Request) int64 {
	ms := q.DeadlineMS
	if ms == 0 {
		ms = r.o.Limits.DeadlineDefault
	}
	return t.now.Mono - t.Late + int64(min(ms, r.o.Limits.DeadlineMax))
}
