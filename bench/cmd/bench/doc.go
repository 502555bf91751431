// Command bench measures Candor against its peers and against the machine, in one
// run, and writes a report. scripts/bench builds what it needs and starts it;
// docs/PERFORMANCE.md says how to read what it prints.
//
//	bench -candor ./candor                         everything that can be started here; hours
//	bench -candor ./candor -only etcd -rounds 1    one peer, minutes
//	bench -candor ./candor -smoke                  two seconds for each cell: does all of it run
//	bench -candor ./candor -guard guard.json       a minute, against floors
//	bench -list                                    what there is to measure
//	bench -again results/x/rounds.jsonl            the report once more, from its rounds
//
// What is measured is written down here, in lists, and nowhere else: the comparisons
// in list.go, and their cells in cells.go.
//
// All servers are children of this program, and end with it. Its data lies in one
// folder of its own, which it removes.
//
// Exit status: 0 it is done; 1 something failed, or a ratio is below its floor; 2 the
// line is wrong.
package main
