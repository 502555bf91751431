package node

import (
	"github.com/candordb/candor/admin"
	"github.com/candordb/candor/hinted"
	"github.com/candordb/candor/ring"
)

// Hints implements admin.Hinter.
func (n *Node) Hints() (rows []admin.HintTarget) {
	var stats []hinted.Stats
	n.hints.with(func(c *hinted.Core) { stats = c.Stats(stats) })
	for i := range stats {
		s := &stats[i]
		rows = append(rows, admin.HintTarget{
			Target: s.Target, Count: s.Count, Bytes: s.Bytes, BytesMax: int64(n.config.Hints.MaxBytes), Oldest: s.Oldest,
			Refused: s.Kept, DirtyPartitions: s.DirtyPartitions, Dropping: s.Dropping,
			Counters: []admin.Counter{
				{Name: "stored", Count: s.Stored}, {Name: "replayed", Count: s.Replayed}, {Name: "given_up", Count: s.Voided},
				{Name: "expired", Count: s.Expired}, {Name: "overflowed", Count: s.Overflowed}, {Name: "withheld", Count: s.Withheld}, {Name: "moved", Count: s.Moved},
				{Name: "dropped", Count: s.Dropped}, {Name: "refused", Count: s.Refused}, {Name: "late", Count: s.Late},
			},
		})
	}
	return rows
}

// RefusedHints implements admin.Hinter.
func (n *Node) RefusedHints() (rows []admin.RefusedHint, more int64) {
	var list []hinted.Refused
	n.hints.with(func(c *hinted.Core) { list, more = c.Refused() })
	for _, h := range list {
		rows = append(rows, admin.RefusedHint{
			Target: h.Target, Namespace: h.Namespace, Key: h.Key, Version: h.Version, Counted: h.Counted, Code: h.Code, Late: h.Late, At: h.At,
		})
	}
	return rows, more
}

// ReplayHints implements admin.Hinter.
func (n *Node) ReplayHints(id ring.NodeID) (ok bool) {
	n.hints.with(func(c *hinted.Core) { ok = c.Replay(id) })
	return ok
}

// DropHints implements admin.Hinter.
func (n *Node) DropHints(id ring.NodeID) (ok bool) {
	now := n.hints.now()
	n.hints.with(func(c *hinted.Core) { ok = c.Drop(now, id) })
	if ok {
		n.log.Warn("an operator drops the hints for a node: repair brings it what they held", "target", id)
	}
	return ok
}
