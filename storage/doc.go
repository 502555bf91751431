// Package storage keeps what a node has promised to keep.
//
// It is goleveldb behind a small engine, and the rules without which that
// library loses acknowledged data. The promise is one sentence: when Write
// returns nil the batch is in the journal and the journal was synced; when it
// returns anything else nobody knows, the engine is finished, and only a
// restart, which verifies, makes it usable again.
//
//   - Engine is the contract, kept by DB (goleveldb) and by model.Engine (the
//     simulator's). storage/conformance holds both to it.
//   - Batch is what is written in one piece. The keys of keys.go say where.
//   - Committer is the one goroutine that writes: it drains what waits, lets
//     Apply decide, writes one synced batch, and only then releases the
//     answers (group commit; Gray and Reuter, Transaction Processing, 1993). With
//     a SyncInterval some batches are synced behind their answers (debt).
//   - Dir is a node's data directory: identity, format, lock, and the renewal of
//     a database that is damaged or lost.
//   - Scrub re-reads everything once per cycle; a Damage is what it finds.
//   - FS is the file system, so that storage/faulty can lose power, fail a
//     sync, or tear a write in a test.
//
// # What stands between goleveldb and the disk
//
// The type files implements the library's file seam over an FS. It fills a journal
// with zeros ahead of what is written (ahead.go), syncs it before the next one is made,
// syncs the directory when a file appears in it, times every sync, and at the first
// failed write or sync freezes the directory: nothing is written, synced or removed
// any more. After a failed fsync the kernel counts the lost pages as clean, so that a
// second, successful one proves nothing (Rebello et al., Can Applications Recover
// from fsync Failures?, 2020); goleveldb itself would go on, and lose later writes.
//
// # Before a database is opened
//
// goleveldb skips over damage in a journal and says so only in a log line.
// Therefore every journal that is about to be replayed is read first. Each batch
// carries a mark: the journal number and offset that were known to be synced
// when it was written. Damage above the highest mark is the torn tail of a write
// that nobody was told about, or zeros ahead: cut off. Damage below it is corruption:
// Open fails with a DamagedError. The MANIFEST is read the same way, because a
// lost edit of it hides a whole table. Of each table it is seen that it is there,
// as long as it was; all of them are read to the last byte if one is not, or if
// damage was met when the database was last open. What the machine refuses to read
// (descriptors, memory, rights) is no damage: Open and Check return it.
//
// Damage in a table is a range of tokens; elsewhere everything is missing. A bad
// block cannot be mended in place, and the next compaction that meets it stops the
// engine. So Dir.Renew copies what can be read into a new database, in which
// MissingName says what is to be rebuilt, and sets the old one aside.
//
// # A full disk
//
// Room is asked before a batch is filled. Values are refused first; deletes and
// system values go on to a floor that leaves the library what it needs to stand
// still, since the first write that it sees fail is its last.
//
// # Duties of the caller
//
// One Committer per engine. Ask Room for each batch. Watch Stalled: a sync that hangs
// returns no error. Bytes handed to a Scan callback are valid during it only. After
// ErrPoisoned or ErrInDoubt the process is of no more use: tell the peers, restart.
package storage
