package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/candordb/candor/bench/primitive"
	"github.com/candordb/candor/bench/trial"
)

// Markdown is the page. plots are the names of the files that PlotSVG made, by pair.
func (r *Report) Markdown(plots map[string]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", r.Machine.Name)
	b.WriteString("Candor against its peers and against the machine, in one run of `scripts/bench`. How it is measured, and what the words\nmean: `docs/PERFORMANCE.md`, \"Against its peers\".\n\n")
	r.machine(&b)
	r.goals(&b)
	r.comparisons(&b, plots)
	r.primitives(&b)
	r.absent(&b)
	b.WriteString(notReachable)
	return b.String()
}

// notReachable is said in every report.
const notReachable = `## What cannot be reached

Two goals that others reach are out of reach, as they give up disk, quorum or versions for it: the CPU of a GET that is not
pipelined, of a cache in C that keeps nothing on a disk; and Redis with replicas, without a quorum for each request, in deep pipelines.
`

// table writes rows of cells, the first of them the head.
func table(b *strings.Builder, rows [][]string) {
	for i, row := range rows {
		b.WriteString("|")
		for _, cell := range row {
			b.WriteString(" " + strings.ReplaceAll(cell, "|", "\\|") + " |")
		}
		b.WriteString("\n")
		if i == 0 {
			b.WriteString(strings.Repeat("|---", len(row)) + "|\n")
		}
	}
	b.WriteString("\n")
}

func (r *Report) machine(b *strings.Builder) {
	m := &r.Machine
	b.WriteString("## The machine\n\n")
	rows := [][]string{{"", ""}}
	for _, f := range [][2]string{
		{"date", m.Date}, {"cores", strconv.Itoa(m.Cores)}, {"processor", m.CPU}, {"memory", m.Memory}, {"kernel", m.Kernel},
		{"file system of the data", m.Disk}, {"Go", m.Go}, {"commit", m.Commit}, {"command", "`" + m.Command + "`"},
	} {
		rows = append(rows, []string{f[0], f[1]})
	}
	var names []string
	for name := range m.Versions { // the order does not matter: they are sorted
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		rows = append(rows, []string{name, m.Versions[name]})
	}
	table(b, rows)
	b.WriteString("Clients, servers and loopback share these cores, and all nodes of a cluster share one disk.\n\n")
}

func (r *Report) goals(b *strings.Builder) {
	b.WriteString("## Goals\n\nRatios are medians of the rounds, with the least and the largest. A goal is met if all its parts are.\n\n")
	rows := [][]string{{"#", "goal", "must", "stretch", "reached", "verdict", "by which command"}}
	goals := Goals()
	slices.SortStableFunc(goals, func(a, b Goal) int { return number(a.ID) - number(b.ID) })
	for i := range goals {
		g := &goals[i]
		reached, verdict := g.Row(r)
		command := g.Elsewhere
		if command == "" {
			command = "`scripts/bench`"
		}
		rows = append(rows, []string{g.ID, g.Text, g.Must, g.Stretch, reached, verdict.String(), command})
	}
	table(b, rows)
}

// number is that of a goal; what has none comes last.
func number(id string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(id, "P"))
	if err != nil {
		return 1000
	}
	return n
}

func (r *Report) comparisons(b *strings.Builder, plots map[string]string) {
	for _, p := range r.pairs() {
		fmt.Fprintf(b, "## %s\n\n", p.name)
		for _, note := range p.notes(r) {
			b.WriteString(note + "\n\n")
		}
		rows := [][]string{{"cell", "peer/s", "Candor/s", "throughput, ratio", "peer CPU-us", "Candor CPU-us", "CPU, ratio", "peer p50, p99 us", "Candor p50, p99 us", "p99, ratio", "rounds"}}
		for _, cell := range p.cells {
			ratio := p.ratio(cell, perSecond)
			rows = append(rows, []string{
				cell,
				digits(p.own(cell, thePeer, perSecond).Median), digits(p.own(cell, theCandor, perSecond).Median), ratioText(ratio),
				p.median(cell, thePeer, cpu), p.median(cell, theCandor, cpu), ratioText(p.ratio(cell, cpu)),
				p.median(cell, thePeer, p50) + ", " + p.median(cell, thePeer, p99), p.median(cell, theCandor, p50) + ", " + p.median(cell, theCandor, p99), ratioText(p.ratio(cell, p99)),
				strconv.Itoa(ratio.Count),
			})
		}
		table(b, rows)
		p.details(b)
		if name := plots[p.name]; name != "" {
			fmt.Fprintf(b, "![latency by percentile](%s)\n\n", name)
		}
	}
}

// notes are what has to be known of a pair before its figures are read.
func (p *pair) notes(r *Report) (all []string) {
	peer, own := p.of(thePeer), p.of(theCandor)
	if peer != nil && peer.Library {
		all = append(all, peer.Peer+" is asked by its own client library, one request at a time for each place.")
	}
	if peer != nil && own != nil && peer.Class != own.Class {
		all = append(all, fmt.Sprintf("The classes differ: an acknowledged write of the peer is %s, one of Candor %s.", peer.Class, own.Class))
	}
	for _, one := range r.Rounds {
		if share := one.Faults(); one.Comparison == p.name && share > 0.01 {
			all = append(all, fmt.Sprintf("Round %d, %s, %s: %.0f %% of the requests were not done; what they cost is counted to those that were.", one.Round, one.Peer, one.Cell, 100*share))
		}
		if one.Comparison == p.name && one.Failure != "" {
			all = append(all, fmt.Sprintf("Round %d, %s, %s: %s", one.Round, one.Peer, one.Cell, strings.ReplaceAll(strings.TrimSpace(one.Failure), "\n", " ")))
		}
	}
	return all
}

// details are the other figures of both sides.
func (p *pair) details(b *strings.Builder) {
	rows := [][]string{{"cell", "of", "p90", "p99.9", "max us", "cores", "client CPU-us", "switches", "r/w calls", "written B", "allocs", "RSS MiB", "lag p99 us", "others' cores", "steal %", "not done"}}
	for _, cell := range p.cells {
		for _, side := range []int{thePeer, theCandor} {
			one := p.newest(cell, side)
			if one == nil {
				continue
			}
			m := func(f metric) string { return p.median(cell, side, f) }
			rows = append(rows, []string{
				cell, one.Peer,
				m(func(r *trial.Round) float64 { return r.P90 }), m(func(r *trial.Round) float64 { return r.P999 }), m(func(r *trial.Round) float64 { return r.Max }),
				m(func(r *trial.Round) float64 { return r.Cores }), m(func(r *trial.Round) float64 { return r.ClientCPU }),
				m(func(r *trial.Round) float64 { return r.Switches }), m(func(r *trial.Round) float64 { return r.Calls }), m(func(r *trial.Round) float64 { return r.Written }),
				m(func(r *trial.Round) float64 { return r.Allocations }), m(func(r *trial.Round) float64 { return float64(r.Resident) / (1 << 20) }),
				m(lag), m(func(r *trial.Round) float64 { return r.OtherCores }), m(func(r *trial.Round) float64 { return 100 * r.Steal }),
				p.notDone(cell, side),
			})
		}
	}
	b.WriteString("Each operation, median of the rounds; `-` is what could not be had:\n\n")
	table(b, rows)
}

// lag is by how much requests of an open loop were started late.
func lag(r *trial.Round) float64 {
	if r.Offered == 0 {
		return -1
	}
	return r.LagUS
}

// notDone are the answers of all rounds that were not done, by what they were.
func (p *pair) notDone(cell string, side int) string {
	sums := make(map[string]uint64)
	for _, both := range p.rounds[cell] { // the order does not matter: they are added up
		one := both[side]
		if one == nil {
			continue
		}
		for outcome, n := range one.Outcomes { // nor does it here
			if outcome != "done" {
				sums[outcome] += n
			}
		}
		if one.Silent > 0 {
			sums["silent"] += one.Silent
		}
	}
	var texts []string
	for outcome, n := range sums { // nor here: they are sorted
		texts = append(texts, fmt.Sprintf("%d %s", n, outcome))
	}
	if texts == nil {
		return "0"
	}
	slices.Sort(texts)
	return strings.Join(texts, ", ")
}

func (p *pair) median(cell string, side int, m metric) string {
	s := p.own(cell, side, m)
	if s.Count == 0 {
		return "-"
	}
	return digits(s.Median)
}

func ratioText(s Spread) string {
	if s.Count == 0 {
		return "-"
	}
	return fmt.Sprintf("**%s** (%s to %s)", digits(s.Median), digits(s.Min), digits(s.Max))
}

func (r *Report) primitives(b *strings.Builder) {
	if len(r.Primitives) == 0 {
		return
	}
	b.WriteString("## Primitives\n\n")
	rows := [][]string{{"what", "us", "CPU-us", "p50, p99 us"}}
	for _, f := range r.Primitives {
		quantiles := "-"
		if f.P50US > 0 {
			quantiles = digits(f.P50US) + ", " + digits(f.P99US)
		}
		rows = append(rows, []string{f.Name, digits(f.US), digits(f.CPU), quantiles})
	}
	table(b, rows)
	fmt.Fprintf(b, "The echo is a peer of its own, above. %s: batches of %d records.\n\n", primitive.LevelDBSynced, primitive.BatchRecords)
}

func (r *Report) absent(b *strings.Builder) {
	if len(r.Absent) == 0 {
		return
	}
	b.WriteString("## Absent\n\n")
	rows := [][]string{{"peer", "why"}}
	for _, a := range r.Absent {
		rows = append(rows, []string{a.Peer, "absent: " + a.Reason})
	}
	table(b, rows)
}

// digits writes a figure with three digits that count.
func digits(v float64) string {
	switch a := max(v, -v); {
	case a >= 100 || a == 0:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a >= 0.01:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'g', 2, 64)
}
