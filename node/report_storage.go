package node

import (
	"fmt"
	"strconv"
	"time"

	"github.com/candordb/candor/repair"
	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/verdict"
)

// storage reports on the disk and the engine.
func (r *reporter) storage(own *verdict.Report, mono int64) {
	s := r.node.engine.Stats()
	if s.Disk.Total > 0 {
		own.Disk = verdict.Known(verdict.Disk{
			TotalBytes: int64(s.Disk.Total), FreeBytes: int64(s.Disk.Free), ReserveBytes: int64(s.DiskReserve), InReserve: s.Disk.Free < s.DiskReserve,
		})
	}
	stall := verdict.Stall{Paused: s.WritePaused, DelayedMS: r.figures.delayed(mono).Milliseconds()}
	if len(s.LevelTables) > 0 {
		stall.Level0 = s.LevelTables[0]
	}
	own.Stall = verdict.Known(stall)
	bytes := int64(0)
	for _, b := range s.LevelBytes {
		bytes += b
	}
	own.DataBytes = verdict.Known(bytes + s.JournalBytes)
	own.Syncs, own.ReadP99US, own.WriteP99US = r.figures.fsyncs(), r.figures.p99(reads), r.figures.p99(writes)
	if syncs, some := own.Syncs.Get(); some {
		own.FsyncP99US = verdict.Known(max(syncs.ToUS, syncs.FromUS))
	}
	own.Keys = r.keys(mono)
	var scrub verdict.Scrub
	if at := r.node.scrub.asOf.Load(); at > 0 {
		scrub.AsOf = verdict.Known(verdict.Time(at))
	}
	own.Scrub = verdict.Known(scrub)
}

// damage is what is damaged now: records that wait to be healed, and what the engine
// has met, which ends with a renewal.
func (r *reporter) damage() (all []verdict.Found) {
	n := r.node
	if v := n.repair.seen.Load(); v != nil && v.healing > 0 {
		where := []string{strconv.Quote(string(v.healPlace.Key))}
		if v.healWhy != (repair.Blame{}) {
			where = append(where, fmt.Sprintf("it waits: %s %v", n.nameOf(v.healWhy.Node), v.healWhy.Why))
		}
		all = append(all, verdict.Found{What: "records", Count: uint64(v.healing), Where: where})
	}
	if alarms := n.engine.Stats().Alarms; alarms > 0 {
		all = append(all, verdict.Found{What: "engine", Count: alarms})
	}
	return all
}

// history is the figures of the last minutes, for what counters do not say: how
// things are now. It belongs to one goroutine.
type history struct {
	samples []sample // oldest first; before the first one all counters were 0
}

// sample is the counters at a time.
type sample struct {
	mono            int64 // monotonic milliseconds
	delayed         time.Duration
	syncs           storage.SyncTimes
	writes, inDoubt uint64
	took            [kinds]tookCounts
}

// How often, and for how long, in milliseconds, figures are kept.
const (
	sampleEvery = 10_000
	sampleKept  = 300_000
	stallKept   = 60_000
)

// take takes the present figures: the last sample is always of now.
func (h *history) take(n *Node, mono int64) {
	s := n.engine.Stats()
	now := sample{mono: mono, delayed: s.WriteDelayed, syncs: s.Syncs}
	now.writes, now.inDoubt = n.metrics.written()
	for kind := range now.took {
		now.took[kind] = n.metrics.times[kind].counts()
	}
	if k := len(h.samples); k >= 2 && now.mono-h.samples[k-2].mono < sampleEvery {
		h.samples[k-1] = now
		return
	}
	h.samples = append(h.samples, now)
	for len(h.samples) > 2 && now.mono-h.samples[1].mono > sampleKept {
		h.samples = h.samples[1:]
	}
}

// since is the youngest sample that is at least as old as that; the zero one if
// there is none.
func (h *history) since(mono, age int64) (s sample) {
	for i := range h.samples {
		if mono-h.samples[i].mono >= age {
			s = h.samples[i]
		}
	}
	return s
}

func (h *history) now() sample { return h.samples[len(h.samples)-1] }

// delayed is for how long writes were held up in the last minute.
func (h *history) delayed(mono int64) time.Duration {
	return h.now().delayed - h.since(mono, stallKept).delayed
}

// fsyncs are the syncs of the last minutes; not known if there was none.
func (h *history) fsyncs() (o verdict.Opt[verdict.Syncs]) {
	now, before := h.now(), h.since(h.now().mono, sampleKept)
	count := now.syncs.Count - before.syncs.Count
	if count == 0 {
		return o
	}
	sum, from := uint64(0), int64(0)
	for i := range now.syncs.Buckets {
		s := verdict.Syncs{Count: count, FromUS: from, ToUS: now.syncs.BucketLimit(i).Microseconds()}
		if i == len(now.syncs.Buckets)-1 {
			s.ToUS = 0 // it takes all that is longer
		}
		if sum += now.syncs.Buckets[i] - before.syncs.Buckets[i]; sum*100 >= count*99 {
			return verdict.Known(s)
		}
		from = s.ToUS
	}
	return o
}

// p99 is the time, in microseconds, that 99 of 100 requests of the last minutes stayed
// below which this node coordinated; not known if there was none.
func (h *history) p99(kind int) verdict.Opt[int64] {
	now, before := h.now(), h.since(h.now().mono, sampleKept)
	return now.took[kind].p99(&before.took[kind])
}

// keysKept is for how long, in milliseconds, a count of keys stands while the committer
// has the trees.
const keysKept = 5000

// keys is how many records this node holds, in all partitions that it replicates; not
// known while one of them is being counted. A deleted key is one of them until it is
// purged.
func (r *reporter) keys(mono int64) (sum verdict.Opt[uint64]) {
	n := r.node
	c, t := n.Cluster(), &n.trees
	if c == nil {
		return sum
	}
	if !t.mu.TryLock() {
		if mono-r.countedAt < keysKept {
			return r.counted
		}
		return sum
	}
	defer t.mu.Unlock()
	total, known := uint64(0), t.of != nil
	for _, p := range n.owned(c.Ring) {
		if !known {
			break
		}
		root, counted := t.of.Root(p)
		total, known = total+root.Count, counted
	}
	r.counted, r.countedAt = sum, mono
	if known {
		r.counted = verdict.Known(total)
	}
	return r.counted
}

// traffic is what became of the writes of the last minutes.
func (h *history) traffic(mono int64) verdict.Opt[verdict.Traffic] {
	now, before := h.now(), h.since(mono, sampleKept)
	return verdict.Known(verdict.Traffic{OverMS: mono - before.mono, Writes: now.writes - before.writes, InDoubt: now.inDoubt - before.inDoubt})
}
