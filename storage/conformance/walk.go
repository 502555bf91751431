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
		w := &walker{store: open(t), want: map[string]string{}}
		defer func() {
			failed = failed || r.Failed()
			w.store.Engine().Close()
		}()
		r.Repeat(map[string]func(*rapid.T){
			"write":  w.write,
			"get":    w.get,
			"scan":   w.scan,
			"reopen": func(r *rapid.T) { w.restart(r, w.store.Reopen) },
			"crash":  func(r *rapid.T) { w.restart(r, w.store.Crash) },
			"":       w.check,
		})
	})
}

type walker struct {
	store Store
	want  map[string]string
}

// Few keys, so that overwriting and deleting happen; values up to more than a
// small memory table, so that tables are written and compacted.
func drawKey(r *rapid.T) []byte { return key(rapid.IntRange(0, 15).Draw(r, "key")) }

func (w *walker) write(r *rapid.T) {
	var b storage.Batch
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
	if err := w.store.Engine().Write(&b); err != nil {
		r.Fatalf("Write: %v", err)
	}
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
	var want []string
	for _, k := range slices.Sorted(maps.Keys(w.want)) {
		want = append(want, fmt.Sprintf("%x %.20s", k, w.want[k]))
	}
	lo, hi := allRecords()
	if got := w.read(r, lo, hi); !slices.Equal(got, want) {
		r.Fatalf("the engine holds %v, want %v", got, want)
	}
	if err := w.store.Engine().Err(); err != nil {
		r.Fatalf("Err: %v", err)
	}
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
