package storage

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// SyncTimes is a histogram of how long syncs took. Bucket i counts those
// shorter than 16 µs shifted left by i and not in a bucket before; the last one
// counts all the rest (from about 4 s on).
type SyncTimes struct {
	Count   uint64
	Total   time.Duration
	Buckets [20]uint64
}

// BucketLimit returns the exclusive upper bound of bucket i.
func (SyncTimes) BucketLimit(i int) time.Duration { return 16 * time.Microsecond << i }

// syncClock collects SyncTimes without a lock.
type syncClock struct {
	count   atomic.Uint64
	total   atomic.Int64
	buckets [20]atomic.Uint64
}

func (c *syncClock) add(d time.Duration) {
	c.count.Add(1)
	c.total.Add(int64(d))
	i := bits.Len64(uint64(max(d, 0) / (16 * time.Microsecond)))
	c.buckets[min(i, len(c.buckets)-1)].Add(1)
}

func (c *syncClock) snapshot() SyncTimes {
	s := SyncTimes{Count: c.count.Load(), Total: time.Duration(c.total.Load())}
	for i := range c.buckets {
		s.Buckets[i] = c.buckets[i].Load()
	}
	return s
}
