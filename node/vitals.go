package node

import (
	"math"
	rtm "runtime/metrics"
	"time"
)

// What is read of the Go runtime.
const (
	metricWaits = "/sched/latencies:seconds" // how long goroutines that could run waited for a processor
	metricHeap  = "/gc/heap/live:bytes"      // what was alive at the last garbage collection
)

// waitQuantile is which of those waits counts as the delay: one in ten is longer.
const waitQuantile = 0.9

// vitals reads how late and how full this process is.
type vitals struct {
	wait time.Duration // for a processor, since the last reading
	heap uint64        // bytes alive

	samples []rtm.Sample
	before  []uint64 // counts of the histogram at the last reading
}

func newVitals() *vitals {
	return &vitals{samples: []rtm.Sample{{Name: metricWaits}, {Name: metricHeap}}}
}

// read takes a reading.
func (v *vitals) read() {
	rtm.Read(v.samples)
	if h := v.samples[0].Value; h.Kind() == rtm.KindFloat64Histogram {
		v.wait = v.quantile(h.Float64Histogram())
	}
	if h := v.samples[1].Value; h.Kind() == rtm.KindUint64 {
		v.heap = h.Uint64()
	}
}

// quantile is that of what the histogram has counted since the last reading; 0
// if nothing.
func (v *vitals) quantile(h *rtm.Float64Histogram) time.Duration {
	if len(v.before) != len(h.Counts) {
		v.before = make([]uint64, len(h.Counts))
	}
	total := uint64(0)
	for i, n := range h.Counts {
		v.before[i] = n - v.before[i] // the difference, for now
		total += v.before[i]
	}
	rank, seen, at := uint64(waitQuantile*float64(total)), uint64(0), 0
	for at < len(v.before) && seen <= rank && seen < total {
		seen += v.before[at]
		at++
	}
	copy(v.before, h.Counts)
	if end := h.Buckets[at]; total > 0 && !math.IsInf(end, 0) {
		return time.Duration(end * float64(time.Second))
	}
	return 0
}
