package router

import (
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/coordinator"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/traitor"
	"github.com/candordb/candor/wire"
)

// Options are fixed when a Router is made.
type Options struct {
	Self          ring.NodeID
	Incarnation   uint64 // the number of this node's start
	ServerVersion string
	ClusterName   string
	Limits        Limits
	// Locks guard the shards, one each; their number has to be a power of two.
	Locks []Locker
	// Gate is shared by all connections; nil: everything is let in.
	Gate Gate
	// Count, if set, is told of each answer to a client. It is called at once by
	// many goroutines.
	Count func(op wire.Op, code contract.Code)
	// Hedging says when reads ask more replicas than they need.
	Hedging coordinator.Hedging
	// Busy, if set, says that more than 80 % of what this node lets in is being
	// worked on, so that nothing is hedged now. It does not block.
	Busy func() bool
}

// shard is a Core and what guards it.
type shard struct {
	lock Locker
	core *coordinator.Core
}

// Router turns frames into decisions and back. Its methods may be called by
// many goroutines at once, each with a Turn of its own.
type Router struct {
	o      Options
	world  World
	shards []shard
}

// New makes a Router.
func New(o Options, w World) *Router {
	if o.Gate == nil {
		o.Gate = openGate{}
	}
	r := &Router{o: o, world: w}
	if n := len(o.Locks); n == 0 || n&(n-1) != 0 {
		panic("router: the number of shards has to be a power of two")
	}
	for i, l := range o.Locks {
		r.shards = append(r.shards, shard{l, coordinator.New(i, o.Limits.Slots, o.Hedging)})
	}
	return r
}

// shardOf is the shard that coordinates requests of a token.
func (r *Router) shardOf(t ring.Token) *shard {
	// The top bits choose the partition; the lowest of a murmur hash are as
	// good as any to spread requests of one partition.
	return &r.shards[int(t)&(len(r.shards)-1)]
}

// Open is how many requests this node is coordinating.
func (r *Router) Open() int {
	n := 0
	for i := range r.shards {
		s := &r.shards[i]
		s.lock.Lock()
		n += s.core.Open()
		s.lock.Unlock()
	}
	return n
}

// Hedges is what has become of the extra messages of reads.
func (r *Router) Hedges() (all coordinator.Hedges) {
	for i := range r.shards {
		s := &r.shards[i]
		s.lock.Lock()
		h := s.core.Hedges()
		s.lock.Unlock()
		all.Won, all.Lost, all.Denied = all.Won+h.Won, all.Lost+h.Lost, all.Denied+h.Denied
	}
	return all
}

// Tick ends requests whose deadline has passed, and hedges reads whose replicas
// are late. It is called every few milliseconds.
func (r *Router) Tick(t *Turn) {
	busy := r.o.Busy != nil && r.o.Busy()
	var view *ring.View
	if c := r.world.Cluster(); c != nil {
		view = c.Ring
	}
	for i := range r.shards {
		s := &r.shards[i]
		s.lock.Lock()
		s.core.Acting(view)
		s.core.Tick(t.now.Mono, &t.fx)
		if !busy {
			s.core.Hedge(&t.fx)
		}
		s.lock.Unlock()
	}
}

// LinkDown tells all open requests that the link to a node was lost.
func (r *Router) LinkDown(t *Turn, node ring.NodeID) {
	for i := range r.shards {
		s := &r.shards[i]
		s.lock.Lock()
		s.core.LinkDown(t.now.Mono, node, &t.fx)
		s.lock.Unlock()
	}
}

// deliver hands a replica's reply to the Core that waits for it.
func (r *Router) deliver(t *Turn, call uint64, from ring.NodeID, reply *coordinator.Reply) {
	if call >= BackgroundCalls {
		r.world.Reply(call, from, reply)
		return
	}
	i := coordinator.ShardOf(call)
	if call == 0 || i >= len(r.shards) {
		return
	}
	s := &r.shards[i]
	s.lock.Lock()
	s.core.Reply(t.now.Mono, call, from, reply, &t.fx)
	s.lock.Unlock()
}

// send carries out one message to a replica.
func (r *Router) send(t *Turn, m *coordinator.Send) {
	if m.To == r.o.Self {
		r.here(t, m)
		return
	}
	p := r.world.Peer(m.To)
	c := r.world.Cluster()
	if p == nil || c == nil || !r.post(t, p, c, m) {
		r.unsent(t, m)
	}
}

// post adds the message to what waits for the peer; false if its link is down.
func (r *Router) post(t *Turn, p Peer, c *Cluster, m *coordinator.Send) bool {
	box := p.Begin()
	if box == nil {
		return false
	}
	epoch, clock := uint64(m.Epoch), r.world.Clock()
	if epoch == 0 { // it matters to nobody in which it was begun
		epoch = uint64(c.Ring.Epoch())
	}
	left := uint64(max(m.Deadline-t.now.Mono, 1))
	place := wire.Place{Token: uint64(m.Place.Token), Namespace: m.Place.Namespace, Key: m.Place.Key}
	switch m.Ask {
	case coordinator.AskWrite, coordinator.AskRepair, coordinator.AskStand, coordinator.AskDeliver:
		t.write = wire.WriteItem{
			Call: m.Call, Kind: wire.WriteKind(writeKind(m.Ask)), DeadlineMS: left, Place: place, Record: m.Record,
			Seen: m.Seen, HasSeen: m.HasSeen, Target: m.Target,
		}
		if len(m.Record) > largeRecordBytes {
			postAlone(box, epoch, clock, &t.write)
		} else {
			box.Write(epoch, clock, &t.write)
		}
	case coordinator.AskRead, coordinator.AskDigest, coordinator.AskHint:
		op := wire.OpRead
		if m.Ask == coordinator.AskDigest {
			op = wire.OpDigest
		}
		t.read = wire.ReadItem{Call: m.Call, DeadlineMS: left, Place: place, Version: m.Version}
		switch {
		case m.Ask == coordinator.AskHint:
			t.read.Want = wire.WantHint
		case m.WantMark:
			t.read.Want = wire.WantMark
		}
		box.Read(op, epoch, clock, &t.read)
	case coordinator.AskVoid:
		t.void = wire.VoidItem{Call: m.Call, DeadlineMS: left, Place: place, Version: m.Version}
		frames := box.Ready()
		start := len(frames)
		frames = wire.BeginItems(frames, wire.PeerHead{Op: wire.OpVoid, ID: box.NextID(), Epoch: epoch, Clock: clock})
		items := len(frames)
		box.SetReady(wire.EndItems(t.void.Append(frames), start, items, 1))
	case coordinator.AskRange:
		q := wire.RangeRequest{
			Call: m.Call, DeadlineMS: left, Namespace: m.Range.Namespace, From: uint64(m.Range.From), After: m.Range.After,
			Last: uint64(m.Range.Last), Prefix: m.Range.Prefix, Limit: uint64(m.Range.Limit), Bytes: uint64(m.Range.Bytes), KeysOnly: m.Range.KeysOnly, All: m.Range.All,
		}
		box.SetReady(q.Append(box.Ready(), wire.PeerHead{Op: wire.OpRange, ID: box.NextID(), Epoch: epoch, Clock: clock}))
	}
	p.End()
	t.touchPeer(p)
	return true
}

// writeKind is what a replica is told that a record is.
func writeKind(ask coordinator.Ask) replica.Kind {
	switch ask {
	case coordinator.AskRepair:
		return replica.Repair
	case coordinator.AskStand:
		return replica.Stand
	case coordinator.AskDeliver:
		return replica.Deliver
	}
	return replica.Fresh
}

// largeRecordBytes is how large a record may be to share a frame. A larger one
// added to a frame that others have begun could push it past the limit of a
// frame, and the peer would cut the link.
const largeRecordBytes = 64 << 10

// postAlone adds a write in a frame of its own.
func postAlone(box *wire.Outbox, epoch uint64, clock hlc.Timestamp, w *wire.WriteItem) {
	frames := box.Ready()
	start := len(frames)
	frames = wire.BeginItems(frames, wire.PeerHead{Op: wire.OpWrite, ID: box.NextID(), Epoch: epoch, Clock: clock})
	items := len(frames)
	box.SetReady(wire.EndItems(w.Append(frames), start, items, 1))
}

// unsent tells the Core that a message never left.
func (r *Router) unsent(t *Turn, m *coordinator.Send) {
	if m.Call == 0 {
		return
	}
	s := &r.shards[coordinator.ShardOf(m.Call)]
	s.lock.Lock()
	s.core.Unsent(t.now.Mono, m.Call, m.To, &t.fx)
	s.lock.Unlock()
}

// here carries out a message to this node's own replica.
func (r *Router) here(t *Turn, m *coordinator.Send) {
	if c := r.world.Cluster(); c != nil && m.Epoch != 0 && m.Epoch < c.Ring.Epoch() && !traitor.Is(traitor.EpochUnchecked) {
		t.reply = coordinator.Reply{Ask: m.Ask, Code: contract.StaleEpoch, Epoch: uint64(c.Ring.Epoch())}
		r.deliver(t, m.Call, m.To, &t.reply)
		return
	}
	switch m.Ask {
	case coordinator.AskWrite, coordinator.AskRepair, coordinator.AskStand, coordinator.AskDeliver:
		w := replica.Write{
			Kind: writeKind(m.Ask), Deadline: m.Deadline, Token: uint64(m.Place.Token), Namespace: m.Place.Namespace, Key: m.Place.Key,
			Record: m.Record, Origin: replica.Origin{Call: m.Call}, Seen: m.Seen, HasSeen: m.HasSeen, Target: m.Target, Counted: true,
		}
		if m.Ask == coordinator.AskStand && !r.world.StandsIn(m.Target, w.Cost()) {
			t.reply = coordinator.Reply{Ask: m.Ask, Code: contract.Overloaded}
			r.deliver(t, m.Call, m.To, &t.reply)
			return
		}
		t.writes = append(t.writes, w)
	case coordinator.AskVoid:
		t.writes = append(t.writes, replica.Write{
			Kind: replica.Void, Deadline: m.Deadline, Token: uint64(m.Place.Token), Namespace: m.Place.Namespace, Key: m.Place.Key,
			Version: m.Version, Origin: replica.Origin{Call: m.Call},
		})
	case coordinator.AskHint:
		rec, err := r.world.Kept(uint64(m.Place.Token), m.Place.Namespace, m.Place.Key, m.Version)
		t.reply = coordinator.Reply{Ask: m.Ask, Record: rec, Shared: true}
		if err != nil {
			t.reply.Code = contract.NotReady
		}
		r.deliver(t, m.Call, m.To, &t.reply)
	case coordinator.AskRead, coordinator.AskDigest:
		rec, code := r.stored(uint64(m.Place.Token), m.Place.Namespace, m.Place.Key)
		t.reply = coordinator.Reply{Ask: m.Ask, Code: code, Record: rec, Shared: true}
		if m.WantMark {
			t.reply.Mark = r.world.Marks().Of(uint64(m.Place.Token)).Fence
		}
		if m.Ask == coordinator.AskDigest {
			t.reply.Record = header(rec)
		}
		r.deliver(t, m.Call, m.To, &t.reply)
	case coordinator.AskRange:
		reply := r.rangeHere(t, m)
		// A page of many steps may all be walked here, within one turn. Only the
		// clock tells when it has worked long enough.
		r.read(t)
		r.deliver(t, m.Call, m.To, &reply)
	}
}

// stored is what this node's replica holds of a key.
func (r *Router) stored(token uint64, namespace uint32, key []byte) ([]byte, contract.Code) {
	if r.quarantined(token) {
		return nil, contract.NotReady
	}
	return replica.Read(r.world.Store(), token, namespace, key)
}

// header is the header of a stored record that has been verified.
func header(rec []byte) []byte {
	if rec == nil {
		return nil
	}
	h, err := record.Header(rec)
	if err != nil {
		panic("router: a verified record has no header: " + err.Error())
	}
	return h
}

func (r *Router) rangeHere(t *Turn, m *coordinator.Send) coordinator.Reply {
	q := replica.RangeRequest{
		Namespace: m.Range.Namespace, From: uint64(m.Range.From), After: m.Range.After, Last: uint64(m.Range.Last),
		Prefix: m.Range.Prefix, Limit: m.Range.Limit, Bytes: m.Range.Bytes, KeysOnly: m.Range.KeysOnly, All: m.Range.All,
	}
	var part coordinator.RangeReply
	end, code := r.walk(t, &q, func(token uint64, key, rec []byte) {
		part.Items = append(part.Items, coordinator.RangeItem{Token: ring.Token(token), Key: clone(key), Record: clone(rec)})
	})
	part.Done, part.Token, part.Key = end.Done, ring.Token(end.Token), end.Key
	return coordinator.Reply{Ask: coordinator.AskRange, Code: code, Range: &part, Shared: true}
}

func clone(b []byte) []byte { return append([]byte{}, b...) }

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
// they are durable, or failure says why they are not: Internal if that cannot
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

// append adds a whole frame to what waits for a connection.
func (r *Router) append(t *Turn, c Conn, frame []byte) {
	_, buf := c.Begin()
	c.End(append(buf, frame...))
	t.touchConn(c)
}

// head is the head of an answer.
func (r *Router) head(op wire.Op, id uint64) wire.Head {
	h := wire.Head{Op: op, ID: id, Clock: r.world.Clock()}
	if c := r.world.Cluster(); c != nil {
		h.Epoch = uint64(c.Ring.Epoch())
	}
	return h
}
