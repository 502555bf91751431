package sim

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/candordb/candor/hlc"
)

// Events happen in order of (virtual time, sequence number).
func TestEventsHappenInOrder(t *testing.T) {
	var tl timeline
	d := rand.New(rand.NewPCG(1, 2))
	type stamp struct {
		at  time.Duration
		seq int
	}
	var got []stamp
	for i := range 500 {
		at := time.Duration(d.IntN(50))
		tl.at(at, "x", nil, func() { got = append(got, stamp{at, i}) })
	}
	for tl.step(time.Second) {
	}
	sorted := slices.IsSortedFunc(got, func(a, b stamp) int {
		if a.at != b.at {
			return int(a.at - b.at)
		}
		return a.seq - b.seq
	})
	if len(got) != 500 || !sorted {
		t.Fatalf("%d events, sorted %v", len(got), sorted)
	}
}

// What belongs to a process waits while it is paused, in order, and does not
// happen after its death.
func TestPausedProcessesWaitAndDeadOnesDoNothing(t *testing.T) {
	var tl timeline
	var got []string
	p, dead := &process{pausedUntil: 10}, &process{dead: true}
	tl.at(1, "a", p, func() { got = append(got, "a") })
	tl.at(2, "b", p, func() { got = append(got, "b") })
	tl.at(3, "c", nil, func() { got = append(got, "c") })
	tl.at(4, "d", dead, func() { got = append(got, "d") })
	tl.at(10, "e", p, func() { got = append(got, "e") })
	for tl.step(time.Second) {
	}
	if want := []string{"c", "a", "b", "e"}; !slices.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
}

// REG: levels that overlap bind each other, W + R > N; others do not.
func TestFloorBindsLevelsThatOverlap(t *testing.T) {
	v := func(n int) hlc.Version { return hlc.Version{Time: hlc.Timestamp(n)} }
	k := &key{acked: make([]hlc.Version, 4)} // N = 3
	k.told(1, v(30))
	k.told(2, v(20))
	k.told(3, v(10))
	k.told(3, v(5))
	for need, want := range []int{0, 10, 20, 30} {
		if got := k.floor(need); need > 0 && got != v(want) {
			t.Errorf("need %d: %v, want %v", need, got, v(want))
		}
	}
}
