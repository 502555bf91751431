package hinted

import (
	"testing"
	"time"

	"github.com/candordb/candor/ring"
)

// While all hints are looked at again, as at a start, what is known of the oldest
// stays so: were it forgotten, this node would say that it has no hint so old, and a
// watermark could pass it (rule 8).
func TestTheOldestHintIsKnownWhileAllAreLookedAtAgain(t *testing.T) {
	b := newBench(t, Options{})
	h := hintFor(1, start, 7, 0, "k", 10)
	h.Counted = true
	b.store(h)
	b.restart(Options{Self: nodeID(0), MaxBytes: 1 << 30, MaxAge: time.Hour})
	b.busy = true
	for range 3 {
		if at, some := b.core.Oldest(); !some || at != h.Version.Time {
			t.Fatalf("the oldest hint is %v (%v), want %v", at, some, h.Version.Time)
		}
		b.advance(100)
	}
	b.reach[nodeID(1)], b.busy = Up, false
	var out Effects
	b.core.Tick(&Input{Now: b.now, Reach: func(id ring.NodeID) Reach { return b.reach[id] }}, &out)
	if at, some := b.core.Oldest(); len(out.Reads) != 1 || !some || at != h.Version.Time {
		t.Fatalf("with %d pages to be read the oldest hint is %v (%v), want %v", len(out.Reads), at, some, h.Version.Time)
	}
}
