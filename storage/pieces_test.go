package storage_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/storage/faulty"
)

// watched is a file system that notes how much of a table was ever unsynced.
type watched struct {
	storage.FS
	mu     sync.Mutex // guards what follows
	most   int
	tables int
}

func (w *watched) Create(name string) (storage.File, error) {
	f, err := w.FS.Create(name)
	if err != nil || !strings.HasSuffix(name, ".ldb") {
		return f, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tables++
	return &watchedFile{File: f, w: w}, nil
}

type watchedFile struct {
	storage.File
	w        *watched
	unsynced int
}

func (f *watchedFile) Write(p []byte) (int, error) {
	f.w.mu.Lock()
	f.unsynced += len(p)
	f.w.most = max(f.w.most, f.unsynced)
	f.w.mu.Unlock()
	return f.File.Write(p)
}

func (f *watchedFile) Sync() error {
	f.unsynced = 0
	return f.File.Sync()
}

// A table goes to the disk piece by piece, so that no sync of a journal, which clients
// wait for, has all of a memory table before it.
func TestATableIsSyncedInPieces(t *testing.T) {
	fs := &watched{FS: faulty.New().FS()}
	db := mustOpen(t, "db", storage.Options{FS: fs, WriteBuffer: 8 << 20, TableSize: 16 << 20, RecordCache: -1, Reserve: -1})
	for i := range 100 {
		mustWrite(t, db, puts(50_000, i))
	}
	if err := db.Compact(nil, nil); err != nil {
		t.Fatal(err)
	}
	const piece = 1 << 20
	if fs.tables == 0 || fs.most < piece/2 || fs.most > piece+64<<10 {
		t.Errorf("%d tables, at most %d bytes of one were not synced, want about %d", fs.tables, fs.most, piece)
	}
}
