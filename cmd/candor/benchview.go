package main

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/candordb/candor/client"
	loadgen "github.com/candordb/candor/load"
)

// benchView is what a bench has found. Its JSON is what --compare reads; fields are
// only ever added.
type benchView struct {
	APIVersion  string         `json:"apiVersion"`
	Kind        string         `json:"kind"`
	Version     string         `json:"version"` // of this binary, not of the nodes
	At          string         `json:"at"`
	Settings    benchSettings  `json:"settings"`
	Load        *benchPhase    `json:"load,omitempty"`
	Run         *benchPhase    `json:"run,omitempty"`
	Checks      benchCounts    `json:"checks"`
	Cleaned     *benchCleaned  `json:"cleaned,omitempty"`
	Compared    *benchCompared `json:"compared,omitempty"`
	Interrupted bool           `json:"interrupted"`
	plot        string
	measures    bool   // it was to measure, not only to write the keys
	cutOff      uint64 // operations under way that the interrupt has ended
}

// benchSettings are what was asked for, and of which cluster. Two benches whose
// settings are equal can be compared.
type benchSettings struct {
	Workload  string      `json:"workload"`
	Shares    benchShares `json:"shares"`
	Spread    string      `json:"spread"`
	Skew      float64     `json:"skew,omitempty"` // of zipfian and latest
	Keys      int         `json:"keys"`
	KeySize   int         `json:"key_size"`
	ValueSize int         `json:"value_size"`
	ScanLimit int         `json:"scan_limit,omitempty"`
	Loop      string      `json:"loop"` // closed or open
	Rate      float64     `json:"rate,omitempty"`
	Clients   int         `json:"clients"`
	Depth     int         `json:"depth"`
	Reads     string      `json:"reads"` // level; default: the namespace's
	Writes    string      `json:"writes"`
	TimeoutMS float64     `json:"timeout_ms"`
	WarmupMS  float64     `json:"warmup_ms"`
	RunMS     float64     `json:"duration_ms"`
	Nodes     int         `json:"nodes"`
	Copies    int         `json:"copies"`
}

// benchShares are the shares of operations, in percent, by their names.
type benchShares map[string]int

// String is the shares in a sentence.
func (s benchShares) String() string {
	var all []string
	for _, kind := range loadgen.Kinds() {
		if share := s[kind.String()]; share > 0 {
			all = append(all, fmt.Sprintf("%s %d %%", kind, share))
		}
	}
	return strings.Join(all, ", ")
}

// benchPhase is a part of a bench: the writing of the keys, or the measuring. Each
// operation that was offered is in one of the six counts behind it.
type benchPhase struct {
	ElapsedMS float64           `json:"elapsed_ms"`
	Offered   uint64            `json:"offered"`
	Done      uint64            `json:"done"`
	Late      uint64            `json:"late"`
	Refused   uint64            `json:"refused"`
	InDoubt   uint64            `json:"in_doubt"`
	Failed    uint64            `json:"failed"`
	Silent    uint64            `json:"silent"`
	PerSecond float64           `json:"done_per_s"`
	Codes     map[string]uint64 `json:"codes"`
	Latencies []benchLatency    `json:"latencies"` // of what is done or late; the last one is of all kinds
	LagP99MS  float64           `json:"lag_p99_ms"`
	LagMaxMS  float64           `json:"lag_max_ms"`
	Retries   uint64            `json:"retries"`
	// CPU is of this process alone, clients included: cores that it kept busy, and
	// time for each operation.
	CPUCores float64 `json:"cpu_cores"`
	CPUUS    float64 `json:"cpu_us_per_op"`
	Cores    int     `json:"cores"` // of this machine
}

// benchLatency is how long one kind of operation took.
type benchLatency struct {
	Op        string  `json:"op"`
	Count     uint64  `json:"count"`
	PerSecond float64 `json:"per_s"`
	P50MS     float64 `json:"p50_ms"`
	P90MS     float64 `json:"p90_ms"`
	P99MS     float64 `json:"p99_ms"`
	P999MS    float64 `json:"p999_ms"`
	MaxMS     float64 `json:"max_ms"`
}

// benchCleaned is what became of the keys at the end.
type benchCleaned struct {
	Deleted    uint64 `json:"deleted"`
	NotDeleted uint64 `json:"not_deleted"`
	Left       int    `json:"left"` // keys under the prefix, whoever wrote them
	// LeftUnknown: not all partitions could be read, so that there may be more.
	LeftUnknown bool `json:"left_unknown"`
}

func (b *benchRun) settingsOf(ring client.RingView) benchSettings {
	w := &b.workload
	s := benchSettings{
		Workload: w.Name, Shares: benchShares{}, Spread: w.Spread.String(), Keys: w.Keys, KeySize: b.keys.size, ValueSize: w.ValueSize, Loop: "closed", Rate: b.rate,
		Clients: b.benchOptions.clients, Depth: b.depth, Reads: b.reads.String(), Writes: b.writes.String(),
		TimeoutMS: benchMillis(b.timeout), WarmupMS: benchMillis(b.warmup), RunMS: benchMillis(b.duration), Nodes: len(ring.Members()), Copies: ring.Copies(),
	}
	if b.rate > 0 {
		s.Loop = "open"
	}
	if w.Spread != loadgen.Uniform {
		s.Skew = w.Skew
	}
	if w.Shares[loadgen.Scan] > 0 {
		s.ScanLimit = w.ScanLimit
	}
	for _, kind := range loadgen.Kinds() {
		if share := w.Shares[kind]; share > 0 {
			s.Shares[kind.String()] = share
		}
	}
	return s
}

// benchMillis is a duration in milliseconds, to the microsecond.
func benchMillis(d time.Duration) float64 { return roundedTo(float64(d)/float64(time.Millisecond), 3) }

// roundedTo is a number with so many places behind the point.
func roundedTo(x float64, places int) float64 {
	p := math.Pow(10, float64(places))
	return math.Round(x*p) / p
}

func phaseOf(r *loadgen.Result, cpu time.Duration, retries uint64) *benchPhase {
	p := &benchPhase{
		ElapsedMS: benchMillis(r.Elapsed), Offered: r.Offered, Done: r.Good, Late: r.Late, Refused: r.Refused, InDoubt: r.InDoubt, Failed: r.Failed, Silent: r.Silent,
		PerSecond: roundedTo(r.GoodRate(), 1), Codes: map[string]uint64{}, LagP99MS: benchMillis(r.Lag.Quantile(0.99)), LagMaxMS: benchMillis(r.Lag.Max()),
		Retries: retries, Cores: runtime.NumCPU(), CPUCores: roundedTo(cpu.Seconds()/max(r.Elapsed.Seconds(), 1e-9), 2),
		CPUUS: roundedTo(float64(cpu.Microseconds())/float64(max(r.Offered, 1)), 1),
	}
	for code, n := range r.Codes { // all of them: order does not matter
		p.Codes[code.String()] = n
	}
	for _, kind := range loadgen.Kinds() {
		if h := &r.ByKind[kind]; h.Count() > 0 {
			p.Latencies = append(p.Latencies, latencyOf(kind.String(), h, r.Elapsed))
		}
	}
	p.Latencies = append(p.Latencies, latencyOf("all", &r.Latency, r.Elapsed))
	return p
}

func latencyOf(op string, h *loadgen.Histogram, elapsed time.Duration) benchLatency {
	at := func(q float64) float64 { return benchMillis(h.Quantile(q)) }
	return benchLatency{op, h.Count(), roundedTo(float64(h.Count())/max(elapsed.Seconds(), 1e-9), 1), at(0.5), at(0.9), at(0.99), at(0.999), benchMillis(h.Max())}
}

// latency is that of one kind; nil: there was none.
func (p *benchPhase) latency(op string) *benchLatency {
	i := slices.IndexFunc(p.Latencies, func(l benchLatency) bool { return l.Op == op })
	if i < 0 {
		return nil
	}
	return &p.Latencies[i]
}

// names is the figure that a script keeps: operations done per second.
func (v *benchView) names() []string {
	for _, p := range []*benchPhase{v.Run, v.Load} {
		if p == nil && v.measures {
			return nil // interrupted before anything was measured
		}
		if p != nil {
			return []string{strconv.FormatFloat(p.PerSecond, 'f', -1, 64)}
		}
	}
	return nil // interrupted before anything was done
}

// exit is the exit code: what is broken comes before what was not done.
func (v *benchView) exit() error {
	undone := false
	for _, p := range []*benchPhase{v.Load, v.Run} {
		undone = undone || p != nil && p.Done != p.Offered
	}
	switch {
	case v.Checks.broken() > 0:
		return exitWith(exitBroken)
	case v.Interrupted:
		return exitWith(exitInterrupted)
	case undone, v.Cleaned != nil && v.Cleaned.NotDeleted > 0:
		return exitWith(exitPartly)
	}
	return nil
}
