package storage

import (
	"os"
	"syscall"
)

// syncData is fdatasync: bytes and length. Where a file was only written over, as
// a journal mostly is, fsync would write its times of change too, and so wait for
// the file system's own log. A file without a name is not found again, however durable
// its bytes are: that costs a hundredth of the sync to know.
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
		var stat syscall.Stat_t
		if failed == nil && syscall.Fstat(int(fd), &stat) == nil && stat.Nlink == 0 {
			failed = errRemoved
		}
	})
	if failed != nil {
		return &os.PathError{Op: "fdatasync", Path: f.Name(), Err: failed}
	}
	return err
}
