// Package nats measures the key-value store of NATS JetStream: three servers on
// loopback, one bucket with three replicas, history 1, on files.
//
// A write is answered when the bucket's stream, a Raft group, has it on a majority.
// Synced is another matter: by default each server syncs its files every two minutes,
// so that what was answered lives in page caches, which is class D1. With
// sync_interval "always" it is synced before, which is D2. Both are peers here.
//
// A get is a direct one, as buckets have them by default: any replica may answer, out
// of what it has, without asking the others. It may be older than a write that was
// answered before; a quorum read of Candor may not. A table that has both says so.
//
// Requests go through NATS's own client library, github.com/nats-io/nats.go: each
// connection is one of its connections, to one server; those of a cell go round.
//
// The server is the Go module github.com/nats-io/nats-server/v2 at the version that
// the go.mod of this module pins as a tool, built by the go command into the
// program cache of this user. It can be a program of one's own instead, named by
// the environment variable BENCH_NATS_SERVER.
package nats
