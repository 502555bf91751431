// Package redis starts Redis as a peer, as the Debian package redis-server has it:
// one server, or one with two replicas.
//
// A Log says how writes reach the disk, and with that the class: not at all (D0), by
// an append-only file that is synced each second (D1), or before each answer (D2).
// With replicas each wave of writes is followed by WAIT 1, so that a write that counts
// as done is on two servers. Redis then still has one server that takes all writes
// and answers all reads, no version, and loses writes when another one takes over:
// the report says so beside the figures.
//
// Everything else is left as it comes, but for snapshots, which are off, and one thread
// for I/O. Replicas are told to synchronise at once, as by default the first WAITs
// get no acknowledgement for five seconds.
package redis
