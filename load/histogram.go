package load

import (
	"math/bits"
	"time"
)

// subBits gives each power of two 1,024 steps, so that a latency read back is
// off by at most 0.1 %: three digits, as with HdrHistogram at its usual setting,
// and without a longest latency that has to be known before.
const (
	subBits = 10
	subs    = 1 << subBits
)

// Histogram counts durations in steps that grow with them. It is not safe for
// concurrent use: each worker has its own, and they are merged. The zero value
// is empty, and costs nothing until it counts. A copy shares its counts with the
// original, of which only one may go on counting.
type Histogram struct {
	counts []uint64 // as long as the longest duration needs
	count  uint64
	max    time.Duration
}

// bucketOf is the step of a duration in nanoseconds: below subs the value
// itself, above it the power of two and the subBits bits behind its first.
func bucketOf(ns uint64) int {
	if ns < subs {
		return int(ns)
	}
	shift := bits.Len64(ns) - subBits - 1
	return (shift+1)*subs + int(ns>>shift) - subs
}

// bucketEnd is the largest duration of a step, in nanoseconds.
func bucketEnd(b int) uint64 {
	if b < subs {
		return uint64(b)
	}
	shift := b/subs - 1
	return (uint64(b%subs)+subs+1)<<shift - 1
}

// reach makes room for so many steps.
func (h *Histogram) reach(steps int) {
	if steps > len(h.counts) {
		h.counts = append(h.counts, make([]uint64, steps-len(h.counts))...)
	}
}

// Record counts a duration; a negative one counts as 0.
func (h *Histogram) Record(d time.Duration) {
	d = max(d, 0)
	b := bucketOf(uint64(d))
	h.reach(b + 1)
	h.counts[b]++
	h.count++
	h.max = max(h.max, d)
}

// Merge adds what o has counted.
func (h *Histogram) Merge(o *Histogram) {
	h.reach(len(o.counts))
	for i, c := range o.counts {
		h.counts[i] += c
	}
	h.count += o.count
	h.max = max(h.max, o.max)
}

// Reset forgets all that was counted, and keeps the room for it.
func (h *Histogram) Reset() {
	clear(h.counts)
	h.count, h.max = 0, 0
}

// Count is how many durations were counted.
func (h *Histogram) Count() uint64 { return h.count }

// Max is the longest of them, exactly.
func (h *Histogram) Max() time.Duration { return h.max }

// Quantile is the duration that a share q (0 to 1) of all does not exceed, at
// most 0.1 % too long; 0 if nothing was counted.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.count == 0 {
		return 0
	}
	rank, seen := max(uint64(q*float64(h.count)+0.5), 1), uint64(0)
	for b, c := range h.counts {
		if seen += c; seen >= rank {
			return min(time.Duration(bucketEnd(b)), h.max)
		}
	}
	return h.max
}
