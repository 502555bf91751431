// Package load makes the requests that a measurement needs, in one of two ways,
// and counts what became of each of them.
//
// A Workload says what is asked: shares of reads, writes, scans, and which keys
// are hot. A Generator draws its operations from a seed, so that a run can be
// repeated. A Target carries them out; how is its own affair (a client, raw
// connections, a function in a test).
//
// Closed keeps a fixed number of operations in flight: the next one starts when
// one has ended. That finds the most that a system can do, and says little about
// how long a request takes, as a slow system is asked less.
//
// Open starts operations at a fixed rate, whatever becomes of them, as users do.
// Latency counts from the moment at which an operation was due, not from when
// it could be sent: a stall that keeps a thousand operations waiting is counted a
// thousand times (the mistake of not doing so is known as coordinated omission).
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
// counts whose steps grow with the value.
//
// The caller's duties: one Run at a time for each Target; a done function is
// called exactly once for each operation, or never.
package load
