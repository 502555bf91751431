package storage_test

import (
	"context"
	"fmt"
	"sync"
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
	db, err := storage.Open(b.TempDir(), storage.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	tokens := make(chan struct{}, flight)
	c := storage.NewCommitter(db, storage.CommitterOptions[write]{
		SyncInterval: interval,
		Apply: func(items []write, to *storage.Batch) {
			putAll(items, to)
			to.MaySyncLater()
		},
		Done: func(items []write, err error) {
			if err != nil {
				b.Error(err)
			}
			for range items {
				tokens <- struct{}{}
			}
		},
	})
	var run sync.WaitGroup
	run.Go(func() {
		if err := c.Run(context.Background()); err != nil {
			b.Error(err)
		}
	})
	for range flight {
		tokens <- struct{}{}
	}
	val, item := make([]byte, 256), make([]write, 1)
	b.ResetTimer()
	before := processorTime(b)
	for i := range b.N {
		<-tokens
		item[0] = write{key: storage.AppendRecordKey(item[0].key[:0], uint64(i)*0x9e3779b97f4a7c15, 1, []byte("key")), value: val}
		c.Submit(item)
	}
	for range flight {
		<-tokens
	}
	b.StopTimer()
	b.ReportMetric(float64((processorTime(b)-before).Nanoseconds())/1000/float64(b.N), "cpu-µs/write")
	c.Close()
	run.Wait()
}
