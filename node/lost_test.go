package node

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/candordb/candor/storage"
)

// quickCluster is three nodes that compare and purge every second, and hold requests
// older than some seconds for too old.
func quickCluster(t *testing.T) (*cluster, holders) {
	t.Helper()
	c, h := newCluster(t, 3), make(holders, 3)
	t.Cleanup(c.stop)
	for i := range c.nodes {
		cfg := c.nodes[i].config
		cfg.Cluster.Partitions = 16
		cfg.Repair.ExchangeInterval, cfg.Repair.MaxRequestAge = time.Second, 5*time.Second
		cfg.Timeouts.Default, cfg.Timeouts.Max = 4*time.Second, 4*time.Second
		c.nodes[i].machine.started = h[i].Store
		c.start(i)
	}
	for i := range c.nodes {
		c.awaitReady(i)
	}
	c.awaitTrust()
	return c, h
}

// fill writes keys k0 to k(n-1).
func (c *cluster) fill(n int, value string) {
	c.t.Helper()
	for i := range n {
		c.insist(http.MethodPut, i%2, fmt.Sprintf("/v1/keys/k%d", i), fmt.Sprint(value, i))
	}
}

// awaitRebuilt waits until node i has nothing in quarantine, and the two epochs are
// there that begin and end its rebuild.
func (c *cluster) awaitRebuilt(h holders, i int) {
	c.t.Helper()
	eventually(c.t, "it is rebuilt, and back in service", func() bool {
		n := h.node(i)
		q, known := n.quarantine()
		st := n.state.Load()
		return known && len(q.Partitions) == 0 && st.meta.Epoch >= 3 && st.meta.Rebuild(n.id) == nil
	})
}

// holdsAll checks that node i answers for all keys by itself.
func (c *cluster) holdsAll(i, n int, value string) {
	c.t.Helper()
	for k := range n {
		eventually(c.t, fmt.Sprintf("node %d holds k%d", i+1, k), func() bool {
			_, _, body := c.do(http.MethodGet, i, fmt.Sprintf("/v1/keys/k%d?consistency=one", k), "")
			return body == fmt.Sprint(value, k)
		})
	}
}

func (c *cluster) db(i int) string { return filepath.Join(c.nodes[i].config.Node.DataDir, "db") }

// Rule 8: a node whose database is gone under a known identity is rebuilt from the
// others, by itself, before it serves or votes; and then it does both.
func TestANodeThatHasLostItsDatabaseIsRebuilt(t *testing.T) {
	c, h := quickCluster(t)
	c.fill(200, "v")
	id := h.node(2).id
	c.halt(2)
	if err := os.RemoveAll(c.db(2)); err != nil {
		t.Fatal(err)
	}
	c.fill(20, "new")
	c.start(2)
	eventually(t, "it has begun", func() bool {
		n := h.node(2)
		return n.ctx.Err() == nil && n.state.Load() != nil
	})
	c.halt(2) // whatever it has come to goes on
	c.start(2)
	c.awaitReady(2)
	c.awaitRebuilt(h, 2)
	if h.node(2).id != id {
		t.Error("it has another id")
	}
	c.holdsAll(2, 20, "new")
	eventually(t, "it may vote", func() bool {
		n := h.node(2)
		return n.control.distrust.Load() == 0 && n.control.behind.Load() == nil
	})
	// It votes: with another one gone, epochs are decided.
	c.halt(1)
	mustPropose(t, h.node(0), "after")
	c.start(1)
	c.awaitReady(1)
	// A restart finds nothing wrong any more.
	c.halt(2)
	c.start(2)
	c.awaitReady(2)
	if q, known := h.node(2).quarantine(); !known || len(q.Partitions) > 0 {
		t.Errorf("behind a restart: %+v", q)
	}
	c.holdsAll(2, 20, "new")
}

// copyDir copies a data folder.
func copyDir(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// Contract, section 6: a deleted key never comes back, however old the copy of a data
// folder is that was put in the place of a node's own.
func TestAnOldCopyOfADataFolderBringsNothingBack(t *testing.T) {
	c, h := quickCluster(t)
	const keys = 60
	c.fill(keys, "v")
	for k := range keys {
		eventually(t, "the last node has it", func() bool {
			code, _, _ := c.do(http.MethodGet, 2, fmt.Sprintf("/v1/keys/k%d?consistency=all", k), "")
			return code == http.StatusOK
		})
	}
	c.halt(2)
	dir := c.nodes[2].config.Node.DataDir
	copyDir(t, dir, dir+".old")
	c.start(2)
	c.awaitReady(2)
	c.awaitTrust()
	for k := range keys / 2 {
		c.insist(http.MethodDelete, 0, fmt.Sprintf("/v1/keys/k%d", k), "")
	}
	eventually(t, "the tombstones are purged everywhere", func() bool {
		for i := range 3 {
			if c.metric(i, "candor_purged_total") != fmt.Sprint(keys/2) {
				return false
			}
		}
		return true
	})
	c.halt(2)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	copyDir(t, dir+".old", dir)
	c.start(2)
	c.awaitReady(2)
	c.awaitRebuilt(h, 2)
	if h.node(2).repair.seen.Load().counters.Dropped == 0 {
		t.Error("nothing of its own was dropped")
	}
	for i := range 3 {
		for k := range keys {
			code, _, body := c.do(http.MethodGet, i, fmt.Sprintf("/v1/keys/k%d?consistency=one", k), "")
			if gone := k < keys/2; gone != (code == http.StatusNotFound) || !gone && body != fmt.Sprint("v", k) {
				t.Errorf("k%d at node %d: %d %s", k, i+1, code, body)
			}
		}
	}
}

// Rules 8 and 11, C4 and F6: bytes of tables are flipped while the node is down: it
// serves what is whole, never what is not, and brings back the rest by itself.
func TestFlippedBytesInTablesAreHealed(t *testing.T) {
	c, h := quickCluster(t)
	const keys = 300
	value := strings.Repeat("x", 20_000) // some tables
	c.fill(keys, value)
	c.halt(2)
	tables, err := filepath.Glob(filepath.Join(c.db(2), "*.ldb"))
	if err != nil || len(tables) == 0 {
		t.Fatal("no tables", err)
	}
	for _, name := range tables {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/2] ^= 0x10
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c.nodes[2].config.Storage.ScrubCycle = time.Second
	c.start(2)
	c.awaitReady(2)
	c.awaitRebuilt(h, 2)
	c.holdsAll(2, keys, value)
	eventually(t, "all was read anew", func() bool { return h.node(2).scrub.asOf.Load() > 0 })
}

// C4: bytes rot on the disk of a node that runs: the scrub finds them, the database is
// renewed, and what was there comes back from the others, without anybody's help.
func TestRotUnderARunningNodeIsFoundAndHealed(t *testing.T) {
	for _, scrubbed := range []bool{true, false} {
		t.Run(fmt.Sprintf("scrubbed=%v", scrubbed), func(t *testing.T) { rotUnder(t, scrubbed) })
	}
}

func rotUnder(t *testing.T, scrubbed bool) {
	c, h := quickCluster(t)
	const keys = 300
	value := strings.Repeat("x", 20_000)
	c.fill(keys, value)
	c.halt(2)
	if scrubbed {
		c.nodes[2].config.Storage.ScrubCycle = time.Second
	} else {
		c.nodes[2].config.Storage.BlockCache = 1 // so that reads ask the disk
	}
	c.start(2)
	c.awaitReady(2)
	before := h.node(2)
	tables, err := filepath.Glob(filepath.Join(c.db(2), "*.ldb"))
	if err != nil || len(tables) == 0 {
		t.Fatal("no tables", err)
	}
	f, err := os.OpenFile(tables[0], os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("rotten rotten rotten"), 50_000); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it has started again by itself", func() bool {
		if scrubbed {
			return h.node(2) != before
		}
		for k := range keys { // a read meets it
			c.do(http.MethodGet, 2, fmt.Sprintf("/v1/keys/k%d?consistency=one", k), "")
		}
		return h.node(2) != before
	})
	c.awaitReady(2)
	c.awaitRebuilt(h, 2)
	c.holdsAll(2, keys, value)
}

// C4, F7: a value that is not what was written, though the block around it is whole, is
// answered to nobody, and is healed in its place from the others.
func TestARottenValueIsHealedInItsPlace(t *testing.T) {
	c, h := quickCluster(t)
	c.fill(20, "v")
	c.holdsAll(2, 20, "v")
	c.halt(2)
	db, err := storage.Open(c.db(2), storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var bad storage.Batch
	lo, hi := storage.RecordRange(0, 1<<64-1)
	err = db.Scan(lo, hi, func(k, rec []byte) bool {
		rotten := bytes.Clone(rec)
		rotten[len(rotten)-1] ^= 1
		bad.Put(bytes.Clone(k), rotten)
		return true
	})
	if err = errors.Join(err, db.Write(&bad), db.Close()); err != nil || bad.Len() < 20 {
		t.Fatal(bad.Len(), err)
	}
	c.start(2)
	c.awaitReady(2)
	eventually(t, "all are healed", func() bool {
		for k := range 20 { // whoever reads one finds it out
			code, _, body := c.do(http.MethodGet, 2, fmt.Sprintf("/v1/keys/k%d?consistency=one", k), "")
			if code == http.StatusOK && body != fmt.Sprint("v", k) {
				t.Errorf("k%d is %q", k, body)
			}
		}
		return h.node(2).applied.load().Healed >= 20 && h.node(2).repair.seen.Load().healing == 0
	})
	c.holdsAll(2, 20, "v")
}
