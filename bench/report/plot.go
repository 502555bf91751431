package report

import (
	"strings"

	"github.com/candordb/candor/load"
)

// curvesMax is how many curves a plot can tell apart.
const curvesMax = 6

// Plot is a picture.
type Plot struct {
	Pair string // the comparison
	Name string // of its file
	SVG  string
}

// Plots are the latencies of each comparison, by percentile: of the last rounds of the
// first cells that both sides have.
func (r *Report) Plots() (all []Plot) {
	for _, p := range r.pairs() {
		var curves []load.Curve
		for _, cell := range p.cells {
			a, b := p.newest(cell, thePeer), p.newest(cell, theCandor)
			if len(curves)+2 > curvesMax || a == nil || b == nil || !a.Good() || !b.Good() {
				continue
			}
			curves = append(curves, a.LatencyCurve(short(a.Peer)+" "+cell), b.LatencyCurve("candor "+cell))
		}
		if len(curves) > 0 {
			all = append(all, Plot{p.name, fileName(p.name) + ".svg", load.PlotSVG("Latency by percentile: "+p.name, curves)})
		}
	}
	return all
}

// short is the first word of a name: the room beside a plot is small.
func short(name string) string {
	first, _, _ := strings.Cut(name, "-")
	return first
}

// fileName is a name of letters, digits and dashes.
func fileName(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') })
	return strings.Join(words, "-")
}
