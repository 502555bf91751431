package conformance

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/candordb/candor/storage"
)

// Store is an engine together with what lies under it.
type Store interface {
	// Engine returns the engine that is open now.
	Engine() storage.Engine
	// Reopen closes it and opens it again.
	Reopen() error
	// Crash ends it without Close, loses everything that was not synced, and
	// opens it again. Where that cannot be had, it is Reopen.
	Crash() error
}

// Filler is a Store whose disk can be filled up.
type Filler interface {
	// Fill leaves no room at all, Free makes room for all again. After either the
	// engine says so at once, or after Reopen.
	Fill()
	Free()
}

// Open returns a store that is empty. Whatever it needs to clean up it
// registers with t.
type Open func(t *testing.T) Store

// Run runs the suite.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, s Store)
	}{
		{"an absent key is ErrNotFound", absent},
		{"what was put is got until it is deleted", putGetDelete},
		{"later entries of a batch win", laterWins},
		{"an empty value is a value", emptyValue},
		{"an empty batch is no write", emptyBatch},
		{"the batch and its bytes stay the caller's", ownership},
		{"a scan is ordered by bytes and bounded", scanBounds},
		{"a scan stops when it is told to", scanStops},
		{"a scan may call the engine", scanCallsEngine},
		{"acknowledged writes survive a restart", survives(Store.Reopen)},
		{"acknowledged writes survive a crash", survives(Store.Crash)},
		{"a crash takes an end of what is not synced, and nothing else", unsynced},
		{"what is not synced survives Close", unsyncedAndClosed},
		{"after Close everything is ErrClosed", closed},
		{"a large value comes back whole", largeValue},
		{"a full disk refuses, keeps all it has, and recovers", fullDisk},
		{"a check reads everything and names a damaged record", check},
		{"a check may be left, and another begun", leftCheck},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			c.test(t, s)
			if err := s.Engine().Close(); err != nil && !errors.Is(err, storage.ErrClosed) {
				t.Errorf("Close: %v", err)
			}
		})
	}
	t.Run("any walk of writes and crashes equals a map", func(t *testing.T) { walk(t, open) })
}

func key(i int) []byte {
	return storage.AppendRecordKey(nil, uint64(i), 1, fmt.Appendf(nil, "key-%d", i))
}

// allRecords are the bounds of all keys that the suite uses.
func allRecords() (lo, hi []byte) { return storage.RecordRange(0, math.MaxUint64) }

func put(t *testing.T, s Store, pairs ...any) {
	t.Helper()
	var b storage.Batch
	for i := 0; i < len(pairs); i += 2 {
		b.Put(key(pairs[i].(int)), []byte(pairs[i+1].(string)))
	}
	write(t, s, &b)
}

func write(t *testing.T, s Store, b *storage.Batch) {
	t.Helper()
	if err := s.Engine().Write(b); err != nil {
		t.Fatalf("Write: %v", err)
	}
}

func wantValue(t *testing.T, s Store, i int, want string) {
	t.Helper()
	got, err := s.Engine().Get(key(i))
	if err != nil || string(got) != want {
		t.Fatalf("Get(key %d) = %q, %v, want %q", i, got, err, want)
	}
}

func wantAbsent(t *testing.T, s Store, i int) {
	t.Helper()
	if got, err := s.Engine().Get(key(i)); !errors.Is(err, storage.ErrNotFound) {
		t.Fatalf("Get(key %d) = %q, %v, want ErrNotFound", i, got, err)
	}
}

// scan returns what a scan shows, as "token=value".
func scan(t *testing.T, s Store, lo, hi []byte, limit int) []string {
	t.Helper()
	var seen []string
	err := s.Engine().Scan(lo, hi, func(k, v []byte) bool {
		token, _, _, err := storage.ParseRecordKey(k)
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, fmt.Sprintf("%d=%s", token, v))
		return len(seen) != limit
	})
	if err != nil {
		t.Fatalf("Scan: %v", err)
	}
	return seen
}

func wantScan(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(want, got) {
		t.Fatalf("a scan showed %q, want %q", got, want)
	}
}

func absent(t *testing.T, s Store) { wantAbsent(t, s, 1) }

func putGetDelete(t *testing.T, s Store) {
	put(t, s, 1, "a", 2, "b")
	wantValue(t, s, 1, "a")
	put(t, s, 1, "c")
	wantValue(t, s, 1, "c")
	var b storage.Batch
	b.Delete(key(1))
	b.Delete(key(3)) // was never there
	write(t, s, &b)
	wantAbsent(t, s, 1)
	wantValue(t, s, 2, "b")
}

func laterWins(t *testing.T, s Store) {
	var b storage.Batch
	b.Put(key(1), []byte("first"))
	b.Put(key(1), []byte("second"))
	b.Put(key(2), []byte("gone"))
	b.Delete(key(2))
	b.Delete(key(3))
	b.Put(key(3), []byte("there"))
	write(t, s, &b)
	wantValue(t, s, 1, "second")
	wantAbsent(t, s, 2)
	wantValue(t, s, 3, "there")
}

func emptyValue(t *testing.T, s Store) {
	put(t, s, 1, "")
	for _, restart := range []func() error{func() error { return nil }, s.Reopen, s.Crash} {
		if err := restart(); err != nil {
			t.Fatal(err)
		}
		wantValue(t, s, 1, "")
		lo, hi := allRecords()
		wantScan(t, scan(t, s, lo, hi, 0), "1=")
	}
}

func emptyBatch(t *testing.T, s Store) {
	before := s.Engine().Stats().Syncs.Count
	write(t, s, &storage.Batch{})
	if after := s.Engine().Stats().Syncs.Count; after != before {
		t.Errorf("an empty batch made %d syncs", after-before)
	}
}

func ownership(t *testing.T, s Store) {
	k, v := key(1), []byte("value")
	var b storage.Batch
	b.Put(k, v)
	size, n := b.Bytes(), b.Len()
	write(t, s, &b)
	if b.Bytes() != size || b.Len() != n {
		t.Errorf("Write changed the batch: %d bytes in %d entries, were %d in %d", b.Bytes(), b.Len(), size, n)
	}
	copy(v, "XXXXX")
	b.Reset()
	b.Put(key(2), []byte("other"))
	wantValue(t, s, 1, "value")

	got, err := s.Engine().Get(key(1))
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, 1, "newer")
	if string(got) != "value" {
		t.Errorf("bytes that Get returned became %q after a later write", got)
	}
}

func scanBounds(t *testing.T, s Store) {
	put(t, s, 3, "c", 1, "a", 2, "b", 300, "d")
	lo, hi := allRecords()
	wantScan(t, scan(t, s, lo, hi, 0), "1=a", "2=b", "3=c", "300=d")
	lo, hi = storage.RecordRange(2, 3)
	wantScan(t, scan(t, s, lo, hi, 0), "2=b", "3=c")
	wantScan(t, scan(t, s, key(2), key(3), 0), "2=b") // hi is exclusive
	wantScan(t, scan(t, s, key(3), key(2), 0))
	lo, hi = storage.RecordRange(4, 299)
	wantScan(t, scan(t, s, lo, hi, 0))
	count := 0
	if err := s.Engine().Scan(nil, nil, func(k, _ []byte) bool {
		if k[0] == key(0)[0] {
			count++
		}
		return true
	}); err != nil || count != 4 {
		t.Errorf("Scan(nil, nil) showed %d records, %v, want 4", count, err)
	}
}

func scanStops(t *testing.T, s Store) {
	put(t, s, 1, "a", 2, "b", 3, "c")
	lo, hi := allRecords()
	wantScan(t, scan(t, s, lo, hi, 2), "1=a", "2=b")
}

func scanCallsEngine(t *testing.T, s Store) {
	put(t, s, 1, "a", 2, "b")
	lo, hi := allRecords()
	err := s.Engine().Scan(lo, hi, func(k, v []byte) bool {
		got, err := s.Engine().Get(k)
		if err != nil || !bytes.Equal(got, v) {
			t.Errorf("Get inside Scan = %q, %v, want %q", got, err, v)
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
}

func survives(restart func(Store) error) func(*testing.T, Store) {
	return func(t *testing.T, s Store) {
		for round := range 3 {
			put(t, s, 1, fmt.Sprint(round), 10+round, "x")
			var b storage.Batch
			b.Delete(key(10 + round - 1))
			write(t, s, &b)
			if err := restart(s); err != nil {
				t.Fatalf("restart: %v", err)
			}
			wantValue(t, s, 1, fmt.Sprint(round))
			wantValue(t, s, 10+round, "x")
			wantAbsent(t, s, 10+round-1)
		}
	}
}

func later(t *testing.T, s Store, i int) {
	t.Helper()
	var b storage.Batch
	b.Put(key(i), []byte("late"))
	b.Delete(key(1000 + i))
	if err := s.Engine().WriteUnsynced(&b); err != nil {
		t.Fatalf("WriteUnsynced: %v", err)
	}
	wantValue(t, s, i, "late")
	wantAbsent(t, s, 1000+i)
}

func unsynced(t *testing.T, s Store) {
	crash := func() {
		t.Helper()
		if err := s.Crash(); err != nil {
			t.Fatalf("crash: %v", err)
		}
	}
	put(t, s, 1, "a", 1002, "b", 1003, "c")
	later(t, s, 2)
	later(t, s, 3)
	crash()
	lo, hi := allRecords()
	got := scan(t, s, lo, hi, 0)
	if !slices.Equal(got, []string{"1=a", "1002=b", "1003=c"}) && !slices.Equal(got, []string{"1=a", "2=late", "1003=c"}) &&
		!slices.Equal(got, []string{"1=a", "2=late", "3=late"}) {
		t.Errorf("after a crash the engine holds %v, which is no beginning of what was written", got)
	}
	later(t, s, 2)
	later(t, s, 4)
	if err := s.Engine().Sync(); err != nil {
		t.Fatalf("Sync: %v", err)
	}
	crash()
	wantValue(t, s, 2, "late")
	wantValue(t, s, 4, "late")
	later(t, s, 5)
	put(t, s, 6, "synced")
	crash()
	wantValue(t, s, 5, "late")
	wantValue(t, s, 6, "synced")
	before := s.Engine().Stats().Syncs.Count
	if err := s.Engine().Sync(); err != nil || s.Engine().Stats().Syncs.Count != before {
		t.Errorf("Sync with nothing to sync: %v, %d syncs", err, s.Engine().Stats().Syncs.Count-before)
	}
}

func unsyncedAndClosed(t *testing.T, s Store) {
	later(t, s, 2)
	for _, restart := range []func() error{s.Reopen, s.Crash} {
		if err := restart(); err != nil {
			t.Fatal(err)
		}
		wantValue(t, s, 2, "late")
	}
}

func closed(t *testing.T, s Store) {
	put(t, s, 1, "a")
	e := s.Engine()
	if err := e.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	var b storage.Batch
	b.Put(key(1), nil)
	_, getErr := e.Get(key(1))
	_, checkErr := e.Check()
	for call, err := range map[string]error{
		"Get":           getErr,
		"Write":         e.Write(&b),
		"WriteUnsynced": e.WriteUnsynced(&b),
		"Sync":          e.Sync(),
		"Scan":          e.Scan(nil, nil, func(_, _ []byte) bool { return true }),
		"Close":         e.Close(),
		"Check":         checkErr,
	} {
		if !errors.Is(err, storage.ErrClosed) {
			t.Errorf("%s after Close: %v, want ErrClosed", call, err)
		}
	}
	e.Stats()
	e.Room()
	if d := e.Stalled(); d != 0 {
		t.Errorf("a closed engine waits for its disk since %v", d)
	}
	if err := e.Err(); err != nil {
		t.Errorf("Err after Close: %v, want nil: nothing failed", err)
	}
}

func largeValue(t *testing.T, s Store) {
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB
	var b storage.Batch
	b.Put(key(1), large)
	b.Put(key(2), []byte("beside"))
	write(t, s, &b)
	if err := s.Crash(); err != nil {
		t.Fatal(err)
	}
	got, err := s.Engine().Get(key(1))
	if err != nil || !bytes.Equal(got, large) {
		t.Fatalf("a value of %d bytes came back as %d bytes, %v", len(large), len(got), err)
	}
	wantValue(t, s, 2, "beside")
}
