package storage_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/storage/faulty"
)

var cluster = [16]byte{0xc1, 15: 0x0f}

func random(fill byte) *bytes.Reader { return bytes.NewReader(bytes.Repeat([]byte{fill}, 16)) }

func mustOpenDir(t *testing.T, disk *faulty.Disk) *storage.Dir {
	t.Helper()
	d, err := storage.OpenDir("data", random(7), disk.FS())
	if err != nil {
		t.Fatalf("OpenDir: %v", err)
	}
	return d
}

func mustSetCluster(t *testing.T, d *storage.Dir) {
	t.Helper()
	if err := d.SetCluster(cluster); err != nil {
		t.Fatal(err)
	}
}

func TestIdentityIsMadeOnce(t *testing.T) {
	disk := faulty.New()
	d := mustOpenDir(t, disk)
	if d.Node() != [16]byte(bytes.Repeat([]byte{7}, 16)) {
		t.Errorf("node id %x, want the random bytes", d.Node())
	}
	if id, ok := d.Cluster(); ok {
		t.Errorf("a new node belongs to cluster %x", id)
	}
	mustClose(t, mustOpen(t, d.DB(), on(disk, small)))
	disk.Cut(faulty.DropAll, nil)
	again, err := storage.OpenDir("data", random(9), disk.FS())
	if err != nil {
		t.Fatal(err)
	}
	if again.Node() != d.Node() {
		t.Errorf("node id %x after a power cut, was %x", again.Node(), d.Node())
	}
	if got := string(disk.Bytes("data/FORMAT")); got != "1\n" {
		t.Errorf("FORMAT holds %q", got)
	}
}

func TestClusterIsSetOnce(t *testing.T) {
	disk := faulty.New()
	d := mustOpenDir(t, disk)
	mustClose(t, mustOpen(t, d.DB(), on(disk, small)))
	mustSetCluster(t, d)
	mustSetCluster(t, d) // the same again
	if err := d.SetCluster([16]byte{1}); !errors.Is(err, storage.ErrOtherCluster) {
		t.Errorf("another cluster: %v, want ErrOtherCluster", err)
	}
	disk.Cut(faulty.DropAll, nil)
	again := mustOpenDir(t, disk)
	if id, ok := again.Cluster(); !ok || id != cluster || again.Node() != d.Node() {
		t.Errorf("after a power cut: node %x, cluster %x %v", again.Node(), id, ok)
	}
}

func TestOneNodePerDirectory(t *testing.T) {
	path := t.TempDir()
	d, err := storage.OpenDir(path, random(7), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = storage.OpenDir(path, random(7), nil)
	if !errors.Is(err, storage.ErrLocked) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "stop that one") {
		t.Errorf("a second node: %v, want a sentence with ErrLocked", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if d, err = storage.OpenDir(path, random(9), nil); err != nil {
		t.Fatalf("after Close: %v", err)
	}
	d.Close()
}

// TestDirIsRefused: everything that must not be started with, and what the one
// sentence says to do about it.
func TestDirIsRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		harm   func(*faulty.Disk)
		want   error
		advice string
	}{
		{"a newer format", func(d *faulty.Disk) { d.Edit("data/FORMAT", func([]byte) []byte { return []byte("2\n") }) }, storage.ErrFormat, "start the newer version"},
		{"no format", func(d *faulty.Disk) { d.Edit("data/FORMAT", func([]byte) []byte { return []byte("x") }) }, storage.ErrCorrupt, "restore that file"},
		{"FORMAT gone", func(d *faulty.Disk) { d.Delete("data/FORMAT") }, storage.ErrCorrupt, "restore that file"},
		{"node.json gone", func(d *faulty.Disk) { d.Delete("data/node.json") }, storage.ErrCorrupt, "restore that file"},
		{"node.json empty", func(d *faulty.Disk) { d.Edit("data/node.json", func([]byte) []byte { return nil }) }, storage.ErrCorrupt, "restore that file"},
		{"node.json with a short id", func(d *faulty.Disk) {
			d.Edit("data/node.json", func([]byte) []byte { return []byte(`{"node":"0707"}`) })
		}, storage.ErrCorrupt, "restore that file"},
		{"the database gone", func(d *faulty.Disk) { deleteUnder(d, "data/db") }, storage.ErrLost, "put back the db folder"},
		{"CURRENT gone", func(d *faulty.Disk) { d.Delete("data/db/CURRENT") }, storage.ErrLost, "put back the db folder"},
	} {
		disk := faulty.New()
		d := mustOpenDir(t, disk)
		mustClose(t, mustOpen(t, d.DB(), on(disk, small)))
		mustSetCluster(t, d)
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		c.harm(disk)
		_, err := storage.OpenDir("data", random(7), disk.FS())
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.advice) {
			t.Errorf("%s: %v, want %q and %q", c.name, err, c.want, c.advice)
		}
		// Refusing frees the lock again.
		if _, err := storage.OpenDir("data", random(7), disk.FS()); errors.Is(err, storage.ErrLocked) {
			t.Errorf("%s: the lock is still held", c.name)
		}
	}
}

func deleteUnder(d *faulty.Disk, dir string) {
	for _, name := range d.Files() {
		if strings.HasPrefix(name, dir+"/") {
			d.Delete(name)
		}
	}
	d.Delete(dir)
}

// TestDirSurvivesAnyCut cuts the power before every operation of a first start
// that goes on to join a cluster. Afterwards the directory opens, a node id under
// which a database was opened is still the same, and a cluster that was set is
// still set.
func TestDirSurvivesAnyCut(t *testing.T) {
	start := func(disk *faulty.Disk, fill byte) (node [16]byte, joined bool) {
		d, err := storage.OpenDir("a/data", random(fill), disk.FS())
		if err != nil {
			return node, false
		}
		db, err := storage.Open(d.DB(), on(disk, small))
		if err != nil {
			return node, false
		}
		defer db.Close()
		return d.Node(), d.SetCluster(cluster) == nil
	}
	counting := faulty.New()
	if _, joined := start(counting, 1); !joined {
		t.Fatal("the start failed without any fault")
	}
	for at := 1; at <= counting.Ops(); at++ {
		disk := faulty.New()
		disk.Inject(faulty.Fault{On: faulty.Change, Nth: at, Cut: &faulty.Cut{Mode: faulty.DropAll}})
		node, joined := start(disk, 1)
		disk.Heal()
		d, err := storage.OpenDir("a/data", random(2), disk.FS())
		if err != nil {
			t.Fatalf("cut before operation %d: %v", at, err)
		}
		if node != [16]byte{} && d.Node() != node {
			t.Fatalf("cut before operation %d: node id %x, was %x", at, d.Node(), node)
		}
		if id, ok := d.Cluster(); joined && (!ok || id != cluster) {
			t.Fatalf("cut before operation %d: the cluster is forgotten", at)
		}
		if _, joined := start(disk.Clone(), 3); !joined {
			t.Fatalf("cut before operation %d: the next start fails", at)
		}
	}
}

// A node that lost its database before it belonged to a cluster may have voted
// on what the cluster is to be. It goes on as one that never did.
func TestALostVoteIsNotTheVotersAnyMore(t *testing.T) {
	disk := faulty.New()
	d := mustOpenDir(t, disk)
	before := d.Node()
	mustClose(t, mustOpen(t, d.DB(), on(disk, small)))
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	deleteUnder(disk, "data/db")
	d, err := storage.OpenDir("data", random(8), disk.FS())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if d.Node() == before {
		t.Error("the node kept its id")
	}
}
