// Package ring says who owns what: which partition a key falls into, and which
// members hold that partition, in which order, in a given epoch.
//
// The token space of 64 bits is cut into Q equal partitions, Q a power of two
// that is fixed for the life of a cluster. An explicit table of Q x N entries
// names the owners of each partition, its natural replicas, in order of
// preference. Nothing is derived from node ids or from who happens to be
// reachable: the table is agreed by the cluster, epoch by epoch (package
// topology), and ownership is not liveness.
//
// The types:
//
//   - NodeID, Token and Epoch are distinct types for what must not be mixed.
//   - TokenOf hashes a namespace and the routing part of a key. This is wire
//     format: clients of every language compute the same token.
//   - Member is one row of the member list; the owner table holds indices into it.
//   - View is the ring of one epoch: immutable, safe for any number of readers,
//     made to stand behind an atomic pointer.
//   - Claim computes an owner table from the members and the table before it.
//   - AppendOwners and ParseOwners are the table's form on the wire.
//
// What Claim promises, in this order: the replicas of a partition are distinct;
// they lie in different zones while there are enough zones; each member's
// share is within one of every other's (as far as zones of uneven size allow);
// and only what must move moves, which is about 1/S of all slots when the S-th
// member joins. It is a pure function of its arguments: every node that claims
// from the same input gets the same table.
//
// The caller's duties: call CheckHash once before the first token is trusted;
// hand TokenOf a scratch slice that it keeps; never change what a View returns.
//
// Dynamo (DeCandia et al. 2007, section 6.2, strategy 3: Q/S tokens per node,
// equal-sized partitions) is the paper. The claim is a max flow
// with unit moves along shortest augmenting paths (Dinic 1970); the order of
// owners within a partition is rendezvous hashing (Thaler, Ravishankar 1998).
package ring
