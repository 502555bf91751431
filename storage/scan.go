package storage

import (
	"bytes"
	"time"

	"github.com/syndtr/goleveldb/leveldb/util"
)

// How much one iterator reads before it is let go. An iterator pins the files
// of the moment it was made: held open for hours it fills the disk.
const (
	scanKeys = 10_000
	scanTime = 5 * time.Second
)

// Scan implements Engine.
func (db *DB) Scan(lo, hi []byte, fn func(key, value []byte) bool) error {
	from := append([]byte(nil), lo...)
	for {
		next, more, err := db.scanSome(from, hi, fn)
		if err != nil || !more {
			return err
		}
		from = next
	}
}

// scanSome reads on with one iterator. If there is more it returns where, in
// from's memory.
func (db *DB) scanSome(from, hi []byte, fn func(key, value []byte) bool) (next []byte, more bool, err error) {
	if err := db.enter(); err != nil {
		return nil, false, err
	}
	defer db.gate.leave()
	if hi != nil && bytes.Compare(from, hi) >= 0 {
		return nil, false, nil // the library panics on such a range
	}
	it := db.ldb.NewIterator(&util.Range{Start: from, Limit: hi}, nil)
	defer it.Release()
	start := time.Now()
	for n := 1; it.Next(); n++ {
		if !fn(it.Key(), it.Value()) {
			return nil, false, nil
		}
		if n == scanKeys || time.Since(start) >= scanTime {
			// The smallest key behind this one.
			return append(append(from[:0], it.Key()...), 0), true, nil
		}
	}
	return nil, false, db.failure("scan", it.Error())
}
