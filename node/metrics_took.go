package node

import (
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/candordb/candor/verdict"
	"github.com/candordb/candor/wire"
)

// How long requests of clients take, from when they are taken up by this node, which
// coordinates them, to their answer. Those that are refused before anything is asked
// take no time, and those that are refused before they are done take less than those that
// are done. Neither counts: they would make the figures look well.

var descTook = desc("request_duration_seconds", "Time from taking a request of a client up to its answer, of GET (read), PUT and DELETE (write), those that were refused left out.", "op")

// The two kinds of requests.
const (
	reads = iota
	writes
	kinds
)

var kindNames = [kinds]string{"read", "write"}

// The buckets: the first is for all below 16 us, then there are four for each
// doubling, so that a bucket's end is at most a quarter above what is in it. The last
// one takes what is longer, too.
const (
	tookShortBits = 4 // 2^4 microseconds
	tookParts     = 2 // 2^2 buckets for each doubling
	tookOctaves   = 21
	tookBuckets   = 1 + tookOctaves<<tookParts // up to 33 s
)

// tookBucket is the bucket of a time in microseconds.
func tookBucket(micros int64) int {
	if micros < 1<<tookShortBits {
		return 0
	}
	octave := bits.Len64(uint64(micros)) - 1
	within := int(micros>>(octave-tookParts)) & (1<<tookParts - 1)
	return min(1+(octave-tookShortBits)<<tookParts+within, tookBuckets-1)
}

// tookLimit is the time in microseconds below which all of a bucket is, but for the last.
func tookLimit(i int) int64 {
	if i == 0 {
		return 1 << tookShortBits
	}
	octave, within := tookShortBits+(i-1)>>tookParts, (i-1)&(1<<tookParts-1)
	return int64(1<<tookParts+within+1) << (octave - tookParts)
}

// tookTimes counts requests of one kind by how long they took; any number of goroutines
// may add.
type tookTimes struct {
	buckets [tookBuckets]atomic.Uint64
	total   atomic.Int64 // microseconds
}

// tookCounts is tookTimes at a moment.
type tookCounts [tookBuckets]uint64

func (t *tookTimes) add(micros int64) {
	t.buckets[tookBucket(micros)].Add(1)
	t.total.Add(micros)
}

func (t *tookTimes) counts() (c tookCounts) {
	for i := range t.buckets {
		c[i] = t.buckets[i].Load()
	}
	return c
}

// p99 is the time, in microseconds, below which 99 of 100 requests were answered that
// came after another moment; not known if none did, or if they took longer than the
// last bucket can tell.
func (c *tookCounts) p99(before *tookCounts) (p99 verdict.Opt[int64]) {
	count, sum := uint64(0), uint64(0)
	for i := range c {
		count += c[i] - before[i]
	}
	for i := range c[:tookBuckets-1] {
		if sum += c[i] - before[i]; count > 0 && sum*100 >= count*99 {
			return verdict.Known(tookLimit(i))
		}
	}
	return p99
}

// took counts an answer to a client by how long it took, in microseconds.
func (m *metrics) took(op wire.Op, micros int64) {
	if op == wire.OpGet {
		m.times[reads].add(micros)
	} else {
		m.times[writes].add(micros)
	}
}

func (m *metrics) collectTook(out chan<- prometheus.Metric) {
	for kind := range m.times {
		t := &m.times[kind]
		total, counts := time.Duration(t.total.Load())*time.Microsecond, t.counts()
		buckets, sum := make(map[float64]uint64), uint64(0)
		for i, n := range counts {
			sum += n
			if i%(1<<tookParts) == 0 && i < tookBuckets-1 { // whole octaves are enough for a graph
				buckets[float64(tookLimit(i))/1e6] = sum
			}
		}
		out <- prometheus.MustNewConstHistogram(descTook, sum, total.Seconds(), buckets, kindNames[kind])
	}
}
