package node

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/candordb/candor/hinted"
)

// The metrics of hints. peer is the name of the target, its id once it is no
// member.
var (
	descHints         = desc("hints", "Hints that are kept here.", "peer")
	descHintBytes     = desc("hint_bytes", "Bytes of them, as they count against hints.max_bytes.", "peer")
	descHintOldest    = desc("hint_oldest_timestamp_seconds", "The time of the oldest of them; absent where there is none.", "peer")
	descHintsReplayed = desc("hints_replayed_total", "Hints that were done with: delivered, given up by an OUTCOME, moved to other owners, dropped by an operator.", "peer", "result")
	descHintsRefused  = desc("hints_refused_total", "Hints that their target refuses for good; they are kept.", "peer")
	descHintsExpired  = desc("hints_expired_total", "Hints that grew older than hints.max_age, whose partition repair has to compare.", "peer")
	descHintsOver     = desc("hints_overflowed_total", "Hints that were not kept, as there was no room or it was too late.", "peer")
	descHintsWithheld = desc("hints_withheld_total", "Hints that were not kept, as this node is to be rebuilt and keeps none.", "peer")
	descHintsDirty    = desc("repair_dirty_partitions", "Partitions of which the target may lack something that no hint stands for.", "peer")
)

func (m *metrics) collectHints(gauge func(*prometheus.Desc, float64, ...string), counter func(*prometheus.Desc, uint64, ...string)) {
	var rows []hinted.Stats
	m.node.hints.with(func(c *hinted.Core) { rows = c.Stats(rows) })
	for i := range rows {
		s := &rows[i]
		peer := s.Target.String()
		if c := m.node.Cluster(); c != nil {
			if at, ok := c.Ring.Index(s.Target); ok {
				peer = c.Ring.Member(at).Name
			}
		}
		gauge(descHints, float64(s.Count), peer)
		gauge(descHintBytes, float64(s.Bytes), peer)
		if s.Oldest > 0 {
			gauge(descHintOldest, float64(s.Oldest.Millis())/1000, peer)
		}
		counter(descHintsReplayed, s.Replayed, peer, "delivered")
		counter(descHintsReplayed, s.Voided, peer, "given_up")
		counter(descHintsReplayed, s.Moved, peer, "moved")
		counter(descHintsReplayed, s.Dropped, peer, "dropped")
		counter(descHintsRefused, s.Refused, peer)
		counter(descHintsExpired, s.Expired, peer)
		counter(descHintsOver, s.Overflowed, peer)
		counter(descHintsWithheld, s.Withheld, peer)
		gauge(descHintsDirty, float64(s.DirtyPartitions), peer)
	}
}
