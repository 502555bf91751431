package load

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// Each rank is drawn as often as its share of the sum over all ranks says, below,
// at and above the exponent 1.
func TestZipfHasTheSharesOfItsFormula(t *testing.T) {
	const draws = 400_000
	for _, skew := range []float64{0.3, SkewUsual, 1, 1.4} {
		for _, n := range []int{1, 2, 10, 1000} {
			z := newZipf(rand.New(rand.NewPCG(1, 2)), skew)
			counts := make([]int, n)
			for range draws {
				counts[z.draw(n)]++
			}
			sum := 0.0
			for k := range n {
				sum += math.Pow(float64(k+1), -skew)
			}
			for k := range min(n, 20) {
				want := math.Pow(float64(k+1), -skew) / sum
				// Five standard deviations: a wrong formula is off by far more.
				if got, slack := float64(counts[k])/draws, 5*math.Sqrt(want*(1-want)/draws); math.Abs(got-want) > slack+1e-9 {
					t.Errorf("skew %v, rank %d of %d: a share of %.5f, want %.5f", skew, k, n, got, want)
				}
			}
		}
	}
}

// With a million keys the hottest gets one request in fifteen, as docs say of the
// usual skew.
func TestTheHottestOfAMillion(t *testing.T) {
	z, hot := newZipf(rand.New(rand.NewPCG(3, 4)), SkewUsual), 0
	for range 100_000 {
		if z.draw(1_000_000) == 0 {
			hot++
		}
	}
	if hot < 6000 || hot > 7200 {
		t.Errorf("%d of 100,000", hot)
	}
}

// The number of ranks may change at any time, and no rank is ever outside.
func TestZipfStaysWithinItsRanks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		z := newZipf(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)), rapid.Float64Range(0.01, skewMax).Draw(t, "skew"))
		for _, n := range rapid.SliceOfN(rapid.IntRange(1, 1<<40), 1, 50).Draw(t, "ranks") {
			if k := z.draw(n); k < 0 || k >= n {
				t.Fatalf("rank %d of %d", k, n)
			}
		}
	})
}

// What was inserted last is asked for most, also while more is inserted.
func TestLatestFollowsTheInserts(t *testing.T) {
	w, err := Named("d", 1000, 0)
	if err != nil {
		t.Fatal(err)
	}
	g := NewGenerator(w, 1)
	sum := func(from, to int) (sum float64) { // of the weights of these ranks
		for k := from; k < to; k++ {
			sum += math.Pow(float64(k+1), -SkewUsual)
		}
		return sum
	}
	newest, all, last := sum(0, 5), sum(0, w.Keys), w.Keys-1
	near, want := 0.0, 0.0
	for range 100_000 {
		switch o := g.Next(); {
		case o.Kind == Insert:
			if o.Number != last+1 {
				t.Fatalf("%d is inserted behind %d", o.Number, last)
			}
			last = o.Number
			all += sum(last, last+1)
		case o.Number > last:
			t.Fatalf("%d is read, and %d was the last one inserted", o.Number, last)
		default:
			want += newest / all
			if last-o.Number < 5 {
				near++
			}
		}
	}
	if g.Filled() != last+1 {
		t.Errorf("%d are filled, the last one is %d", g.Filled(), last)
	}
	if math.Abs(near-want) > 5*math.Sqrt(want) {
		t.Errorf("%.0f reads are for the newest five, want about %.0f", near, want)
	}
}
