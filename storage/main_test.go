package storage_test

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/storage/faulty"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(killEnv); dir != "" {
		fmt.Println(writeUntilKilled(dir))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain"))
}

// small are options under which tables are flushed and compacted after a few
// writes.
var small = storage.Options{
	WriteBuffer: 16 << 10,
	BlockCache:  64 << 10,
	RecordCache: 64 << 10,
	BlockSize:   1 << 10,
	TableSize:   8 << 10,
	LevelSize:   32 << 10,
}

// calm turns table compaction off under the race detector. When a compaction
// fails while a write waits for another one, goleveldb closes a channel that its
// compaction goroutine sends on, and recovers from the panic. That is harmless,
// and a race; tests that make the background fail would now and then be red.
func calm(o storage.Options) storage.Options {
	if raceDetector {
		o.L0Compact, o.L0Slowdown, o.L0Pause = 1<<20, 1<<20, 1<<20
	}
	return o
}

func on(d *faulty.Disk, o storage.Options) storage.Options {
	o.FS = d.FS()
	return o
}

func mustOpen(t *testing.T, dir string, o storage.Options) *storage.DB {
	t.Helper()
	db, err := storage.Open(dir, o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil && !errors.Is(err, storage.ErrClosed) {
			t.Errorf("Close: %v", err)
		}
	})
	return db
}

func mustClose(t *testing.T, db *storage.DB) {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

// key and value of the i-th write of a test.
func key(i int) []byte { return fmt.Appendf(nil, "r%06d", i) }
func value(i, size int) []byte {
	v := fmt.Appendf(nil, "value %d ", i)
	for len(v) < size {
		v = append(v, byte('a'+i%26))
	}
	return v
}

func puts(size int, is ...int) *storage.Batch {
	b := &storage.Batch{}
	for _, i := range is {
		b.Put(key(i), value(i, size))
	}
	return b
}

func mustWrite(t *testing.T, e storage.Engine, b *storage.Batch) {
	t.Helper()
	if err := e.Write(b); err != nil {
		t.Fatalf("Write: %v", err)
	}
}

// fill writes the keys from..to-1, each in a batch of its own.
func fill(t *testing.T, e storage.Engine, from, to, size int) {
	t.Helper()
	for i := from; i < to; i++ {
		mustWrite(t, e, puts(size, i))
	}
}

func wantValue(t *testing.T, e storage.Engine, i, size int) {
	t.Helper()
	if got, err := e.Get(key(i)); err != nil || string(got) != string(value(i, size)) {
		t.Fatalf("Get(key %d) = %.20q, %v", i, got, err)
	}
}

func wantAbsent(t *testing.T, e storage.Engine, i int) {
	t.Helper()
	if got, err := e.Get(key(i)); !errors.Is(err, storage.ErrNotFound) {
		t.Fatalf("Get(key %d) = %.20q, %v, want ErrNotFound", i, got, err)
	}
}

// newest returns the path of the file with the highest number and this suffix.
func newest(t *testing.T, d *faulty.Disk, match func(name string) bool) string {
	t.Helper()
	last := ""
	for _, name := range d.Files() {
		if match(name) {
			last = name
		}
	}
	if last == "" {
		t.Fatalf("no such file among %v", d.Files())
	}
	return last
}
