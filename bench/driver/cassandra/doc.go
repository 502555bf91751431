// Package cassandra measures Apache Cassandra 5: three nodes on loopback, three
// replicas of each key, reads and writes at QUORUM. That is the same store as
// Candor's in kind, after the same paper, and the closest peer there is.
//
// Its commit log decides the class (settings.go). Synced every 10 s, as it is by
// default, it is D1; in batch mode a write is answered after its sync, which is D2.
//
// There is one table, a blob as the key and a blob as the value, and two prepared
// statements. Requests are frames of the native protocol, version 4, written by the
// engine as for all other peers (protocol.go draws them): many in flight on each
// connection, told apart by stream ids. Version 4 and not 5, whose frames are packed
// once more into segments with checksums: that is less work for the servers. Writes
// have no time of the client, and get that of the coordinator.
//
// The program comes from Maven as one artifact and what it needs, about a hundred
// jars, into the program cache of this user (jars.go). It has no files of
// settings in it: settings.go writes them. They choose the newest of what it has (trie
// memtables off the heap, tries as the index of its tables), as its documents advise for
// a new cluster. The flags of the Java machine are those of its own jvm17-server.options,
// but for the heap: 1 GiB for each node, which is small, and enough for what a
// cell holds. Three flags and auto_bootstrap make a start shorter, as nobody else
// joins: no waiting for rings and gossip to settle, no streaming into an empty node.
//
// Nodes start one after the other, since each chooses its tokens by those of the
// others. Start then waits until each of them carries out a write at ALL, so that
// all see each other, and warms them up (warm.go). On two cores that takes one to two
// minutes.
//
// Lakshman and Malik, "Cassandra: A Decentralized Structured Storage System" (2010).
package cassandra
