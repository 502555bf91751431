package node

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/candordb/candor/verdict"
)

// The metrics of the verdict, and of what it rests on.
var (
	descVerdict  = desc("verdict", "1 for the present verdict on the cluster, as this node sees it.", "state")
	descFindings = desc("findings", "What the rules of the doctor have found, as this node sees it.", "code", "severity")
	descVoters   = desc("voters_reachable", "Voters of the metadata that this node reaches, itself included.")
	descFenced   = desc("clock_fenced", "1 while this node does not coordinate, as its clock may not be used.")
	descOffset   = desc("peer_clock_offset_seconds", "How far the peer's clock is ahead of this node's; absent while it was not heard of late.", "peer")
	descRTT      = desc("peer_rtt_seconds", "How long the peer took to answer the last question; absent while it never did.", "peer")
	descClockOff = desc("clock_offset_seconds", "How far this node's wall clock is ahead of the median of all members' clocks.")
)

func (m *metrics) collectVerdict(gauge func(*prometheus.Desc, float64, ...string)) {
	n := m.node
	word, _, findings := n.evidence.verdictNow()
	for _, w := range []verdict.Word{verdict.OK, verdict.Degraded, verdict.Failing, verdict.Unknown} {
		gauge(descVerdict, one(w == word), string(w))
	}
	type row struct{ code, severity string }
	counts, order := make(map[row]int), []row(nil)
	for i := range findings {
		r := row{findings[i].Code, string(findings[i].Severity)}
		if findings[i].Severity == verdict.Fine {
			continue
		}
		if counts[r]++; counts[r] == 1 {
			order = append(order, r)
		}
	}
	for _, r := range order {
		gauge(descFindings, float64(counts[r]), r.code, r.severity)
	}
	gauge(descFenced, one(n.clock.fenced.Load()))
	own := n.reporter.kept.Load()
	if own == nil {
		return
	}
	if v, ok := own.Voters.Get(); ok {
		gauge(descVoters, float64(v.Reachable))
	}
	if off, ok := own.OffsetMS.Get(); ok {
		gauge(descClockOff, float64(off)/1000)
	}
	m.collectPeerClocks(gauge)
}

func (m *metrics) collectPeerClocks(gauge func(*prometheus.Desc, float64, ...string)) {
	n := m.node
	c := n.Cluster()
	if c == nil {
		return
	}
	offsets := n.clock.peerOffsets()
	for _, member := range c.Ring.Members() {
		peer := member.Name + "/" + member.ID.String()[:8] // names need not be distinct
		if ahead, ok := offsets[member.ID]; ok {
			gauge(descOffset, float64(ahead)/1000, peer)
		}
		if rtt, ok := n.evidence.roundTrip(member.ID).Get(); ok {
			gauge(descRTT, float64(rtt)/1e6, peer)
		}
	}
}

// one is 1 for yes.
func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
