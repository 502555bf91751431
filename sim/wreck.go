package sim

import (
	"slices"
	"time"

	"github.com/candordb/candor/record"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/router"
	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/storage/model"
	"github.com/candordb/candor/topology"
	"github.com/candordb/candor/wire"
)

// Nodes that come back wrong: with an empty disk, an older copy of it, or one of which
// parts are damaged. At most one at a time, and the next only when that is rebuilt, as
// with quorums of two of three copies one may be lost: this is the planner's map of
// good copies.

// The ways in which a disk can be wrecked.
const (
	loseAll    = "lose all"
	restoreOld = "restore an older copy"
	breakParts = "break parts"
)

// backup is a copy of a node's disk.
type backup struct {
	engine  *model.Engine
	starts  uint64
	cluster *router.Cluster
	at      time.Duration
}

// copyOf is a copy of all that an engine holds durably.
func copyOf(e *model.Engine) *model.Engine {
	var b storage.Batch
	if err := e.Scan(nil, nil, func(k, v []byte) bool { b.Put(k, v); return true }); err != nil {
		panic("sim: copying a disk: " + err.Error())
	}
	made := model.New()
	if err := made.Write(&b); err != nil {
		panic("sim: copying a disk: " + err.Error())
	}
	return made
}

// keepCopy copies the disk of some node that is whole, at times.
func (s *Sim) keepCopy() {
	n := s.anyone()
	if n == s.wrecked || n.process == nil || n.process.cluster == nil || n.disk.engine.Err() != nil || n.disk.missing() ||
		slices.ContainsFunc(s.history.keys, func(k *key) bool { return k.damaged == n.index || k.rotten == n.index }) {
		return
	}
	n.copy = &backup{copyOf(n.disk.engine), n.starts, n.cluster, s.now}
}

// missing says whether a disk says that it lacks something.
func (d *disk) missing() bool {
	v, ok := d.engine.Synced(storage.SystemKey(storage.MissingName))
	m, err := storage.ParseMissing(v)
	return ok && (err != nil || !m.None())
}

// isStale says whether a copy of a node's disk is so old that the node will know: all
// others have heard, and saved, that it was further. What nobody has heard nobody can
// tell: a copy of just now, of the same start, is not found out.
func (s *Sim) isStale(n *node) bool {
	if n.copy == nil || !s.plan.agrees() {
		return n.copy != nil
	}
	was := node{disk: disk{engine: n.copy.engine}}
	saved, _ := was.disk.saved(topology.MetadataName)
	m, err := topology.Decode(saved)
	if err != nil {
		return false
	}
	bound := uint64(was.foundBound())
	return !slices.ContainsFunc(s.nodes, func(o *node) bool {
		far := o.disk.heardOf(n.id)
		return o != n && far.Epoch <= m.Epoch && far.Incarnation <= n.copy.starts && far.Clock <= bound
	})
}

// extent is how far a node has told that it is.
type extent struct {
	Epoch       uint64 `msgpack:"epoch"`
	Incarnation uint64 `msgpack:"incarnation"`
	Clock       uint64 `msgpack:"clock"`
}

// heardOf is the most that a disk says was heard of a node (docs/DATA.md).
func (d *disk) heardOf(id ring.NodeID) (far extent) {
	var heard struct {
		Rows []struct {
			ID     []byte `msgpack:"id"`
			Now    extent `msgpack:"now"`
			Before extent `msgpack:"before"`
		} `msgpack:"rows"`
	}
	saved, ok := d.engine.Synced(storage.SystemKey(topology.HeardName))
	if !ok {
		return far
	}
	if err := wire.SafeUnmarshal(saved, wire.DocumentLimits{Bytes: 1 << 20, Elems: 1 << 10, Depth: 8}, &heard); err != nil {
		panic("sim: what was heard cannot be read: " + err.Error())
	}
	for _, r := range heard.Rows {
		if ring.NodeID(r.ID) == id {
			far = extent{max(r.Now.Epoch, r.Before.Epoch), max(r.Now.Incarnation, r.Before.Incarnation), max(r.Now.Clock, r.Before.Clock)}
		}
	}
	return far
}

// wreckSomeone ends a node, and lets it come back wrong.
func (s *Sim) wreckSomeone() {
	n, how := s.anyone(), pick(s.faultDice, s.plan.Disk.Wrecks...)
	if !s.spare(n) || how == restoreOld && !s.isStale(n) {
		return
	}
	s.crash(n, s.faultDice.chance(half))
	s.tracef("the disk of %v is wrecked: %s", n, how)
	s.wrecked = n
	s.fig.Wrecks++
	old := n.disk.engine
	n.wreckage = append(n.wreckage, old)
	var parts []int // nil: all
	switch how {
	case loseAll:
		s.mark(markDiskLost)
		n.disk.engine, n.starts = model.New(), 0
		n.disk.say(storage.Everything)
	case restoreOld:
		s.mark(markOldDisk)
		n.disk.engine, n.starts, n.cluster = copyOf(n.copy.engine), n.copy.starts, n.copy.cluster
		if s.plan.Disk.OldClock {
			n.clock.offset -= s.now - n.copy.at
		}
	case breakParts:
		s.mark(markDiskBroken)
		n.disk.engine = copyOf(old)
		parts = s.breakDisk(n)
	}
	n.disk.voided = true // who knows
	if parts == nil {
		s.hintsLost = s.now
		if !s.plan.agrees() {
			n.distrust = s.healDice.Uint64() | 1
		}
	}
	s.check.wrecks(n, parts)
	s.startLater(n)
}

// spare says whether a node may lose what it holds: the others are whole, and nothing
// waits for being rebuilt or healed that it replicates too.
func (s *Sim) spare(n *node) bool {
	if s.plan.Replicas < 2 || s.wrecked != nil || n.process == nil || n.process.cluster == nil || n.disk.engine.Err() != nil {
		return false
	}
	if s.cluster.Ring.Partitions(n.id) == 0 {
		return false
	}
	return !slices.ContainsFunc(s.history.keys, func(k *key) bool { return (k.damaged >= 0 || k.rotten >= 0) && slices.Contains(k.owners, n.index) })
}

// rebuilt notes that a node has no more to make up for.
func (s *Sim) rebuilt(n *node) {
	if s.wrecked == n && !slices.Contains(n.out, true) {
		s.tracef("%v is rebuilt", n)
		s.mark(markNodeRebuilt)
		s.wrecked = nil
	}
}

// say writes down what a disk is missing, as who renews a database does.
func (d *disk) say(m storage.Missing) {
	var b storage.Batch
	b.Put(storage.SystemKey(storage.MissingName), m.Encode())
	if err := d.force(&b); err != nil {
		panic("sim: renewing a disk: " + err.Error())
	}
}

// breakDisk damages some of the partitions that a node has, and lets it start with
// what can still be read: of those, some records, and older ones of others; at times
// system values and hints are lost too, and then all is in doubt (nil).
func (s *Sim) breakDisk(n *node) (parts []int) {
	d, e := s.faultDice, n.disk.engine
	m := storage.Missing{System: d.chance(0.2)}
	for p := range s.plan.Partitions {
		if s.cluster.Ring.Owns(p, n.id) && (parts == nil || d.chance(0.3)) {
			parts = append(parts, p)
			m = m.Add(storage.Damage{Part: storage.Records, Tokens: s.tokensOf(p)})
		}
	}
	var b storage.Batch
	each := func(lo, hi []byte, do func(key []byte)) {
		if err := e.Scan(lo, hi, func(k, _ []byte) bool { do(slices.Clone(k)); return true }); err != nil {
			panic("sim: breaking a disk: " + err.Error())
		}
	}
	for _, p := range parts {
		r := s.tokensOf(p)
		lo, hi := storage.RecordRange(r.First, r.Last)
		each(lo, hi, func(k []byte) { s.breakRecord(n, k, &b) })
		lo, hi = storage.VoidsOf(r.First, r.Last)
		each(lo, hi, func(k []byte) {
			if d.chance(half) {
				b.Delete(k)
			}
		})
	}
	for p := range s.plan.Partitions { // trees are never copied: all are counted anew
		b.Put(storage.AppendTreeKey(nil, p), replica.LeavesUnknown)
	}
	if m.System {
		s.breakSystem(n, each, &b)
		m.Hints, parts = true, nil
	}
	if err := e.Write(&b); err != nil {
		panic("sim: breaking a disk: " + err.Error())
	}
	n.disk.say(m)
	return parts
}

// breakRecord loses a record, or leaves an older one in its place.
func (s *Sim) breakRecord(n *node, key []byte, b *storage.Batch) {
	switch s.faultDice.IntN(3) {
	case 0:
		b.Delete(key)
	case 1:
		if n.copy == nil {
			return
		}
		if was, there := n.copy.engine.Synced(key); there {
			if _, err := record.Parse(was); err == nil {
				b.Put(key, was)
			}
		}
	}
}

// breakSystem loses system values, but for the metadata, and hints.
func (s *Sim) breakSystem(n *node, each func(lo, hi []byte, do func(key []byte)), b *storage.Batch) {
	lo, hi := storage.SystemRange("")
	each(lo, hi, func(k []byte) {
		name, err := storage.SystemName(k)
		if err != nil || name != topology.MetadataName && s.faultDice.chance(half) {
			b.Delete(k)
		}
	})
	lo, hi = storage.HintsRange()
	each(lo, hi, func(k []byte) {
		if s.faultDice.chance(half) {
			b.Delete(k)
		}
	})
	if s.faultDice.chance(half) {
		n.starts = 0
	}
}
