package storage_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
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
	t := make(tokens, flight)
	c := mustCommit(b, storage.Options{}, storage.CommitterOptions[write]{Apply: putAll, Done: t.back(b)})
	b.ReportAllocs()
	t.spend(b, c)
	s := c.Stats()
	b.ReportMetric(float64(s.Items)/float64(max(s.Batches, 1)), "writes/sync")
	b.ReportMetric(float64(s.Sync.Microseconds())/float64(max(s.Batches, 1)), "µs/sync")
}

// tokens are as many as writes may be in flight: each takes one, and gives it back when it
// is answered.
type tokens chan struct{}

// back is the Done of the committer that the tokens are spent at.
func (t tokens) back(b *testing.B) func([]write, error) {
	return func(items []write, err error) {
		if err != nil {
			b.Error(err)
		}
		for range items {
			t <- struct{}{}
		}
	}
}

// spend times b.N writes of 256 bytes, until all are answered, and returns how much of
// the processor they took.
func (t tokens) spend(b *testing.B, c *storage.Committer[write]) time.Duration {
	for range cap(t) {
		t <- struct{}{}
	}
	val, item := make([]byte, 256), make([]write, 1)
	b.ResetTimer()
	before := processorTime(b)
	for i := range b.N {
		<-t
		item[0] = write{key: storage.AppendRecordKey(item[0].key[:0], uint64(i)*0x9e3779b97f4a7c15, 1, []byte("key")), value: val}
		c.Submit(item)
	}
	for range cap(t) {
		<-t
	}
	b.StopTimer()
	return processorTime(b) - before
}

// mustCommit runs a committer over a database on the real disk until the benchmark
// ends.
func mustCommit(b *testing.B, o storage.Options, co storage.CommitterOptions[write]) *storage.Committer[write] {
	b.Helper()
	db, err := storage.Open(b.TempDir(), o)
	if err != nil {
		b.Fatal(err)
	}
	c := storage.NewCommitter(db, co)
	var run sync.WaitGroup
	run.Go(func() {
		if err := c.Run(context.Background()); err != nil {
			b.Error(err)
		}
	})
	b.Cleanup(func() {
		c.Close()
		run.Wait()
		db.Close()
	})
	return c
}

// stretchedFS is a disk on which each sync of a journal takes 5 ms at least, and which
// knows how long they took.
type stretchedFS struct {
	storage.FS
	syncs, nanos atomic.Int64
}

func (s *stretchedFS) Create(name string) (storage.File, error) {
	f, err := s.FS.Create(name)
	if err != nil || !isJournal(name) {
		return f, err
	}
	return stretchedFile{f, s}, nil
}

// mean is how long a sync took on average.
func (s *stretchedFS) mean() float64 { return float64(s.nanos.Load()) / float64(s.syncs.Load()) }

type stretchedFile struct {
	storage.File
	disk *stretchedFS
}

func (f stretchedFile) Sync() error {
	began, end := time.Now(), time.After(5*time.Millisecond)
	err := f.File.Sync()
	<-end
	f.disk.syncs.Add(1)
	f.disk.nanos.Add(int64(time.Since(began)))
	return err
}

// BenchmarkStretchedSync measures what sharing syncs makes of a disk on which each one
// takes 5 ms: 64 writers, each of which writes 256 bytes, waits for its answer and goes
// on. It reports the median time of a write, in syncs, and how many of the writes in
// flight are in one sync, on average. A write that comes while a sync goes on waits for
// its end, and then for its own: two syncs at most if the next one takes all that waits.
func BenchmarkStretchedSync(b *testing.B) {
	const writers = 64
	answers := make([]chan error, writers)
	for id := range answers {
		answers[id] = make(chan error, 1)
	}
	disk := &stretchedFS{FS: storage.OS}
	c := mustCommit(b, storage.Options{FS: disk}, storage.CommitterOptions[write]{
		Apply: putAll,
		Done: func(items []write, err error) {
			for _, it := range items {
				answers[it.id] <- err
			}
		},
	})
	var left atomic.Int64
	left.Store(int64(b.N))
	took := make([][]time.Duration, writers)
	var all sync.WaitGroup
	b.ResetTimer()
	for id := range writers {
		all.Go(func() {
			item := []write{{id: id, value: make([]byte, 256)}}
			for n := left.Add(-1); n >= 0; n = left.Add(-1) {
				item[0].key = storage.AppendRecordKey(item[0].key[:0], uint64(n)*0x9e3779b97f4a7c15, 1, []byte("key"))
				began := time.Now()
				c.Submit(item)
				if err := <-answers[id]; err != nil {
					b.Error(err)
					return
				}
				took[id] = append(took[id], time.Since(began))
			}
		})
	}
	all.Wait()
	b.StopTimer()
	if b.Failed() {
		return
	}
	sorted := slices.Sorted(slices.Values(slices.Concat(took...)))
	s := c.Stats()
	b.ReportMetric(disk.mean()/1e6, "ms/sync")
	b.ReportMetric(float64(sorted[len(sorted)/2])/disk.mean(), "p50/sync")
	b.ReportMetric(float64(s.Items)/float64(max(s.Batches, 1))/writers, "writes/sync/inflight")
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
