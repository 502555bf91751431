package node

import (
	"github.com/prometheus/client_golang/prometheus"
)

// The metrics of anti-entropy, watermarks and purging.
var (
	descAsOf       = desc("repaired_as_of_timestamp_seconds", "Up to when the replicas of each partition of this node are proved to agree; 0 while one is not known.")
	descPartitions = desc("repair_partitions", "Partitions of this node by how well they are proved.", "state")
	descExchanges  = desc("repair_exchanges_total", "Comparisons with other replicas that this node began.", "result")
	descMoved      = desc("repair_records_total", "Records that comparisons have brought here, whoever began them, and that those which this node began have written to others.", "direction")
	descMovedBytes = desc("repair_bytes_total", "Bytes of those records, and of the messages by which they were found.", "direction")
	descPurged     = desc("purged_total", "Deleted and expired records that were removed, below the watermark.")
	descLate       = desc("below_watermark_total", "Write-backs and hints that came at or below a watermark, which cannot be by the rules.")
	descQuarantine = desc("quarantined_partitions", "Partitions of this node that neither serve nor vote until they are rebuilt.")
	descRebuilt    = desc("rebuilt_partitions_total", "Partitions that were rebuilt and put back into service.")
	descRestored   = desc("rebuilt_records_total", "Records that rebuilds have taken from other replicas.")
	descDamaged    = desc("damaged_records", "Stored records that are known not to pass their checksum, and are not healed yet.")
	descHealed     = desc("healed_records_total", "Damaged records that were replaced by what the other replicas hold.")
	descScrubbed   = desc("scrubbed_as_of_timestamp_seconds", "When the last pass began in which all that is stored was read anew; 0: there was none.")
	descPaused     = desc("repair_paused", "1 while an operator has paused repair.")
	descFloor      = desc("floor_timestamp_seconds", "The time at or below which this node takes no fresh write.")
)

func (m *metrics) collectRepair(gauge func(*prometheus.Desc, float64, ...string), counter func(*prometheus.Desc, uint64, ...string)) {
	applied := m.node.applied.load()
	counter(descPurged, applied.Purged)
	counter(descLate, applied.Late)
	counter(descHealed, applied.Healed)
	gauge(descScrubbed, float64(m.node.scrub.asOf.Load())/1000)
	if q, known := m.node.quarantine(); known {
		gauge(descQuarantine, float64(len(q.Partitions)))
	}
	if marks := m.node.marks.Load(); marks != nil {
		gauge(descFloor, float64(marks.Floor.Millis())/1000)
	}
	v := m.node.repair.seen.Load()
	if v == nil {
		return
	}
	gauge(descAsOf, float64(v.oldest.Millis())/1000)
	gauge(descPartitions, float64(v.states.Proven), "proven")
	gauge(descPartitions, float64(v.states.Behind), "behind")
	gauge(descPartitions, float64(v.states.Blocked), "blocked")
	gauge(descPartitions, float64(v.states.Unknown), "unknown")
	c := &v.counters
	gauge(descDamaged, float64(v.healing))
	counter(descRebuilt, c.Rebuilt)
	counter(descRestored, c.Restored)
	counter(descExchanges, c.Comparisons.Done, "roots_done")
	counter(descExchanges, c.Comparisons.Failed, "roots_failed")
	counter(descExchanges, c.Exchanges.Done, "partition_done")
	counter(descExchanges, c.Exchanges.Failed, "partition_failed")
	counter(descMoved, applied.Exchanged, "in")
	counter(descMoved, c.RecordsOut, "out")
	counter(descMovedBytes, applied.ExchangedBytes+c.BytesIn, "in")
	counter(descMovedBytes, c.RecordBytesOut+c.BytesOut, "out")
	paused := 0.0
	if v.paused > 0 {
		paused = 1
	}
	gauge(descPaused, paused)
}
