// Package trial measures peers against Candor: what is run, in which order, and
// what is written down of it.
//
// A Comparison is a peer, a variant of Candor, and the Cells that both are asked.
// Session.Compare goes through its rounds. In each round both start with fresh data,
// all keys are written, and it waits until neither has anything left to do; then
// each cell is run by one, at once by the other, and the next round has them in the
// other order. So what the machine does meanwhile (its clock rate, its
// neighbours, its disk) meets both. Whoever is not asked is idle, and what it uses all
// the same is written down, as Round.OtherCores.
//
// A Round is what one cell gave with one peer: throughput, latencies, and what the
// servers used for each operation. One in which the machine lost more than stealMax of its
// time to others is thrown away and repeated, a few times; if none is better, the last
// one is kept and can be told by its Steal. Nothing else is ever left out, and of a
// round that failed the reason is kept.
//
// Rounds are JSON lines, and the report is made of them alone (package report).
package trial
