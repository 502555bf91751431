package storage_test

import (
	"errors"
	"io"
	"io/fs"
	"slices"
	"testing"

	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/storage/conformance"
	"github.com/candordb/candor/storage/faulty"
)

// killed is a database over storage.Volatile; Crash is a SIGKILL: the disk below
// keeps all it has, and the process with what it held is gone.
type killed struct {
	disk *faulty.Disk
	db   *storage.DB
	o    storage.Options
}

func (s *killed) Engine() storage.Engine { return s.db }

func (s *killed) open() (err error) {
	o := s.o
	o.FS = storage.Volatile(s.disk.FS())
	s.db, err = storage.Open("data/db", o)
	return err
}

func (s *killed) Reopen() error {
	if err := s.db.Close(); err != nil {
		return err
	}
	return s.open()
}

func (s *killed) Crash() error {
	s.disk.Cut(faulty.KeepAll, nil)
	s.db.Close() // nothing of it reaches the disk any more
	return s.open()
}

// TestConformanceOnVolatile: over it an engine is an engine, and a SIGKILL is a
// power cut.
func TestConformanceOnVolatile(t *testing.T) {
	conformance.Run(t, func(t *testing.T) conformance.Store {
		s := &killed{disk: faulty.New(), o: small}
		if err := s.open(); err != nil {
			t.Fatal(err)
		}
		return s
	})
}

// TestVolatileLosesWhatWasNotSynced: else it would be worth nothing. In an ordinary
// build a SIGKILL loses none of this.
func TestVolatileLosesWhatWasNotSynced(t *testing.T) {
	s := &killed{disk: faulty.New(), o: storage.WithoutSync(small)}
	if err := s.open(); err != nil {
		t.Fatal(err)
	}
	fill(t, s.db, 0, 3, 50)
	s.o = small
	if err := s.Crash(); err != nil {
		t.Fatal(err)
	}
	wantAbsent(t, s.db, 0)
	mustClose(t, s.db)
}

// TestVolatileKeepsWhatWasWrittenOver until the new bytes are synced.
func TestVolatileKeepsWhatWasWrittenOver(t *testing.T) {
	for _, named := range []bool{false, true} { // before the first sync
		disk := faulty.New()
		v := storage.Volatile(disk.FS())
		f, err := v.Create("f")
		if err != nil {
			t.Fatal(err)
		}
		step := func(what string, err error) {
			t.Helper()
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
		if named {
			step("SyncDir", v.SyncDir("."))
		}
		_, err = f.WriteAt([]byte("......"), 2)
		step("WriteAt", err)
		step("Sync", f.Sync())
		_, err = f.Write([]byte("new"))
		step("Write", err)
		step("SyncDir", v.SyncDir("."))
		if got := string(disk.Bytes("f")); got != "\x00\x00......" {
			t.Errorf("the disk holds %q before the sync", got)
		}
		step("Sync", f.Sync())
		step("Truncate", v.Truncate("f", 5))
		_, err = f.Write([]byte("!"))
		step("Write", err)
		if got := string(disk.Bytes("f")); got != "new.." {
			t.Errorf("the disk holds %q", got)
		}
		step("Sync", f.Sync())
		step("Close", f.Close())
		if got := string(disk.Bytes("f")); got != "new!." {
			t.Errorf("in the end the disk holds %q", got)
		}
	}
}

// TestVolatileNames: a name is there for the process at once, and for the next one
// when its directory was synced.
func TestVolatileNames(t *testing.T) {
	disk := faulty.New()
	base := disk.FS()
	if err := base.MkdirAll("d"); err != nil {
		t.Fatal(err)
	}
	write := func(fsys storage.FS, name, text string, sync bool) {
		t.Helper()
		f, err := fsys.Create(name)
		if err == nil {
			_, err = io.WriteString(f, text)
		}
		if err == nil && sync {
			err = f.Sync()
		}
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	read := func(fsys storage.FS, name string) string {
		f, err := fsys.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			return "-"
		}
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		b, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	want := func(fsys storage.FS, who, name, text string) {
		t.Helper()
		if got := read(fsys, name); got != text {
			t.Errorf("%s: %s holds %q, want %q", who, name, got, text)
		}
		names, err := fsys.List("d")
		if err != nil || slices.Contains(names, name[2:]) != (text != "-") {
			t.Errorf("%s: List %v, %v, and %s holds %q", who, names, err, name, text)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	write(base, "d/old", "old", true)
	write(base, "d/CURRENT", "1", true)
	v := storage.Volatile(base)
	write(v, "d/CURRENT.new", "2", true)
	must(v.Rename("d/CURRENT.new", "d/CURRENT"))
	must(v.Remove("d/old"))
	write(v, "d/half", "half", false)
	for name, held := range map[string][2]string{
		"d/CURRENT": {"2", "1"}, "d/CURRENT.new": {"-", "-"}, "d/old": {"-", "old"}, "d/half": {"half", "-"},
	} {
		want(v, "the process", name, held[0])
		want(base, "the disk", name, held[1])
	}
	must(v.SyncDir("d"))
	for name, held := range map[string][2]string{
		"d/CURRENT": {"2", "2"}, "d/CURRENT.new": {"-", "-"}, "d/old": {"-", "-"}, "d/half": {"half", ""},
	} {
		want(v, "the process, synced", name, held[0])
		want(base, "the disk, synced", name, held[1])
	}
	if err := v.Remove("d/old"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("removing it twice: %v", err)
	}
}
