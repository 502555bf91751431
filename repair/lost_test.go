package repair

import (
	"maps"
	"slices"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/merkle"
	"github.com/candordb/candor/ring"
)

// Nodes of a world that come back wrong, and what was acknowledged.

// operation is one write of a client, which is sent in one epoch: what is answered in
// another one does not count (rule 9).
type operation struct {
	w     *world
	epoch int
	at    Place
	rec   []byte // nil: nobody counts
	acks  map[int]bool
}

// operation is coordinated by a node that acts in some epoch that is in force.
func (w *world) operation(at Place, rec []byte) *operation {
	return &operation{w: w, epoch: w.nodes[w.rng.IntN(len(w.nodes))].epoch, at: at, rec: rec, acks: map[int]bool{}}
}

// answer is told what a replica did. It is on its way for a while.
func (op *operation) answer(n *node) func(bool) {
	return func(ok bool) {
		if !ok || op.rec == nil {
			return
		}
		op.w.post(n.i, func() {
			op.acks[n.i] = true
			v := versionOf(mustHeader(op.rec))
			if k := string(op.at.Key); len(op.acks) == 2 && op.w.acked[k].Less(v) {
				op.w.acked[k], op.w.last = v, op.at.Key
			}
		})
	}
}

// disk is a copy of what is durable on a node.
type disk struct {
	stored map[Place32]*stored
	marks  map[int]Marks
	floor  hlc.Timestamp
}

// backup copies the disk.
func (n *node) backup() {
	n.old = &disk{stored: maps.Clone(n.stored), marks: maps.Clone(n.marks), floor: n.floor}
}

// whole says whether no copy of anything is lost.
func (w *world) whole() bool {
	for _, n := range w.nodes {
		if !n.up || n.wiped > 0 {
			return false
		}
		for _, s := range n.stored {
			if s.rot {
				return false
			}
		}
	}
	return true
}

// wipe takes a node's disk away, or puts an older copy in its place, and starts it
// again: it knows that it holds less than it has told. Only then an epoch says so.
func (n *node) wipe() {
	w := n.w
	if !w.whole() {
		return // one at a time, with the others there to rebuild from
	}
	n.crash()
	n.kept, n.voids, n.dirty, n.trees = nil, nil, true, map[int]*merkle.Tree{}
	d := n.old
	if d == nil || w.rng.IntN(2) == 0 {
		d = &disk{stored: map[Place32]*stored{}, marks: map[int]Marks{}}
	}
	n.stored, n.marks, n.floor, n.old = maps.Clone(d.stored), maps.Clone(d.marks), d.floor, nil
	for partition := range w.views[0].Q() {
		if w.views[0].Owns(partition, n.id) {
			n.quarantine(partition, true)
			n.recount(partition)
		}
	}
	for k := range w.held {
		w.held[k][n.i] = nil
		if s := n.stored[key32(w.placeOf([]byte(k)))]; s != nil {
			w.held[k][n.i] = []hlc.Version{versionOf(mustHeader(s.rec))}
		}
	}
	v := w.views[0]
	owners := make([]uint16, 0, v.Q()*3)
	for partition := range v.Q() {
		owners = append(owners, v.Owners(partition)...)
	}
	next := ring.Epoch(len(w.views) + 1)
	w.views = append(w.views, mustView(w.t, next, v.Q(), 3, v.Members(), owners))
	n.wiped, n.from = w.now, uint64(next)
	n.start(Options{})
}

// actOnEpochs takes up the next epoch, sooner or later.
func (n *node) actOnEpochs() {
	w := n.w
	if n.epoch == len(w.views)-1 || n.w.rng.IntN(60) > 0 {
		return
	}
	for _, o := range w.nodes {
		if o != n && o.from == uint64(n.epoch+2) {
			n.core.Forget(o.id)
		}
	}
	n.epoch++
}

// rots lets a record on a disk rot now and then, and sooner or later somebody meets
// it. One at a time: with more copies lost nothing is promised.
func (w *world) rots() {
	n := w.nodes[w.rng.IntN(len(w.nodes))]
	if (n.old == nil || w.rng.IntN(800) == 0) && n.wiped == 0 {
		n.backup()
	}
	if w.rng.IntN(100) == 0 && w.whole() && len(n.stored) > 0 {
		at := w.placeOf(w.keys[w.rng.IntN(len(w.keys))])
		if w.last != nil {
			at = w.placeOf(w.last)
		}
		if s := n.stored[key32(at)]; s != nil {
			n.stored[key32(at)] = &stored{s.rec, true}
		}
	}
	for at, s := range n.stored {
		if s.rot && n.up && w.rng.IntN(5) == 0 {
			n.core.Heal(at.place())
		}
	}
}

// rotten says whether what a node stores at a place cannot be read.
func (n *node) rotten(at Place) bool {
	s := n.stored[key32(at)]
	return s != nil && s.rot
}

// serves says whether a node answers for a place.
func (n *node) serves(at Place) bool {
	return !n.marks[n.w.partitionOf(at)].Quarantined && !n.rotten(at)
}

// applyLost is apply for what brings back what was lost.
func (n *node) applyLost(w *Write, m Marks) bool {
	switch k := key32(w.Place); w.Kind {
	case Heal:
		if m.Quarantined || !n.rotten(w.Place) {
			return !m.Quarantined
		}
		delete(n.stored, k)
		n.dirty = true
		n.recount(w.Partition)
		n.forgot(k.Key)
		if w.Record != nil {
			n.merge(w)
		}
		return true
	case Release:
		n.released(w.Partition)
		return true
	}
	if !m.Quarantined {
		n.w.t.Errorf("a write of kind %d in partition %d, which is not in quarantine", w.Kind, w.Partition)
	}
	switch w.Kind {
	case Fence:
		m.Fence = max(m.Fence, w.Mark)
		n.marks[w.Partition] = m
	case Note:
		if !slices.ContainsFunc(n.voids, func(v void) bool { return v.version == w.Version && v.at.compare(w.Place) == 0 }) {
			n.voids = append(n.voids, void{w.Place, w.Version})
		}
	case Restore:
		n.merge(w)
	case Drop:
		s := n.stored[key32(w.Place)]
		switch {
		case s == nil:
		case s.rot:
			delete(n.stored, key32(w.Place))
			n.dirty = true
		case versionOf(mustHeader(s.rec)) != w.Version:
			return false
		default:
			n.put(w.Place, nil)
			n.forgot(string(w.Place.Key))
		}
	}
	return true
}

// forgot notes that what a node once held of a key counts no more, but for what all
// were allowed to forget.
func (n *node) forgot(k string) {
	if held := n.w.held[k]; held != nil {
		held[n.i] = nil
		if gone, ok := n.w.gone[k]; ok {
			held[n.i] = []hlc.Version{gone}
		}
	}
}

// released puts a partition back into service, and holds it against what it must be:
// whatever all had, and may have forgotten since, counts as had here too.
func (n *node) released(partition int) {
	w := n.w
	n.quarantine(partition, false)
	n.wiped = 0
	for p := range w.views[0].Q() {
		if n.marks[p].Quarantined {
			n.wiped = w.now
		}
	}
	for k, held := range w.held {
		at := w.placeOf([]byte(k))
		if w.partitionOf(at) != partition {
			continue
		}
		if gone, ok := w.gone[k]; ok {
			held[n.i] = append(held[n.i], gone)
		}
		for _, o := range w.owners(w.views[0], partition) {
			if s := o.stored[key32(at)]; s != nil && dead(s.rec, n.marks[partition].Purge) {
				held[n.i] = append(held[n.i], versionOf(mustHeader(s.rec)))
			}
		}
	}
}

// durable checks that every quorum of the replicas that serve holds what was
// acknowledged, or something newer, or that all were allowed to forget it.
func (w *world) durable() {
	for _, key := range w.keys {
		v := w.acked[string(key)]
		if v.IsZero() || !w.gone[string(key)].Less(v) {
			continue
		}
		at := w.placeOf(key)
		var lack []int
		for _, n := range w.owners(w.views[0], w.partitionOf(at)) {
			if s := n.stored[key32(at)]; n.serves(at) && (s == nil || versionOf(mustHeader(s.rec)).Less(v)) {
				lack = append(lack, n.i)
			}
		}
		if len(lack) > 1 {
			w.t.Errorf("at %d: %v of %s was acknowledged, and %v serve without it", w.now, v, key, lack)
			w.acked[string(key)] = hlc.Version{}
		}
	}
}
