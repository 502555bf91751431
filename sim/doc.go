// Package sim runs whole clusters in one goroutine, on virtual networks, disks
// and clocks, and judges every answer that they give. One seed is one run, to
// the bit.
//
// What is simulated is what users run: real routers with their coordinators and
// replicas, real frames, the real arithmetic of clocks and rings. Made up is only
// what surrounds them: timeline (virtual time), network and link, disk and
// committer, hardware (clocks), node and process, client. Faults begin at random
// hours (faults.go, cuts.go, epochs.go), in the middle of one certain thing
// (ambush.go), or where the shell may do what a real one seldom does (buggify.go).
// Disks are lost, come back as an older copy, or with damaged parts (wreck.go), one at
// a time, and single records rot (rot.go); nodes find out and are rebuilt (lost.go).
//
// Run makes one run. Its Plan says which faults there are and what clients do: a
// swarm run draws from the seed which options are on at all (swarm.go), and then
// how strong they are; a scenario is a preset. Each option, and each part of the
// run, has a stream of random numbers of its own. Hints, comparisons, watermarks and
// purges go on all the time (healing.go), with intervals so short that a run sees
// whole cycles of them. A run ends in calm: all heals, every node starts again, and
// the replicas have to come together by themselves, before every key is read at ALL
// and every namespace scanned.
//
// The checkers are REG (what reads may return: every pair of levels, sessions, ordered
// writes), TRUTH (answers, receipts, OUTCOME, what was buried, EXPLAIN, against what
// replicas hold at that moment; proofs, watermarks, purges and hints; nothing is
// answered from a partition that is out of service, and who has forgotten votes does
// not vote), TREE (trees show what is stored), SCAN (nothing left out, coverage adds
// up), STORE (no replica goes back; one that has lost something takes and serves
// nothing until that is made up for, and then all copies are there again), CLOCK (rule
// 1; who is off the median of the members that it has heard, and nobody else, stops
// coordinating), RES (one answer each, in time), SETFULL, FINAL (nothing lost, no
// ghost, all agree), LIVE (it ends), EPOCH (one epoch 1, chosen before anybody acts on
// it) and WIRE. They keep books of their own. That they bite is shown by planted bugs
// (package traitor, go test -tags traitor); that the runs come to what is rare, by
// marks (marks.go).
//
// # How to read a failure
//
// It begins with one line: seed, fingerprint, virtual time, checker, and the
// command that repeats the run. Then comes the broken promise in a sentence, with
// the versions and nodes in question; the options that the seed drew; and the
// last operations on the key with what each replica holds. An operation's line
// has its times, its class (done, none: no effect, doubt), what was asked and
// what was answered; #17 is the id with which its value begins. A second report
// is of the shrunk run: with as few options as still break it. Begin there:
//
//	go test ./sim -v -run TestSeed -sim.seed=17 -sim.without="clog,pause" -sim.shorten=0.25
//
// With -v everything of interest is printed as it happens. If the fingerprint
// differs from the reported one the code is another, or something decides by
// what is not in the seed: that is a bug to be found first. What was mended goes,
// as these flags, into testdata/seeds.txt.
//
// It is pure like the packages that it drives; whoever wants many runs at once
// makes them in many goroutines, each whole.
package sim
