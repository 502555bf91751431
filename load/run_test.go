package load

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/candordb/candor/contract"
)

// One place in the target stalls, and the operations that were due meanwhile wait
// for it: their latency counts from when they were due, not from when they were
// sent at last.
func TestAStallIsCountedForEachThatWaitsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &oneByOne{stall: time.Second}
		r := Open(t.Context(), s, gets(), 100, Options{Duration: 2 * time.Second, Deadline: time.Hour, Grace: time.Hour})
		// The first of 200 takes a second; 100 are due within it, and wait from 990 ms
		// down to nothing. A count from the sending would have one slow one alone.
		slow := uint64(0)
		for q := 0.0; q < 1; q += 0.005 {
			if r.Latency.Quantile(q+0.0025) > 100*time.Millisecond {
				slow++
			}
		}
		if slow < 85 || slow > 95 || r.Latency.Max() < time.Second {
			t.Errorf("%d of 200 took more than 100ms, at most %v; want about 90, and a second", slow, r.Latency.Max())
		}
		if r.Lag.Max() > 2*time.Millisecond {
			t.Errorf("the generator itself was late by %v", r.Lag.Max())
		}
	})
}

// oneByOne is a Target that carries out one operation at a time; the first stalls.
type oneByOne struct {
	stall time.Duration
	free  time.Time
}

func (s *oneByOne) Issue(_ *Op, t Ticket) {
	now := time.Now()
	if s.free.IsZero() {
		s.free = now.Add(s.stall)
	}
	s.free = later(s.free, now)
	time.AfterFunc(s.free.Sub(now), func() { t.Done(contract.OK) })
}

func (s *oneByOne) Flush() {}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// A fine grain starts operations when they are due, a coarse one later; what that
// costs is counted as lag and as latency.
func TestTheGrainIsCounted(t *testing.T) {
	for grain, late := range map[time.Duration]time.Duration{time.Microsecond: time.Microsecond, 20 * time.Millisecond: 20 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			s := &server{answer: func(int) (contract.Code, time.Duration, bool) { return contract.OK, time.Millisecond, true }}
			r := Open(t.Context(), s, gets(), 1000, Options{Duration: time.Second, Deadline: time.Second, Grace: time.Second, Grain: grain})
			if most := r.Lag.Max(); r.Offered != 1000 || most > late || most < late/2 || (r.Latency.Max()-most-time.Millisecond).Abs() > late/2 {
				t.Errorf("grain %v: %d offered, late by %v, the slowest %v", grain, r.Offered, most, r.Latency.Max())
			}
		})
	}
}

// A run ends with its time or its count, whichever is first.
func TestCountEndsARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := func(int) (contract.Code, time.Duration, bool) { return contract.OK, time.Millisecond, true }
		o := Options{Duration: time.Hour, Deadline: time.Second, Grace: time.Second, Count: 77}
		began := time.Now()
		if r := Closed(t.Context(), &server{answer: answer}, gets(), 5, o); r.Offered != 77 || r.Good != 77 {
			t.Errorf("closed: %d offered, %d good", r.Offered, r.Good)
		}
		if r := Open(t.Context(), &server{answer: answer}, gets(), 100, o); r.Offered != 77 || r.Good != 77 {
			t.Errorf("open: %d offered, %d good", r.Offered, r.Good)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("they took %v", took)
		}
	})
}

// Latencies are kept by kind too, and what a target says of an answer counts more
// than its code.
func TestResultsByKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := Workload{Keys: 10}
		w.Shares[Get], w.Shares[Put] = 50, 50
		r := Closed(t.Context(), slowPuts{}, NewGenerator(w, 1), 1, Options{Duration: time.Second, Deadline: time.Second, Grace: time.Second})
		gets, puts := &r.ByKind[Get], &r.ByKind[Put]
		if gets.Max() != time.Millisecond || puts.Count() != 0 || gets.Count() != r.Good {
			t.Errorf("gets up to %v, %d puts", gets.Max(), puts.Count())
		}
		if r.InDoubt == 0 || r.Refused != 0 || r.InDoubt != r.Codes[contract.Unavailable] {
			t.Errorf("%d in doubt, %d refused: %v", r.InDoubt, r.Refused, r.Codes)
		}
	})
}

// slowPuts answers gets, and leaves puts in doubt though their last code refuses.
type slowPuts struct{}

func (slowPuts) Issue(op *Op, t Ticket) {
	isGet := op.Kind == Get
	time.AfterFunc(time.Millisecond, func() {
		if isGet {
			t.Done(contract.OK)
		} else {
			t.Settled(contract.Unavailable, contract.Unknown)
		}
	})
}

func (slowPuts) Flush() {}

// A glance tells what was since the one before.
func TestGlances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{answer: func(i int) (contract.Code, time.Duration, bool) {
			if i > 200 {
				return contract.Overloaded, time.Millisecond, true
			}
			return contract.OK, time.Duration(1+i/101) * 10 * time.Millisecond, true
		}}
		var all []Glance
		o := Options{Duration: 3500 * time.Millisecond, Deadline: time.Second, Grace: time.Second, WatchEvery: time.Second, Watch: func(g Glance) { all = append(all, g) }}
		Open(t.Context(), s, gets(), 100, o)
		if len(all) != 3 {
			t.Fatalf("%d glances", len(all))
		}
		for i, want := range []Glance{{Offered: 100, P50: 10 * time.Millisecond}, {Offered: 200, P50: 20 * time.Millisecond}, {Offered: 300, Refused: 100}} {
			g := all[i]
			near := func(got, want float64) bool { return got >= want*0.97-2 && got <= want*1.03+2 }
			if !near(float64(g.Offered), float64(want.Offered)) || !near(float64(g.Refused), float64(want.Refused)) || !near(float64(g.P50), float64(want.P50)) && i < 2 {
				t.Errorf("glance %d: %+v, want about %+v", i, g, want)
			}
		}
		if all[0].Rate < 95 || all[0].Rate > 101 || all[2].Rate > 3 {
			t.Errorf("%.0f, then %.0f per second", all[0].Rate, all[2].Rate)
		}
	})
}
