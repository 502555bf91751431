package node

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/candordb/candor/admin"
	"github.com/candordb/candor/storage"
)

// taskAnswer is of a task's document what the tests look at.
type taskAnswer struct {
	ID, State, Code string
	PausedMS        int64 `json:"paused_ms"`
	Progress        struct {
		Partitions, Done, Without        int
		Records, Bytes, Differing, Fixed uint64
	}
	Waits []struct {
		Node string
		Down bool
		Why  string
	}
}

func (c *cluster) ask(method string, i int, path string) (int, taskAnswer) {
	c.t.Helper()
	status, _, body := c.do(method, i, path, "")
	var a taskAnswer
	if err := json.Unmarshal([]byte(body), &a); err != nil {
		c.t.Fatalf("%s %s at node %d: %d %s", method, path, i+1, status, body)
	}
	return status, a
}

// repaired runs a repair on nodes, and returns the parts of all when they have ended.
func (c *cluster) repaired(id, options string, on ...int) []taskAnswer {
	c.t.Helper()
	for _, i := range on {
		if status, a := c.ask(http.MethodPost, i, "/v1/tasks?kind=repair&id="+id+options); status != http.StatusOK || a.ID != id {
			c.t.Fatalf("node %d did not take the task: %d %+v", i+1, status, a)
		}
	}
	parts := make([]taskAnswer, len(on))
	eventually(c.t, "the repair "+id+" has ended", func() bool {
		for k, i := range on {
			if _, parts[k] = c.ask(http.MethodGet, i, "/v1/tasks/"+id); parts[k].State == string(admin.TaskRunning) {
				return false
			}
		}
		return true
	})
	return parts
}

// lose removes n records of a node behind its back, as a disk might.
func lose(t *testing.T, n *Node, most int) (lost int) {
	t.Helper()
	var keys [][]byte
	lo, hi := storage.RecordRange(0, math.MaxUint64)
	if err := n.engine.Scan(lo, hi, func(k, _ []byte) bool {
		keys = append(keys, slices.Clone(k))
		return len(keys) < most
	}); err != nil {
		t.Fatal(err)
	}
	var b storage.Batch
	for _, k := range keys {
		b.Delete(k)
	}
	if err := n.engine.Write(&b); err != nil {
		t.Fatal(err)
	}
	return len(keys)
}

// unscheduled is a cluster whose schedule compares nothing for a long time, with keys.
func unscheduled(t *testing.T, n, keys int) (*cluster, holders) {
	t.Helper()
	c, h := newCluster(t, n), make(holders, n)
	t.Cleanup(c.stop)
	for i := range n {
		c.nodes[i].config.Repair.ExchangeInterval = 10_000 * time.Hour // the first of its turns is drawn at random within an eighth
		c.nodes[i].config.Cluster.Partitions = 8
		c.nodes[i].machine.started = h[i].Store
		c.start(i)
	}
	for i := range n {
		c.awaitReady(i)
	}
	c.awaitTrust()
	for k := range keys {
		c.insist(http.MethodPut, k%n, fmt.Sprintf("/v1/keys/k%d?consistency=all", k), fmt.Sprint("v", k))
	}
	return c, h
}

// An operator's repair reads every record, finds what a replica has lost behind the
// back of its tree, says how much that is, and brings it back; a preview moves
// nothing.
func TestAFullRepairBringsBackWhatWasLost(t *testing.T) {
	const keys, gone = 60, 40
	c, h := unscheduled(t, 3, keys)
	lost := uint64(lose(t, h.node(2), gone))
	holds := func() (n int) {
		for k := range keys {
			if status, _, _ := c.do(http.MethodGet, 2, fmt.Sprintf("/v1/explain/k%d", k), ""); status != http.StatusOK {
				t.Fatalf("explain: %d", status)
			}
		}
		lo, hi := storage.RecordRange(0, math.MaxUint64)
		_ = h.node(2).engine.Scan(lo, hi, func(_, _ []byte) bool { n++; return true })
		return n
	}
	if lost != gone || holds() != keys-gone {
		t.Fatalf("%d records are lost, %d are there", lost, holds())
	}

	plain := c.repaired("plain", "", 0, 1, 2)
	for i, p := range plain {
		if p.State != "done" || p.Progress.Done != 8 || p.Progress.Differing != 0 {
			t.Errorf("node %d, trusting the trees: %+v", i+1, p)
		}
	}
	preview := c.repaired("preview", "&full=1&preview=1", 2)[0]
	if preview.State != "done" || preview.Progress.Differing != 2*lost || preview.Progress.Fixed != 0 {
		t.Errorf("preview: %+v; %d records are there", preview, holds())
	}
	// The trees are right again, so that a comparison may come before this does.
	for i, p := range c.repaired("full", "&full=1", 0, 1, 2) {
		if p.State != "done" || p.Progress.Done != 8 || p.Progress.Records == 0 || p.Progress.Bytes == 0 {
			t.Errorf("full, node %d: %+v", i+1, p)
		}
	}
	if holds() != keys {
		t.Errorf("of %d records that were lost, %d are there again", lost, holds()-(keys-gone))
	}
	_, _, body := c.do(http.MethodGet, 2, "/v1/tasks", "")
	if !(strings.Index(body, `"full"`) < strings.Index(body, `"preview"`) && strings.Index(body, `"id": "preview"`) < strings.Index(body, `"id": "plain"`)) {
		t.Errorf("the tasks are not told latest first: %s", body)
	}
}

// A repair that waits for a node that is down does what it can with the others, ends
// with leftovers, and says who is waited for.
func TestARepairSaysWhoItWaitsFor(t *testing.T) {
	c, _ := unscheduled(t, 3, 5)
	c.halt(2)
	for i, p := range c.repaired("down", "", 0, 1) {
		if p.State != "leftovers" || p.Progress.Without != 8 || len(p.Waits) != 1 || p.Waits[0].Node != "n3" || !p.Waits[0].Down || p.Waits[0].Why != "cannot be reached" {
			t.Errorf("node %d: %+v", i+1, p)
		}
	}
	c.start(2)
	c.awaitReady(2)
	c.awaitTrust()
	for i, p := range c.repaired("up", "&partitions=0,3", 0, 1, 2) {
		if p.State != "done" || p.Progress.Partitions != 2 || p.Progress.Done != 2 {
			t.Errorf("node %d: %+v", i+1, p)
		}
	}
	if status, a := c.ask(http.MethodGet, 2, "/v1/tasks/down"); status != http.StatusNotFound || a.Code != "NO_SUCH_TASK" {
		t.Errorf("a node that was started again: %d %+v", status, a)
	}
}

// A pause is shown and holds a repair back; meanwhile no other begins, and it can be
// cancelled. The end of a pause lets it go on.
func TestARepairIsPausedAndCancelled(t *testing.T) {
	c, _ := unscheduled(t, 3, 5)
	paused := func(d string) (a struct {
		PausedMS int64 `json:"paused_ms"`
		Task     string
	}) {
		t.Helper()
		method, path := http.MethodPost, "/v1/repair/pause?for="+d
		if d == "" {
			method, path = http.MethodGet, "/v1/repair"
		}
		status, _, body := c.do(method, 0, path, "")
		if err := json.Unmarshal([]byte(body), &a); err != nil || status != http.StatusOK {
			t.Fatalf("%s: %d %s", path, status, body)
		}
		return a
	}
	if a := paused("1h"); a.PausedMS == 0 {
		t.Errorf("paused: %+v", a)
	}
	if status, a := c.ask(http.MethodPost, 0, "/v1/tasks?kind=repair&id=dry&dry_run=1"); status != http.StatusOK || a.State != "planned" || a.Progress.Partitions != 8 {
		t.Errorf("dry run: %d %+v", status, a)
	}
	if status, a := c.ask(http.MethodPost, 0, "/v1/tasks?kind=repair&id=first"); status != http.StatusOK || a.State != "running" || a.PausedMS == 0 {
		t.Errorf("begun in a pause: %d %+v", status, a)
	}
	if status, a := c.ask(http.MethodPost, 0, "/v1/tasks?kind=repair&id=first"); status != http.StatusOK || a.State != "running" {
		t.Errorf("repeated: %d %+v", status, a)
	}
	if status, a := c.ask(http.MethodPost, 0, "/v1/tasks?kind=repair&id=first&full=1"); status != http.StatusConflict || a.Code != "TASK_ID_TAKEN" {
		t.Errorf("the same id for something else: %d %+v", status, a)
	}
	if status, a := c.ask(http.MethodPost, 0, "/v1/tasks?kind=repair&id=second"); status != http.StatusConflict || a.Code != "TASK_UNDER_WAY" {
		t.Errorf("a second one: %d %+v", status, a)
	}
	if a := paused(""); a.PausedMS == 0 || a.Task != "first" {
		t.Errorf("status: %+v", a)
	}
	if _, a := c.ask(http.MethodDelete, 0, "/v1/tasks/first?dry_run=1"); a.State != "running" {
		t.Errorf("cancelled for a trial: %+v", a)
	}
	for range 2 { // the second time it is only told
		if status, a := c.ask(http.MethodDelete, 0, "/v1/tasks/first"); status != http.StatusOK || a.State != "cancelled" || a.Progress.Done != 0 || len(a.Waits) == 0 {
			t.Errorf("cancelled: %d %+v", status, a)
		}
	}
	if status, a := c.ask(http.MethodPost, 0, "/v1/tasks?kind=repair&id=third"); status != http.StatusOK || a.State != "running" {
		t.Errorf("begun after that: %d %+v", status, a)
	}
	if a := paused("0"); a.PausedMS != 0 {
		t.Errorf("the end of the pause: %+v", a)
	}
	eventually(t, "it goes on and is done", func() bool { _, a := c.ask(http.MethodGet, 0, "/v1/tasks/third"); return a.State == "done" })
}

// A node remembers its last hundred tasks, and no more.
func TestANodeRemembersItsLastTasks(t *testing.T) {
	_, h := unscheduled(t, 1, 0)
	for i := range tasksMax + 3 {
		began, err := h.node(0).StartTask(t.Context(), admin.TaskOptions{ID: fmt.Sprintf("t%d", i), Partitions: []int{}})
		if err != nil || began.State != admin.TaskDone { // there is nothing to do
			t.Fatalf("%+v, %v", began, err)
		}
	}
	if all := h.node(0).Tasks(); len(all) != tasksMax || all[0].ID != fmt.Sprintf("t%d", tasksMax+2) {
		t.Errorf("%d tasks, the first is %s", len(all), all[0].ID)
	}
}
