package primitive

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"time"

	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/filter"
	"github.com/syndtr/goleveldb/leveldb/opt"

	"github.com/candordb/candor/bench/engine"
	"github.com/candordb/candor/load"
)

// BatchRecords is how many records a batch has: about as many as wait for a sync
// with 64 connections of depth 16.
const BatchRecords = 512

// recordBytes is what Candor stores beside the value, about.
const recordBytes = 56

// levelDBOptions are those of package storage, by default.
func levelDBOptions() *opt.Options {
	return &opt.Options{
		WriteBuffer:            64 << 20,
		BlockCacheCapacity:     256 << 20,
		BlockSize:              8 << 10,
		OpenFilesCacheCapacity: 4096,
		CompactionTableSize:    16 << 20,
		CompactionTotalSize:    256 << 20,
		CompactionL0Trigger:    4,
		WriteL0SlowdownTrigger: 16,
		WriteL0PauseTrigger:    28,
		Compression:            opt.NoCompression,
		Filter:                 filter.NewBloomFilter(10),

		BlockCacheEvictRemoved:       true,
		DisableSeeksCompaction:       true,
		NoWriteMerge:                 true,
		DisableLargeBatchTransaction: true,
		MaxManifestFileSize:          math.MaxInt64,
	}
}

// The names of figures.
const (
	LevelDBSynced   = "leveldb write, sync"
	LevelDBUnsynced = "leveldb write"
	LevelDBGet      = "leveldb get"
)

// LevelDB measures writes with and without sync, and reads of what was written.
func LevelDB(dir string, keys, valueSize int, d time.Duration) (all []Figure, err error) {
	source := engine.NewSource(engine.Cell{Keys: keys, ValueSize: valueSize + recordBytes, Reads: 100}, 1)
	for _, w := range []struct {
		name string
		sync bool
	}{{LevelDBSynced, true}, {LevelDBUnsynced, false}} {
		f, err := writes(filepath.Join(dir, w.name), w.name, source, w.sync, d)
		if err != nil {
			return nil, fmt.Errorf("primitive: %s: %w", w.name, err)
		}
		all = append(all, f)
	}
	f, err := reads(filepath.Join(dir, LevelDBGet), source, d)
	return append(all, f), err
}

// writes measures batches of random keys in a fresh database.
func writes(dir, name string, source *engine.Source, sync bool, d time.Duration) (f Figure, err error) {
	db, err := leveldb.OpenFile(dir, levelDBOptions())
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	batch, op := new(leveldb.Batch), new(load.Op)
	return timed(name, BatchRecords, d, func(i int) error {
		batch.Reset()
		for j := range BatchRecords {
			source.Write(op, i*BatchRecords+j)
			batch.Put(op.Key, op.Value)
		}
		return db.Write(batch, &opt.WriteOptions{Sync: sync})
	})
}

// reads measures Get in a database that has all keys.
func reads(dir string, source *engine.Source, d time.Duration) (f Figure, err error) {
	db, err := leveldb.OpenFile(dir, levelDBOptions())
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	op, keys := new(load.Op), source.Keys()
	for n := range keys {
		source.Write(op, n)
		if err := db.Put(op.Key, op.Value, nil); err != nil {
			return f, err
		}
	}
	f, err = timed(LevelDBGet, 1, d, func(i int) error {
		_, err := db.Get(source.Read(op, i).Key, nil)
		return err
	})
	return f, err
}
