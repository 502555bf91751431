package router

import (
	"bytes"
	"errors"
	"slices"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/coordinator"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// Client handles one frame of a client's connection.
func (r *Router) Client(t *Turn, c Conn, body []byte) {
	s, buf := c.Begin()
	hello := s.hello
	c.End(buf)
	if !hello {
		r.hello(t, c, false, body)
		return
	}
	q := &t.req
	err := wire.DecodeRequest(body, q)
	if err == wire.ErrMalformed {
		r.Malformed(t, c, err)
		return
	}
	if !r.admit(t, c, q, len(body)) {
		return
	}
	who := coordinator.Client{Conn: c, ID: q.ID}
	if err != nil {
		r.refuse(t, who, q.Op, badRequest(err))
		return
	}
	r.request(t, who, q)
}

// badRequest is the refusal of a request that package wire has refused.
func badRequest(err error) *failure {
	var bad *wire.RequestError
	if !errors.As(err, &bad) {
		return fail(contract.BadRequest, err.Error())
	}
	return fail(bad.Code, bad.Message)
}

// admit opens the request of a frame of so many bytes on its session, or answers
// why not.
func (r *Router) admit(t *Turn, c Conn, q *wire.Request, bytes int) bool {
	w := weight{ops: r.cost(q)}
	if gated(q.Op) {
		w.bytes = bytes
	}
	s, buf := c.Begin()
	v, why := s.admit(q.ID, w, r.o.Limits.InFlight, r.o.Gate)
	if v == admitted {
		c.End(buf)
		return true
	}
	f := r.turnAway(t, v, why)
	c.End(f.Append(buf, r.headCode(q.Op, q.ID, f.code)))
	t.touchConn(c)
	if r.o.Count != nil {
		r.o.Count(q.Op, f.code)
	}
	if v == reused {
		c.Close()
	}
	return false
}

// turnAway says why a request is not admitted.
func (r *Router) turnAway(t *Turn, v verdict, why Shed) *failure {
	switch v {
	case reused:
		return fail(contract.BadRequest, "the id of a request is not 0 and not one that is still in flight")
	case draining:
		return fail(contract.ShuttingDown, "this node is shutting down: use another")
	}
	return r.shed(t, why)
}

// cost is how many of the connection's requests a request counts for. A BATCH
// that is too large at any time is let in, to be told so and not to try again.
func (r *Router) cost(q *wire.Request) int {
	if q.Op == wire.OpBatch && uint64(q.Ops) <= r.o.Limits.BatchOps {
		return max(q.Ops, 1)
	}
	return 1
}

// request carries out a request that was admitted.
func (r *Router) request(t *Turn, who coordinator.Client, q *wire.Request) {
	cl := r.world.Cluster()
	switch {
	case q.Op == wire.OpPing:
		r.reply(t, who, wire.AppendOK, q.Op)
	case cl == nil:
		r.refuse(t, who, q.Op, fail(contract.NotReady, "this node is not part of a cluster yet: its /readyz?verbose says what it waits for"))
	case q.Op == wire.OpAuth, q.Op == wire.OpWatch:
		r.refuse(t, who, q.Op, fail(contract.Unsupported, q.Op.String()+" is not supported by this build"))
	case t.Late > 0 && r.deadline(t, q) <= t.now.Mono:
		r.refuse(t, who, q.Op, r.shed(t, ShedExpired))
	case q.Op == wire.OpRing:
		r.ring(t, who, cl)
	case q.Op == wire.OpBatch:
		r.batch(t, who, cl, q)
	case q.Op == wire.OpScan:
		r.scan(t, who, cl, q)
	default:
		if f := r.open(t, who, cl, q); f != nil {
			r.refuse(t, who, q.Op, f)
		}
	}
}

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
	if o.Sloppy {
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

// stampAbove makes the version and the record of the i-th ordered write of the
// turn, when a quorum has told what it has to stand above. Those of one key are
// stamped above one another, so that those of a BATCH are in its order also where
// the versions are no ticks of the clock.
func (r *Router) stampAbove(t *Turn, i int) {
	m := t.fx.Stampings[i]
	for j := range t.stamped {
		if o := &t.fx.Stampings[j].Place; m.Above.Less(t.stamped[j]) && o.Token == m.Place.Token && o.Namespace == m.Place.Namespace && bytes.Equal(o.Key, m.Place.Key) {
			m.Above = t.stamped[j]
		}
	}
	s := &r.shards[coordinator.ShardOf(m.Call)]
	v, clock := r.world.StampAbove(m.Above)
	t.stamped = append(t.stamped, v)
	expires, inTime := record.ExpiresAt(v, m.TTL)
	t.rec = record.Append(t.rec[:0], m.Place.Namespace, m.Place.Key, record.Record{Version: v, ExpiresAt: expires, Value: m.Value, Tombstone: m.Tombstone})
	s.lock.Lock()
	switch {
	case !clock:
		s.core.Unstamped(m.Call, contract.Clock, contract.ClockFenced, clockFenced, &t.fx)
	case !inTime:
		s.core.Unstamped(m.Call, contract.BadRequest, 0, ttlTooLarge, &t.fx)
	default:
		s.core.Stamped(m.Call, v, t.rec, &t.fx)
	}
	s.lock.Unlock()
}

// stamp is the version of a write: the client's, within its bounds, or a new
// one of this node's clock.
func (r *Router) stamp(cl *Cluster, q *wire.Request) (hlc.Version, *failure) {
	if !q.HasVersion {
		v, ok := r.world.Stamp()
		if !ok {
			return v, r.fenced()
		}
		return v, nil
	}
	now, at := r.world.Clock().Millis(), q.Version.Time.Millis()
	switch {
	case at > now+2*cl.MaxDrift:
		return q.Version, r.clockFailure(contract.StampAhead, "the version is stamped too far in the future: stamp by the clocks that nodes send")
	case at < now-cl.AgeLimit:
		return q.Version, r.clockFailure(contract.StampOld, "the version was stamped longer ago than the request age limit: ask OUTCOME what became of it, or write with a new version")
	}
	return q.Version, nil
}

// fenced refuses what this node may not coordinate: by a clock that is off it
// would stamp and judge the stamps of others wrongly, and hold for expired what
// is not.
func (r *Router) fenced() *failure {
	return r.clockFailure(contract.ClockFenced, clockFenced)
}

const clockFenced = "this node's clock may not be used now: use another node"

func (r *Router) clockFailure(kind contract.ClockKind, message string) *failure {
	f := fail(contract.Clock, message)
	f.Clock, f.Kind = r.world.Clock(), kind
	return f
}

// deadline is when the request ends, in monotonic milliseconds.
func (r *Router) deadline(t *Turn, q *wire.Request) int64 {
	ms := q.DeadlineMS
	if ms == 0 {
		ms = r.o.Limits.DeadlineDefault
	}
	return t.now.Mono - t.Late + int64(min(ms, r.o.Limits.DeadlineMax))
}

// reach notes the owners of the key and who of them can be reached. For a
// write room is reserved on each link; a link that is full counts as down.
func (r *Router) reach(t *Turn, o *coordinator.Request, cl *Cluster) {
	o.Owners, o.Self = cl.Ring.Owners(cl.Ring.PartitionOf(o.Place.Token)), -1
	for i, m := range o.Owners {
		if m == ring.NoOwner {
			continue
		}
		up, suspect := r.reachable(cl.Ring.Member(int(m)).ID)
		if cl.Ring.Member(int(m)).ID == r.o.Self {
			o.Self = i
		} else if up && o.Op.Writes() {
			// An ordered write has no record yet. It finds room now or not at all.
			up = t.reserved(r.world.Peer(cl.Ring.Member(int(m)).ID), len(o.Record)+len(o.Value)+len(o.Place.Key)+itemBytes)
		}
		if up {
			o.Up |= 1 << i
		}
		if suspect {
			o.Suspect |= 1 << i
		}
	}
}

// standIns notes the members that own no copy of the key: for a write those that
// can keep it, in the order in which they come after its owners on the ring,
// suspects last; for an OUTCOME all, as any may have kept it.
func (r *Router) standIns(t *Turn, o *coordinator.Request, cl *Cluster) {
	t.stands = t.stands[:0]
	if !o.Op.Writes() {
		for m := range cl.Ring.Members() {
			if !slices.Contains(o.Owners, uint16(m)) {
				t.stands = append(t.stands, uint16(m))
			}
		}
		o.Stands = t.stands
		return
	}
	t.passed = append(t.passed[:0], o.Owners...)
	most := standInsPerOwner * len(o.Owners)
	for _, suspects := range [...]bool{false, true} {
		t.passed = t.passed[:len(o.Owners)]
		p := cl.Ring.PartitionOf(o.Place.Token)
		for step := 1; step < cl.Ring.Q() && len(t.passed) < len(cl.Ring.Members()) && len(t.stands) < most; step++ {
			for _, m := range cl.Ring.Owners((p + step) % cl.Ring.Q()) {
				if m == ring.NoOwner || slices.Contains(t.passed, m) {
					continue
				}
				t.passed = append(t.passed, m)
				if r.canStandIn(t, o, cl.Ring.Member(int(m)).ID, suspects) {
					t.stands = append(t.stands, m)
				}
			}
		}
	}
	o.Stands = t.stands
}

// standInsPerOwner is how many members are looked up that can stand in for a
// replica: one keeps the write, the others are there should that refuse.
const standInsPerOwner = 2

// canStandIn says whether a member, a suspect or none, can be asked now to keep a
// write.
func (r *Router) canStandIn(t *Turn, o *coordinator.Request, id ring.NodeID, suspects bool) bool {
	up, suspect := r.reachable(id)
	if !up || suspect != suspects {
		return false
	}
	return id == r.o.Self || t.reserved(r.world.Peer(id), len(o.Record)+len(o.Value)+len(o.Place.Key)+itemBytes)
}

// itemBytes is more than an item takes beside its key and record.
const itemBytes = 64

func (t *Turn) reserved(p Peer, n int) bool {
	if !p.Reserve(n) {
		return false
	}
	t.reserve = append(t.reserve, reservation{p, n})
	return true
}

// reachable says whether a member can be asked now.
func (r *Router) reachable(id ring.NodeID) (up, suspect bool) {
	if id == r.o.Self {
		return r.world.Serving(), false
	}
	p := r.world.Peer(id)
	if p == nil {
		return false, false
	}
	return p.Up()
}

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

// reaches looks up who can be reached of all members now, so that the World
// need not be asked while a Core is locked.
func (r *Router) reaches(v *ring.View) func(ring.NodeID) (up, suspect bool) {
	type reach struct{ up, suspect bool }
	all := make([]reach, len(v.Members()))
	for i := range all {
		all[i].up, all[i].suspect = r.reachable(v.Member(i).ID)
	}
	return func(id ring.NodeID) (up, suspect bool) {
		i, member := v.Index(id)
		return member && all[i].up, member && all[i].suspect
	}
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

// ring answers RING.
func (r *Router) ring(t *Turn, who coordinator.Client, cl *Cluster) {
	a := wire.RingAnswer{Q: uint64(cl.Ring.Q()), N: uint64(cl.Ring.N()), Members: r.world.RingMembers()}
	a.Owners = ring.AppendOwners(nil, cl.Ring.OwnersTable())
	r.reply(t, who, a.Append, wire.OpRing)
}
