package primitive

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Sync is the name of its figure.
const Sync = "sync 4 KiB"

const (
	syncBytes  = 4 << 10
	syncBlocks = 1024 // of the file, which is written in a circle
)

// Fdatasync measures how long a disk takes to keep 4 KiB, where a file has room
// for them already.
func Fdatasync(dir string, d time.Duration) (f Figure, err error) {
	file, err := os.Create(filepath.Join(dir, "sync"))
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := file.Write(make([]byte, syncBytes*syncBlocks)); err != nil {
		return f, err
	}
	if err := file.Sync(); err != nil {
		return f, err
	}
	block := make([]byte, syncBytes)
	f, err = timed(Sync, 1, d, func(i int) error {
		block[0]++
		if _, err := file.WriteAt(block, int64(i%syncBlocks)*syncBytes); err != nil {
			return err
		}
		return syscall.Fdatasync(int(file.Fd()))
	})
	if err != nil {
		err = fmt.Errorf("primitive: %s: %w", Sync, err)
	}
	return f, err
}
