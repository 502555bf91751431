package coordinator

import "math/bits"

// latency is how long one member takes to answer reads: a histogram of its last
// some hundred answers, old ones counting less and less. Adding to it allocates
// nothing.
type latency struct {
	counts [latencyBuckets]uint16
	total  int
	usual  int64 // microseconds within which the percentile of them came
	pace   int64 // the same of half of the last few that any Core of the node has seen (pace.go)
}

// The buckets: one for all that is too short to matter, then eight for each
// doubling, so that a bucket's end is at most an eighth above what is in it. The
// last one takes what is longer, too.
const (
	shortBits      = 13 // 2^13 microseconds, 8 ms
	octaveBits     = 3
	latencyOctaves = 10 // up to 8 s
	latencyBuckets = 1 + latencyOctaves<<octaveBits
)

const (
	// fewSamples is with how few answers a member counts as unknown.
	fewSamples = 20
	// manySamples is with how many all are counted by half from then on.
	manySamples = 512
	// unknownMicros is how long an unknown member is waited for, at least.
	unknownMicros = 50_000
	// leastMicros is how long any is: two ticks, below which nothing can be told.
	leastMicros = 10_000
)

// bucketOf is the bucket of a time in microseconds.
func bucketOf(micros int64) int {
	if micros < 1<<shortBits {
		return 0
	}
	octave := bits.Len64(uint64(micros)) - 1
	within := int(micros>>(octave-octaveBits)) & (1<<octaveBits - 1)
	return min(1+(octave-shortBits)<<octaveBits+within, latencyBuckets-1)
}

// bucketEnd is the time in microseconds below which all of a bucket is.
func bucketEnd(i int) int64 {
	if i == 0 {
		return 1 << shortBits
	}
	octave, within := shortBits+(i-1)>>octaveBits, (i-1)&(1<<octaveBits-1)
	return int64(1<<octaveBits+within+1) << (octave - octaveBits)
}

// add takes the time of one more answer. The percentile is looked up anew every
// few answers, while they are few with each.
func (l *latency) add(micros int64, percentile int) {
	l.counts[bucketOf(micros)]++
	if l.total++; l.total >= manySamples {
		l.total = 0
		for i := range l.counts {
			l.counts[i] /= 2
			l.total += int(l.counts[i])
		}
	}
	if l.total < fewSamples || l.total%8 == 0 {
		l.usual = l.quantile(percentile)
	}
}

// quantile is the time within which so many of a hundred answers came.
func (l *latency) quantile(percentile int) int64 {
	left := (l.total*percentile + 99) / 100
	for i, n := range l.counts {
		if left -= int(n); left <= 0 {
			return bucketEnd(i)
		}
	}
	return bucketEnd(latencyBuckets - 1)
}

// patience is after how many microseconds of silence another is asked. l is nil
// for a member that has never answered.
func (l *latency) patience() int64 {
	switch {
	case l == nil:
		return unknownMicros
	case l.total < fewSamples:
		return max(l.usual, unknownMicros)
	}
	return max(l.usual, leastMicros)
}
