package sim

import (
	"bytes"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/repair"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/router"
	"github.com/candordb/candor/wire"
)

// Anti-entropy: how what repair.Core wants is carried out.

// post handles an event, after those before it.
func (h *healing) post(event func(*repair.Effects)) {
	h.queue = append(h.queue, event)
	if h.busy {
		return
	}
	h.busy = true
	for len(h.queue) > 0 {
		event := h.queue[0]
		h.queue = h.queue[1:]
		event(&h.out)
		h.carryOut()
		h.out.Reset()
	}
	h.busy = false
}

// failed tells the Core, later, that a call came to nothing.
func (h *healing) failed(call uint64) {
	h.post(func(out *repair.Effects) { h.repair.Failed(call, out) })
}

// carryOut does what a call has left to be done.
func (h *healing) carryOut() {
	var touched []*link
	touch := func(to ring.NodeID, call uint64, add func(*wire.Outbox)) {
		l := h.link(to)
		if l == nil || l.Begin() == nil {
			h.failed(call)
			return
		}
		add(&l.box)
		l.End()
		touched = append(touched, l)
	}
	for i := range h.out.Sends {
		m := &h.out.Sends[i]
		touch(m.To, m.Call, func(box *wire.Outbox) {
			head := h.head(box, wire.OpExchange)
			box.SetReady(wire.AppendDocument(box.Ready(), head, m.Document))
			h.asked[peerFrame{m.To, head.ID}] = m.Call
		})
	}
	for i := range h.out.Reads {
		q := &h.out.Reads[i]
		touch(q.To, q.Call, func(box *wire.Outbox) {
			box.Read(wire.OpRead, h.p.epoch(), h.p.Clock(), &wire.ReadItem{Call: q.Call, DeadlineMS: h.left(q.Deadline), Place: placeOf(q.Place)})
		})
	}
	for i := range h.out.Writes {
		w := &h.out.Writes[i]
		if w.To.IsZero() || w.To == h.p.node.id {
			h.writeHere(w)
			continue
		}
		touch(w.To, w.Call, func(box *wire.Outbox) {
			item := wire.WriteItem{
				Call: w.Call, Kind: wire.Exchange, DeadlineMS: h.left(w.Deadline), Place: placeOf(w.Place), Record: w.Record, Mark: w.Mark,
			}
			start := len(box.Ready())
			frames := wire.BeginItems(box.Ready(), h.head(box, wire.OpWrite))
			items := len(frames)
			box.SetReady(wire.EndItems(item.Append(frames), start, items, 1))
		})
	}
	for i, l := range touched {
		if i == 0 || touched[i-1] != l {
			l.Flush()
		}
	}
	for i := range h.out.Replies {
		r := &h.out.Replies[i]
		to := r.To.Conn.(router.Conn)
		_, buf := to.Begin()
		to.End(wire.AppendDocumentAnswer(buf, wire.Head{Op: wire.OpExchange, ID: r.To.Frame, Epoch: h.p.epoch(), Clock: h.p.Clock()}, r.Document))
		to.Flush()
	}
	h.counts = append(h.counts, h.out.Recounts...)
}

// link is that to a member; nil if there is none yet.
func (h *healing) link(to ring.NodeID) *link {
	i, ok := h.p.sim.cluster.Ring.Index(to)
	if !ok || i >= len(h.p.links) {
		return nil
	}
	return h.p.links[i]
}

func (h *healing) head(box *wire.Outbox, op wire.Op) wire.PeerHead {
	return wire.PeerHead{Op: op, ID: box.NextID(), Epoch: h.p.epoch(), Clock: h.p.Clock()}
}

func placeOf(p repair.Place) wire.Place {
	return wire.Place{Token: p.Token, Namespace: p.Namespace, Key: p.Key}
}

// left is how many milliseconds are left until a time.
func (h *healing) left(deadline int64) uint64 { return uint64(max(deadline-h.p.Now().Mono, 1)) }

// repairKinds is what the kinds are called by the committer.
var repairKinds = [...]replica.Kind{
	repair.Exchange: replica.Exchange, repair.SetFloor: replica.SetFloor, repair.Agree: replica.Agree, repair.Adopt: replica.Adopt,
	repair.Purge: replica.Purge, repair.ForgetVoid: replica.Unvoid,
	repair.Fence: replica.Quarantine, repair.Note: replica.Note, repair.Restore: replica.Rebuild, repair.Drop: replica.Drop,
	repair.Release: replica.Release, repair.Heal: replica.Heal, repair.Proofs: replica.System,
}

// writeHere hands a write to this node's committer.
func (h *healing) writeHere(w *repair.Write) {
	call, refused := w.Call, func() {}
	own := replica.Write{
		Kind: repairKinds[w.Kind], Token: w.Place.Token, Namespace: w.Place.Namespace, Key: w.Place.Key, Record: w.Record,
		Version: w.Version, Mark: w.Mark,
		Origin: replica.Origin{Result: func(r replica.Result) {
			if r.Code != contract.OK {
				refused()
			}
			h.post(func(out *repair.Effects) { h.repair.Written(call, r.Code == contract.OK, out) })
		}},
	}
	if w.Place.Key == nil {
		own.Token = h.p.sim.firstToken(w.Partition)
	}
	group := []replica.Write{own}
	if w.Kind == repair.Release {
		var with []replica.Write
		with, refused = h.p.lost.without(w.Partition)
		group = append(group, with...)
	}
	if !h.p.Commit(group) {
		refused()
		h.failed(call)
	}
}

// firstToken is the first token of a partition.
func (s *Sim) firstToken(partition int) uint64 {
	return uint64(partition) << (64 - s.cluster.Ring.Bits())
}

// countsAtOnce is how many trees are counted with one batch.
const countsAtOnce = 8

// count counts trees that are not known, some with each batch, and then those that
// somebody wants to have counted anew.
func (h *healing) count() {
	asked := 0
	for range h.p.sim.plan.Partitions {
		partition := h.next
		h.next = (h.next + 1) % h.p.sim.plan.Partitions
		if _, known := h.trees.Root(partition); !known {
			h.countOne(partition, func(ok bool) {
				if _, known := h.trees.Root(partition); ok && known {
					h.p.sim.mark(markRecounted)
				}
			})
			if asked++; asked == countsAtOnce {
				return
			}
		}
	}
	if len(h.counts) == 0 {
		return
	}
	partition := h.counts[0]
	h.counts = h.counts[1:]
	h.countOne(partition, func(ok bool) {
		if ok && h.trees.Counting(partition) {
			h.counts = append(h.counts, partition)
			return
		}
		h.post(func(out *repair.Effects) { h.repair.Recounted(partition, ok, 0, 0, out) })
	})
}

func (h *healing) countOne(partition int, done func(ok bool)) {
	w := replica.Write{Kind: replica.Count, Token: h.p.sim.firstToken(partition)}
	w.Origin.Result = func(r replica.Result) {
		if r.Code == contract.Corrupt {
			h.scrub(partition)
		}
		done(r.Code == contract.OK)
	}
	if !h.p.Commit([]replica.Write{w}) {
		done(false)
	}
}

// scrub reads every record of a partition, and has those healed that are damaged.
func (h *healing) scrub(partition int) {
	first := h.p.sim.firstToken(partition)
	last := first + (1<<(64-h.p.sim.cluster.Ring.Bits()) - 1)
	var found []repair.Place
	err := h.p.node.disk.Range(first, 0, nil, last, func(token uint64, namespace uint32, key, rec []byte) bool {
		if _, err := record.Verify(namespace, key, rec); err != nil {
			found = append(found, repair.Place{Token: token, Namespace: namespace, Key: bytes.Clone(key)})
		}
		return true
	})
	for _, at := range found {
		if err == nil {
			h.repair.Heal(at)
		}
	}
}

// keepTrees keeps the trees on disk at an orderly stop.
func (p *process) keepTrees() {
	h := p.heal()
	if h == nil {
		return
	}
	for partition := range p.sim.plan.Partitions {
		if h.trees.Marked(partition) {
			p.Commit([]replica.Write{{Kind: replica.Keep, Token: p.sim.firstToken(partition), Origin: replica.Origin{Result: func(r replica.Result) {
				if r.Code == contract.OK {
					p.sim.mark(markTreesKept)
				}
			}}}})
		}
	}
}
