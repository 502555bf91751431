// Package etcd measures etcd: three nodes on loopback, as its own documents have
// them, with the program of the Debian package etcd-server.
//
// A put is agreed on by Raft and synced by a majority before it is answered; a get
// is linearizable, which is the default of etcd and what it is used for: the node
// asked confirms with a majority that it knows the newest state. So the class is
// D2, and there is no other: etcd has no switch to turn its syncs off. It promises
// more than a quorum of a Dynamo store does, and a table that has both says so.
//
// Requests go through etcd's own client library, go.etcd.io/etcd/client/v3, since
// gRPC is not spoken in a few lines. Each connection is a client of its own, with
// one connection to one node; those of a cell go round the nodes, so that two in
// three reach a follower, which passes writes on to the leader. That is how
// clients of etcd are spread by default.
//
// The store keeps all versions of a key until it is told to compact them, and is not
// told here: a run is short. Its quota is raised to what etcd advises as the most,
// 8 GiB, since a store that is full refuses writes.
//
// Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm" (2014).
package etcd
