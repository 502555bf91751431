package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/candordb/candor/bench/primitive"
	"github.com/candordb/candor/bench/trial"
)

// Goal is one of the project's goals for speed.
type Goal struct {
	ID, Text, Must, Stretch string
	Parts                   []Part // none: it is not measured here
	// Elsewhere is the command that measures it, or why nothing does.
	Elsewhere string
}

// Part is a figure of a goal and its bounds. A goal is met if all its parts are.
type Part struct {
	Label         string
	Least         bool // the figure has to be at least that; else at most
	Must, Stretch float64
	Unit          string // "": a ratio
	value         func(*Report) (Spread, string)
}

// Verdict is what became of a part.
type Verdict int

// The verdicts, from the worst.
const (
	Missed Verdict = iota
	Unmeasured
	Met
	Stretched
)

// String is the verdict in a word.
func (v Verdict) String() string {
	return [...]string{"missed", "not measured", "met", "stretch"}[v]
}

// Reached is the figure of a part, whether that is enough, and what is to be said of it.
func (p *Part) Reached(r *Report) (Spread, Verdict, string) {
	s, note := p.value(r)
	within := func(bound float64) bool {
		if p.Least {
			return s.Median >= bound
		}
		return s.Median <= bound
	}
	switch {
	case s.Count == 0:
		return s, Unmeasured, note
	case within(p.Stretch):
		return s, Stretched, note
	case within(p.Must):
		return s, Met, note
	}
	return s, Missed, note
}

// ratioTo is a metric of Candor divided by that of a peer.
func ratioTo(peer, class string, nodes int, cell string, m metric) func(*Report) (Spread, string) {
	return of(peer, class, nodes, func(p *pair) Spread { return p.ratio(cell, m) })
}

// memtableBytes is how much Candor gathers in memory before it writes a table, and
// recordBytes what it stores beside key and value, about.
const (
	memtableBytes = 64 << 20
	recordBytes   = 40
)

// memtables is how many memory tables a round has filled on each node.
func memtables(r *trial.Round) float64 {
	return float64(r.Ops) * (logical(r, 1) + recordBytes) / memtableBytes
}

// sustained adds to a figure of that cell how many memory tables it stands for: it
// wants more than ten.
func sustained(value func(*Report) (Spread, string), peer, class string, nodes int) func(*Report) (Spread, string) {
	return func(r *Report) (Spread, string) {
		s, note := value(r)
		filled, _ := ownOf(peer, class, nodes, CellSustained, memtables)(r)
		if s.Count > 0 {
			note = strings.TrimPrefix(note+", "+digits(filled.Median)+" memory tables", ", ")
		}
		return s, note
	}
}

// ownOf is a metric of Candor's own, from a comparison.
func ownOf(peer, class string, nodes int, cell string, m metric) func(*Report) (Spread, string) {
	return of(peer, class, nodes, func(p *pair) Spread { return p.own(cell, theCandor, m) })
}

// of takes a figure from a comparison, and says if Candor was of another class.
func of(peer, class string, nodes int, figure func(*pair) Spread) func(*Report) (Spread, string) {
	return func(r *Report) (Spread, string) {
		p, other := r.find(peer, class, nodes)
		switch {
		case p == nil:
			return Spread{}, r.whyNot(peer)
		case other != "":
			return figure(p), "candor at " + other
		}
		return figure(p), ""
	}
}

// whyNot is why there are no figures of a peer.
func (r *Report) whyNot(peer string) string {
	for _, a := range r.Absent {
		if a.Peer == peer || strings.HasPrefix(a.Peer, peer+" (") {
			return "absent: " + a.Reason
		}
	}
	return "not asked for in this run"
}

// atLeast and atMost make parts.
func atLeast(label string, must, stretch float64, value func(*Report) (Spread, string)) Part {
	return Part{Label: label, Least: true, Must: must, Stretch: stretch, value: value}
}

func atMost(label string, must, stretch float64, value func(*Report) (Spread, string)) Part {
	return Part{Label: label, Must: must, Stretch: stretch, value: value}
}

// in gives a part its unit.
func (p Part) in(unit string) Part { p.Unit = unit; return p }

// efficiency is the sum of the primitives divided by what a cell costs. A coordinator
// that is a replica itself exchanges one pair of messages with the client, and one
// with each other replica that it asks; of the latter the servers pay both ends, of
// the former one. stored is how many copies are read or written.
func efficiency(cell string, exchanges, stored float64, engine string) func(*Report) (Spread, string) {
	return func(r *Report) (Spread, string) {
		p, other := r.find("echo", "D2", 3)
		if p == nil {
			return Spread{}, r.whyNot("echo")
		}
		e, measured := p.own(cell, thePeer, cpu), p.own(cell, theCandor, cpu)
		store, ok := r.primitiveOf(engine)
		codec, okToo := r.primitiveOf(primitive.Codec)
		if e.Count == 0 || measured.Count == 0 || !ok || !okToo {
			return Spread{}, "a primitive has no figure"
		}
		floor := exchanges*(e.Median+codec.CPU) + stored*store.CPU
		if other != "" {
			other = "candor at " + other
		}
		return Spread{floor / measured.Median, floor / measured.Max, floor / measured.Min, measured.Count}, other
	}
}

// overPrimitive is Candor's throughput on one node divided by that of a primitive.
func overPrimitive(cell, name string) func(*Report) (Spread, string) {
	return func(r *Report) (Spread, string) {
		f, ok := r.primitiveOf(name)
		if !ok {
			return Spread{}, "the primitive has no figure"
		}
		return ownOf("echo", "D2", 1, cell, func(one *trial.Round) float64 { return one.PerSecond * f.US / 1e6 })(r)
	}
}

// lessSyncs is the median latency of Candor without some syncs, divided by that of the echo.
func lessSyncs(cell string, syncs float64) func(*Report) (Spread, string) {
	return func(r *Report) (Spread, string) {
		f, ok := r.primitiveOf(primitive.Sync)
		p, other := r.find("echo", "D2", 3)
		if !ok || p == nil || other != "" {
			return Spread{}, r.whyNot("echo")
		}
		e := p.own(cell, thePeer, p50)
		return p.own(cell, theCandor, func(one *trial.Round) float64 { return max(one.P50-syncs*f.P50US, 0) / e.Median }), ""
	}
}

// logical is how many bytes of keys and values an operation has, on all copies.
func logical(r *trial.Round, copies int) float64 { return float64(copies * (16 + r.ValueSize)) }

// diskShare is how many bytes are on the disk for each one of keys and values, on one
// node. Of so few keys that they fit into one journal it says nothing.
func diskShare(r *trial.Round) float64 {
	all := float64(r.Keys) * logical(r, 1)
	if all < memtableBytes {
		return -1
	}
	return float64(r.DiskBytes) / all
}

// Goals are all of them.
func Goals() []Goal {
	return append(append(goalsOfPeers(), goalsOfMachine()...), goalsElsewhere()...)
}

func goalsOfPeers() []Goal {
	return []Goal{
		{ID: "P1", Text: "GET, 1 node, depth 16: throughput / redis", Must: ">= 1.0", Stretch: ">= 1.5", Parts: []Part{
			atLeast("", 1, 1.5, ratioTo("redis-off", "D1", 1, CellGet16, perSecond)),
		}},
		{ID: "P2", Text: "GET, 1 node, depth 1: CPU / redis", Must: "<= 1.25", Stretch: "<= 1.0", Parts: []Part{
			atMost("", 1.25, 1, ratioTo("redis-off", "D1", 1, CellGet1, cpu)),
		}},
		{ID: "P3", Text: "PUT, 1 node: CPU / redis with its log, equal classes", Must: "<= 1.5", Stretch: "<= 1.0", Parts: []Part{
			atMost("D1, burst", 1.5, 1, ratioTo("redis-everysec", "D1", 1, CellPut16, cpu)),
			atMost("D1, sustained", 1.5, 1, sustained(ratioTo("redis-everysec", "D1", 1, CellSustained, cpu), "redis-everysec", "D1", 1)),
			atMost("D2, burst", 1.5, 1, ratioTo("redis-always", "D2", 1, CellPut16, cpu)),
			atMost("D2, sustained", 1.5, 1, sustained(ratioTo("redis-always", "D2", 1, CellSustained, cpu), "redis-always", "D2", 1)),
		}},
		{ID: "P4", Text: "mixes A and B: throughput / Olric", Must: ">= 3", Stretch: ">= 6", Parts: []Part{
			atLeast("A", 3, 6, ratioTo("olric", "D1", 3, CellA16, perSecond)),
			atLeast("B", 3, 6, ratioTo("olric", "D1", 3, CellB16, perSecond)),
		}},
		{ID: "P5", Text: "mixes A and B: throughput / Dynomite", Must: ">= 1.5", Stretch: ">= 3", Parts: []Part{
			atLeast("A", 1.5, 3, ratioTo("dynomite", "D1", 3, CellA16, perSecond)),
			atLeast("B", 1.5, 3, ratioTo("dynomite", "D1", 3, CellB16, perSecond)),
		}},
		{ID: "P6", Text: "per CPU, 64 clients: NATS KV; etcd writes; etcd reads", Must: ">= 2; 3; 5", Stretch: "5; 10; 10", Parts: []Part{
			atLeast("NATS D1, PUT", 2, 5, ratioTo("nats", "D1", 3, CellPut1, perCPU)),
			atLeast("NATS D2, PUT", 2, 5, ratioTo("nats", "D2", 3, CellPut1, perCPU)),
			atLeast("etcd, PUT", 3, 10, ratioTo("etcd", "D2", 3, CellPut1, perCPU)),
			atLeast("etcd, GET", 5, 10, ratioTo("etcd", "D2", 3, CellGet1, perCPU)),
			atLeast("etcd, PUT, throughput", 3, 10, ratioTo("etcd", "D2", 3, CellPut1, perSecond)),
			atLeast("etcd, GET, throughput", 5, 10, ratioTo("etcd", "D2", 3, CellGet1, perSecond)),
		}},
		{ID: "P7", Text: "PUT / redis 1+2 with WAIT 1, D1: depth 16; depth 1", Must: ">= 0.7; 1.0", Stretch: "1.0; 1.0", Parts: []Part{
			atLeast("depth 16", 0.7, 1, ratioTo("redis-wait-everysec", "D1", 3, CellPut16, perSecond)),
			atLeast("depth 1", 1, 1, ratioTo("redis-wait-everysec", "D1", 3, CellPut1, perSecond)),
		}},
		{ID: "P8", Text: "mixes A and B / Cassandra 5: throughput; p99", Must: ">= 8; <= 0.2", Stretch: ">= 15", Parts: cassandra()},
	}
}

func cassandra() (all []Part) {
	for _, class := range []string{"D1", "D2"} {
		for _, cell := range []string{CellA16, CellB16} {
			all = append(all, atLeast(class+", "+cell, 8, 15, ratioTo("cassandra", class, 3, cell, perSecond)),
				atMost(class+", "+cell+", p99", 0.2, 0.2, ratioTo("cassandra", class, 3, cell, p99)))
		}
	}
	return all
}

func goalsOfMachine() []Goal {
	tail := func(m metric) func(*Report) (Spread, string) {
		return ownOf("echo", "D2", 3, CellHalf, m)
	}
	return []Goal{
		{ID: "P9", Text: "quorum operations per server core-second, depth 64, D2: mix B; PUT burst; PUT sustained", Must: "40k; 25k; 12.5k", Stretch: "100k; 60k; 25k", Parts: []Part{
			atLeast("B", 40e3, 100e3, ownOf("echo", "D2", 3, CellB64, perCPU)).in("/s"),
			atLeast("PUT burst", 25e3, 60e3, ownOf("echo", "D2", 3, CellPut64, perCPU)).in("/s"),
			atLeast("PUT sustained", 12.5e3, 25e3, sustained(ownOf("echo", "D2", 3, CellSustained, perCPU), "echo", "D2", 3)).in("/s"),
		}},
		{ID: "P10", Text: "efficiency: primitives / measured CPU, depth 16", Must: ">= 0.60", Stretch: ">= 0.80", Parts: []Part{
			atLeast("GET", 0.6, 0.8, efficiency(CellGet16, 3, 2, primitive.LevelDBGet)),
			atLeast("PUT", 0.6, 0.8, efficiency(CellPut16, 5, 3, primitive.LevelDBSynced)),
		}},
		{ID: "P11", Text: "PUT, 1 node, depth 64 / raw goleveldb batches, D2", Must: ">= 0.6", Stretch: ">= 0.8", Parts: []Part{
			atLeast("", 0.6, 0.8, overPrimitive(CellPut64, primitive.LevelDBSynced)),
		}},
		{ID: "P12", Text: "p50 at 10 % load / echo: GET one; GET; PUT D1; PUT D2 less 2 syncs", Must: "<= 1.3; 2.5; 2.8; 2.8", Stretch: "1.15; 2.2; 2.4; 2.4 and 1.5 syncs", Parts: []Part{
			atMost("GET one", 1.3, 1.15, ratioTo("echo", "D2", 3, CellTenthOne, p50)),
			atMost("GET", 2.5, 2.2, ratioTo("echo", "D2", 3, CellTenthGet, p50)),
			atMost("PUT D1", 2.8, 2.4, func(r *Report) (Spread, string) {
				if _, other := r.find("echo", "D1", 3); other != "" {
					return Spread{}, "candor has no class D1 in this run"
				}
				return ratioTo("echo", "D1", 3, CellTenthPut, p50)(r)
			}),
			atMost("PUT D2", 2.8, 2.4, lessSyncs(CellTenthPut, 2)),
		}},
		{ID: "P13", Text: "mix A at 50 % load: p99 / p50; p99.9 / p50; longest gap", Must: "<= 5; 15; 100 ms", Stretch: "3; 8; 50 ms", Parts: []Part{
			atMost("p99 / p50", 5, 3, tail(func(r *trial.Round) float64 { return r.P99 / r.P50 })),
			atMost("p99.9 / p50", 15, 8, tail(func(r *trial.Round) float64 { return r.P999 / r.P50 })),
			atMost("gap", 100, 50, tail(func(r *trial.Round) float64 { return r.GapMS })).in(" ms"),
		}},
		{ID: "P19", Text: "disk bytes / logical bytes; write amplification, 1 node, sustained overwrites", Must: "<= 1.4; 8", Stretch: "1.2; 5", Parts: []Part{
			atMost("disk", 1.4, 1.2, sustained(ownOf("echo", "D2", 1, CellSustained, diskShare), "echo", "D2", 1)),
			atMost("amplification", 8, 5, sustained(ownOf("echo", "D2", 1, CellSustained, func(r *trial.Round) float64 { return r.Written / logical(r, 1) }), "echo", "D2", 1)),
		}},
		{ID: "P20", Text: "3 nodes, depth 16: allocations per operation; GC share of CPU; calls of read and write per operation", Must: "<= 2; 3 %; 0.8", Stretch: "0.5; 1 %; 0.5", Parts: []Part{
			atMost("GET, allocations", 2, 0.5, ownOf("echo", "D2", 3, CellGet16, func(r *trial.Round) float64 { return r.Allocations })).in("/op"),
			atMost("PUT, allocations", 2, 0.5, ownOf("echo", "D2", 3, CellPut16, func(r *trial.Round) float64 { return r.Allocations })).in("/op"),
			atMost("PUT, GC", 3, 1, ownOf("echo", "D2", 3, CellPut16, func(r *trial.Round) float64 { return 100 * r.GCShare })).in(" %"),
			atMost("GET, calls", 0.8, 0.5, ownOf("echo", "D2", 3, CellGet16, func(r *trial.Round) float64 { return r.Calls })).in("/op"),
			atMost("PUT, calls", 0.8, 0.5, ownOf("echo", "D2", 3, CellPut16, func(r *trial.Round) float64 { return r.Calls })).in("/op"),
		}},
		{ID: "prototype", Text: "3 nodes, 64 clients: PUT and GET per second, against a quorum of 200 lines without failure handling (17.8k, 37.9k on two cores)", Must: ">= 17.8k; 37.9k", Parts: []Part{
			atLeast("PUT", 17.8e3, 2*17.8e3, ownOf("echo", "D2", 3, CellPut1, perSecond)).in("/s"),
			atLeast("GET", 37.9e3, 2*37.9e3, ownOf("echo", "D2", 3, CellGet1, perSecond)).in("/s"),
		}},
	}
}

func goalsElsewhere() []Goal {
	return []Goal{
		{ID: "P14", Text: "syncs stretched to 5 ms, 64 writers: p50 / sync; writes per sync / in flight", Must: "<= 2.5; >= 0.4", Stretch: "1.8; 0.8",
			Elsewhere: "`go test -run '^$' -bench StretchedSync -benchtime 5s ./storage`, which has given 2.1 and 0.50"},
		{ID: "P15", Text: "hint replay / highest ingest; foreground p99 meanwhile", Must: ">= 0.6; <= 1.5x", Stretch: ">= 0.8", Elsewhere: "`scripts/accept -only replay`"},
		{ID: "P16", Text: "anti-entropy, 1M keys: in sync, per pair; d differences", Must: "64 KB, 20 ms; 3 KB x d + 64 KB", Stretch: "0.1 KB x d", Elsewhere: "`go test -run '^$' -bench 'PairInSync|ScatteredDifferences' ./repair`; ten times the keys: `scripts/accept -only sync`"},
		{ID: "P17", Text: "CPU of a PUT with trees / without", Must: "<= 1.05", Stretch: "<= 1.02", Elsewhere: "`go test -run '^$' -bench TreesInAPut ./node`"},
		{ID: "P18", Text: "memory per additional million keys", Must: "<= 6 MB", Stretch: "<= 3 MB", Elsewhere: "`scripts/accept -only memory`, with small caches: these and the memory tables are what it holds besides, and their size is a setting"},
		{ID: "P21", Text: "owners of a key; memory of the ring; new epoch applied; gossip per node at 1,000", Must: "100 ns; 5 MB; 20 ms; 5 KB/s", Stretch: "30 ns; 1 MB; 2 ms; 3 KB/s", Elsewhere: "`go test -run '^$' -bench 'Owners|NewView' -benchmem ./ring`; gossip at 1,000 nodes is an estimate"},
		{ID: "P22", Text: "range streaming / min(iterate, ingest)", Must: ">= 0.6", Stretch: ">= 0.8", Elsewhere: "not measured: ranges are not streamed between nodes by anything that can be started by itself"},
	}
}

// Row is a goal in the table: what was reached, in words, and the verdict.
func (g *Goal) Row(r *Report) (reached string, verdict Verdict) {
	if len(g.Parts) == 0 {
		return "not measured here", Unmeasured
	}
	verdict = Stretched
	var texts, notes []string
	for i := range g.Parts {
		p := &g.Parts[i]
		s, v, note := p.Reached(r)
		text := p.text(s)
		if note != "" {
			text += " (" + note + ")"
		}
		if p.Label != "" {
			text = p.Label + " " + text
		}
		if len(g.Parts) > 1 {
			text += ": " + v.String()
		}
		texts, notes = append(texts, text), append(notes, note)
		verdict = min(verdict, v)
	}
	if g.unmeasured(r) && len(slices.Compact(notes)) == 1 {
		return notes[0], verdict // once is enough
	}
	return strings.Join(texts, "; "), verdict
}

// unmeasured says whether no part has a figure.
func (g *Goal) unmeasured(r *Report) bool {
	return !slices.ContainsFunc(g.Parts, func(p Part) bool { _, v, _ := p.Reached(r); return v != Unmeasured })
}

// text is a figure with its unit, and its least and largest.
func (p *Part) text(s Spread) string {
	if s.Count == 0 {
		return "-"
	}
	return fmt.Sprintf("%s%s (%s to %s)", digits(s.Median), p.Unit, digits(s.Min), digits(s.Max))
}
