package node

import (
	"bytes"
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/coordinator"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/merkle"
	"github.com/candordb/candor/repair"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/router"
	"github.com/candordb/candor/wire"
)

// repairer is the goroutine that owns anti-entropy: events come in by a bounded
// queue, and the effects of each are carried out before the next is looked at.
// What does not fit the queue is dropped; the Core waits for no answer for ever.
type repairer struct {
	node   *Node
	core   *repair.Core // nil before epoch 1
	events chan func(*repair.Effects)
	counts chan int // partitions to be counted anew

	// asked ties the frame of an EXCHANGE to its call.
	asked map[frame]asked

	seen    atomic.Pointer[repairView]
	seenAt  int64
	damaged atomic.Uint64 // places whose record is damaged, as met by exchanges
}

// frame is the id of a frame on the link to a node.
type frame struct {
	to ring.NodeID
	id uint64
}

// asked is a call that waits for its answer until a time.
type asked struct {
	call  uint64
	until int64
}

// repairView is what others may know of the repairer; it never changes.
type repairView struct {
	at         int64           // monotonic milliseconds
	asOf       []hlc.Timestamp // by partition; 0: not known
	blame      []repair.Blame  // who holds that back
	watermarks []hlc.Timestamp // adopted, by partition
	states     repair.States
	oldest     hlc.Timestamp
	counters   repair.Counters
	paused     int64 // milliseconds more
	rebuilding []repair.Rebuilt
	healing    int // damaged records
	healPlace  repair.Place
	healWhy    repair.Blame
}

const (
	repairQueue = 4096
	repairTick  = 50 * time.Millisecond
	// repairSeen is how often, in milliseconds, what others may know is renewed.
	repairSeen = 500
)

func newRepairer(n *Node) *repairer {
	return &repairer{node: n, events: make(chan func(*repair.Effects), repairQueue), counts: make(chan int, 1024), asked: make(map[frame]asked)}
}

// run owns the Core until ctx ends.
func (r *repairer) run(ctx context.Context) error {
	tick := time.NewTicker(repairTick)
	defer tick.Stop()
	var out repair.Effects
	for {
		var event func(*repair.Effects)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			event = r.tick
		case event = <-r.events:
		}
		if !r.begin() {
			continue
		}
		event(&out)
		r.carryOut(&out)
		out.Reset()
	}
}

// begin makes the Core once there is an epoch.
func (r *repairer) begin() bool {
	if r.core != nil {
		return true
	}
	n := r.node
	c := n.Cluster()
	if c == nil {
		return false
	}
	o := n.config.Repair
	proofs, err := system(n.engine, repair.ProofsName)
	if err != nil {
		n.log.Warn("what was proved before this start cannot be read: it is proved anew", "error", err)
	}
	r.core = repair.New(repair.Options{
		Self: n.id, Shape: n.trees.of.Shape(), Instance: rand.Uint64(), AgeLimit: c.AgeLimit,
		ExchangeInterval: o.ExchangeInterval.Milliseconds(), Rate: int64(o.Rate), Proofs: proofs,
	}, local{n})
	var out repair.Effects
	r.tick(&out)
	r.carryOut(&out)
	return true
}

func (r *repairer) tick(out *repair.Effects) {
	now := r.node.clock.mono()
	r.core.Tick(now, rand.Uint64, out)
	if now-r.seenAt >= repairSeen {
		r.seenAt = now
		r.show(now)
		for f, a := range r.asked { // each by itself: order does not matter
			if a.until < now {
				delete(r.asked, f)
			}
		}
	}
}

// show publishes what others may know.
func (r *repairer) show(now int64) {
	q := r.node.Cluster().Ring.Q()
	marks := r.node.marks.Load()
	v := &repairView{at: now, asOf: make([]hlc.Timestamp, q), blame: make([]repair.Blame, q), watermarks: make([]hlc.Timestamp, q)}
	for p := range q {
		v.asOf[p], v.blame[p] = r.core.AsOf(p)
		v.watermarks[p] = marks.Partition(p).Purge
	}
	v.states, v.oldest = r.core.States()
	v.counters, v.paused = r.core.Counters(), r.core.Paused()
	v.rebuilding = r.core.Rebuilding()
	v.healing, v.healPlace, v.healWhy = r.core.Healing()
	r.seen.Store(v)
	r.node.follow(r.core)
}

// post queues an event, or drops it.
func (r *repairer) post(event func(*repair.Effects)) {
	select {
	case r.events <- event:
	default:
	}
}

// ask has something done with the Core, and waits for it; false if the node stops.
func (r *repairer) ask(ctx context.Context, do func(*repair.Core)) bool {
	done := make(chan struct{})
	event := func(*repair.Effects) {
		do(r.core)
		r.show(r.node.clock.mono())
		close(done)
	}
	for _, wait := range []func() bool{
		func() bool {
			select {
			case r.events <- event:
				return true
			case <-ctx.Done():
			case <-r.node.stopped:
			}
			return false
		},
		func() bool {
			select {
			case <-done:
				return true
			case <-ctx.Done():
			case <-r.node.stopped:
			}
			return false
		},
	} {
		if !wait() {
			return false
		}
	}
	return true
}

// carryOut does what a call has left to be done, in its order.
func (r *repairer) carryOut(out *repair.Effects) {
	touched := make(map[*peer]bool)
	for i := range out.Sends {
		r.send(&out.Sends[i], touched)
	}
	for i := range out.Reads {
		r.read(&out.Reads[i], touched)
	}
	for i := range out.Writes {
		r.write(&out.Writes[i], touched)
	}
	for p := range touched { // each by itself: order does not matter
		p.Flush()
	}
	for i := range out.Replies {
		w := &out.Replies[i]
		to := w.To.Conn.(router.Conn)
		_, buf := to.Begin()
		to.End(wire.AppendDocumentAnswer(buf, wire.Head{Op: wire.OpExchange, ID: w.To.Frame, Epoch: r.node.Epoch(), Clock: r.node.clock.read()}, w.Document))
		to.Flush()
	}
	for _, p := range out.Recounts {
		select {
		case r.counts <- p:
		default:
			r.post(func(out *repair.Effects) { r.core.Recounted(p, false, 0, 0, out) })
		}
	}
	r.damaged.Add(uint64(len(out.Damaged)))
	for i := range out.Damaged {
		at := &out.Damaged[i]
		r.node.damaged(at.Token, at.Namespace, at.Key)
	}
}

// begun locks the link to a member and returns what waits for it; nil if it is down.
func (r *repairer) begun(to ring.NodeID) (*peer, *wire.Outbox) {
	p := r.node.links.peer(to)
	if p == nil {
		return nil, nil
	}
	return p, p.Begin()
}

// failed tells the Core later that a call came to nothing.
func (r *repairer) failed(call uint64) {
	r.post(func(out *repair.Effects) { r.core.Failed(call, out) })
}

func (r *repairer) head(box *wire.Outbox, op wire.Op) wire.PeerHead {
	return wire.PeerHead{Op: op, ID: box.NextID(), Epoch: r.node.Epoch(), Clock: r.node.clock.read()}
}

func (r *repairer) send(s *repair.Send, touched map[*peer]bool) {
	p, box := r.begun(s.To)
	if box == nil {
		r.failed(s.Call)
		return
	}
	h := r.head(box, wire.OpExchange)
	box.SetReady(wire.AppendDocument(box.Ready(), h, s.Document))
	p.End()
	r.asked[frame{s.To, h.ID}] = asked{s.Call, s.Deadline}
	touched[p] = true
}

func (r *repairer) read(q *repair.Read, touched map[*peer]bool) {
	p, box := r.begun(q.To)
	if box == nil {
		r.failed(q.Call)
		return
	}
	item := wire.ReadItem{Call: q.Call, DeadlineMS: r.left(q.Deadline), Place: place(q.Place)}
	box.Read(wire.OpRead, r.node.Epoch(), r.node.clock.read(), &item)
	p.End()
	touched[p] = true
}

func place(p repair.Place) wire.Place {
	return wire.Place{Token: p.Token, Namespace: p.Namespace, Key: p.Key}
}

// left is how many milliseconds are left until a time.
func (r *repairer) left(deadline int64) uint64 {
	return uint64(max(deadline-r.node.clock.mono(), 1))
}

func (r *repairer) write(w *repair.Write, touched map[*peer]bool) {
	if w.To.IsZero() || w.To == r.node.id {
		r.writeHere(w)
		return
	}
	p, box := r.begun(w.To)
	if box == nil {
		r.failed(w.Call)
		return
	}
	item := wire.WriteItem{
		Call: w.Call, Kind: wire.Exchange, DeadlineMS: r.left(w.Deadline), Place: place(w.Place), Record: w.Record, Mark: w.Mark,
	}
	frames := box.Ready()
	start := len(frames)
	frames = wire.BeginItems(frames, r.head(box, wire.OpWrite))
	items := len(frames)
	box.SetReady(wire.EndItems(item.Append(frames), start, items, 1))
	p.End()
	touched[p] = true
}

// writeHere hands a write to this node's committer.
func (r *repairer) writeHere(w *repair.Write) {
	call, refused := w.Call, func() {}
	own := replica.Write{
		Kind: here[w.Kind], Token: w.Place.Token, Namespace: w.Place.Namespace, Key: w.Place.Key, Record: w.Record,
		Version: w.Version, Mark: w.Mark,
		Origin: replica.Origin{Result: func(result replica.Result) {
			if result.Code != contract.OK {
				refused()
			}
			r.post(func(out *repair.Effects) { r.core.Written(call, result.Code == contract.OK, out) })
		}},
	}
	switch w.Kind {
	case repair.Agree, repair.Adopt, repair.Fence, repair.Release:
		own.Token = r.node.tokenOf(w.Partition)
	}
	group := []replica.Write{own}
	if w.Kind == repair.Release {
		var with []replica.Write
		with, refused = r.node.lost.without(w.Partition)
		group = append(group, with...)
	}
	if !r.node.committer.Submit(group) {
		refused()
		r.failed(call)
	}
}

// here is what the kinds are called by the committer.
var here = [...]replica.Kind{
	repair.Exchange: replica.Exchange, repair.SetFloor: replica.SetFloor, repair.Agree: replica.Agree, repair.Adopt: replica.Adopt,
	repair.Purge: replica.Purge, repair.ForgetVoid: replica.Unvoid,
	repair.Fence: replica.Quarantine, repair.Note: replica.Note, repair.Restore: replica.Rebuild, repair.Drop: replica.Drop,
	repair.Release: replica.Release, repair.Heal: replica.Heal, repair.Proofs: replica.System,
}

// recount counts trees anew as they are asked for, until ctx ends.
func (r *repairer) recount(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case p := <-r.counts:
			records, bytes, ok := r.node.recount(ctx, p)
			r.post(func(out *repair.Effects) { r.core.Recounted(p, ok, records, bytes, out) })
		}
	}
}

// reply takes the reply to a WRITE or READ of the Core's.
func (r *repairer) reply(call uint64, reply *coordinator.Reply) {
	ok, rec := reply.Code == contract.OK, bytes.Clone(reply.Record)
	switch {
	case reply.Ask == coordinator.AskWrite:
		r.post(func(out *repair.Effects) { r.core.Written(call, ok, out) })
	case ok:
		r.post(func(out *repair.Effects) { r.core.Got(call, rec, out) })
	default:
		r.failed(call)
	}
}

// linkDown tells that what a member was asked will not be answered.
func (r *repairer) linkDown(id ring.NodeID) {
	r.post(func(out *repair.Effects) {
		for f := range r.asked { // each by itself: order does not matter
			if f.to == id {
				delete(r.asked, f)
			}
		}
		r.core.LinkDown(id, out)
	})
}

// Exchange implements router.Healing.
func (n *Node) Exchange(from router.Conn, node ring.NodeID, q *wire.PeerRequest) {
	document, ticket := bytes.Clone(q.Document), repair.Ticket{Conn: from, Frame: q.ID}
	n.repair.post(func(out *repair.Effects) { n.repair.core.Request(node, ticket, document, out) })
}

// ExchangeAnswer implements router.Healing.
func (n *Node) ExchangeAnswer(from ring.NodeID, a *wire.PeerAnswer) {
	id, refused, document := a.ID, a.Code != contract.OK, bytes.Clone(a.Document)
	r := n.repair
	r.post(func(out *repair.Effects) {
		asked, ours := r.asked[frame{from, id}]
		delete(r.asked, frame{from, id})
		switch {
		case !ours:
		case refused:
			r.core.Failed(asked.call, out)
		default:
			r.core.Answer(from, asked.call, document, out)
		}
	})
}

// Reply implements router.Healing.
func (n *Node) Reply(call uint64, from ring.NodeID, reply *coordinator.Reply) {
	if call >= router.RepairCalls {
		n.repair.reply(call, reply)
		return
	}
	n.hintReply(call, from, reply)
}

// RepairedAsOf implements router.Healing.
func (n *Node) RepairedAsOf(partition int) uint64 {
	v := n.repair.seen.Load()
	if v == nil || partition >= len(v.asOf) {
		return 0
	}
	return uint64(v.asOf[partition].Millis())
}

// local is this node as the Core of repair reads it.
type local struct{ *Node }

// View implements repair.Local.
func (l local) View() *ring.View {
	if c := l.Cluster(); c != nil {
		return c.Ring
	}
	return nil
}

// Reachable implements repair.Local.
func (l local) Reachable(id ring.NodeID) bool {
	p := l.links.peer(id)
	if p == nil {
		return false
	}
	up, _ := p.Up()
	return up
}

// Clock implements repair.Local.
func (l local) Clock() hlc.Timestamp { return l.clock.read() }

// Median implements repair.Local.
func (l local) Median() (hlc.Timestamp, bool) { return l.clock.median() }

// Busy implements repair.Local.
func (l local) Busy() bool { return l.gate.busy() }

// Floor implements repair.Local.
func (l local) Floor() hlc.Timestamp { return l.marks.Load().Floor }

// OldestHint implements repair.Local.
func (l local) OldestHint() hlc.Timestamp { return l.oldestHint() }

// Marks implements repair.Local.
func (l local) Marks(partition int) repair.Marks {
	m := l.marks.Load().Partition(partition)
	return repair.Marks{Fence: m.Fence, Purge: m.Purge, Quarantined: m.Quarantined}
}

// Tree implements repair.Local.
func (l local) Tree(partition int, use func(*merkle.Tree)) bool { return l.trees.tree(partition, use) }

// Record implements repair.Local.
func (l local) Record(token uint64, namespace uint32, key []byte) ([]byte, error) {
	return l.store.Record(token, namespace, key)
}

// Range implements repair.Local.
func (l local) Range(from uint64, namespace uint32, after []byte, last uint64, fn func(uint64, uint32, []byte, []byte) bool) error {
	return l.store.Range(from, namespace, after, last, fn)
}

// Voids implements repair.Local.
func (l local) Voids(from, last uint64, fn func(uint64, uint32, []byte, hlc.Version) bool) error {
	return l.store.voidsOf(from, last, fn)
}

// MayPurge implements repair.Local.
func (l local) MayPurge(partition int) bool {
	_, _, some := l.Mortal(partition, 0)
	return some || l.store.voided.Load()
}

// Mortal implements repair.Local.
func (l local) Mortal(partition, leaf int) (first, last int, some bool) {
	return l.trees.mortal(partition, leaf)
}
