// Command ycsb puts the workloads A to F of the Yahoo! Cloud Serving Benchmark to a
// Candor cluster, as go-ycsb has them: the same workload code as everybody else's
// figures are made with, so that those of the command bench can be checked against
// it. Its own command links twenty databases; this one links one, and is a module of
// its own so that nobody else gets any of it.
//
//	candor dev --nodes 3                                     elsewhere
//	cd bench/ycsb && go run . -cluster candor://127.0.0.1:7400 -workload a
//	go run . -workload b -records 1000000 -operations 1000000 -threads 64
//	go run . -workload a -set dataintegrity=true             compares what is read
//
// It loads the records, runs the workload, and prints go-ycsb's table for each. What
// is asked: one field of 100 bytes for each record, keys by their Zipf popularity,
// each operation at the cluster's default level (or that of the -cluster URL), by
// package client. It ends with status 1 if an operation has failed, and says which
// was the first.
//
// Two things are not as in other stores. Keys have no order across partitions, so
// workload E reads from groups: a hundred neighbours share a {tag}, and a scan reads
// the first ones of the group that its start is in. And a read of a key that was never
// written is an error, as each that is asked for was written.
//
// How to read the figures: go-ycsb is a closed loop, with one request in flight for
// each thread, and all threads share one lock for the histogram. So it says
// whether figures agree in kind; it does not find what a cluster can do, and latency
// under load is too kind (package load says why).
//
// Cooper et al., "Benchmarking Cloud Serving Systems with YCSB" (2010).
package main
