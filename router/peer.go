package router

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/traitor"
	"github.com/candordb/candor/wire"
)

// Peer handles one frame of a connection that came in at the peer port.
func (r *Router) Peer(t *Turn, c Conn, body []byte) {
	s, buf := c.Begin()
	hello, node := s.hello, s.node
	c.End(buf)
	if !hello {
		r.hello(t, c, true, body)
		return
	}
	q := &t.peerReq
	if err := wire.DecodePeerRequest(body, q); err != nil {
		r.Malformed(t, c, err)
		return
	}
	r.world.Observe(node, q.Clock)
	r.world.Newer(node, q.Epoch)
	switch q.Op {
	case wire.OpWrite:
		r.peerWrite(t, c, q, r.checkPeer(node, q))
	case wire.OpVoid:
		r.peerVoid(t, c, q, r.checkPeer(node, q))
	case wire.OpRead, wire.OpDigest:
		r.peerRead(t, c, q, r.checkPeer(node, q))
	case wire.OpRange:
		r.peerRange(t, c, q, r.checkPeer(node, q))
	case wire.OpStatus, wire.OpMetadata, wire.OpInstall, wire.OpPrepare, wire.OpAccept, wire.OpReport:
		r.world.Control(c, node, q)
	case wire.OpExchange:
		if code := r.checkPeer(node, q); code != contract.OK {
			t.frame = fail(code, "not now, or not with this epoch").Append(t.frame[:0], r.headCode(q.Op, q.ID, code))
			r.append(t, c, t.frame)
			return
		}
		r.world.Exchange(c, node, q)
	case wire.OpHeartbeat:
		t.frame = wire.AppendHeartbeatAnswer(t.frame[:0], r.head(q.Op, q.ID), r.o.Incarnation, uint64(r.world.Now().Physical), q.Document)
		r.append(t, c, t.frame)
	case wire.OpGoodbye:
		t.frame = wire.AppendOK(t.frame[:0], r.head(q.Op, q.ID))
		r.append(t, c, t.frame)
		r.world.Goodbye(node)
	default:
		f := fail(contract.Unsupported, q.Op.String()+" is not supported by this build")
		t.frame = f.Append(t.frame[:0], r.headCode(q.Op, q.ID, f.code))
		r.append(t, c, t.frame)
	}
}

// checkPeer says whether a node may ask this replica for data now: OK, or the
// code that each item is refused with.
func (r *Router) checkPeer(node ring.NodeID, q *wire.PeerRequest) contract.Code {
	cl := r.world.Cluster()
	if cl == nil || !r.world.Serving() {
		return contract.NotReady
	}
	if _, member := cl.Ring.Index(node); !member {
		return contract.Forbidden
	}
	switch epoch := uint64(cl.Ring.Epoch()); {
	case q.Epoch < epoch && !traitor.Is(traitor.EpochUnchecked):
		return contract.StaleEpoch
	case q.Epoch > epoch:
		return contract.NotReady
	}
	return contract.OK
}

// peerWrite hands the items to the committer; they are answered once they are
// durable.
func (r *Router) peerWrite(t *Turn, c Conn, q *wire.PeerRequest, code contract.Code) {
	var refused []replica.Write
	for {
		more, err := q.NextWrite(&t.write)
		if err != nil {
			r.Malformed(t, c, err)
			return
		}
		if !more {
			break
		}
		w := replica.Write{
			Kind: replica.Kind(t.write.Kind), Deadline: t.until(t.write.DeadlineMS),
			Token: t.write.Token, Namespace: t.write.Namespace, Key: t.write.Key, Record: t.write.Record,
			Seen: t.write.Seen, HasSeen: t.write.HasSeen, Target: t.write.Target, Counted: true, Mark: t.write.Mark,
			Origin: replica.Origin{Peer: c, Frame: q.ID, Call: t.write.Call},
		}
		one := code
		if w.Kind == replica.Stand && one == contract.OK && !r.world.StandsIn(w.Target, w.Cost()) {
			one = contract.Overloaded
		}
		refused = t.hand(w, one, refused)
	}
	r.committed(t, refused, contract.OK)
}

// peerVoid hands the items to the committer, as peerWrite does.
func (r *Router) peerVoid(t *Turn, c Conn, q *wire.PeerRequest, code contract.Code) {
	var refused []replica.Write
	for {
		more, err := q.NextVoid(&t.void)
		if err != nil {
			r.Malformed(t, c, err)
			return
		}
		if !more {
			break
		}
		w := replica.Write{
			Kind: replica.Void, Deadline: t.until(t.void.DeadlineMS),
			Token: t.void.Token, Namespace: t.void.Namespace, Key: t.void.Key, Version: t.void.Version,
			Origin: replica.Origin{Peer: c, Frame: q.ID, Call: t.void.Call},
		}
		refused = t.hand(w, code, refused)
	}
	r.committed(t, refused, contract.OK)
}

// hand puts a peer's write with those for the committer, or, with the code that it
// is refused with, with those that are.
func (t *Turn) hand(w replica.Write, code contract.Code, refused []replica.Write) []replica.Write {
	if code != contract.OK {
		w.Result = replica.Result{Code: code}
		return append(refused, w)
	}
	t.writes = append(t.writes, w)
	return refused
}

// until is when work ends that came with so many milliseconds left.
func (t *Turn) until(ms uint64) int64 { return t.now.Mono - t.Late + int64(min(ms, deadlineMaxMS)) }

// deadlineMaxMS keeps the sum of now and a deadline from overflowing.
const deadlineMaxMS = 1 << 40

// inTime is the code of a read that came with so many milliseconds left: where
// they have passed while it lay here, it is not begun.
func (r *Router) inTime(t *Turn, code contract.Code, ms uint64) contract.Code {
	if code == contract.OK && t.Late > 0 && t.until(ms) <= t.now.Mono {
		r.o.Gate.Refused(ShedExpired)
		return contract.Overloaded
	}
	return code
}

// answerBytesMax bounds the records of one answer to a READ or RANGE, unless
// one alone is larger.
const answerBytesMax = 256 << 10

// peerRead answers what is stored, at once: in several frames where it is much,
// so that each is within the limit of a frame.
func (r *Router) peerRead(t *Turn, c Conn, q *wire.PeerRequest, code contract.Code) {
	frame := wire.BeginResults(t.frame[:0], r.head(q.Op, q.ID))
	items, n, limit := len(frame), 0, r.rowsBytes(answerBytesMax)
	for {
		more, err := q.NextRead(&t.read)
		if err != nil {
			r.Malformed(t, c, err)
			return
		}
		if !more {
			break
		}
		t.rres = wire.ReadResult{Call: t.read.Call, Code: r.inTime(t, code, t.read.DeadlineMS)}
		if t.rres.Code == contract.OK {
			r.readItem(t, q.Op)
		}
		if n > 0 && len(frame)+len(t.rres.Record) > limit {
			r.append(t, c, wire.EndItems(frame, 0, items, n))
			frame, n = wire.BeginResults(frame[:0], r.head(q.Op, q.ID)), 0
			items = len(frame)
		}
		frame = t.rres.Append(frame)
		n++
	}
	if n > 0 {
		r.append(t, c, wire.EndItems(frame, 0, items, n))
	}
	t.frame = frame
}

// readItem reads what one item asks for.
func (r *Router) readItem(t *Turn, op wire.Op) {
	if t.read.Want&wire.WantHint != 0 {
		rec, err := r.world.Kept(t.read.Token, t.read.Namespace, t.read.Key, t.read.Version)
		if t.rres.Record = rec; err != nil {
			t.rres.Code = contract.NotReady
		}
		return
	}
	if t.read.Want&wire.WantMark != 0 { // before the record, which then shows all that was taken below it
		t.rres.Mark = r.world.Marks().Of(t.read.Token).Fence
	}
	t.rres.Record, t.rres.Code = r.stored(t.read.Token, t.read.Namespace, t.read.Key)
	if op == wire.OpDigest {
		t.rres.Record = header(t.rres.Record)
	}
}

// peerRange answers a part of a range, at once.
func (r *Router) peerRange(t *Turn, c Conn, q *wire.PeerRequest, code contract.Code) {
	w := wire.RangeResult{Call: q.Range.Call, Code: r.inTime(t, code, q.Range.DeadlineMS)}
	if w.Code == contract.OK {
		o := replica.RangeRequest{
			Namespace: q.Range.Namespace, From: q.Range.From, After: q.Range.After, Last: q.Range.Last, Prefix: q.Range.Prefix,
			Limit: int(min(q.Range.Limit, scanLimitMax)), Bytes: r.rowsBytes(min(q.Range.Bytes, answerBytesMax)), KeysOnly: q.Range.KeysOnly, All: q.Range.All,
		}
		var end replica.RangeEnd
		end, w.Code = r.walk(t, &o, func(token uint64, key, rec []byte) {
			w.Items = append(w.Items, wire.RangeItem{Token: token, Key: clone(key), Record: clone(rec)})
		})
		w.Done, w.NextToken, w.NextKey = end.Done, end.Token, end.Key
	}
	t.frame = w.Append(t.frame[:0], r.head(q.Op, q.ID))
	r.append(t, c, t.frame)
}
