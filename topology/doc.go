// Package topology is who belongs to the cluster and who owns what: the
// metadata of an epoch, and how its members come to agree on it (rule 9). So far
// that is epoch 1, by which a cluster begins.
//
// cluster.bootstrap lists the peer addresses of the first members, the same
// list on all of them. A node finds itself in it by dialling and reading its own
// id. The nodes tell each other what they are (STATUS). Only the first-listed
// proposes, after it has heard all, compared list, cluster name, N and Q of all,
// and found that none has metadata: it draws the cluster's id and fingerprint
// seed, claims the partitions, and has the metadata chosen by single-decree
// Paxos (package paxos) among all of them; the quorum is all. So whatever
// crashes when, at most one epoch 1 is ever chosen: a proposer that comes back
// finds in the first promises what an earlier attempt may have had chosen, and
// carries that on. Nobody acts on metadata before it is chosen; whoever knows
// that it is spreads it to the members that it names (INSTALL), and whoever has
// none asks for it (METADATA).
//
// Core is pure. Its caller tells it what happened and carries out the Effects
// that each call leaves, one call's after the other's, under one rule: the
// Saves of a call are durable before anything else of it is carried out. In
// that a vote is counted, or an answer given, only for what cannot be forgotten.
//
// While it has no metadata Core says in one sentence for whom it waits
// (Waiting). A node that has other metadata refuses to take part; one that the
// metadata does not name stays out and says so.
//
// Metadata is a document (wire.Marshal): a struct as a map, so that old and new
// read each other. The bytes that were agreed on are stored and spread as they
// are, never encoded anew.
package topology
