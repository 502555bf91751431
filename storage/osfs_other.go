//go:build !linux

package storage

import (
	"os"
	"syscall"
)

// syncData is fsync where there is nothing better for sure. A file without a name is not
// found again, however durable its bytes are.
func syncData(f *os.File) error {
	if err := f.Sync(); err != nil {
		return err
	}
	if info, err := f.Stat(); err == nil {
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Nlink == 0 {
			return &os.PathError{Op: "fsync", Path: f.Name(), Err: errRemoved}
		}
	}
	return nil
}
