package load

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/candordb/candor/contract"
)

// A quantile is at most 0.1 % above the true one, and never below it.
func TestQuantilesAreCloseToTheTruth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.Int64Range(0, int64(time.Hour)), 1, 500).Draw(t, "durations")
		q := rapid.Float64Range(0, 1).Draw(t, "q")
		var h, a, b Histogram
		for i, d := range all {
			h.Record(time.Duration(d))
			[]*Histogram{&a, &b}[i%2].Record(time.Duration(d))
		}
		slices.Sort(all)
		rank := max(int(q*float64(len(all))+0.5), 1)
		want := time.Duration(all[rank-1])
		if got := h.Quantile(q); got < want || float64(got) > float64(want)*1.001+1 {
			t.Fatalf("quantile %v of %d is %v, want %v", q, len(all), got, want)
		}
		if a.Merge(&b); !slices.Equal(a.counts, h.counts) || a.Count() != h.Count() || a.Max() != h.Max() {
			t.Fatal("merged halves differ from the whole")
		}
	})
}

func TestHistogramOfNothing(t *testing.T) {
	var h Histogram
	if h.Quantile(0.99) != 0 || h.Max() != 0 || h.Count() != 0 {
		t.Error("nothing was counted")
	}
	h.Record(-time.Second)
	h.Record(math.MaxInt64)
	if h.Count() != 2 || h.Quantile(0) != 0 || h.Quantile(1) != math.MaxInt64 {
		t.Errorf("%v %v", h.Quantile(0), h.Quantile(1))
	}
}

func TestWorkloadsAreWhatTheirNameSays(t *testing.T) {
	for name, shares := range map[string]map[Kind]float64{
		"a": {Get: 0.5, Put: 0.5}, "b": {Get: 0.95, Put: 0.05}, "c": {Get: 1}, "d": {Get: 0.95, Insert: 0.05},
		"e": {Scan: 0.95, Insert: 0.05}, "f": {Get: 0.5, Modify: 0.5},
	} {
		w, err := Named(name, 1000, 10)
		if err != nil {
			t.Fatal(err)
		}
		g := NewGenerator(w, 1)
		var counts [kinds]float64
		const n = 20_000
		for range n {
			o := g.Next()
			counts[o.Kind] += 1.0 / n
			if len(o.Key) == 0 || len(o.Value) != 10 {
				t.Fatalf("%+v", o)
			}
		}
		for k := range kinds {
			if math.Abs(counts[k]-shares[k]) > 0.02 {
				t.Errorf("%s: %.3f of the operations are %v, want %.2f", name, counts[k], k, shares[k])
			}
		}
	}
}

func TestEqualSeedsGiveEqualOperations(t *testing.T) {
	for _, name := range []string{"a", "d", "e"} {
		w, _ := Named(name, 1000, 10)
		a, b, other := NewGenerator(w, 7), NewGenerator(w, 7), NewGenerator(w, 8)
		differ := false
		for range 1000 {
			x, y, z := a.Next(), b.Next(), other.Next()
			if x.Kind != y.Kind || string(x.Key) != string(y.Key) {
				t.Fatalf("%s: %v %s and %v %s", name, x.Kind, x.Key, y.Kind, y.Key)
			}
			differ = differ || x.Kind != z.Kind || string(x.Key) != string(z.Key)
		}
		if !differ {
			t.Errorf("%s: the seed does nothing", name)
		}
	}
}

func TestSpreads(t *testing.T) {
	hottest := func(s Spread) float64 {
		w := Workload{Keys: 10_000, Spread: s}
		w.Shares[Get] = 100
		g, counts := NewGenerator(w, 1), map[string]int{}
		most := 0
		for range 50_000 {
			o := g.Next()
			counts[string(o.Key)]++
			most = max(most, counts[string(o.Key)])
		}
		return float64(most) / 50_000
	}
	if u, z := hottest(Uniform), hottest(Zipf); u > 0.001 || z < 0.01 {
		t.Errorf("the hottest key gets %.4f under uniform, %.4f under zipf", u, z)
	}
}

func TestBadWorkloadsAreRefused(t *testing.T) {
	good, err := Named("a", 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Workload){
		"shares of 99":   func(w *Workload) { w.Shares[Get]-- },
		"negative share": func(w *Workload) { w.Shares[Get], w.Shares[Put] = -1, 101 },
		"no key":         func(w *Workload) { w.Keys = 0 },
		"negative value": func(w *Workload) { w.ValueSize = -1 },
		"scan of none":   func(w *Workload) { w.Shares[Get], w.Shares[Scan], w.ScanLimit = 0, 50, 0 },
	} {
		w := good
		if spoil(&w); !errors.Is(w.Validate(), ErrWorkload) {
			t.Errorf("%s is accepted", name)
		}
	}
	if _, err := Named("g", 1, 1); !errors.Is(err, ErrWorkload) {
		t.Errorf("workload g: %v", err)
	}
}

// server is a Target that answers as it is told, in virtual time.
type server struct {
	answer  func(n int) (contract.Code, time.Duration, bool)
	issued  int
	flushed int
}

func (s *server) Issue(_ *Op, t Ticket) {
	s.issued++
	code, after, ever := s.answer(s.issued)
	if ever {
		time.AfterFunc(after, func() { t.Done(code) })
	}
}

func (s *server) Flush() { s.flushed++ }

func gets() *Generator {
	w := Workload{Keys: 10}
	w.Shares[Get] = 100
	return NewGenerator(w, rand.Uint64())
}

// Every operation has its place in the result, and the places sum up.
func TestResultsSumUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kinds := []contract.Code{contract.OK, contract.OK, contract.Overloaded, contract.InDoubt, contract.Corrupt}
		s := &server{answer: func(n int) (contract.Code, time.Duration, bool) {
			after := 10 * time.Millisecond
			if n%6 == 1 {
				after = 2 * time.Second // late
			}
			return kinds[(n-1)%6%5], after, n%6 != 0
		}}
		r := Open(t.Context(), s, gets(), 600, Options{Duration: time.Second, Deadline: time.Second, Grace: 5 * time.Second})
		want := [...]uint64{600, 100, 100, 100, 100, 100, 100}
		got := [...]uint64{r.Offered, r.Good, r.Late, r.Refused, r.InDoubt, r.Failed, r.Silent}
		if got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		if r.Codes[contract.Overloaded] != 100 || r.Latency.Count() != 200 || r.Refusals.Count() != 100 || r.GoodRate() != 100 {
			t.Errorf("codes %v, %d latencies, %.0f per second", r.Codes, r.Latency.Count(), r.GoodRate())
		}
	})
}

// An open loop starts what is due whether or not anything is answered, and a
// stall counts for each operation that it kept waiting.
func TestOpenLoopWaitsForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		s := &server{}
		// The server stalls for the whole run and then answers everything at once.
		s.answer = func(int) (contract.Code, time.Duration, bool) {
			return contract.OK, time.Second - time.Since(began), true
		}
		r := Open(t.Context(), s, gets(), 1000, Options{Duration: time.Second, Deadline: 500 * time.Millisecond, Grace: time.Second})
		if r.Offered != 1000 || s.flushed < 900 {
			t.Errorf("%d offered, %d flushes", r.Offered, s.flushed)
		}
		if r.Good < 495 || r.Good > 505 {
			t.Errorf("%d of 1000 were in time", r.Good)
		}
		if p50 := r.Latency.Quantile(0.5); p50 < 495*time.Millisecond || p50 > 520*time.Millisecond {
			t.Errorf("the median is %v: the stall is not counted for those that it held up", p50)
		}
	})
}

// A closed loop has never more in flight than it was told.
func TestClosedLoopKeepsItsNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{answer: func(int) (contract.Code, time.Duration, bool) { return contract.OK, 10 * time.Millisecond, true }}
		r := Closed(t.Context(), s, gets(), 5, Options{Duration: time.Second, Deadline: time.Second, Grace: time.Second})
		if r.Offered < 495 || r.Offered > 505 || r.Good != r.Offered {
			t.Errorf("%d offered, %d good: want 5 in each of 100 rounds", r.Offered, r.Good)
		}
	})
}

func TestRunsEndWithTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, run := range map[string]func(context.Context, Target, Options) Result{
			"open":   func(ctx context.Context, s Target, o Options) Result { return Open(ctx, s, gets(), 100, o) },
			"closed": func(ctx context.Context, s Target, o Options) Result { return Closed(ctx, s, gets(), 3, o) },
		} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			began := time.Now()
			s := &server{answer: func(int) (contract.Code, time.Duration, bool) { return 0, 0, false }}
			r := run(ctx, s, Options{Duration: time.Hour, Deadline: time.Second, Grace: time.Hour})
			if took := time.Since(began); took != time.Second || r.Silent != r.Offered || r.Offered == 0 {
				t.Errorf("%s: ended after %v with %d of %d silent", name, took, r.Silent, r.Offered)
			}
			cancel()
		}
	})
}

// Results of several workers add up.
func TestAdd(t *testing.T) {
	one := Result{Offered: 2, Good: 1, Late: 1, Codes: map[contract.Code]uint64{contract.OK: 2}, Elapsed: time.Second}
	one.Latency.Record(time.Second)
	var sum Result
	sum.Add(&one)
	sum.Add(&one)
	if sum.Offered != 4 || sum.Good != 2 || sum.Codes[contract.OK] != 4 || sum.Latency.Count() != 2 || sum.OfferedRate() != 4 {
		t.Errorf("%+v", sum.Codes)
	}
}

// Runs that follow one another add up, and so does the time that they took.
func TestFollow(t *testing.T) {
	fast, slow := Result{Offered: 4, Good: 3, Elapsed: time.Second}, Result{Offered: 4, Good: 1, Elapsed: 3 * time.Second}
	var all Result
	all.Follow(&fast)
	all.Follow(&slow)
	if all.Good != 4 || all.GoodRate() != 1 || all.OfferedRate() != 2 {
		t.Errorf("%d good, %v of %v a second", all.Good, all.GoodRate(), all.OfferedRate())
	}
}
