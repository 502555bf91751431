package load

import (
	"time"

	"github.com/candordb/candor/contract"
)

// Result is what became of the operations of a run. Offered is the sum of the
// counts behind it.
type Result struct {
	Offered uint64
	Good    uint64 // OK within the deadline
	Late    uint64 // OK behind it
	Refused uint64 // no effect
	InDoubt uint64
	Failed  uint64 // damage or an internal fault
	Silent  uint64 // no answer

	Codes    map[contract.Code]uint64 // of the answers
	Latency  Histogram                // of those that are OK, from when they were due
	ByKind   [kinds]Histogram         // the same, each Kind by itself
	Refusals Histogram                // of those that were refused
	// Lag is from when an operation was due to when it was issued: what the
	// generator itself is late. It is a part of Latency.
	Lag     Histogram
	Elapsed time.Duration // in which operations were started
}

// GoodRate is the goodput, per second.
func (r *Result) GoodRate() float64 { return perSecond(r.Good, r.Elapsed) }

// OfferedRate is how many operations were started per second.
func (r *Result) OfferedRate() float64 { return perSecond(r.Offered, r.Elapsed) }

func perSecond(n uint64, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}

// tell counts one answer. class says what it means for the operation.
func (r *Result) tell(kind Kind, code contract.Code, class contract.Class, took, deadline time.Duration) {
	r.Codes[code]++
	switch class {
	case contract.Done:
		r.Latency.Record(took)
		r.ByKind[kind].Record(took)
		if took <= deadline {
			r.Good++
		} else {
			r.Late++
		}
	case contract.NoEffect:
		r.Refused++
		r.Refusals.Record(took)
	case contract.Unknown:
		r.InDoubt++
	default:
		r.Failed++
	}
}

// Add adds the counts of another worker of the same run.
func (r *Result) Add(o *Result) {
	elapsed := max(r.Elapsed, o.Elapsed)
	r.Follow(o)
	r.Elapsed = elapsed
}

// Follow adds the counts of a run that followed.
func (r *Result) Follow(o *Result) {
	r.Offered += o.Offered
	r.Good += o.Good
	r.Late += o.Late
	r.Refused += o.Refused
	r.InDoubt += o.InDoubt
	r.Failed += o.Failed
	r.Silent += o.Silent
	if r.Codes == nil {
		r.Codes = make(map[contract.Code]uint64)
	}
	for code, n := range o.Codes {
		r.Codes[code] += n
	}
	r.Latency.Merge(&o.Latency)
	for i := range r.ByKind {
		r.ByKind[i].Merge(&o.ByKind[i])
	}
	r.Refusals.Merge(&o.Refusals)
	r.Lag.Merge(&o.Lag)
	r.Elapsed += o.Elapsed
}
