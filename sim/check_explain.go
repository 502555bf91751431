package sim

import (
	"slices"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// EXPLAIN: what each row says of a replica is so: it holds that version, and
// held no more when the request was sent.

// explainTruth checks an answer to EXPLAIN as it leaves.
func (c *checker) explainTruth(p *process, o *operation, q *asked, a *wire.ExplainAnswer) {
	s, k := c.s, o.key
	partition := uint64(s.cluster.Ring.PartitionOf(ring.Token(k.token)))
	if a.Token != k.token || a.Partition != partition || len(a.Rows) != len(k.owners) {
		s.failKey(k, "TRUTH", "EXPLAIN says token %x, partition %d, %d rows; it is token %x, partition %d, %d replicas", a.Token, a.Partition, len(a.Rows), k.token, partition, len(k.owners))
		return
	}
	var best, least hlc.Version
	for i := range a.Rows {
		row := &a.Rows[i]
		at, ok := s.cluster.Ring.Index(ring.NodeID(row.Node))
		owner := slices.Index(k.owners, at)
		twice := slices.ContainsFunc(a.Rows[:i], func(r wire.ExplainRow) bool { return r.Node == row.Node })
		switch {
		case !ok || owner < 0 || twice || row.Role != wire.RoleNatural:
			s.failKey(k, "TRUTH", "EXPLAIN: row %d is of a node that is no natural replica, or comes twice", i)
			return
		case !row.Reachable:
			continue
		}
		c.explained(k, s.nodes[at], row, q.held[owner])
		if best.Less(row.Version) {
			best = row.Version
		}
		if i == 0 || row.Version.Less(least) {
			least = row.Version
		}
	}
	if a.Winner != best {
		s.failKey(k, "TRUTH", "EXPLAIN says that %v wins, but its rows hold %v", a.Winner, best)
	}
	if least != best {
		s.mark(markExplainSplit)
	}
	c.asOfTruth(p.node, k.partition, hlc.Make(int64(a.RepairedAsOf), 0), false)
}

// explained checks the row of one replica.
func (c *checker) explained(k *key, n *node, row *wire.ExplainRow, held hlc.Version) {
	s := c.s
	if !row.ChecksumOK {
		if k.damaged != n.index && k.mendedAt == 0 {
			s.failKey(k, "TRUTH", "EXPLAIN says that the record on %v is damaged, and it is not", n)
		}
		return
	}
	if k.mendedAt != 0 {
		return // what it held before cannot be said
	}
	h := &n.held[k.index]
	purged := row.Version.IsZero() && !h.purged.Less(held)
	rotted := !h.lost.Less(held) // since it was asked, or before
	if row.Version.Less(held) && k.damaged != n.index && !purged && !rotted || !h.had(row.Version) {
		s.failKey(k, "TRUTH", "EXPLAIN says that %v holds %v; it held %v when that was asked, and holds %v now", n, row.Version, held, n.held[k.index].synced)
	}
	if row.Version.IsZero() {
		return
	}
	w := s.history.byVersion[row.Version]
	if w == nil || w.key != k {
		s.failKey(k, "REG", "fabricated: EXPLAIN says that %v holds %v, which nobody wrote here", n, row.Version)
		return
	}
	size := uint64(w.size)
	if row.Tombstone != (w.kind == wire.OpDelete) || row.ExpiresAt != w.expiresAt() || row.ValueBytes != size {
		s.failKey(k, "TRUTH", "EXPLAIN says of %v: tombstone %v, expires at %d, %d bytes; written was %v, expires at %d, %d bytes", n, row.Tombstone, row.ExpiresAt, row.ValueBytes, w, w.expiresAt(), size)
	}
}
