package storage

import "time"

// Engine is an ordered map of byte strings that is durable. DB is the one that
// users run, model.Engine the one that the simulator runs.
//
// Every method may be called from any goroutine at once on a DB; a model.Engine
// has no lock and belongs to one goroutine.
type Engine interface {
	// Get returns the value of key. The bytes are the caller's to keep, not to
	// change. Outcomes: the value; ErrNotFound; ErrCorrupt when the place where
	// it would be cannot be read; ErrPoisoned; ErrClosed. It may wait for the
	// disk. What it shows is durable, a batch becomes visible after its sync; but for
	// what WriteUnsynced wrote.
	Get(key []byte) ([]byte, error)

	// Forget has the next Get of a key look at the disk, whatever is held in memory: it
	// was found damaged there. It does not block.
	Forget(key []byte)

	// Write makes the batch durable, all or nothing, then visible. It blocks
	// until the sync is done, and while compaction cannot keep up. Outcomes:
	// nil, done; ErrInDoubt, unknown, and the engine is poisoned from here on;
	// ErrDiskFull, ErrPoisoned and ErrClosed, nothing was written. The engine does not keep
	// the batch, and leaves its contents as they were. An empty batch is done
	// at once, without a sync.
	Write(b *Batch) error

	// WriteUnsynced hands the batch to the operating system, all or nothing, and makes
	// it visible. A process that dies loses nothing of it, a power cut may take it,
	// until the next Write or Sync that returns nil. Whatever is lost by one is an end
	// of what was written: where a batch is gone, so is every one behind it. So
	// nothing that is durable rests on what is not. Outcomes are those of Write.
	WriteUnsynced(b *Batch) error

	// Sync makes durable what was written before it was called. It may run beside a
	// Write, and blocks as long as the disk needs. With nothing to sync it is done at
	// once. Outcomes: nil; ErrInDoubt, some of it may be lost, and the engine is
	// poisoned from here on; ErrPoisoned; ErrClosed.
	Sync() error

	// Scan calls fn with each key in [lo, hi) and its value, in the order of
	// the keys' bytes, until fn returns false; a nil hi means to the end. Key and value
	// are valid during fn only and must not be changed. A scan is not a
	// snapshot: it looks again every 10,000 keys or 5 s, so that a slow reader
	// does not pin old files, and sees what was written ahead of it by then. A
	// key that is there all the time is seen exactly once. Outcomes: nil,
	// the range was read to its end or to where fn stopped; any of Get's
	// errors but ErrNotFound, what was seen so far is good, the rest unknown.
	// It blocks as long as fn does; fn may call the engine.
	Scan(lo, hi []byte, fn func(key, value []byte) bool) error

	// Room says what may still be written. Who fills a batch asks before it
	// does, and refuses values unless it is RoomForAll; Write itself refuses only
	// below the last floor. The answer is at most a second old, with
	// what was written since taken off. It costs a system call a second.
	Room() Room

	// Stalled returns for how long the disk has been owing an answer to a write or
	// a sync; 0 if it owes none. It does not block. Some milliseconds are
	// usual; when it is many seconds nothing can be acknowledged here, and
	// nobody will say so: no error comes from a sync that hangs.
	Stalled() time.Duration

	// Check begins to re-read everything that is stored. It takes no snapshot and
	// holds nothing up. Outcomes: a Check, to be closed; ErrPoisoned; ErrClosed.
	Check() (Check, error)

	// Stats returns figures of this moment. It does not block.
	Stats() Stats

	// Err returns nil while the engine works, and from the first failed write
	// or sync on an ErrPoisoned that names that failure. It does not block.
	Err() error

	// Close waits for calls in progress, then closes; later calls get
	// ErrClosed, a second Close too. What is not synced is synced, if the engine works;
	// whether that succeeded is known to who called Sync before.
	Close() error
}

// Check is one pass over all that is stored; it belongs to one goroutine. A
// DB reads its tables past every cache of its own, so that it sees what is on
// the disk now and not what was read once.
type Check interface {
	// Next reads on, about so many bytes, and calls found with each damage. It
	// returns how much it has read, and whether there is more. What is damaged
	// does not end the pass: it goes on behind. Errors: ErrPoisoned, ErrClosed,
	// and what the machine refuses, which is no damage. The pass then has not seen
	// everything and never will.
	Next(bytes int, found func(Damage)) (read int, more bool, err error)
	// Close ends the pass, at its end or before.
	Close() error
}

// Stats are an engine's figures. Counters only rise.
type Stats struct {
	WritePaused  bool          // a write waits now because too many level-0 tables wait for compaction
	WriteDelays  int64         // stretches of writes that were slowed down or paused
	WriteDelayed time.Duration // time spent in them
	LevelTables  []int         // tables in each level
	LevelBytes   []int64       // bytes in each level
	Iterators    int           // scans that hold files open
	MemFlushes   uint64        // memory tables written out
	Compactions  uint64        // of tables, all levels
	BytesRead    uint64        // from the engine's files
	BytesWritten uint64        // to the engine's files

	JournalNumber int64 // the journal that is written now
	JournalBytes  int64 // written to it
	JournalSynced int64 // of those, known to be synced

	Syncs       SyncTimes // of the journal: what an acknowledgement waits for
	Disk        Space     // of the file system that the engine is on; zero if it is on none
	DiskReserve uint64    // values are refused when less than that is free

	CacheHits   uint64 // reads of records that were answered from memory that holds them
	CacheMisses uint64 // those that were not

	Alarms uint64 // lines of the engine's log that mean damage
}
