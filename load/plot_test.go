package load

import (
	"encoding/xml"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// curveOf is the curve of some latencies.
func curveOf(name string, all ...time.Duration) Curve {
	var h Histogram
	for _, d := range all {
		h.Record(d)
	}
	return h.Curve(name)
}

// A curve rises, ends with the slowest of all, and has a point for each nine that
// there are requests for.
func TestCurvesRise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.Int64Range(0, int64(time.Minute)), 1, 300).Draw(t, "durations")
		var h Histogram
		for _, d := range all {
			h.Record(time.Duration(d))
		}
		points := h.Curve("get").Points
		for i := 1; i < len(points); i++ {
			if points[i].Quantile <= points[i-1].Quantile || points[i].Latency < points[i-1].Latency {
				t.Fatalf("%+v behind %+v", points[i], points[i-1])
			}
		}
		if last := points[len(points)-1]; last.Quantile != 1 || last.Latency != h.Max() {
			t.Fatalf("it ends with %+v, the slowest is %v", last, h.Max())
		}
		if want := int(math.Log10(float64(len(all)))*stepsPerNine+1e-9) + 2; len(points) < want-1 || len(points) > want {
			t.Fatalf("%d points of %d durations, want %d", len(points), len(all), want)
		}
	})
}

// An SVG is well formed whatever the names, and each point is inside it.
func TestSVGIsWellFormed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var curves []Curve
		for range rapid.IntRange(0, 8).Draw(t, "curves") {
			all := rapid.SliceOfN(rapid.Int64Range(0, math.MaxInt64), 0, 30).Draw(t, "durations")
			var h Histogram
			for _, d := range all {
				h.Record(time.Duration(d))
			}
			curves = append(curves, h.Curve(rapid.StringN(1, 5, -1).Draw(t, "name")))
		}
		text := PlotSVG(rapid.SampledFrom([]string{"", "a < b & \"c\"", "</text>"}).Draw(t, "title"), curves)
		d := xml.NewDecoder(strings.NewReader(text))
		lines := 0
		for {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			if e, is := token.(xml.StartElement); is && e.Name.Local == "polyline" {
				lines++
			}
		}
		drawn := 0
		for _, c := range curves {
			if len(c.Points) > 0 {
				drawn++
			}
		}
		if lines != drawn || strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
			t.Fatalf("%d lines for %d curves\n%s", lines, drawn, text)
		}
	})
}

func TestPlotText(t *testing.T) {
	var gets, puts []time.Duration
	for i := range 1000 {
		gets = append(gets, time.Duration(i+1)*time.Microsecond)
		puts = append(puts, 20*time.Millisecond)
	}
	want := `
   100ms |
         |
         |p p p p p p p p p p p p p p p p p p p p p p p p p
    10ms |
         |
     1ms |      g g g g g g g g g g g g g g g g g g g g g g
         |  g g
         |
   100µs |
         |
    10µs |
         |
     1µs |g
         |+---------------+---------------+---------------+
          p0              p90             p99             p99.9
`
	got := "\n" + PlotText([]Curve{curveOf("get", gets...), {Name: "nothing"}, curveOf("put", puts...)})
	if got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	for _, curves := range [][]Curve{nil, {curveOf("get", 0)}, {curveOf("get", math.MaxInt64)}} {
		if lines := strings.Count(PlotText(curves), "\n"); lines != plotRows+2 {
			t.Errorf("%d lines:\n%s", lines, PlotText(curves))
		}
	}
}
