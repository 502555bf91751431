package storage

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/syndtr/goleveldb/leveldb"
	lderrors "github.com/syndtr/goleveldb/leveldb/errors"
	ldstorage "github.com/syndtr/goleveldb/leveldb/storage"
)

var (
	// ErrNotFound is returned by Get for a key that is not stored. It is never
	// returned because something could not be read.
	ErrNotFound = errors.New("not found")

	// ErrCorrupt is returned when bytes on disk are not what was written, or a
	// file is gone. The data may be there on other replicas; it is not here.
	ErrCorrupt = errors.New("corrupt")

	// ErrClosed is returned by every call after Close.
	ErrClosed = errors.New("closed")

	// ErrInDoubt is returned by the one Write that failed: its batch may or may
	// not be there after a restart, so it must be answered as in doubt.
	ErrInDoubt = errors.New("in doubt: the batch may or may not survive")

	// ErrPoisoned is returned by every call after the first failed write or
	// sync. What got this error was definitely not written. The text names the
	// first failure; only a restart, which verifies, ends this state.
	ErrPoisoned = errors.New("stopped after a failed write or sync; restart the node")

	// ErrDiskFull is returned when a batch was refused because the disk is nearly
	// full. Nothing of it was written, and the engine works on: it takes writes
	// again when there is room.
	ErrDiskFull = errors.New("the disk is full; free space on it")

	// ErrLocked is returned when another process holds the directory.
	ErrLocked = errors.New("in use")

	// ErrFormat is returned for a data directory that a newer program wrote.
	ErrFormat = errors.New("written by a newer version")

	// ErrLost is returned for a data directory whose node.json names a cluster
	// but whose database is gone.
	ErrLost = errors.New("the database is gone")

	// ErrOtherCluster is returned when a directory that belongs to one cluster
	// is told to join another.
	ErrOtherCluster = errors.New("belongs to another cluster")
)

// mapError turns an error of goleveldb into one of ours, and names the
// operation. It is the only place that knows the library's errors. The
// library's own IsCorrupted looks at the outermost error only, so this looks
// at the whole chain. A file that should be there and is not is damage as well.
func mapError(op string, err error) error {
	if err == nil {
		return nil
	}
	if err == leveldb.ErrNotFound {
		return ErrNotFound // the hot answer: no text to add, and what errors.As fills below is not allocated
	}
	var damaged *lderrors.ErrCorrupted
	var entry *ldstorage.ErrCorrupted
	sentinel := error(nil)
	switch {
	case errors.Is(err, ErrPoisoned), errors.Is(err, ErrCorrupt), errors.Is(err, ErrLocked), errors.Is(err, ErrClosed):
		// Already ours: it travelled through the library.
		return fmt.Errorf("storage: %s: %w", op, err)
	case errors.As(err, &damaged), errors.As(err, &entry), errors.Is(err, fs.ErrNotExist):
		sentinel = ErrCorrupt
	case errors.Is(err, leveldb.ErrClosed), errors.Is(err, ldstorage.ErrClosed):
		sentinel = ErrClosed
	case errors.Is(err, leveldb.ErrReadOnly):
		sentinel = ErrPoisoned
	case errors.Is(err, ldstorage.ErrLocked):
		sentinel = ErrLocked
	default:
		return fmt.Errorf("storage: %s: %w", op, advised(err))
	}
	return fmt.Errorf("storage: %s: %w: %w", op, sentinel, err)
}
