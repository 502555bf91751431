package faulty_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/storage/faulty"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// create makes a file with synced bytes and bytes that are only written. Its
// name is durable.
func create(t *testing.T, fsys storage.FS, name, synced, written string) storage.File {
	t.Helper()
	f, err := fsys.Create(name)
	must(t, err)
	_, err = f.Write([]byte(synced))
	must(t, err)
	must(t, f.Sync())
	must(t, fsys.SyncDir("."))
	_, err = f.Write([]byte(written))
	must(t, err)
	return f
}

func TestCutDropsExactlyWhatWasNotSynced(t *testing.T) {
	d := faulty.New()
	fsys := d.FS()
	f := create(t, fsys, "a", "synced", "written")
	create(t, fsys, "gone", "x", "")
	must(t, fsys.Remove("gone"))
	create(t, fsys, "old", "y", "")
	must(t, fsys.Rename("old", "new"))
	_, err := fsys.Create("unnamed")
	must(t, err)
	if got := string(d.Bytes("a")); got != "syncedwritten" {
		t.Errorf("before the cut a reads %q", got)
	}
	d.Cut(faulty.DropAll, nil)
	// The last SyncDir, in create, came before the rename.
	if want := []string{"a", "old"}; !slices.Equal(d.Files(), want) {
		t.Errorf("files %v, want %v", d.Files(), want)
	}
	if got := string(d.Bytes("a")); got != "synced" {
		t.Errorf("after the cut a holds %q", got)
	}
	if _, err := f.Write([]byte("x")); !errors.Is(err, faulty.ErrPower) {
		t.Errorf("a file that was open before the cut: %v, want ErrPower", err)
	}
	if _, err := fsys.Open("a"); !errors.Is(err, faulty.ErrPower) {
		t.Errorf("an FS from before the cut: %v, want ErrPower", err)
	}
}

func TestKillKeepsThePageCache(t *testing.T) {
	d := faulty.New()
	create(t, d.FS(), "a", "synced", "written")
	d.Cut(faulty.KeepAll, nil)
	if got := string(d.Bytes("a")); got != "syncedwritten" {
		t.Errorf("after a kill a holds %q", got)
	}
	d.Cut(faulty.DropAll, nil)
	if got := string(d.Bytes("a")); got != "synced" {
		t.Errorf("after a power cut that follows a holds %q", got)
	}
}

// TestFailedSyncLosesItsBytes although they can be read, and although the next
// sync succeeds.
func TestFailedSyncLosesItsBytes(t *testing.T) {
	d := faulty.New()
	f := create(t, d.FS(), "a", "1111", "2222")
	d.Inject(faulty.Fault{On: faulty.Sync, Err: syscall.EIO})
	if err := f.Sync(); !errors.Is(err, syscall.EIO) {
		t.Fatalf("Sync: %v, want EIO", err)
	}
	_, err := f.Write([]byte("3333"))
	must(t, err)
	must(t, f.Sync())
	if got := string(d.Bytes("a")); got != "111122223333" {
		t.Errorf("before the cut a reads %q", got)
	}
	d.Cut(faulty.DropAll, nil)
	if got := string(d.Bytes("a")); got != "1111\x00\x00\x00\x003333" {
		t.Errorf("after the cut a holds %q", got)
	}
}

// TestWhatIsWrittenOverIsOldOrNew: bytes that are synced and then written over are,
// until the next sync, the old or the new ones, by sectors; never anything else.
func TestWhatIsWrittenOverIsOldOrNew(t *testing.T) {
	const size = 8 * 512
	saw := map[faulty.Mode]map[string]bool{}
	for seed := range uint64(40) {
		for _, mode := range faulty.Modes {
			d := faulty.New()
			f := create(t, d.FS(), "a", "head", "")
			_, err := f.WriteAt(make([]byte, size), 4)
			must(t, err)
			must(t, f.Sync())
			_, err = f.Write(bytes.Repeat([]byte("n"), size)) // behind "head", not behind the zeros
			must(t, err)
			d.Cut(mode, rand.New(rand.NewPCG(seed, 0)))
			got := d.Bytes("a")
			if len(got) != 4+size || string(got[:4]) != "head" {
				t.Fatalf("%v left %d bytes: %.10q", mode, len(got), got)
			}
			news, changes := bytes.Count(got, []byte("n")), 0
			for i, b := range got[5:] {
				if b != 0 && b != 'n' {
					t.Fatalf("%v left %q", mode, got)
				}
				if b != got[4+i] {
					changes++
				}
			}
			how := fmt.Sprintf("new: %v, old: %v, mixed: %v", news > 0, news < size, changes > 1)
			if saw[mode] == nil {
				saw[mode] = map[string]bool{}
			}
			saw[mode][how] = true
		}
	}
	const allNew, allOld = "new: true, old: false, mixed: false", "new: false, old: true, mixed: false"
	const begun, mixed = "new: true, old: true, mixed: false", "new: true, old: true, mixed: true"
	for mode, want := range map[faulty.Mode]string{faulty.KeepAll: allNew, faulty.DropAll: allOld, faulty.KeepSome: begun, faulty.Torn: mixed} {
		if !saw[mode][want] || mode != faulty.Torn && saw[mode][mixed] {
			t.Errorf("%v: %v", mode, saw[mode])
		}
	}
	// A failed sync leaves the old bytes, although the next one succeeds.
	d := faulty.New()
	f := create(t, d.FS(), "a", "oldold", "")
	_, err := f.WriteAt([]byte("new"), 0)
	must(t, err)
	d.Inject(faulty.Fault{On: faulty.Sync, Err: syscall.EIO})
	if err := f.Sync(); err == nil {
		t.Fatal("the sync does not fail")
	}
	must(t, f.Sync())
	if got := string(d.Bytes("a")); got != "newold" {
		t.Errorf("before the cut a reads %q", got)
	}
	d.Cut(faulty.DropAll, nil)
	if got := string(d.Bytes("a")); got != "oldold" {
		t.Errorf("after the cut a holds %q", got)
	}
}

// TestModesKeepWhatWasSynced and differ in what else they keep; a seed repeats.
func TestModesKeepWhatWasSynced(t *testing.T) {
	synced, written := string(bytes.Repeat([]byte("s"), 700)), string(bytes.Repeat([]byte("w"), 5000))
	holes, short := false, false
	for seed := range uint64(50) {
		for _, mode := range faulty.Modes {
			var results [2][]byte
			for i := range results {
				d := faulty.New()
				create(t, d.FS(), "a", synced, written)
				d.Cut(mode, rand.New(rand.NewPCG(seed, 0)))
				results[i] = d.Bytes("a")
			}
			got := results[0]
			if !bytes.Equal(got, results[1]) {
				t.Fatalf("%v with seed %d does not repeat", mode, seed)
			}
			if !bytes.HasPrefix(got, []byte(synced)) {
				t.Fatalf("%v lost synced bytes", mode)
			}
			tail := got[len(synced):]
			if mode != faulty.Torn && !bytes.HasPrefix([]byte(written), tail) {
				t.Fatalf("%v left %q", mode, tail)
			}
			short = short || mode == faulty.KeepSome && 0 < len(tail) && len(tail) < len(written)
			holes = holes || mode == faulty.Torn && bytes.Contains(tail, []byte("\x00w"))
		}
	}
	if !holes || !short {
		t.Errorf("50 seeds made a hole: %v, a part: %v", holes, short)
	}
}

func TestFaultsHappenAtTheirTurn(t *testing.T) {
	d := faulty.New()
	fsys := d.FS()
	log, err := fsys.Create("1.log")
	must(t, err)
	other, err := fsys.Create("1.ldb")
	must(t, err)
	d.Inject(faulty.Fault{On: faulty.Write, File: "*.log", Nth: 2, Err: syscall.ENOSPC, Short: 3})
	for i, want := range []error{nil, syscall.ENOSPC, nil} {
		if _, err := other.Write([]byte("ok")); err != nil {
			t.Errorf("another file: %v", err)
		}
		n, err := log.Write([]byte("abcdef"))
		if !errors.Is(err, want) || want != nil && n != 3 || want == nil && n != 6 {
			t.Errorf("write %d: %d, %v, want %v", i+1, n, err, want)
		}
	}
	d.Heal()
	d.Inject(faulty.Fault{On: faulty.Change, Ever: true, Err: syscall.EROFS})
	for range 2 {
		if err := fsys.SyncDir("."); !errors.Is(err, syscall.EROFS) {
			t.Errorf("SyncDir: %v, want EROFS", err)
		}
	}
	if f, err := fsys.Open("1.log"); err != nil {
		t.Errorf("Open of a disk that cannot be written: %v", err)
	} else if b, err := io.ReadAll(f); err != nil || string(b) != "abcdefabcabcdef" {
		t.Errorf("it holds %q, %v", b, err)
	}
}

func TestLocksEndWithTheMachine(t *testing.T) {
	d := faulty.New()
	old, err := d.FS().Lock("LOCK")
	must(t, err)
	if _, err := d.FS().Lock("LOCK"); !errors.Is(err, storage.ErrLocked) {
		t.Fatalf("a second Lock: %v, want ErrLocked", err)
	}
	d.Cut(faulty.KeepAll, nil)
	l, err := d.FS().Lock("LOCK")
	must(t, err)
	must(t, old.Close()) // the dead machine's lock is nobody's now
	if _, err := d.FS().Lock("LOCK"); !errors.Is(err, storage.ErrLocked) {
		t.Fatalf("Lock after the old one was closed: %v, want ErrLocked", err)
	}
	must(t, l.Close())
}

// TestOnlyAPathThatIsDurableSurvives: a synced name in a directory whose own
// name is lost is lost.
func TestOnlyAPathThatIsDurableSurvives(t *testing.T) {
	for _, syncParent := range []bool{false, true} {
		d := faulty.New()
		fsys := d.FS()
		must(t, fsys.MkdirAll("x/y"))
		f, err := fsys.Create("x/y/f")
		must(t, err)
		must(t, f.Sync())
		must(t, fsys.SyncDir("x/y"))
		must(t, fsys.SyncDir("x"))
		if syncParent {
			must(t, fsys.SyncDir("."))
		}
		d.Cut(faulty.DropAll, nil)
		if got := len(d.Files()) == 1; got != syncParent {
			t.Errorf("with the parent synced %v: files %v", syncParent, d.Files())
		}
	}
}

// TestResizedDiskIsFull: what does not fit is not written, and the error is the
// kernel's.
func TestResizedDiskIsFull(t *testing.T) {
	d := faulty.New()
	fsys := d.FS()
	f, err := fsys.Create("f")
	if err != nil {
		t.Fatal(err)
	}
	d.Resize(10)
	if n, err := f.Write(make([]byte, 6)); n != 6 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if s, err := fsys.Space("."); err != nil || s != (storage.Space{Total: 10, Free: 4}) {
		t.Errorf("Space: %+v, %v", s, err)
	}
	if n, err := f.Write(make([]byte, 6)); n != 4 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("the write that does not fit: %d, %v", n, err)
	}
	if n, err := f.WriteAt(make([]byte, 6), 2); n != 6 || err != nil {
		t.Errorf("over what is there: %d, %v", n, err)
	}
	d.Resize(20)
	if n, err := f.Write(make([]byte, 6)); n != 6 || err != nil {
		t.Errorf("with room again: %d, %v", n, err)
	}
}

// TestDirectoryIsRenamedWithWhatIsInIt, durably after a sync of its parent.
func TestDirectoryIsRenamedWithWhatIsInIt(t *testing.T) {
	d := faulty.New()
	fsys := d.FS()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(fsys.MkdirAll("p/db"))
	must(fsys.SyncDir("."))
	must(fsys.SyncDir("p"))
	f, err := fsys.Create("p/db/x")
	must(err)
	must(f.Sync())
	must(fsys.SyncDir("p/db"))
	must(fsys.Rename("p/db", "p/old"))
	if got := strings.Join(d.Files(), " "); got != "p/old/x" {
		t.Fatalf("seen: %s", got)
	}
	lost := d.Clone()
	lost.Cut(faulty.DropAll, nil)
	if got := strings.Join(lost.Files(), " "); got != "p/db/x" {
		t.Errorf("before the sync of its parent: %s", got)
	}
	must(fsys.SyncDir("p"))
	d.Cut(faulty.DropAll, nil)
	if got := strings.Join(d.Files(), " "); got != "p/old/x" {
		t.Errorf("after it: %s", got)
	}
}
