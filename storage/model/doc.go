// Package model is the simulator's storage engine: an ordered map in memory
// that keeps the same promises as storage.DB and passes the same conformance
// suite, with durability taken apart so that the simulator decides when it
// happens.
//
// Where DB.Write blocks until the disk has synced, the simulator must not
// block: it calls Stage when the write is issued and Sync when its virtual disk
// is done. Between the two the batch is on its way: nobody sees it, and Crash
// may lose it or keep it. Write is Stage and Sync in one, for callers that want
// an ordinary storage.Engine. Visible after durable, never before, exactly as
// goleveldb does it: what Get and Scan show is what would survive a power cut. But
// WriteUnsynced shows at once what the next Sync makes durable; it is for who has
// nothing staged.
//
// Batches reach the disk in the order in which they were staged, so a crash
// keeps a beginning of what was staged and loses the rest. A failed sync
// poisons the engine as it does a DB, until Crash, which is also the restart:
// an Engine outlives the process that uses it.
//
// It is pure: no goroutine, no lock, no clock, no random numbers; nothing
// depends on the order of a map. It belongs to one goroutine.
package model
