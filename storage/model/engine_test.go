package model_test

import (
	"errors"
	"io"
	"testing"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/storage/conformance"
	"github.com/candordb/candor/storage/model"
)

// store crashes with nothing staged but what an unfinished write left: all of
// it is lost.
type store struct{ e *model.Engine }

func (s store) Engine() storage.Engine { return s.e }
func (s store) Crash() error           { s.e.Crash(nil); return nil }
func (s store) Reopen() error {
	if err := s.e.Close(); err != nil {
		return err
	}
	s.e.Crash(func() bool { return true })
	return nil
}

func (s store) Fill() { s.e.SetRoom(storage.RoomForNothing) }
func (s store) Free() { s.e.SetRoom(storage.RoomForAll) }

func TestConformance(t *testing.T) {
	conformance.Run(t, func(*testing.T) conformance.Store { return store{model.New()} })
}

func batch(pairs ...string) *storage.Batch {
	b := &storage.Batch{}
	for i := 0; i < len(pairs); i += 2 {
		b.Put([]byte(pairs[i]), []byte(pairs[i+1]))
	}
	return b
}

func mustStage(t *testing.T, e *model.Engine, b *storage.Batch) {
	t.Helper()
	if err := e.Stage(b); err != nil {
		t.Fatal(err)
	}
}

func wantState(t *testing.T, e *model.Engine, want string) {
	t.Helper()
	got := ""
	if err := e.Scan(nil, nil, func(k, v []byte) bool { got += string(k) + string(v) + " "; return true }); err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Fatalf("state %q, want %q", got, want)
	}
}

func TestNothingIsVisibleBeforeItsSync(t *testing.T) {
	e := model.New()
	mustStage(t, e, batch("a", "1"))
	if _, err := e.Get([]byte("a")); !errors.Is(err, storage.ErrNotFound) {
		t.Fatalf("a staged key is visible: %v", err)
	}
	if _, ok := e.Synced([]byte("a")); ok {
		t.Fatal("a staged key counts as synced")
	}
	wantState(t, e, "")
	if err := e.Sync(); err != nil {
		t.Fatal(err)
	}
	wantState(t, e, "a1 ")
	if v, ok := e.Synced([]byte("a")); !ok || string(v) != "1" {
		t.Fatalf("Synced = %q, %v", v, ok)
	}
}

func TestCrashKeepsABeginningOfWhatWasStaged(t *testing.T) {
	for kept, want := range []string{"a0 ", "a1 ", "a1 b1 ", "b1 "} {
		e := model.New()
		if err := e.Write(batch("a", "0")); err != nil {
			t.Fatal(err)
		}
		mustStage(t, e, batch("a", "1"))
		mustStage(t, e, batch("b", "1"))
		last := &storage.Batch{}
		last.Delete([]byte("a"))
		mustStage(t, e, last)
		asked := 0
		e.Crash(func() bool { asked++; return asked <= kept })
		wantState(t, e, want)
		if e.Staged() != 0 {
			t.Errorf("%d batches are still staged after a crash", e.Staged())
		}
	}
}

func TestFailedSyncPoisonsTheModelToo(t *testing.T) {
	e := model.New()
	e.FailSync(io.ErrShortWrite)
	if err := e.Write(batch("a", "1")); !errors.Is(err, storage.ErrInDoubt) || errors.Is(err, storage.ErrPoisoned) {
		t.Fatalf("Write: %v, want ErrInDoubt only", err)
	}
	if err := e.Write(batch("b", "1")); !errors.Is(err, storage.ErrPoisoned) || errors.Is(err, storage.ErrInDoubt) {
		t.Fatalf("the next Write: %v, want ErrPoisoned only", err)
	}
	if _, err := e.Get([]byte("a")); !errors.Is(err, storage.ErrPoisoned) {
		t.Fatalf("Get: %v, want ErrPoisoned", err)
	}
	if err := e.Err(); !errors.Is(err, io.ErrShortWrite) {
		t.Fatalf("Err: %v, want the cause in it", err)
	}
	e.Crash(func() bool { return true })
	wantState(t, e, "a1 ")
}

func TestScanSeesWhatIsWrittenAheadOfIt(t *testing.T) {
	e := model.New()
	if err := e.Write(batch("b", "1", "d", "1")); err != nil {
		t.Fatal(err)
	}
	seen := ""
	err := e.Scan(nil, nil, func(k, _ []byte) bool {
		seen += string(k)
		if seen == "b" {
			ahead := batch("a", "1", "c", "1")
			ahead.Delete([]byte("b"))
			if err := e.Write(ahead); err != nil {
				t.Fatal(err)
			}
		}
		return true
	})
	if err != nil || seen != "bcd" {
		t.Fatalf("saw %q, %v, want bcd", seen, err)
	}
}

func TestGetAllocatesNothing(t *testing.T) {
	e := model.New()
	k := []byte("key")
	if err := e.Write(batch("key", "value")); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = e.Get(k) }); n != 0 {
		t.Errorf("%v allocations per Get", n)
	}
}

// TestRotIsFoundByTheCheckOrIsNotThere: F7 in the model. A flipped bit and the
// value of another key are found; an older value of the same key and a lost one
// are for an exchange with another replica to find.
func TestRotIsFoundByTheCheckOrIsNotThere(t *testing.T) {
	k := func(i int) []byte { return storage.AppendRecordKey(nil, uint64(i), 1, []byte{byte(i)}) }
	rec := func(i, at int) []byte {
		return record.Append(nil, 1, []byte{byte(i)}, record.Record{Version: hlc.Version{Time: hlc.Timestamp(at)}, Value: []byte("v")})
	}
	for name, c := range map[string]struct {
		edit  func([]byte) []byte
		found bool
		there bool
	}{
		"bits flipped": {func(v []byte) []byte { v[len(v)-1] ^= 1; return v }, true, true},
		"misdirected":  {func([]byte) []byte { return rec(2, 9) }, true, true},
		"stale":        {func([]byte) []byte { return rec(1, 3) }, false, true},
		"lost":         {func([]byte) []byte { return nil }, false, false},
	} {
		e := model.New()
		var b storage.Batch
		b.Put(k(1), rec(1, 5))
		b.Put(k(2), rec(2, 9))
		if err := e.Write(&b); err != nil {
			t.Fatal(err)
		}
		if !e.Rot(k(1), c.edit) || e.Rot(k(3), c.edit) {
			t.Fatalf("%s: Rot does not know what is there", name)
		}
		check, err := e.Check()
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		if _, more, err := check.Next(1<<20, func(storage.Damage) { found++ }); more || err != nil {
			t.Fatalf("%s: %v, %v", name, more, err)
		}
		if _, err := e.Get(k(1)); (found == 1) != c.found || (err == nil) != c.there {
			t.Errorf("%s: found %d, Get: %v", name, found, err)
		}
	}
}
