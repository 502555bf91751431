// Package replica is the local half of every operation: merging a batch of
// writes into what is stored, and reading it back. It is pure: the stored
// records come from a Store, the changes go to a Batch, time comes in as a
// parameter; the node's committer and the simulator's disk drive the same code.
//
// A Write asks to merge a record, in its one encoded form, into its place. The
// committer drains what waits, calls Applier.Apply, writes and syncs the batch,
// and only then releases the acknowledgements that Apply left in the writes. So
// an acknowledgement says: this record, or the higher version that it names, is
// durable here; or soon, where MayWait says that it may be synced behind its answer, and
// the node was told to do so.
//
// What Apply decides, in this order:
//
//   - a write whose deadline has passed is dropped (refused: not done here);
//   - a record that does not pass its checksum is refused;
//   - a partition in quarantine takes nothing but what it is rebuilt from (rule 8);
//   - a fresh write stamped longer ago than the request age limit, or at or below
//     the floor, is refused (rules 4 and 7; write-backs and hints carry old versions
//     by their nature);
//   - a fresh write or hint of a version that OUTCOME gave up is refused (rule 4);
//   - where the stored record is damaged nothing is merged: a bad record takes
//     no write until its key has been read from others (rule 8, damage.go);
//   - else the merge law of package record decides, so that a stored version
//     never decreases, whatever the order of arrival;
//   - but what would be stored at or below the fence, the watermark that this node
//     has agreed to, is refused on every path but from one that had agreed to as
//     much (rule 8).
//
// Several writes of one key in one batch see each other, and the marks (Marks:
// floor, fences, watermarks, quarantine) that are raised in it. A Purge removes the
// very version that it names, if that is dead below the watermark. Stand and Unhint
// keep and forget hints, which are not looked at here.
//
// Trees (rule 6) are kept up by the way, with how many records of each leaf can be
// purged one day; leaves that are not known are counted in bounded steps. The owner of
// an Applier publishes them, and its marks, once the batch is durable; a batch that was
// not ends the process.
//
// System writes (clock record, metadata register) go through the same
// committer, because one node has one sync stream; they are stored as they are.
package replica
