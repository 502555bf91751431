package storage

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"
)

// FS is the file system as this package needs it. OS is the real one,
// faulty.Disk the one that loses power. All methods may be called at once.
//
// Nothing is durable because a call returned, but where it says so: the bytes
// of a file are after its Sync, its name is after SyncDir of the directory.
type FS interface {
	// Create makes the file, or empties it, and opens it for writing.
	Create(name string) (File, error)
	// Open opens a file for reading; fs.ErrNotExist if there is none.
	Open(name string) (File, error)
	// Remove removes a file.
	Remove(name string) error
	// Rename gives a file a new name in the same directory, in one step,
	// replacing what had that name. A directory too, if nothing has that name.
	Rename(oldName, newName string) error
	// Truncate cuts a file to size and syncs it.
	Truncate(name string, size int64) error
	// List returns the names in a directory, in no order.
	List(dir string) ([]string, error)
	// MkdirAll makes a directory and its parents where they are missing.
	MkdirAll(dir string) error
	// SyncDir makes the names in a directory durable.
	SyncDir(dir string) error
	// Space measures the file system that a directory is on.
	Space(dir string) (Space, error)
	// Lock takes a lock file until the returned Closer is closed or the
	// process ends; ErrLocked if somebody has it. It does not wait.
	Lock(name string) (io.Closer, error)
}

// File is an open file. It belongs to one goroutine, but for ReadAt. What is
// written over other bytes may, until it is synced, be there in part after a
// crash: the rest are the old bytes.
type File interface {
	io.Reader
	io.ReaderAt
	io.Seeker
	io.Writer
	io.WriterAt
	io.Closer
	// Sync makes all bytes written so far durable, and the file's length; not the
	// times of its changes, which would cost another write. After a Sync that failed
	// they count as lost, whatever a later Sync says.
	Sync() error
}

// makeDir makes a directory, and its parents where they are missing, and makes
// their names durable.
func makeDir(fsys FS, dir string) error {
	unsure := []string{filepath.Dir(dir)} // the last start may have died before its sync
	for at := unsure[0]; at != filepath.Dir(at); at = filepath.Dir(at) {
		_, err := fsys.List(at)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		unsure = append(unsure, filepath.Dir(at))
	}
	if err := fsys.MkdirAll(dir); err != nil {
		return err
	}
	for _, parent := range unsure {
		if err := fsys.SyncDir(parent); err != nil {
			return err
		}
	}
	return nil
}

// readFile returns a whole file.
func readFile(fsys FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// replaceFile gives the file in dir this content so that after a crash at any
// moment it has the old content or the new, whole: a temporary file, synced,
// renamed over the old one, the directory synced.
func replaceFile(fsys FS, dir, name string, content []byte) error {
	target := join(dir, name)
	temp := target + ".new"
	f, err := fsys.Create(temp)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = fsys.Rename(temp, target)
	}
	if err == nil {
		err = fsys.SyncDir(dir)
	}
	return err
}
