package node

import (
	"slices"

	"github.com/candordb/candor/hinted"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/repair"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/verdict"
)

// repairTurns is for how long, in milliseconds, the loop of repair may show nothing
// new and still counts as turning.
const repairTurns = 5000

// repair reports how far the partitions of this node are compared, with times rounded
// down to a unit of milliseconds.
func (r *reporter) repair(unit int64) (o verdict.Opt[verdict.Repair]) {
	n := r.node
	c, v := n.Cluster(), n.repair.seen.Load()
	if c == nil || v == nil {
		return o
	}
	r.lookAtTrees(c.Ring.Q())
	all := verdict.Repair{Running: n.clock.mono()-v.at < repairTurns, Paused: v.paused > 0}
	for _, p := range n.owned(c.Ring) {
		s := verdict.Repaired{AsOf: asOf(v.asOf[p], unit), Watermark: asOf(v.watermarks[p], unit), Tree: r.trees[p]}
		if b := v.blame[p]; b.Why != repair.None && !b.Node.IsZero() && b.Node != n.id {
			s.HeldBy = []string{n.id.String(), b.Node.String()}
		}
		all.Add(p, s)
	}
	return verdict.Known(all)
}

// asOf is a time of a proof, rounded down; 0 is not known.
func asOf(t hlc.Timestamp, unit int64) (o verdict.Opt[verdict.Time]) {
	if t == 0 {
		return o
	}
	return verdict.Known(verdict.Time(t.Millis() - t.Millis()%unit))
}

// owned are the partitions that this node replicates.
func (n *Node) owned(view *ring.View) (all verdict.Partitions) {
	own, member := view.Index(n.id)
	for p := range view.Q() {
		if member && slices.Contains(view.Owners(p), uint16(own)) {
			all = append(all, p)
		}
	}
	return all
}

// lookAtTrees looks which trees are being counted; while the committer has them, what
// was seen last counts.
func (r *reporter) lookAtTrees(partitions int) {
	if r.trees == nil {
		r.trees = slices.Repeat([]string{"building"}, partitions)
	}
	t := &r.node.trees
	if !t.mu.TryLock() {
		return
	}
	defer t.mu.Unlock()
	for p := range r.trees {
		r.trees[p] = "building"
		if _, known := t.of.Tree(p); known {
			r.trees[p] = "ready"
		}
	}
}

// quarantine is the partitions that this node does not serve until they are rebuilt.
func (r *reporter) quarantine() (o verdict.Opt[verdict.Quarantine]) {
	q, known := r.node.quarantine()
	if !known {
		return o
	}
	return verdict.Known(verdict.Quarantine{Partitions: q.Partitions, Why: q.Why, Rebuilt: q.Rebuilt, Of: q.Of, Waiting: q.Waiting})
}

// givenUp counts the hints for a target that were not kept, or not for long enough.
type givenUp struct{ overflowed, expired, withheld uint64 }

// hints reports on those that are kept here.
func (r *reporter) hints(own *verdict.Report) {
	var rows []hinted.Stats
	r.node.hints.with(func(c *hinted.Core) { rows = c.Stats(rows) })
	hints, dirty := []verdict.Hints{}, []verdict.Dirty{}
	now := r.node.clock.now().Physical
	for i := range rows {
		s := &rows[i]
		if s.DirtyPartitions == 0 {
			r.healed[s.Target] = givenUp{s.Overflowed, s.Expired, s.Withheld} // all that was given up until now is made up for
		}
		done := r.healed[s.Target]
		h := verdict.Hints{
			Target: s.Target.String(), Count: int(s.Count), Bytes: s.Bytes, BoundBytes: int64(r.node.config.Hints.MaxBytes),
			Overflowed: s.Overflowed - done.overflowed, Expired: s.Expired - done.expired, Withheld: s.Withheld - done.withheld, Refused: s.Refused,
		}
		if s.Count > 0 && s.Oldest > 0 {
			h.OldestAgeMS = max(now-s.Oldest.Millis(), 0)
		}
		hints = append(hints, h)
		if s.DirtyPartitions > 0 {
			dirty = append(dirty, verdict.Dirty{Target: h.Target, Partitions: s.DirtyPartitions})
		}
	}
	own.Hints, own.Dirty = verdict.Known(hints), verdict.Known(dirty)
}

// arrived is what came at or below a watermark, which cannot be.
func (r *reporter) arrived() (all []verdict.Found) {
	if late := r.node.applied.load().Late; late > 0 {
		all = append(all, verdict.Found{What: "write-back or hint", Count: late})
	}
	if v := r.node.repair.seen.Load(); v != nil && v.counters.HintsBelow > 0 {
		all = append(all, verdict.Found{What: "hint below what was promised", Count: v.counters.HintsBelow})
	}
	return all
}
