package storage_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/candordb/candor/storage"
)

// BenchmarkDurability measures acknowledged writes of 256 bytes on the real disk, synced
// before they are answered and within a second, for a number of writes in flight. Set
// TMPDIR to choose the disk.
func BenchmarkDurability(b *testing.B) {
	for _, flight := range []int{1, 64, 1024} {
		for name, interval := range map[string]time.Duration{"sync": 0, "periodic": time.Second} {
			b.Run(fmt.Sprintf("inflight %d/%s", flight, name), func(b *testing.B) { benchDurability(b, flight, interval) })
		}
	}
}

func benchDurability(b *testing.B, flight int, interval time.Duration) {
	t := make(tokens, flight)
	c := mustCommit(b, storage.Options{}, storage.CommitterOptions[write]{
		SyncInterval: interval,
		Apply: func(items []write, to *storage.Batch) {
			putAll(items, to)
			to.MaySyncLater()
		},
		Done: t.back(b),
	})
	used := t.spend(b, c)
	b.ReportMetric(float64(used.Nanoseconds())/1000/float64(b.N), "cpu-µs/write")
}
