// Package replica is the local half of every operation: merging a batch of
// writes into what is stored, and reading it back. It is pure: the stored
// records come from a Store, the changes go to a Batch, time comes in as a
// parameter; the node's committer and the simulator's disk drive the same code.
//
// A Write asks to merge a record, in its one encoded form, into its place. The
// committer drains what waits, calls Applier.Apply, writes and syncs the batch,
// and only then releases the acknowledgements that Apply left in the writes. So
// an acknowledgement says: this record, or the higher version that it names, is
// durable here.
//
// What Apply decides, in this order:
//
//   - a write whose deadline has passed is dropped (refused: not done here);
//   - a record that does not pass its checksum is refused;
//   - a fresh write stamped longer ago than the request age limit is refused
//     (rule 4; write-backs and hints carry old versions by their nature);
//   - a fresh write or hint of a version that OUTCOME gave up is refused (rule 4);
//   - where the stored record is damaged nothing is merged: a bad record takes
//     no write until its key has been read from others (rule 8);
//   - else the merge law of package record decides, so that a stored version
//     never decreases, whatever the order of arrival.
//
// Several writes of one key in one batch see each other.
//
// System writes (clock record, metadata register) go through the same
// committer, because one node has one sync stream; they are stored as they are.
package replica
