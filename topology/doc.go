// Package topology is who belongs to the cluster and who owns what: the
// metadata of an epoch, and how its members come to agree on it (rule 9): on the
// first, by which a cluster begins, and on each that follows.
//
// Epoch 1. cluster.bootstrap lists the peer addresses of the first members, the
// same list on all of them. A node finds itself in it by dialling and reading its
// own id. The nodes tell each other what they are (STATUS). Only the first-listed
// proposes, after it has heard all, compared list, cluster name, N and Q of all,
// and found that none has metadata: it draws the cluster's id and fingerprint
// seed, claims the partitions, and has the metadata chosen by single-decree
// Paxos (package paxos) among all of them; the quorum is all. So whatever
// crashes when, at most one epoch 1 is ever chosen.
//
// Epoch e+1 is decided in a register of its own by the voters that epoch e names;
// a majority decides. Any member may Propose a Change. What a proposer finds in
// promises it carries on, and tells its caller that another change was first. Who
// votes for a value that nobody brings to an end does so itself.
//
// Nobody acts on metadata before they are chosen and saved; so what is saved is
// also the highest epoch that a node has acted on. Who has decided an epoch spreads
// it (INSTALL), whoever knows it goes on until all have shown that they act on it,
// and who hears of a newer one than its own fetches it (METADATA). A node that an
// epoch does not name any more passes it on and stops.
//
// Each member keeps what every other has said of itself: epoch, number of its
// starts, clock. A node that starts asks for that. One that comes back with less
// (Behind) has forgotten what it may have promised: it never votes again, until an
// epoch that was decided without it names it anew, by a RebuildRow with the
// generation that it drew (Distrusted).
//
// An operator may give up copies that are lost (AcceptLoss): an epoch says so, and has it
// on record for ever. It holds for the first rebuild that begins after it, which the node
// proposes when all that was given up is in quarantine (BehindLosses). Where so many voters have forgotten their votes that there is no
// majority, those are given up with it: all that remember decide, once all members have
// said that they act on no later epoch. An earlier value that one of those has voted for
// is found; one that was decided by forgotten votes alone is known to nobody, so nobody
// has acted on it who could still say so. As who has forgotten does not vote again before
// an epoch names it, no two such decisions are made by sets that do not meet.
//
// Core is pure. Its caller tells it what happened and carries out the Effects
// that each call leaves, one call's after the other's, under one rule: the
// Saves of a call are durable before anything else of it is carried out. In
// that a vote is counted, or an answer given, only for what cannot be forgotten.
//
// While it has no metadata Core says in one sentence for whom it waits (Waiting).
//
// Metadata is a document (wire.Marshal): a struct as a map, so that old and new
// read each other. The bytes that were agreed on are stored and spread as they
// are, never encoded anew. The other system values are drawn in saved.go.
package topology
