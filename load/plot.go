package load

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// The size of a plot in characters.
const (
	columnsPerNine = 16
	plotRows       = 13
)

// PlotText draws curves with characters: each point is the first letter of its
// curve's name, and * where two meet.
func PlotText(curves []Curve) string {
	a := axesOf(curves)
	width := int(a.nines)*columnsPerNine + 1
	grid := make([][]byte, plotRows)
	for i := range grid {
		grid[i] = []byte(strings.Repeat(" ", width))
	}
	for _, c := range a.curves {
		for _, p := range c.Points {
			cell := &grid[plotRows-1-int(a.y(p.Latency)*(plotRows-1)+0.5)][int(a.x(p.Quantile)*float64(width-1)+0.5)]
			if mark := c.Name[0]; *cell == ' ' || *cell == mark {
				*cell = mark
			} else {
				*cell = '*'
			}
		}
	}
	names := make([]string, plotRows)
	for power := a.low; power <= a.high; power++ {
		names[plotRows-1-(power-a.low)*(plotRows-1)/(a.high-a.low)] = powerName(power)
	}
	var b strings.Builder
	for i, line := range grid {
		b.WriteString(strings.TrimRight(fmt.Sprintf("%8s |%s", names[i], line), " ") + "\n")
	}
	b.WriteString(strings.Repeat(" ", 9) + "|+")
	b.WriteString(strings.Repeat(strings.Repeat("-", columnsPerNine-1)+"+", int(a.nines)) + "\n" + strings.Repeat(" ", 10))
	for _, name := range a.quantileNames() {
		fmt.Fprintf(&b, "%-*s", columnsPerNine, name)
	}
	return strings.TrimRight(b.String(), " ") + "\n"
}

// The size of a plot in pixels, and of its margins.
const (
	svgWidth, svgHeight = 760, 420
	svgLeft, svgTop     = 80, 50
	svgRight, svgBelow  = 130, 40
)

// strokes tell curves apart, by colour and by dashes.
var strokes = [kinds + 1]struct{ colour, dashes string }{
	{"#1f5fa8", "none"}, {"#c0392b", "8 3"}, {"#2e7d32", "3 3"}, {"#8e44ad", "12 3 3 3"}, {"#b9770e", "2 5"}, {"#16707f", "14 5"}, {"#444444", "6 6"},
}

// PlotSVG draws curves as an SVG document, without anything from elsewhere.
func PlotSVG(title string, curves []Curve) string {
	a := axesOf(curves)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n", svgWidth, svgHeight)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", svgWidth, svgHeight)
	svgText(&b, svgLeft/4, svgTop/2, "start", title)
	a.svgGrid(&b)
	for i, c := range a.curves {
		s := strokes[i%len(strokes)]
		b.WriteString(`<polyline fill="none" stroke="` + s.colour + `" stroke-width="2" stroke-dasharray="` + s.dashes + `" points="`)
		for _, p := range c.Points {
			fmt.Fprintf(&b, "%.1f,%.1f ", a.left(p.Quantile), a.top(a.y(p.Latency)))
		}
		b.WriteString(`"/>` + "\n")
		below := float64(svgTop + 20*i)
		fmt.Fprintf(&b, `<line x1="%d" x2="%d" y1="%.0f" y2="%.0f" stroke="%s" stroke-width="2" stroke-dasharray="%s"/>`+"\n",
			svgWidth-svgRight+15, svgWidth-svgRight+55, below, below, s.colour, s.dashes)
		svgText(&b, svgWidth-svgRight+62, below+4, "start", c.Name)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// svgGrid draws the lines behind the curves, and what they stand for.
func (a axes) svgGrid(b *strings.Builder) {
	line := func(x1, y1, x2, y2 float64) {
		fmt.Fprintf(b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#cccccc"/>`+"\n", x1, y1, x2, y2)
	}
	right := float64(svgWidth - svgRight)
	for power := a.low; power <= a.high; power++ {
		y := a.top(float64(power-a.low) / float64(a.high-a.low))
		line(svgLeft, y, right, y)
		svgText(b, svgLeft-8, y+4, "end", powerName(power))
	}
	for i, name := range a.quantileNames() {
		x := svgLeft + float64(i)/a.nines*(right-svgLeft)
		line(x, svgTop, x, svgHeight-svgBelow)
		svgText(b, x, svgHeight-svgBelow+18, "middle", name)
	}
}

func (a axes) left(quantile float64) float64 {
	return svgLeft + a.x(quantile)*(svgWidth-svgRight-svgLeft)
}

// top is the distance from the upper edge of what stands so high in the grid.
func (a axes) top(y float64) float64 { return svgHeight - svgBelow - y*(svgHeight-svgBelow-svgTop) }

func svgText(b *strings.Builder, x, y float64, anchor, text string) {
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="%s">`, x, y, anchor)
	_ = xml.EscapeText(b, []byte(text)) // a Builder does not fail
	b.WriteString("</text>\n")
}
