package sim

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
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
