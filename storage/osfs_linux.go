package storage

import (
	"os"
	"syscall"
)

// syncData is fdatasync: bytes and length. Where a file was only written over, as
// a journal mostly is, fsync would write its times of change too, and so wait for
// the file system's own log.
func syncData(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		for again := true; again; again = failed == syscall.EINTR {
			failed = syscall.Fdatasync(int(fd))
		}
	})
	if failed != nil {
		return &os.PathError{Op: "fdatasync", Path: f.Name(), Err: failed}
	}
	return err
}
