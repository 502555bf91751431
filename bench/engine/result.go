package engine

import (
	"errors"
	"time"

	"github.com/candordb/candor/bench/peer"
	"github.com/candordb/candor/load"
)

// Marks are told where the measured part of a run begins and ends.
type Marks struct {
	Begin, End func()
}

// Result is what came of the measured part of a run.
type Result struct {
	Counts  [peer.Outcomes]uint64 // answers
	Silent  uint64                // requests of the whole run without any
	Latency load.Histogram        // of those that were done
	Reads   load.Histogram        // of those, the reads
	Writes  load.Histogram        // and the writes
	Elapsed time.Duration         // between the marks
	Waves   uint64                // calls of write that the client made
	Gap     time.Duration         // the longest time without any answer; of an open loop only
	Lag     time.Duration         // by how much the p99 of requests was started late; of an open loop only
	Library bool                  // asked by a client library of the peer's own
	Err     error                 // why the first of the connections that broke did
}

// Answered is how many answers there were.
func (r *Result) Answered() (n uint64) {
	for _, c := range r.Counts {
		n += c
	}
	return n
}

// Rate is how many requests were done each second.
func (r *Result) Rate() float64 {
	if r.Elapsed <= 0 {
		return 0
	}
	return float64(r.Counts[peer.Done]) / r.Elapsed.Seconds()
}

func (r *Result) merge(o *Result) {
	for i, c := range o.Counts {
		r.Counts[i] += c
	}
	r.Silent += o.Silent
	r.Waves += o.Waves
	r.Latency.Merge(&o.Latency)
	r.Reads.Merge(&o.Reads)
	r.Writes.Merge(&o.Writes)
	if r.Err == nil {
		r.Err = o.Err
	}
}

// settle counts one answer; took counts if it was asked for within the measured part.
func (r *Result) settle(kind load.Kind, outcome peer.Outcome, took time.Duration, timed bool) {
	r.Counts[outcome]++
	if outcome != peer.Done || !timed {
		return
	}
	r.Latency.Record(took)
	if kind == load.Get {
		r.Reads.Record(took)
	} else {
		r.Writes.Record(took)
	}
}

// judge is the outcome of an answer: what is read must have the size of what was
// written.
func judge(kind load.Kind, a peer.Answer, valueSize int) peer.Outcome {
	if a.Outcome == peer.Done && kind == load.Get && len(a.Value) != valueSize {
		return peer.Absent
	}
	return a.Outcome
}

// errStray is for answers that nobody waits for.
var errStray = errors.New("engine: an answer came that was not asked for")
