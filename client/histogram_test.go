package client

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A percentile is at least the true one, and at most an eighth (and a
// microsecond) above it.
func TestPercentiles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h histogram
		list := rapid.SliceOfN(rapid.Int64Range(0, int64(10*time.Minute)), 1, 300).Draw(t, "list")
		for _, d := range list {
			h.add(time.Duration(d))
		}
		slices.Sort(list)
		for _, p := range []int{50, 99, 100} {
			exact := time.Duration(list[(len(list)*p+99)/100-1])
			got := h.percentile(p)
			if got <= exact || got > exact+exact/8+time.Microsecond {
				t.Fatalf("p%d is %v, told is %v", p, exact, got)
			}
		}
	})
	if new(histogram).percentile(99) != 0 {
		t.Error("of nothing")
	}
}

// What is old fades.
func TestHistogramFades(t *testing.T) {
	var h histogram
	for range 5 * histogramFull {
		h.add(time.Second)
	}
	for range histogramFull * 2 {
		h.add(time.Millisecond)
	}
	if p := h.percentile(50); p > 2*time.Millisecond || h.total > histogramFull {
		t.Errorf("p50 is %v of %d", p, h.total)
	}
}
