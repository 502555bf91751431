package load

import (
	"math"
	"time"
)

// Curve is how a latency grows from the fastest request to the slowest.
type Curve struct {
	Name   string
	Points []Point // each with a higher quantile than the one before
}

// Point is a latency that a share of all requests did not exceed.
type Point struct {
	Quantile float64 // 0 to 1; 1 is the slowest of all
	Latency  time.Duration
}

// stepsPerNine is how many points a Curve has for each further nine of the
// quantile: from 0 to 0.9, from there to 0.99, and so on.
const stepsPerNine = 8

// Curve is the curve of what was counted, up to the last nine that it has
// requests for; empty if nothing was counted.
func (h *Histogram) Curve(name string) Curve {
	c := Curve{Name: name}
	if h.count == 0 {
		return c
	}
	for i := 0; ; i++ {
		beyond := math.Pow(10, -float64(i)/stepsPerNine)
		if beyond*float64(h.count) < 1 {
			break
		}
		c.Points = append(c.Points, Point{1 - beyond, h.Quantile(1 - beyond)})
	}
	c.Points = append(c.Points, Point{1, h.max})
	return c
}

// axes place the points of curves: to the right the nines of the quantile, each
// with the same room, upwards the powers of ten of the latency.
type axes struct {
	nines  float64 // 0 to the right edge
	low    int     // powers of ten, in seconds
	high   int
	curves []Curve // those with points
}

func axesOf(curves []Curve) axes {
	a := axes{nines: 1, low: math.MaxInt, high: math.MinInt}
	for _, c := range curves {
		if len(c.Points) == 0 {
			continue
		}
		a.curves = append(a.curves, c)
		for _, p := range c.Points {
			power := math.Log10(seconds(p.Latency))
			a.low, a.high = min(a.low, int(math.Floor(power))), max(a.high, int(math.Ceil(power)))
			if p.Quantile < 1 {
				a.nines = max(a.nines, math.Ceil(-math.Log10(1-p.Quantile)))
			}
		}
	}
	if len(a.curves) == 0 {
		a.low, a.high = -6, 0
	}
	a.high = max(a.high, a.low+1)
	return a
}

// seconds is a latency that has a logarithm: what is less than a nanosecond counts
// as one.
func seconds(d time.Duration) float64 { return max(d, 1).Seconds() }

// x is where a quantile stands, 0 to 1. The slowest of all stands at the edge.
func (a axes) x(quantile float64) float64 {
	if quantile >= 1 {
		return 1
	}
	return min(-math.Log10(1-quantile)/a.nines, 1)
}

// y is where a latency stands, 0 (below) to 1.
func (a axes) y(d time.Duration) float64 {
	return (math.Log10(seconds(d)) - float64(a.low)) / float64(a.high-a.low)
}

// quantileNames are the marks of the lower axis.
func (a axes) quantileNames() []string {
	names := []string{"p0", "p90", "p99"}
	for name := "p99.9"; len(names) <= int(a.nines); name += "9" {
		names = append(names, name)
	}
	return names[:int(a.nines)+1]
}

// powerName is a power of ten of a second.
func powerName(power int) string {
	return time.Duration(math.Round(math.Pow(10, float64(power)) * float64(time.Second))).String()
}
