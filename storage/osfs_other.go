//go:build !linux

package storage

import "os"

// syncData is fsync where there is nothing better for sure.
func syncData(f *os.File) error { return f.Sync() }
