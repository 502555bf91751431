package load

import (
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// A mix has the shares that its text says.
func TestMixesHaveTheirShares(t *testing.T) {
	w, err := Mixed("get=70, put=20%,scan=7,delete=3", 100, 10)
	if err != nil {
		t.Fatal(err)
	}
	g, counts, longest := NewGenerator(w, 1), map[Kind]float64{}, 0
	for range 50_000 {
		o := g.Next()
		counts[o.Kind] += 1.0 / 50_000
		if longest = max(longest, o.Limit); o.Limit < 0 || o.Limit > w.ScanLimit || o.Kind == Scan && o.Limit < 1 {
			t.Fatalf("%+v", o)
		}
	}
	for kind, want := range map[Kind]float64{Get: 0.70, Put: 0.20, Scan: 0.07, Delete: 0.03} {
		if math.Abs(counts[kind]-want) > 0.01 {
			t.Errorf("%.3f of the operations are %v, want %.2f", counts[kind], kind, want)
		}
	}
	if longest != w.ScanLimit {
		t.Errorf("the longest scan is of %d records, not of %d", longest, w.ScanLimit)
	}
}

func TestBadMixesAreRefused(t *testing.T) {
	for text, told := range map[string]string{
		"":                "is no share",
		"g":               "is no share",
		"get=x":           "is no share",
		"fetch=100":       "is no share",
		"get=50":          "sum up to 50 %",
		"get=50,get=50":   "two shares",
		"get=120,put=-20": "-20 %",
	} {
		if _, err := Mixed(text, 1, 1); !errors.Is(err, ErrWorkload) || !strings.Contains(err.Error(), told) {
			t.Errorf("%q: %v, want %q in it", text, err, told)
		}
	}
	for _, skew := range []float64{-1, 5.1, math.NaN(), math.Inf(1)} {
		if w, _ := Named("a", 1, 1); func() bool { w.Skew = skew; return w.Validate() == nil }() {
			t.Errorf("a skew of %v is accepted", skew)
		}
	}
}

func TestSpreadsHaveNames(t *testing.T) {
	for _, s := range []Spread{Uniform, Zipf, Latest} {
		if got, ok := ParseSpread(s.String()); !ok || got != s {
			t.Errorf("%v is read as %v", s, got)
		}
	}
	if _, ok := ParseSpread("even"); ok {
		t.Error("even is a spread")
	}
	for i, k := range Kinds() {
		if int(k) != i || k.String() == "" || i >= int(kinds) {
			t.Errorf("kind %d", i)
		}
	}
	if len(Kinds()) != int(kinds) {
		t.Errorf("%d kinds of %d", len(Kinds()), kinds)
	}
}

// A sweep takes each key once, in order, and names it as the others do.
func TestASweepTakesEachKeyOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, err := Named(rapid.SampledFrom([]string{"a", "d", "e"}).Draw(t, "workload"), rapid.IntRange(1, 50).Draw(t, "keys"), 1)
		if err != nil {
			t.Fatal(err)
		}
		kind := rapid.SampledFrom([]Kind{Insert, Delete}).Draw(t, "kind")
		g := NewSweep(w, kind)
		for n := range w.Keys {
			if o := g.Next(); o.Kind != kind || o.Number != n || string(o.Key) != string(AppendKey(nil, n)) {
				t.Fatalf("%d: %+v", n, o)
			}
		}
		if g.Filled() != w.Keys {
			t.Fatalf("%d of %d are filled", g.Filled(), w.Keys)
		}
	})
}
