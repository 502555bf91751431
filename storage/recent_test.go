package storage

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
)

func recordKey(i int) []byte { return AppendRecordKey(nil, uint64(i), 1, fmt.Appendf(nil, "k%d", i)) }

func putting(key, value []byte) *Batch {
	b := new(Batch)
	b.Put(key, value)
	return b
}

// wantHeld says what the cache has of a key; "": nothing.
func wantHeld(t *testing.T, r *recent, key []byte, want string) {
	t.Helper()
	if value, ok, _ := r.get(key); string(value) != want || ok != (want != "") {
		t.Errorf("%q is held for %q, want %q", value, key, want)
	}
}

// A reader that has read the engine before a write, and comes to put that in behind it,
// puts nothing in: the next reader would see what was written over.
func TestWhatIsHeldIsNotOlderThanWhatIsStored(t *testing.T) {
	r := newRecent(1 << 20)
	key := recordKey(1)
	_, _, before := r.get(key)
	b := putting(key, []byte("new"))
	r.leave(b)
	_, _, within := r.get(key)
	r.filled(key, []byte("old"), before)
	wantHeld(t, r, key, "")
	r.enter(b)
	wantHeld(t, r, key, "new")
	r.filled(key, []byte("old"), before)
	r.filled(key, []byte("old"), within)
	wantHeld(t, r, key, "new")
}

// Two readers miss while a key is being written, and one reads the engine before that is
// visible, the other behind it: what the second was shown is not followed by what the
// first has read.
func TestNothingIsPutInWhileItsKeyIsWritten(t *testing.T) {
	r := newRecent(1 << 20)
	key := recordKey(1)
	b := putting(key, []byte("new"))
	r.leave(b)
	_, _, early := r.get(key)
	_, _, late := r.get(key)
	r.filled(key, []byte("new"), late)
	r.filled(key, []byte("old"), early)
	wantHeld(t, r, key, "")
	r.enter(b)
	wantHeld(t, r, key, "new")
	_, _, after := r.get(recordKey(2))
	r.filled(recordKey(2), []byte("read"), after)
	wantHeld(t, r, recordKey(2), "read")
}

// A record that was seen is seen by all who look later, however long the batch is that it
// came with: what is held of a key must not be older than what a scan has shown of it.
func TestReadersNeverGoBackWithinABatch(t *testing.T) {
	db, err := Open(t.TempDir(), Options{RecordCache: 8 << 20, Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	const others, rounds = 1000, 60
	last := recordKey(others)
	write := func(round int) {
		b := new(Batch)
		for i := range others + 1 {
			b.Put(recordKey(i), binary.BigEndian.AppendUint64(nil, uint64(round)))
		}
		if err := db.Write(b); err != nil {
			t.Error(err)
		}
	}
	write(0)
	var seen atomic.Uint64 // the highest round that anybody has seen
	look := func(read func() (uint64, error)) {
		before := seen.Load()
		now, err := read()
		if err != nil || now < before {
			t.Errorf("round %d is read, %v, and %d was read before", now, err, before)
		}
		for old := seen.Load(); now > old && !seen.CompareAndSwap(old, now); old = seen.Load() {
		}
	}
	get := func() (uint64, error) {
		value, err := db.Get(last)
		if err != nil {
			return 0, err
		}
		return binary.BigEndian.Uint64(value), nil
	}
	scan := func() (round uint64, err error) {
		err = db.Scan(last, append(last, 0), func(_, value []byte) bool {
			round = binary.BigEndian.Uint64(value)
			return true
		})
		return round, err
	}
	done := make(chan struct{})
	var readers sync.WaitGroup
	for _, read := range []func() (uint64, error){get, get, scan} {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					look(read)
				}
			}
		})
	}
	for round := 1; round <= rounds && !t.Failed(); round++ {
		write(round)
	}
	close(done)
	readers.Wait()
}

func TestWhatIsHeldFollowsTheEntriesOfABatch(t *testing.T) {
	r := newRecent(1 << 20)
	b := putting(recordKey(1), []byte("first"))
	b.Put(recordKey(1), []byte("second"))
	b.Put(recordKey(2), []byte("gone"))
	b.Delete(recordKey(2))
	b.Delete(recordKey(3))
	b.Put(recordKey(3), []byte("back"))
	b.Put(SystemKey("epoch"), []byte("system"))
	r.enter(b)
	wantHeld(t, r, recordKey(1), "second")
	wantHeld(t, r, recordKey(2), "")
	wantHeld(t, r, recordKey(3), "back")
	if r.covers(SystemKey("epoch")) {
		t.Error("a system value is held, which nothing reads twice")
	}
	r.forget(recordKey(1))
	wantHeld(t, r, recordKey(1), "")
}

// Two keys of one hash are told apart, and take turns.
func TestKeysOfOneHash(t *testing.T) {
	r := newRecent(1 << 20)
	key := recordKey(1)
	s, h := r.shard(key)
	s.put(h, held{recordKey(2), []byte("other")})
	wantHeld(t, r, key, "")
	r.enter(putting(key, []byte("own")))
	wantHeld(t, r, key, "own")
	if s.held.Len() != 1 {
		t.Errorf("%d are held", s.held.Len())
	}
}

func TestTheBytesHeldAreBounded(t *testing.T) {
	const size = 64 << 10
	r := newRecent(size)
	random := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		key := recordKey(random.IntN(1000))
		switch value := make([]byte, random.IntN(size/recentShards/4)); random.IntN(4) {
		case 0:
			if random.IntN(2) == 0 {
				r.forget(key)
			} else {
				r.leave(putting(key, value))
			}
		case 1:
			_, _, changes := r.get(key)
			r.filled(key, value, changes)
		default:
			r.enter(putting(key, value))
		}
		for i := range r.shards {
			s := &r.shards[i]
			sum := 0
			for _, h := range s.held.Values() {
				sum += h.cost()
			}
			if sum != s.bytes || s.bytes > size/recentShards {
				t.Fatalf("a shard says that it holds %d bytes, holds %d, and may hold %d", s.bytes, sum, size/recentShards)
			}
		}
	}
}

// Whoever reads after a write was acknowledged sees it, or a later one, however many
// read meanwhile.
func TestReadersSeeWhatWasAcknowledged(t *testing.T) {
	for _, size := range []int{-1, 64 << 10, 1 << 20} {
		db, err := Open(t.TempDir(), Options{RecordCache: size, Reserve: -1})
		if err != nil {
			t.Fatal(err)
		}
		const keys = 8
		var acked [keys]atomic.Int64
		var all sync.WaitGroup
		done := make(chan struct{})
		for range 4 {
			all.Go(func() {
				for i := 0; ; i = (i + 1) % keys {
					select {
					case <-done:
						return
					default:
					}
					least := acked[i].Load()
					value, err := db.Get(recordKey(i))
					var got int64
					if err == nil {
						_, err = fmt.Sscan(string(value), &got)
					}
					if got < least || err != nil && least > 0 {
						t.Errorf("read %d (%v) after %d was acknowledged", got, err, least)
						return
					}
				}
			})
		}
		for n := range int64(400) {
			i := n % keys
			if err := db.Write(putting(recordKey(int(i)), fmt.Append(nil, n+1))); err != nil {
				t.Fatal(err)
			}
			acked[i].Store(n + 1)
		}
		close(done)
		all.Wait()
		if s := db.Stats(); (s.CacheHits > 0) != (size > 0) {
			t.Errorf("with %d bytes: %d hits", size, s.CacheHits)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// BenchmarkRecentBatch measures what a batch of 64 records costs here: its keys leave, and
// what it has put enters. Besides a record's bytes nothing should be allocated.
func BenchmarkRecentBatch(b *testing.B) {
	r := newRecent(8 << 20)
	batch := new(Batch)
	for i := range 64 {
		batch.Put(recordKey(i), make([]byte, 256))
	}
	b.ReportAllocs()
	for b.Loop() {
		r.leave(batch)
		r.enter(batch)
	}
}
