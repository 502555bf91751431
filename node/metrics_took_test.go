package node

import (
	"testing"

	"github.com/candordb/candor/wire"
)

// The bucket of a time ends at most a quarter above it, and never below.
func TestTookBuckets(t *testing.T) {
	for micros := int64(0); micros < 1<<24; micros += 1 + micros/7 {
		if end := tookLimit(tookBucket(micros)); end <= micros || micros >= 1<<tookShortBits && end > micros+micros/4+1 {
			t.Errorf("%d us are counted as below %d us", micros, end)
		}
	}
	if i := tookBucket(1 << 40); i != tookBuckets-1 {
		t.Errorf("very long ones are in bucket %d", i)
	}
}

// The figures of status are of the last minutes, of reads and of writes, and are not
// known where there was none, or where they are too long to tell.
func TestP99OfReadsAndWrites(t *testing.T) {
	m := new(metrics)
	for range 99 {
		m.took(wire.OpGet, 1000)
	}
	m.took(wire.OpGet, 900_000)
	h := history{samples: []sample{{mono: 0}, m.sampled(10_000)}}
	if p99, ok := h.p99(reads).Get(); !ok || p99 != 1024 {
		t.Errorf("reads: %d %v", p99, ok)
	}
	if p99, ok := h.p99(writes).Get(); ok {
		t.Errorf("there was no write: %d", p99)
	}
	m.took(wire.OpPut, 3000)
	m.took(wire.OpDelete, 5000)
	h.samples = append(h.samples, m.sampled(320_000)) // the reads are from before
	if _, ok := h.p99(reads).Get(); ok {
		t.Error("reads of long ago count")
	}
	if p99, ok := h.p99(writes).Get(); !ok || p99 != 5120 {
		t.Errorf("writes: %d %v", p99, ok)
	}
	m.took(wire.OpPut, 1<<40)
	h.samples = append(h.samples, m.sampled(321_000))
	if p99, ok := h.p99(writes).Get(); ok {
		t.Errorf("one took very long: %d", p99)
	}
}

func (m *metrics) sampled(mono int64) sample {
	return sample{mono: mono, took: [kinds]tookCounts{m.times[reads].counts(), m.times[writes].counts()}}
}
