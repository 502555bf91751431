package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/candordb/candor/verdict"
)

// nodeColumn is a column of the table of nodes. Where shown is nil it is there always.
type nodeColumn struct {
	name  string
	wide  bool // only in the wide table
	shown func(*statusView) bool
	cell  func(*statusView, *nodeStatus, statusMember) string
}

var nodeColumns = []nodeColumn{
	{name: "NODE", cell: func(_ *statusView, n *nodeStatus, _ statusMember) string { return n.Name }},
	{name: "STATE", cell: func(v *statusView, n *nodeStatus, m statusMember) string { return v.stateOf(n, m) }},
	{name: "ADDR", cell: func(_ *statusView, n *nodeStatus, _ statusMember) string { return n.Peer }},
	{name: "ZONE", cell: func(_ *statusView, n *nodeStatus, _ statusMember) string { return orDash(n.Zone) }},
	{name: "PARTITIONS", cell: func(_ *statusView, n *nodeStatus, _ statusMember) string { return grouped(n.Partitions) }},
	{name: "DATA", cell: func(_ *statusView, _ *nodeStatus, m statusMember) string { return m.data() }},
	{name: "KEYS", cell: func(_ *statusView, _ *nodeStatus, m statusMember) string {
		return figure(m, func(r *verdict.Report) verdict.Opt[uint64] { return r.Keys }, shortCount)
	}},
	{name: "HINTS FOR IT", cell: func(v *statusView, n *nodeStatus, _ statusMember) string { return v.hintsFor(n.ID) }},
	{name: "PHI", cell: func(_ *statusView, n *nodeStatus, _ statusMember) string { return n.phiText() }},
	{name: "P99 R/W", cell: func(_ *statusView, _ *nodeStatus, m statusMember) string { return m.p99() }},
	{name: "REPAIRED AS OF", cell: func(v *statusView, n *nodeStatus, m statusMember) string { return v.repairedAsOf(n, m) }},
	{name: "VERSION", cell: func(_ *statusView, _ *nodeStatus, m statusMember) string {
		return figure(m, func(r *verdict.Report) verdict.Opt[string] { return r.Version }, func(s string) string { return s })
	}},
	{name: "CLOCK", wide: true, cell: func(_ *statusView, _ *nodeStatus, m statusMember) string {
		return figure(m, func(r *verdict.Report) verdict.Opt[int64] { return r.OffsetMS }, func(ms int64) string { return fmt.Sprintf("%+dms", ms) })
	}},
	{name: "DISK", wide: true, cell: func(_ *statusView, _ *nodeStatus, m statusMember) string {
		return figure(m, func(r *verdict.Report) verdict.Opt[verdict.Disk] { return r.Disk }, func(d verdict.Disk) string {
			return sized(d.FreeBytes) + " free of " + sized(d.TotalBytes)
		})
	}},
	{name: "FSYNC P99", wide: true, cell: func(_ *statusView, _ *nodeStatus, m statusMember) string {
		return figure(m, func(r *verdict.Report) verdict.Opt[int64] { return r.FsyncP99US }, func(us int64) string { return fmt.Sprintf("%.1fms", float64(us)/1000) })
	}},
	{name: "UP FOR", wide: true, cell: func(_ *statusView, _ *nodeStatus, m statusMember) string {
		return figure(m, func(r *verdict.Report) verdict.Opt[int64] { return r.UptimeMS }, spanText)
	}},
	{name: "CLIENT", wide: true, cell: func(_ *statusView, n *nodeStatus, _ statusMember) string { return n.Client }},
	{name: "GOSSIP", wide: true, cell: func(_ *statusView, n *nodeStatus, _ statusMember) string { return n.GossipAddr }},
	{name: "ADMIN", wide: true, cell: func(_ *statusView, n *nodeStatus, _ statusMember) string { return n.HTTP }},
	{name: "ID", wide: true, cell: func(_ *statusView, n *nodeStatus, _ statusMember) string { return n.ID }},
	// Why a node is not as it should be.
	{name: "WHY", shown: func(v *statusView) bool {
		return slices.ContainsFunc(v.Nodes, func(n nodeStatus) bool { return v.whyOf(&n, v.member(&n)) != "" })
	}, cell: func(v *statusView, n *nodeStatus, m statusMember) string { return v.whyOf(n, m) }},
}

// nodeRows is the table of nodes.
func (v *statusView) nodeRows(wide bool) [][]string {
	columns := slices.DeleteFunc(slices.Clone(nodeColumns), func(c nodeColumn) bool {
		return c.wide && !wide || c.shown != nil && !c.shown(v)
	})
	rows := make([][]string, 1+len(v.Nodes))
	for _, c := range columns {
		rows[0] = append(rows[0], c.name)
	}
	for i := range v.Nodes {
		n := &v.Nodes[i]
		for _, c := range columns {
			rows[1+i] = append(rows[1+i], c.cell(v, n, v.member(n)))
		}
	}
	return rows
}

// statusMember is a node in the evidence; the zero one is not in it.
type statusMember struct{ *verdict.Member }

func (v *statusView) member(n *nodeStatus) statusMember {
	for i := range v.evidence.Members {
		if v.evidence.Members[i].ID == n.ID {
			return statusMember{&v.evidence.Members[i]}
		}
	}
	return statusMember{}
}

// unknownFigure stands for a figure that nobody has reported.
const unknownFigure = "?"

// figure is one of a node's report, in words.
func figure[T any](m statusMember, of func(*verdict.Report) verdict.Opt[T], text func(T) string) string {
	if m.Member != nil && m.Report != nil {
		if value, ok := of(m.Report).Get(); ok {
			return text(value)
		}
	}
	return unknownFigure
}

// p99 is within which time 99 of 100 reads, and writes, were answered that the node
// coordinated in the last minutes.
func (m statusMember) p99() string {
	read, write := unknownFigure, unknownFigure
	if m.Member != nil && m.Report != nil {
		read, write = millisText(m.Report.ReadP99US), millisText(m.Report.WriteP99US)
	}
	if read == unknownFigure && write == unknownFigure {
		return unknownFigure
	}
	return read + "/" + write + "ms"
}

// millisText is a time in microseconds as milliseconds, without the unit.
func millisText(us verdict.Opt[int64]) string {
	value, ok := us.Get()
	if !ok {
		return unknownFigure
	}
	return fmt.Sprintf("%.1f", float64(value)/1000)
}

// shortCount is a number, above a million in millions, rounded down.
func shortCount(n uint64) string {
	if n < 1_000_000 {
		return grouped(int(n))
	}
	return fmt.Sprintf("%d.%dM", n/1_000_000, n/100_000%10)
}

func (m statusMember) data() string {
	return figure(m, func(r *verdict.Report) verdict.Opt[int64] { return r.DataBytes }, sized)
}

// stateOf is the state of a node, with the time since when it does not answer.
func (v *statusView) stateOf(n *nodeStatus, m statusMember) string {
	state, quiet := v.stateWord(n, m)
	if !quiet {
		return state
	}
	now, timed := v.evidence.Time.Get()
	if since, ok := m.Since.Get(); ok && timed && now >= since {
		state += " " + spanText(int64(now)-int64(since))
	}
	return state
}

// stateWord is the state of a node, and whether that is that it does not answer.
func (v *statusView) stateWord(n *nodeStatus, m statusMember) (state string, quiet bool) {
	state = n.shownState()
	switch {
	case m.Member == nil:
		return state, false
	case m.Answer == verdict.Silent && state == "DOWN":
		return state, true
	case m.Answer == verdict.Silent:
		return "silent", true
	case m.Report == nil || state == "DOWN":
		return state, false
	}
	r := m.Report
	for _, s := range []struct {
		is   bool
		word string
	}{
		{known(r.Stopped) != "", "stopped"}, {known(r.Draining), "draining"}, {known(r.Fenced), "fenced"}, {len(known(r.Quarantine).Partitions) > 0, "rebuilding"},
	} {
		if s.is {
			return s.word, false
		}
	}
	return state, false
}

// whyOf is why a node is in the state that is shown; "" if it is up.
func (v *statusView) whyOf(n *nodeStatus, m statusMember) string {
	if m.Member == nil || m.Report == nil {
		return n.Error
	}
	quarantine := known(m.Report.Quarantine)
	switch _, compared := m.Report.OffsetMS.Get(); v.stateOf(n, m) {
	case "stopped":
		return known(m.Report.Stopped)
	case "fenced":
		if !compared {
			return "its clock was not compared with the others yet"
		}
		return "its clock is off by more than clock.max_drift"
	case "rebuilding":
		if quarantine.Waiting != "" {
			return "it waits: " + quarantine.Waiting
		}
		return quarantine.Why
	}
	return n.Error
}

// known is a figure, or the zero one where it is not known.
func known[T any](o verdict.Opt[T]) T {
	value, _ := o.Get()
	return value
}

// hintsFor counts the hints that all who report keep for a node.
func (v *statusView) hintsFor(id string) string {
	sum, reported := 0, false
	for i := range v.evidence.Members {
		r := v.evidence.Members[i].Report
		if r == nil {
			continue
		}
		hints, ok := r.Hints.Get()
		reported = reported || ok
		for _, h := range hints {
			if h.Target == id {
				sum += h.Count
			}
		}
	}
	switch {
	case !reported:
		return unknownFigure
	case sum == 0:
		return "-"
	}
	return grouped(sum)
}

// repairedAsOf is the oldest proof of all partitions of a node; a dash if it has none.
func (v *statusView) repairedAsOf(n *nodeStatus, m statusMember) string {
	if n.Partitions == 0 {
		return "-"
	}
	return figure(m, func(r *verdict.Report) verdict.Opt[verdict.Repair] { return r.Repair }, func(r verdict.Repair) string {
		oldest := verdict.Time(0)
		for i := range r.States {
			asOf, ok := r.States[i].AsOf.Get()
			if !ok {
				return unknownFigure
			}
			if oldest == 0 || asOf < oldest {
				oldest = asOf
			}
		}
		if oldest == 0 {
			return unknownFigure
		}
		return timeOfDay(oldest, known(v.evidence.Time))
	})
}

// timeOfDay is a time, with its date where that is not today's.
func timeOfDay(t, now verdict.Time) string {
	at, today := time.UnixMilli(int64(t)).UTC(), time.UnixMilli(int64(now)).UTC()
	if at.Format(time.DateOnly) == today.Format(time.DateOnly) {
		return at.Format("15:04:05Z")
	}
	return at.Format("2006-01-02T15:04:05Z")
}

// spanText is a length of time in milliseconds, in two units at most.
func spanText(ms int64) string {
	d := time.Duration(ms) * time.Millisecond
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd", int(d.Hours())/24)
}
