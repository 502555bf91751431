package hinted

import (
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
)

// Stats are the figures of one target. Those from Stored on only rise, and begin
// at 0 with the process.
type Stats struct {
	Target          ring.NodeID
	Count           int64         // hints that are stored, or on their way there
	Bytes           int64         // of them, as they count against the bound
	Oldest          hlc.Timestamp // 0: there is none. It may be a little lower than the oldest
	Kept            int64         // of Count: those that the target has refused
	DirtyPartitions int           // of which the target may lack something that no hint stands for
	Window          int           // how many are sent at once, at present
	Dropping        bool          // an operator has asked for it

	Stored     uint64
	Replayed   uint64 // the target holds them
	Voided     uint64 // the target had promised to refuse them, because OUTCOME gave them up
	Expired    uint64 // erased, or not taken, because of their age
	Overflowed uint64 // not taken: no room, too late, or the storage would not
	Withheld   uint64 // not taken, as this node keeps none for now
	Moved      uint64 // they follow other owners
	Dropped    uint64 // by an operator
	Refused    uint64 // by the target, for good
	Late       uint64 // of Refused: at or below the target's watermark, which cannot be
}

// Count is how many hints there are for a target.
func (c *Core) Count(id ring.NodeID) int64 {
	if i, ok := c.slots[id]; ok {
		return c.targets[i].count
	}
	return 0
}

// Targets appends the ids of all nodes that there were hints for, rising.
func (c *Core) Targets(dst []ring.NodeID) []ring.NodeID {
	for _, t := range c.sorted {
		dst = append(dst, t.id)
	}
	return dst
}

// Stats appends the figures of all targets that there were hints for, in the
// order of their ids.
func (c *Core) Stats(dst []Stats) []Stats {
	for _, t := range c.sorted {
		oldest := t.oldest()
		for i := range c.coming {
			if c.coming[i].slot == t.slot {
				oldest = min(oldest, c.coming[i].time)
			}
		}
		if oldest == never {
			oldest = 0
		}
		dst = append(dst, Stats{
			Target: t.id, Count: t.count, Bytes: t.bytes, Oldest: oldest, Kept: t.refusals.count(),
			DirtyPartitions: t.marks.count(), Window: t.flow.window, Dropping: t.drop.wanted,
			Stored: t.sums.stored, Replayed: t.sums.replayed, Voided: t.sums.voided, Expired: t.sums.expired,
			Overflowed: t.sums.overflowed, Withheld: t.sums.withheld, Moved: t.sums.moved, Dropped: t.sums.dropped,
			Refused: t.sums.refused, Late: t.sums.late,
		})
	}
	return dst
}
