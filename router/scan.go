package router

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/coordinator"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// scan opens a SCAN.
func (r *Router) scan(t *Turn, who coordinator.Client, cl *Cluster, q *wire.Request) {
	ns, level, f := r.checkScan(cl, q)
	if f == nil && !r.world.Coordinating() {
		f = r.fenced()
	}
	if f != nil {
		r.refuse(t, who, q.Op, f)
		return
	}
	o := coordinator.ScanRequest{
		Client: who, Since: t.now.Mono - t.Late, Deadline: r.deadline(t, q), View: cl.Ring, Namespace: ns.Number, Prefix: q.Prefix, Cursor: q.Cursor,
		Limit: int(min(q.Limit, scanLimitMax)), Bytes: r.rowsBytes(scanPageBytes), KeysOnly: q.KeysOnly, Level: level, Region: r.region(cl), Weaken: q.Flags&contract.Weaken != 0,
		Self: r.o.Self, Last: ^ring.Token(0), Up: r.reaches(cl.Ring),
	}
	if o.Limit == 0 {
		o.Limit = wire.LimitDefault
	}
	if tag := wholeTag(q.Prefix); tag != nil {
		o.First, t.token = ring.TokenOf(t.token, ns.Name, tag)
		o.Last = o.First
	}
	s := r.shardOf(o.First)
	s.lock.Lock()
	s.core.Scan(t.now.Mono, &o, &t.fx)
	s.lock.Unlock()
}

// scanPageBytes is how large the rows of a page may be.
const scanPageBytes = 1 << 20

// rowsBytes is how large the rows of an answer may be, at most wanted, so that
// it fits a frame together with its head and a cursor, which can hold a key.
func (r *Router) rowsBytes(wanted uint64) int {
	l := &r.o.Limits
	return int(min(wanted, max(l.FrameBytes, l.KeyBytes+2*headBytes)-l.KeyBytes-headBytes))
}

// headBytes is more than an answer takes beside its rows and a key.
const headBytes = 1024

// scanLimitMax bounds the rows of one page, whatever the client asks for.
const scanLimitMax = 10_000

// wholeTag is the prefix if it decides the routing part of every key that
// begins with it, by a whole, not empty {tag}; else nil.
func wholeTag(prefix []byte) []byte {
	if len(ring.RoutingPart(prefix)) == len(prefix) {
		return nil
	}
	return prefix
}
