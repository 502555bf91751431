package node

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/router"
	"github.com/candordb/candor/verdict"
	"github.com/candordb/candor/wire"
)

// reporter makes what this node says of itself, once a second. Its goroutine waits
// for no disk, no network and no lock that is held while somebody waits for those: a
// node whose disk hangs goes on saying so. What it does not find out it leaves
// unknown.
type reporter struct {
	node  *Node
	timed timedWrite
	seeds atomic.Pointer[verdict.Seeds] // nil: they were not looked up yet
	kept  atomic.Pointer[report]        // nil: there is none yet

	// of the goroutine of run
	epoch, epochAt int64 // the epoch, and since when: monotonic milliseconds
	unwell         int64 // since when gossip doubts this node, monotonic milliseconds; 0: it does not
	figures        history
	process        processFigures
	healed         map[ring.NodeID]givenUp // by target: what repair has made up for
	trees          []string                // ready or building, by partition, as it was last seen
	counted        verdict.Opt[uint64]     // records, at countedAt
	countedAt      int64                   // monotonic milliseconds
}

// report is what was said at a time; it never changes.
type report struct {
	*verdict.Report
	at   time.Time
	json []byte
}

// reportEvery is how often a report is made.
const reportEvery = time.Second

func newReporter(n *Node) *reporter {
	return &reporter{node: n, epoch: -1, healed: make(map[ring.NodeID]givenUp), process: newProcessFigures(n.config.Limits.Memory)}
}

// run makes reports until ctx ends.
func (r *reporter) run(ctx context.Context) error {
	keep := func() { r.keep(time.Now()) }
	keep()
	return every(ctx, reportEvery, keep)
}

// asOfUnits are the milliseconds to which times of proofs are rounded down, the first
// one that makes a report small enough for a frame: partitions with the same figures
// share a row.
var asOfUnits = []int64{1000, 10_000, 60_000, 600_000, 3_600_000}

// keep makes a report and keeps it.
func (r *reporter) keep(now time.Time) {
	own := r.make()
	for _, unit := range asOfUnits {
		own.Repair = r.repair(unit)
		text, err := json.Marshal(own)
		if err == nil && len(text) <= r.node.rpcOptions.FrameBytes-reportHead {
			r.kept.Store(&report{own, now, text})
			return
		}
	}
	r.node.log.Error("what this node says of itself does not fit a frame", "bytes", r.node.rpcOptions.FrameBytes)
}

// reportHead is more than what stands around a report in its frame.
const reportHead = 1 << 10

// make is all but how far partitions are repaired.
func (r *reporter) make() *verdict.Report {
	n, mono := r.node, r.node.clock.mono()
	epoch := n.Epoch()
	if r.epoch != int64(epoch) {
		r.epoch, r.epochAt = int64(epoch), mono
	}
	r.figures.take(n, mono)
	own := &verdict.Report{
		Version: verdict.Known(n.version), Incarnation: verdict.Known(n.incarnation), UptimeMS: verdict.Known(time.Since(n.started).Milliseconds()),
		Epoch: verdict.Known(epoch), EpochAgeMS: verdict.Known(mono - r.epochAt),
		Fenced: verdict.Known(n.clock.fenced.Load()), Draining: verdict.Known(n.draining.Load()), Stopped: verdict.Known(""), Waiting: verdict.Known(n.lost.waits()),
		OffsetMS: n.clock.off(), Probe: r.timed.last(), Bounds: r.bounds(), Shared: verdict.Known(r.shared()),
		Durability: verdict.Known(n.config.Storage.Durability), Insecure: verdict.Known(n.config.Insecure && n.beyondLoopback()),
		Quarantine: r.quarantine(), Damage: verdict.Known(r.damage()), Arrived: verdict.Known(r.arrived()),
		Peers: r.peers(), Voters: r.voters(), Gossip: r.gossip(mono), Traffic: r.figures.traffic(mono), Process: r.process.read(mono),
	}
	if err := n.engine.Err(); err != nil {
		own.Stopped = verdict.Known(err.Error())
	}
	if s := r.seeds.Load(); s != nil {
		own.Seeds = verdict.Known(*s)
	}
	r.storage(own, mono)
	r.hints(own)
	return own
}

func (r *reporter) bounds() verdict.Bounds {
	c := r.node.config
	drift := r.node.clock.maxDrift.Load()
	return verdict.Bounds{
		HintsAlarmAgeMS: verdict.Known(c.Hints.AlarmAge.Milliseconds()), RepairLagMS: verdict.Known(c.Repair.AlarmLag.Milliseconds()),
		ClockWarnMS: verdict.Known(min(c.Clock.Warn.Milliseconds(), drift)), ClockMaxDriftMS: verdict.Known(drift),
		DiskWarnPercent: verdict.Known(int64(c.Storage.DiskWarn)),
	}
}

// sharedKeys are the settings that have to be the same on all nodes.
var sharedKeys = []string{"limits.key", "limits.value", "repair.max_request_age", "clock.max_drift", "gossip.heartbeat", "storage.durability"}

func (r *reporter) shared() (list []verdict.Value) {
	for _, key := range sharedKeys {
		list = append(list, verdict.Value{Key: key, Value: r.node.config.Value(key)})
	}
	return list
}

// tellReport answers a REPORT. The document is JSON: how old the report is, and that.
func (n *Node) tellReport(to router.Conn, q *wire.PeerRequest) {
	var document []byte
	if own := n.reporter.kept.Load(); own != nil {
		age := strconv.AppendInt([]byte(`{"age_ms":`), time.Since(own.at).Milliseconds(), 10)
		document = slices.Concat(age, []byte(`,"report":`), own.json, []byte("}"))
	}
	_, buf := to.Begin()
	to.End(wire.AppendDocumentAnswer(buf, wire.Head{Op: q.Op, ID: q.ID, Epoch: n.Epoch(), Clock: n.clock.read()}, document))
	to.Flush()
}
