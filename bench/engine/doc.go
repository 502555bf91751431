// Package engine asks a peer, and is the same for every peer: what differs
// between two of them is then the servers.
//
// A Cell says what is asked: a mix of reads and writes, which keys are hot, how many
// connections and how many requests in flight on each. Fill writes all keys once.
// Closed keeps the requests of a Cell in flight and finds the most that a peer does;
// Open starts them at a rate, counts latency from when each was due, and shows how
// long one waits.
//
// In a closed loop one goroutine has a connection, and nothing is shared between
// two of them: it encodes requests for all places that are free into one buffer,
// writes it with one call, reads what has come with one call, takes all answers that
// are whole, and begins again. There is no lock, no channel and no timer on the way,
// and two looks at the clock for each wave. Keys are drawn before the run begins.
// So a client of this kind costs less than most servers, and where it does not,
// benchmarks of servers in C beside it show it (docs/PERFORMANCE.md).
//
// In an open loop one goroutine starts requests, each when it is due, and each
// connection has one that writes and one that reads.
//
// Peers with a client library of their own are asked by as many goroutines as there
// are places.
//
// Warm-up and measuring are one run without a break. At either end of the measured
// part Marks.Begin and Marks.End are called, and what was answered is counted at the
// same moments, so that CPU time and operations belong together. A latency counts if
// its request was sent within that part.
//
// A Result has a place for each answer, by peer.Outcome, and counts as Silent what
// had none when the run was over. A connection that breaks stays broken.
package engine
