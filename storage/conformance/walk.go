package conformance

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/candordb/candor/storage"
)

// walkTime is how long new walks are begun: a slow disk gets fewer of them, not
// a slow suite.
const walkTime = 2 * time.Second

// walk drives an engine and a map through the same random history and compares
// them at every step.
func walk(t *testing.T, open Open) {
	start, failed, walks := time.Now(), false, 0
	defer func() { t.Logf("%d walks", walks) }()
	rapid.Check(t, func(r *rapid.T) {
		if time.Since(start) > walkTime && !failed { // once it failed, rapid shrinks
			return
		}
		walks++
		w := &walker{store: open(t), want: state{}}
		defer func() {
			failed = failed || r.Failed()
			w.store.Engine().Close()
		}()
		r.Repeat(map[string]func(*rapid.T){
			"write":  func(r *rapid.T) { w.write(r, true) },
			"later":  func(r *rapid.T) { w.write(r, false) },
			"sync":   w.sync,
			"get":    w.get,
			"scan":   w.scan,
			"reopen": func(r *rapid.T) { w.restart(r, w.store.Reopen) },
			"crash":  w.crash,
			"":       w.check,
		})
	})
}

type walker struct {
	store Store
	want  state
	// loose is what there was before each write that is not synced.
	loose []state
}

// Few keys, so that overwriting and deleting happen; values up to more than a
// small memory table, so that tables are written and compacted.
func drawKey(r *rapid.T) []byte { return key(rapid.IntRange(0, 15).Draw(r, "key")) }

func (w *walker) write(r *rapid.T, synced bool) {
	var b storage.Batch
	before := maps.Clone(w.want)
	for range rapid.IntRange(0, 6).Draw(r, "entries") {
		k := drawKey(r)
		if rapid.IntRange(0, 3).Draw(r, "kind") == 0 {
			b.Delete(k)
			delete(w.want, string(k))
			continue
		}
		size := rapid.SampledFrom([]int{0, 1, 100, 3000, 9000}).Draw(r, "size")
		v := slices.Repeat([]byte{byte(rapid.IntRange('a', 'z').Draw(r, "fill"))}, size)
		b.Put(k, v)
		w.want[string(k)] = string(v)
	}
	if !synced {
		w.loose = append(w.loose, before)
		if err := w.store.Engine().WriteUnsynced(&b); err != nil {
			r.Fatalf("WriteUnsynced: %v", err)
		}
		return
	}
	if b.Len() > 0 { // else nothing is synced
		w.loose = nil
	}
	if err := w.store.Engine().Write(&b); err != nil {
		r.Fatalf("Write: %v", err)
	}
}

func (w *walker) sync(r *rapid.T) {
	w.loose = nil
	if err := w.store.Engine().Sync(); err != nil {
		r.Fatalf("Sync: %v", err)
	}
}

// crash finds out how many of the writes that are not synced have survived.
func (w *walker) crash(r *rapid.T) {
	w.restart(r, w.store.Crash)
	lo, hi := allRecords()
	got := w.read(r, lo, hi)
	for _, could := range w.loose {
		if slices.Equal(got, could.lines()) {
			w.want = could
			break
		}
	}
	w.loose = nil // and what is there now is what check wants, or it says so
}

func (w *walker) get(r *rapid.T) {
	k := drawKey(r)
	got, err := w.store.Engine().Get(k)
	want, there := w.want[string(k)]
	if there && (err != nil || string(got) != want) || !there && !errors.Is(err, storage.ErrNotFound) {
		r.Fatalf("Get(%x) = %d bytes, %v; want there %v, %d bytes", k, len(got), err, there, len(want))
	}
}

func (w *walker) scan(r *rapid.T) {
	lo, hi := drawKey(r), drawKey(r)
	var want []string
	for _, k := range slices.Sorted(maps.Keys(w.want)) {
		if k >= string(lo) && k < string(hi) {
			want = append(want, fmt.Sprintf("%x %.20s", k, w.want[k]))
		}
	}
	if got := w.read(r, lo, hi); !slices.Equal(got, want) {
		r.Fatalf("Scan(%x, %x) = %v, want %v", lo, hi, got, want)
	}
}

func (w *walker) restart(r *rapid.T, how func() error) {
	if err := how(); err != nil {
		r.Fatalf("restart: %v", err)
	}
}

// check compares everything.
func (w *walker) check(r *rapid.T) {
	want := w.want.lines()
	lo, hi := allRecords()
	if got := w.read(r, lo, hi); !slices.Equal(got, want) {
		r.Fatalf("the engine holds %v, want %v", got, want)
	}
	if err := w.store.Engine().Err(); err != nil {
		r.Fatalf("Err: %v", err)
	}
}

// state is what an engine holds.
type state map[string]string

func (s state) lines() (lines []string) {
	for _, k := range slices.Sorted(maps.Keys(s)) {
		lines = append(lines, fmt.Sprintf("%x %.20s", k, s[k]))
	}
	return lines
}

func (w *walker) read(r *rapid.T, lo, hi []byte) (seen []string) {
	err := w.store.Engine().Scan(lo, hi, func(k, v []byte) bool {
		seen = append(seen, fmt.Sprintf("%x %.20s", k, v))
		return true
	})
	if err != nil {
		r.Fatalf("Scan: %v", err)
	}
	return seen
}
