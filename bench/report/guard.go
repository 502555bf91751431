package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/candordb/candor/bench/primitive"
)

// floorShare is how much of what was reached is the floor.
const floorShare = 0.8

// guarded are the ratios that must not fall: all of Candor against the machine,
// in cells of seconds. More is better.
func guarded() []Part {
	return []Part{
		atLeast("GET d16, 3 nodes: throughput / echo", 0, 0, ratioTo("echo", "D2", 3, CellGet16, perSecond)),
		atLeast("PUT d16, 3 nodes: throughput / echo", 0, 0, ratioTo("echo", "D2", 3, CellPut16, perSecond)),
		atLeast("GET d16, 3 nodes: primitives / CPU (P10)", 0.6, 0.8, efficiency(CellGet16, 3, 2, primitive.LevelDBGet)),
		atLeast("PUT d16, 3 nodes: primitives / CPU (P10)", 0.6, 0.8, efficiency(CellPut16, 5, 3, primitive.LevelDBSynced)),
		atLeast("GET d16, 1 node: throughput / echo", 0, 0, ratioTo("echo", "D2", 1, CellGet16, perSecond)),
		atLeast("PUT d64, 1 node: throughput / goleveldb (P11)", 0.6, 0.8, overPrimitive(CellPut64, primitive.LevelDBSynced)),
	}
}

// Floors are the least that each guarded ratio may be, by its label.
type Floors map[string]float64

// FloorsOf are floors under what a run has reached.
func FloorsOf(r *Report) Floors {
	f := make(Floors)
	for _, p := range guarded() {
		if s, _, _ := p.Reached(r); s.Count > 0 {
			f[p.Label] = math.Floor(s.Median*floorShare*1000) / 1000
		}
	}
	return f
}

// Judge holds a run to its floors. It returns a table, and whether all hold. A ratio
// without a figure does not hold; one without a floor is told, and holds.
func (f Floors) Judge(r *Report) (text string, hold bool) {
	hold = true
	var b strings.Builder
	fmt.Fprintf(&b, "%-48s %9s %9s %9s\n", "ratio", "reached", "floor", "goal")
	for _, p := range guarded() {
		s, _, note := p.Reached(r)
		floor, known := f[p.Label]
		goal := "-"
		if p.Must > 0 {
			goal = digits(p.Must)
		}
		verdict := "ok"
		switch {
		case s.Count == 0:
			verdict, hold = "no figure: "+note, false
		case !known:
			verdict = "no floor yet"
		case s.Median < floor:
			verdict, hold = "BELOW THE FLOOR", false
		}
		fmt.Fprintf(&b, "%-48s %9s %9s %9s  %s\n", p.Label, digits(s.Median), digits(floor), goal, verdict)
	}
	return b.String(), hold
}
