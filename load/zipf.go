package load

import (
	"math"
	"math/rand/v2"
)

// SkewUsual is the exponent of the Yahoo! Cloud Serving Benchmark. With a million
// keys about one request in fifteen is for the hottest of them.
const SkewUsual = 0.99

// zipf draws ranks: rank k (from 0) as often as 1/(k+1)^skew. The standard
// library's generator wants an exponent above 1, and the usual one is below it.
// This is the method of Hörmann and Derflinger, "Rejection-Inversion to Generate
// Variates from Monotone Discrete Distributions" (1996): it needs no sums over
// all ranks, so that their number may grow while it draws.
type zipf struct {
	dice *rand.Rand
	skew float64 // above 0

	ranks  int
	low    float64 // the integral up to rank 1, less what rank 1 has itself
	high   float64 // up to the last one
	surely float64 // how far from its rank a point may lie and still be taken unseen
}

func newZipf(dice *rand.Rand, skew float64) *zipf {
	z := &zipf{dice: dice, skew: skew}
	z.low = z.integral(1.5) - 1
	z.surely = 2 - z.inverse(z.integral(2.5)-z.weight(2))
	return z
}

// draw is a rank below n, which is at least 1.
func (z *zipf) draw(n int) int {
	if n != z.ranks {
		z.ranks, z.high = n, z.integral(float64(n)+0.5)
	}
	for {
		u := z.high + z.dice.Float64()*(z.low-z.high)
		x := z.inverse(u)
		k := min(max(math.Floor(x+0.5), 1), float64(n))
		if k-x <= z.surely || u >= z.integral(k+0.5)-z.weight(k) {
			return int(k) - 1
		}
	}
}

// weight is 1/x^skew.
func (z *zipf) weight(x float64) float64 { return math.Exp(-z.skew * math.Log(x)) }

// integral is that of weight from 1 to x: (x^(1-skew) - 1) / (1-skew), which is
// log x where the skew is 1.
func (z *zipf) integral(x float64) float64 {
	l := math.Log(x)
	if e := (1 - z.skew) * l; math.Abs(e) > 1e-8 {
		return math.Expm1(e) / e * l
	}
	return l
}

// inverse is the x that has this integral.
func (z *zipf) inverse(integral float64) float64 {
	// Rounding may lead below -1, where no x is.
	if e := max(integral*(1-z.skew), -1); math.Abs(e) > 1e-8 {
		return math.Exp(math.Log1p(e) / e * integral)
	}
	return math.Exp(integral)
}
