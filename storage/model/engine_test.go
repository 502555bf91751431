package model_test

import (
	"errors"
	"io"
	"testing"

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
