package storage_test

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/candordb/candor/storage"
)

// BenchmarkCommitter measures acknowledged, synced writes of 256 bytes on the
// real disk, for a number of writes in flight. Set TMPDIR to choose the disk.
// Besides the time per write it reports how many share one sync.
func BenchmarkCommitter(b *testing.B) {
	for _, flight := range []int{1, 8, 64, 256, 2048} {
		b.Run(fmt.Sprint("inflight ", flight), func(b *testing.B) { benchCommitter(b, flight) })
	}
}

func benchCommitter(b *testing.B, flight int) {
	db, err := storage.Open(b.TempDir(), storage.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	// A token for each write that may be in flight; Done gives them back.
	tokens := make(chan struct{}, flight)
	c := storage.NewCommitter(db, storage.CommitterOptions[write]{
		Apply: putAll,
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
	val := make([]byte, 256)
	item := make([]write, 1)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		<-tokens
		item[0] = write{key: storage.AppendRecordKey(item[0].key[:0], uint64(i)*0x9e3779b97f4a7c15, 1, []byte("key")), value: val}
		c.Submit(item)
	}
	for range flight {
		<-tokens
	}
	b.StopTimer()
	s := c.Stats()
	b.ReportMetric(float64(s.Items)/float64(max(s.Batches, 1)), "writes/sync")
	b.ReportMetric(float64(s.Sync.Microseconds())/float64(max(s.Batches, 1)), "µs/sync")
	c.Close()
	run.Wait()
}

// BenchmarkJournal measures synced batches with and without zeros written ahead, in
// one database and in five that share a disk, as on a machine with five nodes. It
// reports the time of the processor too: the file system works on its account.
func BenchmarkJournal(b *testing.B) {
	for _, databases := range []int{1, 5} {
		for _, size := range []int{300, 3000, 30_000} {
			b.Run(fmt.Sprintf("databases %d/bytes %d/ahead", databases, size), func(b *testing.B) {
				benchJournal(b, databases, size, storage.Options{})
			})
			b.Run(fmt.Sprintf("databases %d/bytes %d/plain", databases, size), func(b *testing.B) {
				benchJournal(b, databases, size, storage.WithoutAhead(storage.Options{}))
			})
		}
	}
}

func benchJournal(b *testing.B, databases, size int, o storage.Options) {
	var all sync.WaitGroup
	var dbs []*storage.DB
	for range databases {
		db, err := storage.Open(b.TempDir(), o)
		if err != nil {
			b.Fatal(err)
		}
		defer db.Close()
		dbs = append(dbs, db)
	}
	val := value(0, size)
	b.ResetTimer()
	before := processorTime(b)
	for _, db := range dbs {
		all.Go(func() {
			batch := &storage.Batch{}
			for i := range b.N {
				batch.Reset()
				batch.Put(key(i), val)
				if err := db.Write(batch); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64((processorTime(b)-before).Microseconds())/float64(b.N*databases), "cpu-µs/write")
}

// processorTime is what this process has used so far.
func processorTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkGet measures reads of keys that lie in the memory table.
func BenchmarkGet(b *testing.B) {
	db, err := storage.Open(b.TempDir(), storage.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	const keys = 10_000
	batch := &storage.Batch{}
	for i := range keys {
		batch.Put(key(i), value(i, 256))
	}
	if err := db.Write(batch); err != nil {
		b.Fatal(err)
	}
	k := make([][]byte, keys)
	for i := range k {
		k[i] = key(i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := db.Get(k[i%keys]); err != nil {
			b.Fatal(err)
		}
	}
}
