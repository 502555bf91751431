package storage

import "github.com/syndtr/goleveldb/leveldb/util"

// Compact rewrites the tables that hold keys in [lo, hi), so that what was erased
// there costs scans nothing any more. It blocks until that is done, and competes
// with writes for the disk. Errors are those of Get, but for ErrNotFound.
func (db *DB) Compact(lo, hi []byte) error {
	if err := db.enter(); err != nil {
		return err
	}
	defer db.gate.leave()
	if err := db.ldb.CompactRange(util.Range{Start: lo, Limit: hi}); err != nil {
		return db.failure("compact", err)
	}
	return nil
}
