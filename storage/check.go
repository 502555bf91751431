package storage

import (
	"errors"
	"os"

	"github.com/syndtr/goleveldb/leveldb"
)

// tablesCheck is the Check of a DB: the tables that were in use when it began,
// the oldest first. What was compacted before its turn came was read, compared
// with the blocks' checksums, and written anew by that; what came later is newer
// than the pass.
type tablesCheck struct {
	db   *DB
	todo []tableInfo
	open *tableReader
}

// Check implements Engine.
func (db *DB) Check() (Check, error) {
	if err := db.enter(); err != nil {
		return nil, err
	}
	defer db.gate.leave()
	m, err := db.files.liveManifest()
	if err != nil {
		return nil, db.failure("check", err)
	}
	return &tablesCheck{db: db, todo: m.inOrder()}, nil
}

// Next implements Check.
func (c *tablesCheck) Next(bytes int, found func(Damage)) (read int, more bool, err error) {
	if err := c.db.enter(); err != nil {
		return 0, false, err
	}
	defer c.db.gate.leave()
	tell := func(d Damage) {
		switch {
		case d.Key == nil: // the next compaction of this table will stop the engine
			c.db.files.noteDamage(d.Err)
		case c.db.replaced(d.Key):
			return
		}
		found(d)
	}
	for read < bytes {
		if c.open == nil {
			if len(c.todo) == 0 {
				return read, false, nil
			}
			c.open, c.todo = c.db.files.openTable(c.todo[0]), c.todo[1:]
			if errors.Is(c.open.hole, os.ErrNotExist) && !c.db.files.inUse(c.open.info.number) {
				c.end() // compacted meanwhile
				continue
			}
		}
		n, more := c.open.step(bytes-read, tell)
		read += n
		if err := c.open.refusal; err != nil {
			c.end()
			return read, false, mapError("check", err)
		}
		if !more {
			c.end()
		}
	}
	return read, c.open != nil || len(c.todo) > 0, nil
}

// replaced says whether a damaged record was replaced by a good one, or deleted,
// since: the next compaction removes it.
func (db *DB) replaced(key []byte) bool {
	value, err := db.ldb.Get(key, nil)
	if err != nil {
		return errors.Is(err, leveldb.ErrNotFound)
	}
	_, bad := checkRecord(key, value)
	return !bad
}

func (c *tablesCheck) end() {
	if c.open != nil {
		c.open.close()
		c.open = nil
	}
}

// Close implements Check.
func (c *tablesCheck) Close() error {
	c.end()
	c.todo = nil
	return nil
}

// liveManifest reads the MANIFEST of a database that is in use: what is whole of
// it, its last edit may be being written.
func (s *files) liveManifest() (manifest, error) {
	meta, err := s.GetMeta()
	if err != nil {
		return manifest{}, err
	}
	data, err := readFile(s.fs, s.path(meta))
	if err != nil {
		return manifest{}, err
	}
	m, _, err := scanManifest(data)
	return m, err
}

// inUse says whether the MANIFEST still names a table; where it cannot be read,
// it does.
func (s *files) inUse(number int64) bool {
	m, err := s.liveManifest()
	_, named := m.tables[number]
	return err != nil || named
}
