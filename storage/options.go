package storage

import (
	"fmt"
	"log/slog"
	"math"

	"github.com/syndtr/goleveldb/leveldb/filter"
	"github.com/syndtr/goleveldb/leveldb/opt"
)

// Options of a DB. A zero field means its default, which suits a node with a
// gigabyte to spare. Sizes are in bytes.
type Options struct {
	// WriteBuffer is the size of the memory table; up to three are held. Larger
	// means fewer, larger tables and a longer start after a crash. 64 MiB.
	WriteBuffer int
	// BlockCache holds blocks of tables, their indexes and filters. 256 MiB.
	BlockCache int
	// RecordCache holds the records that were written or read last; about so many bytes.
	// 64 MiB; negative means none.
	RecordCache int
	// BlockSize of a table. Larger favours scans, smaller favours Get. 8 KiB.
	BlockSize int
	// OpenFiles is how many tables are kept open; a miss reads its index
	// again. 4096.
	OpenFiles int
	// TableSize is the size of a table that compaction makes. 16 MiB.
	TableSize int
	// LevelSize is the size of level 1; each further level is ten times
	// larger. 256 MiB.
	LevelSize int
	// L0Compact is the number of level-0 tables that starts a compaction, 4;
	// from L0Slowdown on each write waits 1 ms, 16; from L0Pause on writes wait
	// until there are fewer, 28.
	L0Compact, L0Slowdown, L0Pause int
	// BloomBits per key in the tables' filters; more means fewer reads in vain.
	// Negative means no filter. 10.
	BloomBits int
	// Snappy compresses blocks. Off.
	Snappy bool

	// Reserve is the share of the disk, in percent, that values may not use,
	// besides what compactions need for their copies: it is left to deletes and the
	// node's own notes. Higher stops writes earlier. Negative means no reserve, and a
	// full disk then stops the engine until a restart. 5.
	Reserve int

	// FS is where the files are. OS.
	FS FS
	// Log receives the engine's own lines at debug level, and damage at error
	// level. Nothing is logged if it is nil.
	Log *slog.Logger
	// Alarm, if set, is called with each line of the engine's log that means
	// damage: this node needs a full repair. It is called from the engine's
	// goroutines, under its locks: hand the line on and return.
	Alarm func(line string)

	unsafeNoSync bool // tests: a checker that does not notice this is worth nothing
	noAhead      bool // benchmarks: journals grow with each write
}

// Valid returns an error that names every field that makes no sense.
func (o Options) Valid() error {
	o = o.withDefaults()
	var bad []string
	check := func(ok bool, format string, args ...any) {
		if !ok {
			bad = append(bad, fmt.Sprintf(format, args...))
		}
	}
	check(o.WriteBuffer >= 4<<10, "WriteBuffer %d is below 4 KiB", o.WriteBuffer)
	check(o.BlockSize >= 256, "BlockSize %d is below 256", o.BlockSize)
	check(o.BlockCache > 0, "BlockCache %d is negative", o.BlockCache)
	check(o.OpenFiles > 0, "OpenFiles %d is negative", o.OpenFiles)
	check(o.TableSize >= o.BlockSize, "TableSize %d is below BlockSize %d", o.TableSize, o.BlockSize)
	check(o.LevelSize >= o.TableSize, "LevelSize %d is below TableSize %d", o.LevelSize, o.TableSize)
	check(0 < o.L0Compact && o.L0Compact <= o.L0Slowdown && o.L0Slowdown <= o.L0Pause,
		"L0Compact %d, L0Slowdown %d, L0Pause %d must rise", o.L0Compact, o.L0Slowdown, o.L0Pause)
	check(o.Reserve <= 100, "Reserve %d is above 100 percent", o.Reserve)
	if len(bad) > 0 {
		return fmt.Errorf("storage: options: %q", bad)
	}
	return nil
}

func (o Options) withDefaults() Options {
	for _, f := range []struct {
		field *int
		value int
	}{
		{&o.WriteBuffer, 64 << 20},
		{&o.BlockCache, 256 << 20},
		{&o.RecordCache, 64 << 20},
		{&o.BlockSize, 8 << 10},
		{&o.OpenFiles, 4096},
		{&o.TableSize, 16 << 20},
		{&o.LevelSize, 256 << 20},
		{&o.L0Compact, 4},
		{&o.L0Slowdown, 16},
		{&o.L0Pause, 28},
		{&o.BloomBits, 10},
		{&o.Reserve, 5},
	} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	if o.FS == nil {
		o.FS = OS
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// leveldb translates to the library's options; o has its defaults.
func (o Options) leveldb() *opt.Options {
	lo := &opt.Options{
		WriteBuffer:            o.WriteBuffer,
		BlockCacheCapacity:     o.BlockCache,
		BlockSize:              o.BlockSize,
		OpenFilesCacheCapacity: o.OpenFiles,
		CompactionTableSize:    o.TableSize,
		CompactionTotalSize:    o.LevelSize,
		CompactionL0Trigger:    o.L0Compact,
		WriteL0SlowdownTrigger: o.L0Slowdown,
		WriteL0PauseTrigger:    o.L0Pause,
		Compression:            opt.NoCompression,

		BlockCacheEvictRemoved: true,
		DisableSeeksCompaction: true,
		NoWriteMerge:           true,
		// A batch above WriteBuffer would otherwise skip the journal.
		DisableLargeBatchTransaction: true,
		// When the library rotates a MANIFEST in the edit that ends a flush,
		// the new one names the journal that is removed next, and the check
		// before open would call that a loss. A start writes a fresh one anyway.
		MaxManifestFileSize: math.MaxInt64,
	}
	if o.Snappy {
		lo.Compression = opt.SnappyCompression
	}
	if o.BloomBits > 0 {
		lo.Filter = filter.NewBloomFilter(o.BloomBits)
	}
	return lo
}
