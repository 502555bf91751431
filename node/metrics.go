package node

import (
	"strconv"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/router"
	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/wire"
)

// metrics exposes the figures of the node. What is on the hot path counts in
// plain atomics; a scrape collects them. Labels are bounded sets: never a key.
type metrics struct {
	node     *Node
	registry *prometheus.Registry
	answers  [ops][codes]atomic.Uint64
	times    [kinds]tookTimes
}

// The table of answers: ops by number, codes by class and number within it.
const (
	ops       = 0x20
	codes     = 4 * codesEach
	codesEach = 32
)

// The metrics, with their units in their names.
var (
	descRequests    = desc("requests_total", "Answers to clients.", "op", "code")
	descOpen        = desc("requests_in_flight", "Requests that this node is coordinating.")
	descAllowed     = desc("requests_in_flight_limit", "How many of them are let in now.")
	descBytesOpen   = desc("bytes_in_flight", "Bytes of requests that are being worked on, and of answers that wait for their clients.")
	descHedges      = desc("hedges_total", "Extra messages of reads whose replicas were late, by whether the answer took one.", "result")
	descShed        = desc("shed_total", "Requests and connections refused at a limit.", "reason")
	descConnections = desc("connections", "Open connections.", "listener")
	descReplicaOps  = desc("replica_ops_total", "Writes merged by this replica.", "result")
	descBatches     = desc("commit_batches_total", "Batches that were synced.")
	descRecords     = desc("commit_records_total", "Writes that those batches decided.")
	descFsync       = desc("fsync_duration_seconds", "Time of a sync of the journal.")
	descStopped     = desc("storage_stopped", "1 after a failed write or sync: this node acknowledges nothing until it is restarted.")
	descFiles       = desc("storage_level_files", "Tables by level.", "level")
	descBytes       = desc("storage_bytes", "Bytes in tables.")
	descCompactions = desc("storage_compactions_total", "Compactions of tables.")
	descFileBytes   = desc("storage_file_bytes_total", "Bytes that the engine has read from its files and written to them, the journal and compactions included.", "direction")
	descStall       = desc("storage_stall_seconds_total", "Time that writes waited for compaction.")
	descAlarms      = desc("storage_alarms_total", "Lines of the engine's log that mean damage.")
	descCache       = desc("record_cache_reads_total", "Reads of records, by whether storage.record_cache held them.", "result")
	descReachable   = desc("peer_reachable", "1 if the peer can be reached.", "peer")
	descPhi         = desc("peer_phi", "How surprising the silence of the peer is; absent while it was never heard.", "peer")
	descEpoch       = desc("epoch", "Ring epoch; 0 before the first.")
	descMembers     = desc("gossip_members", "Members as gossip sees them.", "state")
	descHealth      = desc("gossip_health_score", "How far gossip doubts this node itself; 0 is healthy.")
	descTooAhead    = desc("clocks_not_absorbed_total", "Messages whose clock was too far ahead.")
	descBuild       = desc("build_info", "The build.", "version")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("candor_"+name, help, labels, nil)
}

func newMetrics(n *Node) *metrics {
	m := &metrics{node: n, registry: prometheus.NewRegistry()}
	m.registry.MustRegister(m, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// count counts an answer to a client.
func (m *metrics) count(op wire.Op, code contract.Code) {
	if c := int(code.Class())*codesEach + int(code%100); int(op) < ops && int(code%100) < codesEach {
		m.answers[op][c].Add(1)
	}
}

// Describe implements prometheus.Collector: what is collected depends on the
// cluster.
func (m *metrics) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	n := m.node
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	for op := range m.answers {
		for c := range m.answers[op] {
			if v := m.answers[op][c].Load(); v > 0 {
				counter(descRequests, v, wire.Op(op).String(), contract.Code(c/codesEach*100+c%codesEach).String())
			}
		}
	}
	gauge(descOpen, float64(n.router.Open()))
	m.collectLimits(gauge, counter)
	gauge(descConnections, float64(n.clients.Connections()), "client")
	gauge(descConnections, float64(n.peers.Connections()), "peer")
	gauge(descConnections, float64(n.admin.Connections()), "http")
	gauge(descEpoch, float64(n.Epoch()))
	counter(descTooAhead, n.clock.tooAhead.Load())
	gauge(descBuild, 1, n.version)
	m.collectTook(out)
	m.collectStorage(gauge, counter, out)
	m.collectRepair(gauge, counter)
	m.collectHints(gauge, counter)
	m.collectPeers(gauge)
	m.collectVerdict(gauge)
}

func (m *metrics) collectLimits(gauge func(*prometheus.Desc, float64, ...string), counter func(*prometheus.Desc, uint64, ...string)) {
	n := m.node
	gauge(descAllowed, float64(n.gate.allowed.Load()))
	gauge(descBytesOpen, float64(n.gate.bytes.Load()+n.gate.waiting.Load()))
	for why := router.Admitted + 1; why < router.Sheds; why++ {
		counter(descShed, n.gate.shed[why].Load(), why.String())
	}
	hedges := n.router.Hedges()
	counter(descHedges, hedges.Won, "won")
	counter(descHedges, hedges.Lost, "lost")
	clients, peers := n.clients.Refused(), n.peers.Refused()
	counter(descShed, clients.Connections+peers.Connections, "connections")
	counter(descShed, clients.PerIP+peers.PerIP, "per_ip")
	counter(descShed, clients.Preauth+peers.Preauth, "preauth_per_ip")
}

func (m *metrics) collectStorage(gauge func(*prometheus.Desc, float64, ...string), counter func(*prometheus.Desc, uint64, ...string), out chan<- prometheus.Metric) {
	n := m.node
	committed := n.committer.Stats()
	counter(descBatches, committed.Batches)
	counter(descRecords, committed.Items)
	c := n.applied.load()
	counter(descReplicaOps, c.Applied, "applied")
	counter(descReplicaOps, c.Superseded, "superseded")
	counter(descReplicaOps, c.Refused, "refused")
	counter(descReplicaOps, c.Expired, "expired")
	counter(descReplicaOps, c.Corrupt, "corrupt")
	counter(descReplicaOps, c.Conflicts, "conflict")
	stopped := 0.0
	if n.engine.Err() != nil {
		stopped = 1
	}
	gauge(descStopped, stopped)
	s := n.engine.Stats()
	for level, files := range s.LevelTables {
		gauge(descFiles, float64(files), strconv.Itoa(level))
	}
	bytes := int64(0)
	for _, b := range s.LevelBytes {
		bytes += b
	}
	gauge(descBytes, float64(bytes))
	out <- prometheus.MustNewConstMetric(descStall, prometheus.CounterValue, s.WriteDelayed.Seconds())
	counter(descCompactions, s.Compactions)
	counter(descFileBytes, s.BytesRead, "read")
	counter(descFileBytes, s.BytesWritten, "written")
	counter(descAlarms, s.Alarms)
	counter(descCache, s.CacheHits, "hit")
	counter(descCache, s.CacheMisses, "miss")
	out <- fsyncHistogram(s.Syncs)
}

func fsyncHistogram(s storage.SyncTimes) prometheus.Metric {
	buckets, sum := make(map[float64]uint64), uint64(0)
	for i, c := range s.Buckets[:len(s.Buckets)-1] {
		sum += c
		buckets[s.BucketLimit(i).Seconds()] = sum
	}
	return prometheus.MustNewConstHistogram(descFsync, s.Count, s.Total.Seconds(), buckets)
}

func (m *metrics) collectPeers(gauge func(*prometheus.Desc, float64, ...string)) {
	seen := m.node.Snapshot()
	alive, dead := 0, 0
	for i := range seen.Members {
		row := &seen.Members[i]
		switch row.Gossip {
		case "alive":
			alive++
		case "dead":
			dead++
		}
		if row.ID != seen.Self {
			up := 0.0
			if row.Reachable {
				up = 1
			}
			// Names need not be distinct, ids are.
			peer := row.Name + "/" + row.ID.String()[:8]
			gauge(descReachable, up, peer)
			if row.HasPhi {
				gauge(descPhi, row.Phi, peer)
			}
		}
	}
	gauge(descMembers, float64(alive), "alive")
	gauge(descMembers, float64(dead), "dead")
	if g := m.node.gossip.Load(); g != nil {
		gauge(descHealth, float64(g.HealthScore()))
	}
}
