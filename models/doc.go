// Package models holds exhaustive small models of the rules that healing rests
// on: one key, two versions, three replicas, and every order in which anything can
// happen. It has tests only.
//
// A simulator tries many long runs; a model tries all runs of a little world. What
// it has not found is not there, within its bounds. Each model is a state that can
// be compared, the steps that lead from it, and what must hold in every state. A
// search visits all states that can be reached, breadth first, so that the trace
// to a state that breaks a promise is as short as any.
//
// What a replica decides is not modelled: each step on a replica is one Write
// through replica.Applier over a store of one key, and exchanges are decided by
// record.Merge and replica.Dead. What nodes say to each other is modelled as rules
// 4, 5, 7, 8 and 9 of the algorithms say it. A message that was sent may come at any
// time, any number of times, or never: so it stays in the state for ever, and neither
// loss nor repetition needs steps of its own.
//
// A model that finds nothing proves nothing until it has been seen to find
// something. So each rule has a switch, and with any one of them off there has to be
// a counterexample, which the test prints (go test -v). What the switch takes away is the
// rule's effect, at the edge of the same code: marks that a write is not shown, a
// note that does not reach the store.
//
//   - purge: a delete above an older value, late write-backs, hints and
//     exchanges, watermark, purge.
//   - outcome: a write in doubt, OUTCOME with its notes, epochs, a replica that
//     loses its disk and is rebuilt.
//   - loss: voters that lose their memory, and a decision without them, by the real
//     acceptors of package paxos.
package models
