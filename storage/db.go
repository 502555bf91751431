package storage

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/opt"
)

// DB is the Engine over goleveldb. It starts the library's own goroutines and
// none of ours; Close ends them.
type DB struct {
	ldb    *leveldb.DB
	files  *files
	lock   io.Closer
	failed failure
	gate   gate
	recent *recent // nil: no records are held

	writing sync.Mutex // guards what follows
	batch   leveldb.Batch
	marked  []byte           // the value of the mark in the batch that is written
	synced  opt.WriteOptions // how a batch is written that is to be durable
}

// unsynced is how one is written that need not be. DB never changes it.
var unsynced = opt.WriteOptions{NoWriteMerge: true}

var _ Engine = (*DB)(nil)

// errStopped stands for the library's "closed", which is its answer to a write
// when a compaction has met damage and given up. We have not closed it: the
// gate sees to that.
var errStopped = errors.New("compaction has stopped for good; the log says what it found")

// Open opens the database in the directory, or makes a new one there. Before
// it returns, every journal was checked (see the package comment), what was
// replayed from them lies in synced tables, and the LOCK file is held.
//
// Errors: ErrLocked; a DamagedError, which is ErrCorrupt too, and no file was
// changed; whatever the file system said. What it opens may be missing something
// all the same: see ReadMissing.
func Open(dir string, o Options) (*DB, error) {
	if err := o.Valid(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	if err := makeDir(o.FS, dir); err != nil {
		return nil, fmt.Errorf("storage: open %s: %w", dir, err)
	}
	lock, err := o.FS.Lock(join(dir, lockName))
	if err != nil {
		return nil, fmt.Errorf("storage: database %s: %w; stop the process that has it open", dir, err)
	}
	db, err := open(dir, o, (*files).verify)
	if err != nil {
		lock.Close()
		return nil, err
	}
	db.lock = lock
	return db, nil
}

// damaged makes a DamagedError of an ErrCorrupt that is none yet: who cannot tell
// what is damaged must count everything as gone.
func damaged(dir string, err error) error {
	var known *DamagedError
	if errors.As(err, &known) {
		return &DamagedError{Missing: known.Missing, Found: known.Found, Err: mapError("open "+dir, known.Err)}
	}
	if err = mapError("open "+dir, err); errors.Is(err, ErrCorrupt) {
		return &DamagedError{Missing: Everything, Err: err}
	}
	return err
}

// open checks the files and opens the library over them.
func open(dir string, o Options, check func(*files) error) (*DB, error) {
	db := &DB{synced: opt.WriteOptions{Sync: !o.unsafeNoSync, NoWriteMerge: true}, recent: newRecent(o.RecordCache)}
	db.files = newFiles(dir, o, &db.failed)
	if err := check(db.files); err != nil {
		return nil, damaged(dir, err)
	}
	// Here the library replays the journals into tables, which it syncs before
	// it commits the MANIFEST that no longer names those journals.
	ldb, err := leveldb.Open(db.files, o.leveldb())
	if err != nil {
		return nil, damaged(dir, err)
	}
	db.ldb = ldb
	db.files.space.engine = func() uint64 { return compactionBytes(db.library().LevelSizes, o.TableSize) }
	return db, nil
}

// Get implements Engine. goleveldb always copies, so the bytes are the
// caller's; those of a record may be held for others too.
func (db *DB) Get(key []byte) ([]byte, error) {
	if err := db.enter(); err != nil {
		return nil, err
	}
	defer db.gate.leave()
	if !db.recent.covers(key) {
		return db.get(key)
	}
	value, ok, changes := db.recent.get(key)
	if ok {
		return value, nil
	}
	value, err := db.get(key)
	if err == nil {
		db.recent.filled(key, value, changes)
	}
	return value, err
}

func (db *DB) get(key []byte) ([]byte, error) {
	value, err := db.ldb.Get(key, nil)
	if err != nil {
		return nil, db.failure("get", err)
	}
	return value, nil
}

// Forget implements Engine. The library's own cache holds blocks that were read whole.
func (db *DB) Forget(key []byte) {
	if db.recent.covers(key) {
		db.recent.forget(key)
	}
}

// Write implements Engine. The batch gets the synced-offset mark as its last
// entry while it is written.
func (db *DB) Write(b *Batch) error { return db.write(b, &db.synced) }

// WriteUnsynced implements Engine. There is one journal, which is written in order, and
// none is begun before the one before it was synced (files.Create): what is whole after
// a power cut is a beginning of what was written, and the check before open cuts off
// what lies behind the first gap.
func (db *DB) WriteUnsynced(b *Batch) error { return db.write(b, &unsynced) }

// Sync implements Engine. It is the journal that is synced: what older ones held was
// synced when they were left.
func (db *DB) Sync() error {
	if err := db.enter(); err != nil {
		return err
	}
	defer db.gate.leave()
	if err := db.files.syncJournal(); err != nil {
		return fmt.Errorf("storage: sync: %w: %w", ErrInDoubt, err)
	}
	return nil
}

func (db *DB) write(b *Batch, how *opt.WriteOptions) error {
	if err := db.enter(); err != nil {
		return err
	}
	defer db.gate.leave()
	if b.Len() == 0 {
		return nil
	}
	if db.Room() == RoomForNothing {
		return fmt.Errorf("storage: write: %w", ErrDiskFull)
	}
	db.writing.Lock()
	defer db.writing.Unlock()
	if err := db.failed.get(); err != nil {
		return err // poisoned by the write that held the lock
	}
	if db.recent != nil {
		db.recent.leave(b)
	}
	size, n := len(b.data), b.n
	db.marked = db.files.mark().append(db.marked[:0])
	b.Put(markKey, db.marked)
	err := db.put(b, how)
	b.data, b.n = b.data[:size], n
	if err == nil && db.recent != nil {
		db.recent.enter(b)
	}
	return err
}

// put has the library write the batch.
func (db *DB) put(b *Batch, how *opt.WriteOptions) error {
	if err := db.batch.Load(b.data); err != nil {
		panic(fmt.Sprintf("storage: a batch does not decode: %v", err))
	}
	if err := db.ldb.Write(&db.batch, how); err != nil {
		// The library's error does not mean "not written": the batch may lie
		// whole in the journal, and come back at the next start.
		if errors.Is(err, leveldb.ErrClosed) {
			err = errStopped
		}
		_ = db.failure("write", err) // a compaction may have met damage: the next start has to know
		db.failed.set(err)
		return fmt.Errorf("storage: write: %w: %w", ErrInDoubt, err)
	}
	return nil
}

// failure is mapError for an error of the library. What was found damaged is
// noted, so that the next start looks at everything.
func (db *DB) failure(op string, err error) error {
	err = mapError(op, err)
	if errors.Is(err, ErrCorrupt) {
		db.files.noteDamage(err)
	}
	return err
}

// Room implements Engine.
func (db *DB) Room() Room { return db.files.space.now(db.files.unflushed()).room() }

// Stalled implements Engine.
func (db *DB) Stalled() time.Duration { return db.files.waits.longest() }

// Err implements Engine.
func (db *DB) Err() error { return db.failed.get() }

// Close implements Engine.
func (db *DB) Close() error {
	if !db.gate.close() {
		return ErrClosed
	}
	// The library's only error here is that of a compaction, which had no part
	// in anything that was acknowledged.
	if err := db.ldb.Close(); err != nil {
		db.files.log.Warn("closed while a compaction was failing", "error", err)
	}
	return mapError("close", db.lock.Close())
}

// enter lets a call in, unless the engine is closed or poisoned.
func (db *DB) enter() error {
	if !db.gate.enter() {
		return ErrClosed
	}
	if err := db.failed.get(); err != nil {
		db.gate.leave()
		return err
	}
	return nil
}

// Stats implements Engine.
func (db *DB) Stats() Stats {
	p := db.files.position()
	space := db.files.space.shown(db.Stalled() >= spaceAge, db.files.unflushed())
	hits, misses := db.recent.figures()
	s := Stats{
		Disk:          space.Space,
		DiskReserve:   space.reserve,
		JournalNumber: p.number,
		JournalBytes:  p.written,
		JournalSynced: p.synced,
		Syncs:         db.files.syncs.snapshot(),
		CacheHits:     hits,
		CacheMisses:   misses,
		Alarms:        db.files.alarms.Load(),
	}
	l := db.library()
	s.WritePaused = l.WritePaused
	s.WriteDelays = int64(l.WriteDelayCount)
	s.WriteDelayed = l.WriteDelayDuration
	s.LevelTables = l.LevelTablesCounts
	s.LevelBytes = l.LevelSizes
	s.Iterators = int(l.AliveIterators)
	s.MemFlushes = uint64(l.MemComp)
	s.Compactions = uint64(l.Level0Comp) + uint64(l.NonLevel0Comp) + uint64(l.SeekComp)
	s.BytesRead = l.IORead
	s.BytesWritten = l.IOWrite
	return s
}

// library returns goleveldb's own figures; zero once it is closed.
func (db *DB) library() (l leveldb.DBStats) {
	if !db.gate.enter() {
		return l
	}
	defer db.gate.leave()
	if err := db.ldb.Stats(&l); err != nil {
		return leveldb.DBStats{}
	}
	return l
}
