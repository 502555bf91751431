package repair

import (
	"slices"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/ring"
)

// What clients do to a world, and what is checked of it.

func (w *world) placeOf(key []byte) Place {
	token, _ := ring.TokenOf(nil, "", key)
	return Place{uint64(token), 1, key}
}

func (w *world) partitionOf(at Place) int { return w.views[0].PartitionOf(ring.Token(at.Token)) }

func (w *world) owners(view *ring.View, partition int) (all []*node) {
	for _, o := range view.Owners(partition) {
		if o != ring.NoOwner {
			all = append(all, w.nodes[o])
		}
	}
	return all
}

// encode makes a record of a key, stamped now.
func (w *world) encode(at Place, r record.Record) []byte {
	if r.Version.IsZero() {
		w.writer++
		r.Version = hlc.Version{Time: hlc.Make(wall+w.now, uint16(w.writer)), Writer: w.writer}
	}
	return record.Append(nil, at.Namespace, at.Key, r)
}

// set puts a record on one node, as if it had come by a write.
func (w *world) set(n *node, key []byte, rec []byte) {
	at := w.placeOf(key)
	n.merge(&Write{Partition: w.partitionOf(at), Place: at, Record: rec})
}

// clientWrite writes, deletes or lets expire a random key: at each replica the
// write is lost or late. Now and then nobody has it but a node that keeps a hint.
func (w *world) clientWrite() {
	at := w.placeOf(w.keys[w.rng.IntN(len(w.keys))])
	r := record.Record{Value: []byte{byte(w.rng.Uint32())}}
	switch w.rng.IntN(4) {
	case 0:
		r = record.Record{Tombstone: true}
	case 1:
		r.ExpiresAt = wall + w.now + w.rng.Int64N(6000)
	}
	rec := w.encode(at, r)
	partition := w.partitionOf(at)
	reached := w.rng.IntN(3) // whom the write reaches: all, some, or none
	op := w.operation(at, rec)
	for _, n := range w.owners(w.views[0], partition) {
		if reached == 0 || reached == 1 && w.rng.IntN(2) == 0 || !w.hints && reached == 2 && w.rng.IntN(2) == 0 {
			w.late(n, "fresh", op, partition, at, rec)
		} else if w.hints {
			keeper := w.nodes[w.rng.IntN(len(w.nodes))]
			w.post(keeper.i, func() {
				if keeper.up {
					keeper.queue = append(keeper.queue, pending{what: "keep", write: Write{Partition: partition}, hint: hint{target: n.i, at: at, rec: rec}})
				}
			})
		}
	}
}

// late lets a write fly to a replica for up to 3 s.
func (w *world) late(n *node, what string, op *operation, partition int, at Place, rec []byte) {
	fly := w.rng.Int64N(60)
	if w.rng.IntN(8) == 0 || w.wipes && w.rng.IntN(3) == 0 {
		fly = w.rng.Int64N(3000)
	}
	w.fly = append(w.fly, flight{n.i, w.now + fly, func() {
		if n.up {
			n.queue = append(n.queue, pending{what: what, epoch: op.epoch, done: op.answer(n), write: Write{Partition: partition, Place: at, Record: rec}})
		}
	}})
}

// writeBack is a read repair: what one replica holds goes to another, maybe late.
func (w *world) writeBack() {
	at := w.placeOf(w.keys[w.rng.IntN(len(w.keys))])
	partition := w.partitionOf(at)
	owners := w.owners(w.views[0], partition)
	from, to := owners[w.rng.IntN(len(owners))], owners[w.rng.IntN(len(owners))]
	if s := from.stored[key32(at)]; s != nil && from.up && from.serves(at) {
		w.late(to, "late", w.operation(at, nil), partition, at, s.rec)
	}
}

// deliver replays hints; one is kept until its target has it durably.
func (w *world) deliver() {
	for _, n := range w.nodes {
		for i := range n.kept {
			h := &n.kept[i]
			to := w.nodes[h.target]
			if h.sent || !n.up || !to.up || w.rng.IntN(20) > 0 {
				continue
			}
			h.sent = true
			life, sent := n.life, *h
			answer := func(bool) {
				w.post(n.i, func() {
					if n.life == life {
						n.kept = slices.DeleteFunc(n.kept, func(o hint) bool {
							return o.target == sent.target && o.at.compare(sent.at) == 0 && string(o.rec) == string(sent.rec)
						})
					}
				})
			}
			w.post(to.i, func() {
				if to.up {
					to.queue = append(to.queue, pending{what: "late", epoch: to.epoch, write: Write{Partition: w.partitionOf(sent.at), Place: sent.at, Record: sent.rec}, done: answer})
				}
			})
		}
	}
}

// unsent lets hints whose delivery was lost be sent again.
func (w *world) unsent() {
	for _, n := range w.nodes {
		for i := range n.kept {
			n.kept[i].sent = false
		}
	}
}

// trouble is one moment of a bad day.
func (w *world) trouble() {
	if w.rng.IntN(w.every) == 0 {
		w.clientWrite()
	}
	if w.rng.IntN(8) == 0 {
		w.writeBack()
	}
	if w.rng.IntN(200) == 0 {
		w.unsent()
	}
	w.deliver()
	for _, n := range w.nodes {
		switch {
		case !n.up && w.rng.IntN(100) == 0:
			n.start(Options{})
		case n.up && w.rng.IntN(1500) == 0:
			n.crash()
		case n.up && w.wipes && w.rng.IntN(w.calm) == 0:
			n.wipe()
		}
		n.actOnEpochs()
		n.busy = w.rng.IntN(10) == 0
	}
	if w.wipes {
		w.rots()
		w.durable()
	}
	w.truthful()
}

// The checks.

// storedAt notes that a replica stores a version anew, and refuses a key that came
// back: at or below a version of it that somebody was allowed to forget.
func (w *world) storedAt(n *node, at Place, v hlc.Version) {
	k := string(at.Key)
	if w.held[k] == nil {
		w.held[k] = make([][]hlc.Version, len(w.nodes))
	}
	if gone, ok := w.gone[k]; ok && !gone.Less(v) {
		w.t.Errorf("at %d: node %d stores %v of %s, of which %v was purged", w.now, n.i, v, k, gone)
	}
	w.held[k][n.i] = append(w.held[k][n.i], v)
}

// top is the highest version that a node has ever stored of a key.
func (w *world) top(n *node, k string) (top hlc.Version) {
	if w.held[k] != nil {
		for _, v := range w.held[k][n.i] {
			if top.Less(v) {
				top = v
			}
		}
	}
	return top
}

// purged checks that all replicas have had what one forgets.
func (w *world) purged(n *node, x *Write) {
	k := string(x.Place.Key)
	for _, o := range w.owners(w.views[0], w.partitionOf(x.Place)) {
		if w.top(o, k).Less(x.Version) && !o.marks[x.Partition].Quarantined {
			w.t.Errorf("at %d: node %d purges %v of %s, which node %d never had", w.now, n.i, x.Version, k, o.i)
		}
	}
	if w.gone[k].Less(x.Version) {
		w.gone[k] = x.Version
	}
}

// adopted checks a watermark when a node makes it its own.
func (w *world) adopted(n *node, partition int, mark hlc.Timestamp) {
	for _, o := range w.owners(n.View(), partition) {
		if o.marks[partition].Fence < mark && !o.marks[partition].Quarantined { // a rebuild brings it back
			w.t.Errorf("at %d: node %d adopts %v of partition %d, node %d has only agreed to %v", w.now, n.i, mark, partition, o.i, o.marks[partition].Fence)
		}
	}
	for _, o := range w.nodes {
		for _, h := range o.kept {
			if w.partitionOf(h.at) == partition && versionOf(mustHeader(h.rec)).Time <= mark {
				w.t.Errorf("at %d: node %d adopts %v of partition %d while node %d keeps a hint of %v", w.now, n.i, mark, partition, o.i, versionOf(mustHeader(h.rec)))
			}
		}
	}
}

// truthful checks what each node claims of its partitions: what any replica has
// ever held up to there, all hold or have held, or a newer version.
func (w *world) truthful() {
	if w.now/20%10 > 0 {
		return
	}
	for partition := range w.views[0].Q() {
		var claim hlc.Timestamp
		if slices.ContainsFunc(w.owners(w.views[0], partition), func(n *node) bool { return n.wiped > 0 }) {
			continue // what is said of it is not so until the others have heard
		}
		for _, n := range w.owners(w.views[0], partition) {
			if !n.up {
				continue
			}
			asOf, _ := n.core.AsOf(partition)
			if strict := n.core.Strict(partition); strict > asOf {
				w.t.Errorf("strict %v above as-of %v", strict, asOf)
			} else if w.hints {
				// A hint can bring to one replica what the plain proof has passed.
				asOf = strict
			}
			claim = max(claim, asOf)
		}
		if claim > 0 {
			w.check(partition, claim)
		}
	}
}

func (w *world) check(partition int, claim hlc.Timestamp) {
	for _, key := range w.keys {
		at := w.placeOf(key)
		if w.partitionOf(at) != partition {
			continue
		}
		owners := w.owners(w.views[0], partition)
		var must hlc.Version
		for _, n := range owners {
			if all := w.held[string(key)]; all != nil {
				for _, v := range all[n.i] {
					if v.Time <= claim && must.Less(v) {
						must = v
					}
				}
			}
		}
		for _, n := range owners {
			if w.top(n, string(key)).Less(must) {
				w.t.Errorf("at %d: partition %d is said to be repaired as of %v, but node %d has no more of %s than %v, others had %v",
					w.now, partition, claim, n.i, key, w.top(n, string(key)), must)
			}
		}
	}
}

// settled says whether all replicas hold the same, nothing dead is left, and all
// of it is proved.
func (w *world) settled(after hlc.Timestamp) bool {
	for _, n := range w.nodes {
		for at, s := range n.stored {
			if s.rot {
				n.core.Heal(at.place())
				return false
			}
		}
	}
	for partition := range w.views[0].Q() {
		owners := w.owners(w.views[0], partition)
		for _, n := range owners {
			if asOf, _ := n.core.AsOf(partition); asOf < after || n.tree(partition).Root() != owners[0].tree(partition).Root() {
				return false
			}
		}
	}
	for _, n := range w.nodes {
		for _, s := range n.stored {
			if rec, _ := record.Parse(s.rec); rec.Tombstone || rec.ExpiresAt != 0 {
				return false
			}
		}
	}
	return true
}

// heal ends all trouble.
func (w *world) heal() {
	w.loss, w.twice = 0, 0
	for _, n := range w.nodes {
		n.busy = false
		for n.epoch < len(w.views)-1 {
			n.actOnEpochs()
		}
		if !n.up {
			n.start(Options{})
		}
	}
	w.unsent()
}

func recordOf(value string) record.Record { return record.Record{Value: []byte(value)} }

func tombstone() record.Record { return record.Record{Tombstone: true} }
