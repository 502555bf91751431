package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (v *benchView) screen(wide bool) screen {
	s := screen{above: v.Settings.title() + "\n" + v.Settings.loop() + "\n\n"}
	s.rows = [][]string{{"", "COUNT", "PER SECOND", "P50 MS", "P90 MS", "P99 MS", "P99.9 MS", "MAX MS"}}
	if v.Load != nil {
		l := *v.Load.latency("all")
		l.Op = "load"
		s.rows = append(s.rows, l.row())
	}
	var below strings.Builder
	below.WriteString("\n")
	if v.Run != nil {
		for _, l := range v.Run.Latencies {
			if l.Op != "all" || len(v.Run.Latencies) > 2 {
				s.rows = append(s.rows, l.row())
			}
		}
	}
	if len(s.rows) == 1 { // nothing but the heading
		s.rows = nil
	}
	v.tellPhase(&below, "load", v.Load)
	v.tellPhase(&below, "run", v.Run)
	below.WriteString(v.Checks.text() + "\n")
	if v.Cleaned != nil {
		below.WriteString(v.Cleaned.text() + "\n")
	}
	below.WriteString(v.interruptedText())
	if v.Compared != nil {
		below.WriteString("\n" + v.Compared.text())
	}
	if wide && v.Run != nil {
		below.WriteString("\n" + v.plot)
	}
	s.below = below.String()
	return s
}

// interruptedText says what is left of a bench that was interrupted.
func (v *benchView) interruptedText() string {
	text := ""
	switch {
	case !v.Interrupted:
		return ""
	case v.measures && v.Run == nil:
		text = "interrupted before it measured: nothing was measured"
	default:
		text = "interrupted: the figures are of the part that was done"
	}
	if v.cutOff > 0 {
		text += fmt.Sprintf("; what it cut off (%s under way) is not counted", counted(int(v.cutOff), "operation"))
	}
	return text + "\n"
}

// title is the workload in one line.
func (s *benchSettings) title() string {
	spread := s.Spread
	if s.Skew > 0 {
		spread += " " + strconv.FormatFloat(s.Skew, 'f', -1, 64)
	}
	name := "workload " + s.Workload
	if strings.Contains(s.Workload, "=") {
		name = "own workload"
	}
	return fmt.Sprintf("%s: %s   %s   %s keys of %s, values of %s", name, s.Shares, spread, grouped(s.Keys), counted(s.KeySize, "byte"), counted(s.ValueSize, "byte"))
}

// loop is how it was asked, and whom.
func (s *benchSettings) loop() string {
	how := "closed loop"
	if s.Loop == "open" {
		how = "open loop, " + strconv.FormatFloat(s.Rate, 'f', -1, 64) + "/s"
	}
	return fmt.Sprintf("%s: %s x %d in flight   reads %s, writes %s   %s, %s", how, counted(s.Clients, "client"), s.Depth, s.Reads, s.Writes,
		counted(s.Nodes, "node"), copiesText(s.Copies))
}

func copiesText(n int) string {
	if n == 1 {
		return "1 copy"
	}
	return fmt.Sprintf("%d copies", n)
}

func (l *benchLatency) row() []string {
	row := []string{l.Op, grouped(int(l.Count)), grouped(int(l.PerSecond))}
	for _, ms := range []float64{l.P50MS, l.P90MS, l.P99MS, l.P999MS, l.MaxMS} {
		row = append(row, threeDigits(ms))
	}
	return row
}

// generatorBusy is the share of all cores from which on this process may be what
// limits the figures.
const generatorBusy = 0.7

// tellPhase adds what became of all operations of a phase.
func (v *benchView) tellPhase(b *strings.Builder, name string, p *benchPhase) {
	if p == nil {
		return
	}
	fmt.Fprintf(b, "%-5s %s operations in %.1fs: %s done, %s late, %s refused, %s in doubt, %s failed, %s silent\n", name, groupedU(p.Offered), p.ElapsedMS/1000,
		groupedU(p.Done), groupedU(p.Late), groupedU(p.Refused), groupedU(p.InDoubt), groupedU(p.Failed), groupedU(p.Silent))
	for _, code := range slices.Sorted(maps.Keys(p.Codes)) {
		if code != "OK" {
			fmt.Fprintf(b, "      %s %s\n", code, groupedU(p.Codes[code]))
		}
	}
	if p != v.Run {
		return
	}
	fmt.Fprintf(b, "      the generator took %.2f of %d cores, %s us an operation, and started operations up to %s ms late; %s sent again\n",
		p.CPUCores, p.Cores, threeDigits(p.CPUUS), threeDigits(p.LagMaxMS), groupedU(p.Retries))
	if p.CPUCores > generatorBusy*float64(p.Cores) {
		b.WriteString("      it may be the generator that limits these figures: use more cores, or more machines\n")
	}
}

// text is the findings as a sentence.
func (c *benchCounts) text() string {
	text := fmt.Sprintf("checks %s answers of all phases: ", groupedU(c.Answers))
	if c.broken() == 0 {
		text += "all hold what they promise"
	} else {
		text += fmt.Sprintf("%s BROKEN: %s stale, %s wrong values, %s short of acknowledgements, %s at another level, %s with another version", groupedU(c.broken()),
			groupedU(c.Stale), groupedU(c.WrongValues), groupedU(c.Short), groupedU(c.OtherLevel), groupedU(c.OtherStamp))
	}
	for _, n := range []struct {
		count uint64
		what  string
	}{
		{c.Behind, "reads were behind, as these levels allow"}, {c.Absent, "reads found no key"},
		{c.Superseded, "writes lost to a higher version"}, {c.Buried, "modifications replaced what they had not read"},
	} {
		if n.count > 0 {
			text += fmt.Sprintf("; %s %s", groupedU(n.count), n.what)
		}
	}
	return text
}

func (c *benchCleaned) text() string {
	text := fmt.Sprintf("clean %s keys deleted, ", groupedU(c.Deleted))
	if c.NotDeleted > 0 {
		text += groupedU(c.NotDeleted) + " were not, "
	}
	text += fmt.Sprintf("%s left under the prefix", counted(c.Left, "key"))
	if c.LeftUnknown {
		text += ", and perhaps more: not all partitions could be read"
	}
	return text + "; the tombstones go once all replicas are proved to have them"
}

// latencyText is a duration in milliseconds with three digits, or all before the
// point.
func latencyText(d time.Duration) string { return threeDigits(benchMillis(d)) }

func threeDigits(x float64) string {
	switch {
	case x >= 100:
		return grouped(int(x + 0.5))
	case x >= 10:
		return strconv.FormatFloat(x, 'f', 1, 64)
	case x >= 1:
		return strconv.FormatFloat(x, 'f', 2, 64)
	}
	return strconv.FormatFloat(x, 'f', 3, 64)
}
