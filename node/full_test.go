package node

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hinted"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/replica"
	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/topology"
)

// tight is the machine's files, on a disk that is full on demand.
type tight struct {
	storage.FS
	full atomic.Bool
}

func (d *tight) Space(dir string) (storage.Space, error) {
	if s, err := d.FS.Space(dir); err != nil || !d.full.Load() {
		return s, err
	}
	return storage.Space{Total: 1 << 40}, nil
}

// startTight starts a cluster of one node on such a disk.
func startTight(t *testing.T) (*Node, *tight) {
	t.Helper()
	c, d := newCluster(t, 1), &tight{FS: storage.OS}
	t.Cleanup(c.stop)
	var n atomic.Pointer[Node]
	c.nodes[0].machine = Machine{Disk: d, started: n.Store}
	c.start(0)
	c.awaitReady(0)
	return n.Load(), d
}

// fill makes the disk full, or frees it, and waits until the engine knows.
func (d *tight) fill(t *testing.T, n *Node, full bool) {
	t.Helper()
	d.full.Store(full)
	eventually(t, "what the engine knows of the disk", func() bool { return (n.engine.Room() == storage.RoomForNothing) == full })
}

func (n *Node) must(t *testing.T, want contract.Code, w replica.Write) {
	t.Helper()
	if code := n.commitOne(context.Background(), w); code != want {
		t.Fatalf("kind %d: %v, want %v", w.Kind, code, want)
	}
}

// savedMarks is what a start would find.
func savedMarks(t *testing.T, n *Node) *replica.Marks {
	t.Helper()
	floor, _ := system(n.engine, replica.FloorName)
	marks, _ := system(n.engine, replica.MarksName)
	m, err := replica.ParseMarks(n.Cluster().Ring.Q(), floor, marks)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Rule 8: a replica that agrees persists H, synced, before it says so. Also when the
// batch in which it first tried found no room.
func TestAFullDiskAMarkThatIsSaidIsSaved(t *testing.T) {
	n, d := startTight(t)
	const p = 5
	mark := hlc.Make(time.Now().UnixMilli()-40_000, 0)
	d.fill(t, n, true)
	n.must(t, contract.DiskFull, replica.Write{Kind: replica.Agree, Token: n.tokenOf(p), Mark: mark})
	d.fill(t, n, false)
	n.must(t, contract.OK, replica.Write{Kind: replica.Agree, Token: n.tokenOf(p), Mark: mark})
	if said, saved := n.marks.Load().Partition(p).Fence, savedMarks(t, n).Partition(p).Fence; said != mark || saved != said {
		t.Errorf("the fence that is said is %v, on disk is %v, asked was %v", said, saved, mark)
	}
}

// Rule 8: a partition that is in quarantine, durably as its owner is told, is so after
// a restart.
func TestAFullDiskAQuarantineThatIsSaidIsSaved(t *testing.T) {
	n, d := startTight(t)
	const p = 5
	d.fill(t, n, true)
	n.must(t, contract.DiskFull, replica.Write{Kind: replica.Quarantine, Token: n.tokenOf(p)})
	d.fill(t, n, false)
	n.must(t, contract.OK, replica.Write{Kind: replica.Quarantine, Token: n.tokenOf(p)})
	if said, saved := n.marks.Load().Partition(p).Quarantined, savedMarks(t, n).Partition(p).Quarantined; !said || !saved {
		t.Errorf("told OK: in quarantine now %v, after a restart %v", said, saved)
	}
}

// Rule 8: a hint that was refused for want of room holds no watermark back.
func TestAFullDiskLeavesNoHintThatIsNotThere(t *testing.T) {
	n, d := startTight(t)
	key := []byte("k")
	v := hlc.Version{Time: n.clock.read(), Writer: 7}
	w := replica.Write{
		Kind: replica.Stand, Token: n.tokenOf(5) + 1, Namespace: 1, Key: key, Target: [16]byte{9},
		Record: record.Append(nil, 1, key, record.Record{Version: v, Tombstone: true}),
	}
	d.fill(t, n, true)
	n.must(t, contract.DiskFull, w)
	d.fill(t, n, false)
	n.must(t, contract.OK, replica.Write{Kind: replica.System, Key: []byte("x"), Record: []byte("y")})
	if oldest, count := n.oldestHint(), n.HintsFor([16]byte{9}); oldest != 0 || count != 0 {
		t.Errorf("no hint is stored, but the oldest is said to be of %v, and there are said to be %d", oldest, count)
	}
}

// Rule 6: after a crash no tree claims what is not so.
func TestAFullDiskLeavesNoTreeThatIsNotSo(t *testing.T) {
	n, d := startTight(t)
	const p = 5
	key := []byte("k")
	v := hlc.Version{Time: n.clock.read(), Writer: 7}
	w := replica.Write{
		Kind: replica.Repair, Token: n.tokenOf(p) + 1, Namespace: 1, Key: key,
		Record: record.Append(nil, 1, key, record.Record{Version: v, Tombstone: true}),
	}
	d.fill(t, n, true)
	n.must(t, contract.DiskFull, w)
	d.fill(t, n, false)
	n.must(t, contract.OK, w)
	if rec, err := n.store.Record(w.Token, 1, key); rec == nil || err != nil {
		t.Fatal("it is not stored", err)
	}
	// What a start after a crash would make of the disk as it is now.
	trees := replica.NewTrees(n.trees.of.Shape(), n.trees.of.Seed(), n.Cluster().Ring.Q())
	crashed := &Node{engine: n.engine, log: n.log}
	if err := crashed.loadTrees(trees, n.Cluster().Ring.Q()); err != nil {
		t.Fatal(err)
	}
	if root, known := trees.Root(p); known && root.Count != 1 {
		t.Errorf("a record is stored, and the tree says for certain that there are %d", root.Count)
	}
}

// Rule 11: a node recovers by itself when there is room again. Also that part of it
// which agrees on epochs.
func TestAFullDiskDoesNotEndTheControl(t *testing.T) {
	n, d := startTight(t)
	propose := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 8*time.Second)
		defer cancel()
		_, err := n.Propose(ctx, topology.SetNamespace(topology.NamespaceRow{Name: "more", Read: uint8(contract.Quorum), Write: uint8(contract.Quorum)}))
		return err
	}
	d.fill(t, n, true)
	t.Log("while the disk is full:", propose())
	d.fill(t, n, false)
	for range 3 {
		if err := propose(); err == nil {
			return
		} else {
			t.Log("with room:", err)
		}
	}
	t.Error("there is room again, and no epoch is agreed on any more until the node is restarted")
}

// Rule 5: a hint that counted never expires. Also when the same write is kept again by
// a coordinator, for which it does not count.
func TestAHintThatCountedStaysOne(t *testing.T) {
	n, _ := startTight(t)
	key := []byte("k")
	v := hlc.Version{Time: n.clock.read(), Writer: 7}
	w := replica.Write{
		Kind: replica.Stand, Token: n.tokenOf(5) + 1, Namespace: 1, Key: key, Target: [16]byte{9}, Counted: true,
		Record: record.Append(nil, 1, key, record.Record{Version: v, Value: []byte("acknowledged")}),
	}
	n.must(t, contract.OK, w)
	w.Counted = false
	n.must(t, contract.OK, w)
	value, err := n.engine.Get(storage.AppendHintKey(nil, w.Target, v, w.Token, 1, key))
	if err != nil {
		t.Fatal(err)
	}
	if _, counted, err := hinted.ParseValue(v, value); err != nil || !counted {
		t.Errorf("it was acknowledged by this hint, which now may expire: counted %v, %v", counted, err)
	}
}
