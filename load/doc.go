// Package load makes the requests that a measurement needs, in one of two ways,
// and counts what became of each of them.
//
// A Workload says what is asked: shares of reads, writes, scans, and which keys
// are hot. Named has those of the Yahoo! Cloud Serving Benchmark (Cooper et al.,
// 2010), Mixed those of one's own. A Generator draws its operations from a seed, so
// that a run can be repeated; NewSweep takes each key once instead. A Target carries
// them out; how is its own affair (a client, raw connections, a function in a test).
//
// Closed keeps a fixed number of operations in flight: the next one starts when
// one has ended. That finds the most that a system can do, and says little about
// how long a request takes, as a slow system is asked less.
//
// Open starts operations at a fixed rate, whatever becomes of them, as users do.
// Latency counts from the moment at which an operation was due, not from when
// it could be sent: a stall that keeps a thousand operations waiting is counted a
// thousand times (the mistake of not doing so is known as coordinated omission).
// What the generator itself is late is counted by itself too, as Result.Lag.
//
// A Result has a place for each operation that was offered:
//
//	good      answered OK within the deadline: the goodput
//	late      answered OK behind it
//	refused   an error that says: no effect
//	in doubt  an error that says: outcome unknown
//	failed    damage or an internal fault
//	silent    no answer at all, long after the deadline
//
// and these sum up to what was offered. Latencies go into a Histogram, a table of
// counts whose steps grow with the value: three digits, as HdrHistogram has them,
// without a longest value, mergeable, and small enough to stand in every Result.
// A Curve is what of it can be drawn, by PlotSVG and PlotText. A Glance is how a
// run stands while it goes on.
//
// The caller's duties: one run at a time for each Target; one of a Ticket's Done and
// Settled is called exactly once for each operation, or never.
package load
