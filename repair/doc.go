// Package repair is anti-entropy: it finds where two replicas of a partition
// differ, moves the newer records, and proves how far all replicas agree. On
// that proof rest "repaired as of", the watermark, and the purge of deleted
// keys (rules 6, 7 and 8). It is pure.
//
// The types:
//
//   - Core is one node's part. It has no lock, goroutine or clock; its owner
//     calls it from one place at a time.
//   - Local is what Core reads of its node: ring, trees, records, marks, clocks.
//   - Effects is what a call leaves to be done: messages, replies, writes for
//     the committer or for a peer, reads from a peer. What becomes of each is told
//     by a later call, tied by its Call.
//   - A message is one document of op EXCHANGE (message.go draws them).
//
// Seven things go on, all driven by Tick:
//
//   - SAY: each node tells every member its floor and what its hints lie above.
//   - ROOTS: each pair of nodes compares the roots of all common partitions, once
//     in an interval and soon after there was reason to (pace.go), in one message.
//     Equal roots are a proof. A partition that differs is exchanged: descent level
//     by level, then lists of the records of the leaves that differ, then the newer
//     record of each key moves, one way. Absence never deletes.
//   - TELL: who waits to hear what others have proved hears it at once (tell.go).
//   - The watermark: the first natural replica proposes what all pairs have proved,
//     above which all hints lie; all replicas agree, durably; then it is adopted.
//   - Purge: below the adopted watermark, and only in leaves that may hold the dead;
//     notes of what was given up likewise, those of others' partitions below the floor.
//   - Rebuild: own partitions in quarantine, which may hold less than this node has
//     told others, are rebuilt from a quorum of the other replicas, compared, and
//     released. Plan says which epochs of the cluster that needs. Where more is lost
//     than a quorum makes up for it waits, until an operator gives copies up by name
//     (Accept says what is a source then, PlanLoss what has to be given up).
//   - Heal: an own record that is damaged is replaced by what a quorum of the others
//     hold.
//
// What a proof says. H is the lower of both floors, read before the trees are.
// No fresh write at or below its floor is taken by a replica, so what either
// side will ever have accepted up to H is in what it shows. Each key is settled
// when both sides hold the same, or the side with the lower record holds one
// above H. It is about what is durable, so it outlives a restart (keep.go), but no
// epoch that was missed; and it is gone when a side is quarantined.
//
// The caller's duties: read the floor and the marks before the trees, the records
// and the hints that are shown with them, or all at once (Local says so); show
// only what is synced; carry out the effects of one call in their order; tell the
// end of every Call (Answer, Got, Written, or Failed), or let it time out; tell from
// which epoch on may be rebuilt (Rebuild), what each epoch gives up (Accept), and, before an epoch that says so of another
// member, that what was proved with it is so no more (Forget).
//
// Dynamo (DeCandia et al. 2007, section 4.7) has the trees; the watermark is what
// the paper leaves out: there, and in its heirs, a tombstone is dropped after a
// time that an operator has to guess.
package repair
