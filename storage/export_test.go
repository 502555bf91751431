package storage

import "github.com/syndtr/goleveldb/leveldb/util"

// Hooks for the tests in package storage_test, which use storage/faulty and so
// cannot be inside this package.

// WithoutSync returns options under which acknowledged writes are not durable.
func WithoutSync(o Options) Options {
	o.unsafeNoSync = true
	return o
}

// WithoutAhead returns options under which journals are not filled with zeros.
func WithoutAhead(o Options) Options {
	o.noAhead = true
	return o
}

// OpenUnverified opens without the check of the journals: what goleveldb alone
// would do.
func OpenUnverified(dir string, o Options) (*DB, error) {
	o = o.withDefaults()
	lock, err := o.FS.Lock(join(dir, lockName))
	if err != nil {
		return nil, err
	}
	db, err := open(dir, o, func(*files) error { return nil })
	if err != nil {
		lock.Close()
		return nil, err
	}
	db.lock = lock
	return db, nil
}

// CompactAll flushes the memory table and compacts every table.
func (db *DB) CompactAll() error {
	return mapError("compact", db.ldb.CompactRange(util.Range{}))
}
