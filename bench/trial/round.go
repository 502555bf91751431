package trial

import (
	"time"

	"github.com/candordb/candor/bench/account"
	"github.com/candordb/candor/bench/engine"
	"github.com/candordb/candor/bench/peer"
	"github.com/candordb/candor/load"
)

// Round is what one cell gave with one peer. Figures that could not be had are -1.
// Times are in microseconds. Fields are only ever added: it is what the JSON lines are.
type Round struct {
	Comparison string     `json:"comparison"` // its Name
	Cell       string     `json:"cell"`
	Round      int        `json:"round"` // from 1
	Peer       string     `json:"peer"`
	Class      peer.Class `json:"class"`
	Library    bool       `json:"library,omitempty"` // asked by its own client library

	Reads     int     `json:"reads_percent"`
	Conns     int     `json:"connections"`
	Depth     int     `json:"depth,omitempty"`
	Offered   float64 `json:"offered_per_s,omitempty"` // of an open loop
	Keys      int     `json:"keys"`
	ValueSize int     `json:"value_bytes"`

	Seconds   float64           `json:"seconds"`
	Ops       uint64            `json:"done"`
	PerSecond float64           `json:"per_s"`
	Outcomes  map[string]uint64 `json:"outcomes"` // of answers
	Silent    uint64            `json:"silent"`
	Failure   string            `json:"failure,omitempty"` // why it was not, or not wholly, measured

	P50    float64      `json:"p50_us"`
	P90    float64      `json:"p90_us"`
	P99    float64      `json:"p99_us"`
	P999   float64      `json:"p999_us"`
	Max    float64      `json:"max_us"`
	ReadP  [2]float64   `json:"read_p50_p99_us"`
	WriteP [2]float64   `json:"write_p50_p99_us"`
	GapMS  float64      `json:"gap_ms,omitempty"` // open loop: the longest time without an answer
	LagUS  float64      `json:"lag_p99_us,omitempty"`
	Curve  [][2]float64 `json:"curve"` // quantile, latency

	CPU         float64 `json:"cpu_us_per_op"` // of all server processes
	Cores       float64 `json:"cores"`         // that they kept busy
	ClientCPU   float64 `json:"client_cpu_us_per_op"`
	Switches    float64 `json:"switches_per_op"`
	Calls       float64 `json:"io_calls_per_op"` // read and write
	Written     float64 `json:"written_bytes_per_op"`
	Resident    int64   `json:"resident_bytes"`
	Allocations float64 `json:"allocations_per_op"` // of Candor
	GCShare     float64 `json:"gc_share"`           // of Candor, since it started
	OtherCores  float64 `json:"other_cores"`        // busy, but neither with servers nor with the client
	Steal       float64 `json:"steal"`              // share of all time
	Repeated    int     `json:"repeated,omitempty"` // rounds thrown away before it, for steal
	Waves       float64 `json:"client_writes_per_op"`
	DiskBytes   int64   `json:"disk_bytes,omitempty"` // of all data, when it is at rest again; of a cell that is run once
}

// Good says whether figures were measured.
func (r *Round) Good() bool { return r.Ops > 0 }

// Faults is the share of requests that were not done, 0 to 1.
func (r *Round) Faults() float64 {
	all := r.Silent
	for _, n := range r.Outcomes { // the order does not matter: they are added up
		all += n
	}
	if all == 0 {
		return 0
	}
	return 1 - float64(r.Ops)/float64(all)
}

// told takes over what the client saw.
func (r *Round) told(e *engine.Result) {
	r.Seconds, r.Ops, r.PerSecond, r.Silent = e.Elapsed.Seconds(), e.Counts[peer.Done], e.Rate(), e.Silent
	r.Outcomes = make(map[string]uint64)
	for o, n := range e.Counts {
		if n > 0 {
			r.Outcomes[peer.Outcome(o).String()] = n
		}
	}
	h := &e.Latency
	r.P50, r.P90, r.P99, r.P999, r.Max = us(h.Quantile(0.5)), us(h.Quantile(0.9)), us(h.Quantile(0.99)), us(h.Quantile(0.999)), us(h.Max())
	r.ReadP = [2]float64{us(e.Reads.Quantile(0.5)), us(e.Reads.Quantile(0.99))}
	r.WriteP = [2]float64{us(e.Writes.Quantile(0.5)), us(e.Writes.Quantile(0.99))}
	r.GapMS, r.LagUS = us(e.Gap)/1000, us(e.Lag)
	for _, p := range h.Curve("").Points {
		r.Curve = append(r.Curve, [2]float64{p.Quantile, us(p.Latency)})
	}
	if e.Err != nil {
		r.Failure = e.Err.Error()
	}
	r.Library = e.Library
	r.Waves = per(float64(e.Waves), e.Answered())
}

func us(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// per divides by a count; -1 if there is nothing to divide by, or to divide.
func per(v float64, n uint64) float64 {
	if n == 0 || v < 0 {
		return account.Unseen
	}
	return v / float64(n)
}

// LatencyCurve is that of the round, for a plot.
func (r *Round) LatencyCurve(name string) load.Curve {
	c := load.Curve{Name: name}
	for _, p := range r.Curve {
		c.Points = append(c.Points, load.Point{Quantile: p[0], Latency: time.Duration(p[1] * float64(time.Microsecond))})
	}
	return c
}

// used takes over what the servers, the client and the machine used in between. n is
// how many operations were done with it: what others have cost is a part of theirs.
func (r *Round) used(before, after *snapshot, n uint64) {
	servers := after.servers.Sub(before.servers)
	took := after.at.Sub(before.at).Seconds()
	client := after.client - before.client
	machine := after.machine.Sub(before.machine)
	r.Steal = machine.StealShare()
	r.ClientCPU = per(us(client), n)
	r.CPU, r.Cores, r.Switches, r.Calls, r.Written = account.Unseen, account.Unseen, account.Unseen, account.Unseen, account.Unseen
	r.OtherCores = max((machine.Busy-client-servers.CPU).Seconds()/took, 0)
	if before.seen && after.seen {
		r.CPU, r.Cores = per(us(servers.CPU), n), servers.CPU.Seconds()/took
		r.Switches, r.Calls, r.Written = per(float64(servers.Switches), n), per(float64(servers.Calls), n), per(float64(servers.Written), n)
		r.Resident = servers.Resident
	}
	r.Allocations, r.GCShare = account.Unseen, account.Unseen
	if before.figures != nil && after.figures != nil {
		r.Allocations = per(after.figures.Allocations-before.figures.Allocations, n)
		r.GCShare = after.figures.GCShare
	}
}
