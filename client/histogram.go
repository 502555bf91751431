package client

import (
	"math/bits"
	"time"
)

// histogram counts durations in buckets that are an eighth of a power of two
// wide, in microseconds: what it tells is at most 12.5 % too high. When it has
// histogramFull of them all counts are halved, so that old ones fade.
type histogram struct {
	counts [bucketsMax]uint32
	total  uint32
}

const (
	bucketsPerOctave = 8
	// bucketsMax reaches past an hour.
	bucketsMax    = bucketsPerOctave * 30
	histogramFull = 4096
)

// bucketOf is the bucket of a duration: those below 8 us have one each.
func bucketOf(d time.Duration) int {
	us := uint64(max(d, 0) / time.Microsecond)
	if us < bucketsPerOctave {
		return int(us)
	}
	octave := bits.Len64(us) - 4 // 0 for 8 to 15
	return min(bucketsPerOctave*(octave+1)+int(us>>octave)-bucketsPerOctave, bucketsMax-1)
}

// bucketEnd is where a bucket ends.
func bucketEnd(i int) time.Duration {
	if i < bucketsPerOctave {
		return time.Duration(i+1) * time.Microsecond
	}
	octave, step := i/bucketsPerOctave-1, i%bucketsPerOctave
	return time.Duration((bucketsPerOctave+step+1)<<octave) * time.Microsecond
}

func (h *histogram) add(d time.Duration) {
	if h.total >= histogramFull {
		h.total = 0
		for i := range h.counts {
			h.counts[i] /= 2
			h.total += h.counts[i]
		}
	}
	h.counts[bucketOf(d)]++
	h.total++
}

// percentile is what p percent of the durations stayed below; 0 if there are
// none.
func (h *histogram) percentile(p int) time.Duration {
	rank := (uint64(h.total)*uint64(p) + 99) / 100
	for i, n := range h.counts {
		if n > 0 && uint64(n) >= rank {
			return bucketEnd(i)
		}
		rank -= uint64(n)
	}
	return 0
}
