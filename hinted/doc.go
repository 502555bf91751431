// Package hinted keeps writes for nodes that may lack them, and hands them over
// when those nodes are back: hinted handoff, as in Dynamo (DeCandia et al. 2007,
// section 4.6), under rule 5 of Candor's algorithms. It is pure.
//
// There are two kinds of hints. One that counted stands for its target in a
// sloppy write that was acknowledged: it was synced before the answer and never
// expires. Every other hint is a shortcut over anti-entropy, which would find the
// difference too, later: it is bounded in bytes per target and in age. Where a
// bound keeps a hint from being stored, or takes it away, the partition gets a
// dirty mark for that target, which is persisted, counted and shown until
// anti-entropy has proved that the target lacks nothing.
//
// The types:
//
//   - Hint is a record, its Place, and for whom it is. AppendValue and ParseValue
//     are its form on disk; package storage draws its key.
//   - Store reads what is durable. Page is a piece of it, in memory: one window of
//     one target's hints. There is never more than a page of each target.
//   - Core decides: what is stored (Offer, StandsIn), what is sent when (Tick), what an
//     answer means (Reply), what becomes of hints when the ring changes (Ring).
//   - Effects are what Tick wants done.
//   - Stats and Refused are for people.
//
// The value of a hint on disk, append-only:
//
//	offset  bytes
//	0       1      format, 1
//	1       1      flags: 1 it counted; others are 0
//	2       ...    the record, as package record draws it
//
// The dirty marks of a target are a system value under MarksPrefix and the 32 hex
// digits of its id:
//
//	offset  bytes
//	0       1      format, 1
//	1       10 n   for each partition, rising: 2 bytes number, 8 bytes hybrid time
//	               at or below which the target may lack writes of it; big-endian
//
// The caller's duties:
//
//   - It calls a Core from one place at a time, and carries out the Effects of a
//     Tick before the next one. Bytes in Effects are good until then.
//   - Every call that a Send, a Write, a Mark or an Offer names comes back by
//     Reply, what the committer does only after its sync; if it takes no more, as
//     OVERLOADED. Only an answer of another node may be lost.
//   - A page in Effects.Reads is filled (Page.Fill, which may wait for the disk,
//     without a lock that Offer needs) and handed back by Filled; then Tick is
//     called again.
//   - Each hint that goes into a batch is Coming, said before a later floor is made
//     known, and Stood when the batch is durable.
//   - Before this node says that its oldest hint is above a time, it asks Oldest,
//     after its floor is durable: a hint that is on its way counts too.
package hinted
