package gossip

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// tail is the dumb second implementation of phi: the normal density integrated
// by Simpson's rule, with the factor that would underflow taken out first.
//
//	P(Z > z) = density(z) * integral over t from 0 of exp(-zt - t^2/2)
func tail(z float64) float64 {
	if z < 0 {
		return -math.Log10(1 - math.Pow(10, -tail(-z)))
	}
	const steps = 20_000
	end := 40 / max(z, 1)
	h := end / steps
	sum := 0.0
	for i := range steps + 1 {
		t, weight := float64(i)*h, 2.0
		switch {
		case i == 0 || i == steps:
			weight = 1
		case i%2 == 1:
			weight = 4
		}
		sum += weight * math.Exp(-z*t-t*t/2)
	}
	return z*z/2*math.Log10E + math.Log10(2*math.Pi)/2 - math.Log10(sum*h/3)
}

// Hayashibara et al. 2004, section 5.4: phi is the negative decimal logarithm of
// the chance of a longer silence.
func TestPhiIsTheTailOfTheNormalDistribution(t *testing.T) {
	for z := -1.0; z <= 36; z += 0.25 {
		if got, want := phiOf(z), tail(z); math.Abs(got-want) > 1e-6*want {
			t.Errorf("phi %v deviations beyond the mean is %v, want %v", z, got, want)
		}
	}
	// The quantiles of any statistics book.
	for z, p := range map[float64]float64{0: 0.5, 1.2815515655: 0.1, 2.3263478740: 0.01, 3.0902323062: 0.001, 5.6120012442: 1e-8, 7.0344838253: 1e-12} {
		if got, want := phiOf(z), -math.Log10(p); math.Abs(got-want) > 1e-8*want {
			t.Errorf("phi %v deviations beyond the mean is %v, want %v", z, got, want)
		}
	}
	for _, z := range []float64{37.1, 40, 1e6, math.Inf(1)} {
		if got := phiOf(z); got != PhiMax {
			t.Errorf("phi %v deviations beyond the mean is %v", z, got)
		}
	}
	if got := phiOf(-40); got != 0 {
		t.Errorf("phi of a beat long before its time is %v", got)
	}
}

func TestThresholdInDeviations(t *testing.T) {
	for phi := 0.1; phi < PhiMax; phi += 0.7 {
		if got := phiOf(deviationsFor(phi)); math.Abs(got-phi) > 1e-9*phi {
			t.Errorf("%v comes back as %v", phi, got)
		}
	}
}

// Rule 3: a window of 1000 silences, a normal distribution, a deviation of at
// least max(100 ms, mean/4).
func TestWindowIsTheLatest1000(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		interval := rapid.SampledFrom([]int64{200, 500, 5000}).Draw(t, "interval")
		longest := rapid.SampledFrom([]int64{250, 600, 10_000, 1 << 40}).Draw(t, "longest")
		// A pattern that repeats: a thousand draws would be slow.
		pattern := rapid.SliceOfN(rapid.Int64Range(1, longest), 1, 30).Draw(t, "silences")
		n := rapid.SampledFrom([]int{1, 2, 999, 1000, 1001, 2500}).Draw(t, "n")

		var w window
		var all []float64
		for i := range n {
			silence := pattern[(i*i+i/7)%len(pattern)]
			w.add(silence)
			all = append(all, float64(min(silence, silenceMax)))
		}
		all = all[max(0, n-1000):]
		sum, squares := 0.0, 0.0
		for _, s := range all {
			sum += s
		}
		mean := sum / float64(len(all))
		for _, s := range all {
			squares += (s - mean) * (s - mean)
		}
		wantMean := max(mean, float64(interval))
		wantDeviation := slices.Max([]float64{math.Sqrt(squares / float64(len(all))), 100, wantMean / 4})
		gotMean, gotDeviation := w.normal(interval)
		if math.Abs(gotMean-wantMean) > 1e-6*wantMean || math.Abs(gotDeviation-wantDeviation) > 1e-6*wantDeviation {
			t.Fatalf("mean %v, deviation %v; want %v, %v", gotMean, gotDeviation, wantMean, wantDeviation)
		}
	})
}

func TestWindowStartsAfreshWithItsSeed(t *testing.T) {
	var w window
	for range 1500 {
		w.add(9000)
	}
	w.clear(500)
	if mean, deviation := w.normal(500); w.n != 1 || mean != 500 || deviation != 125 {
		t.Fatalf("%d silences, mean %v, deviation %v", w.n, mean, deviation)
	}
	w.add(700)
	if mean, _ := w.normal(500); mean != 600 {
		t.Fatalf("mean %v", mean)
	}
}
