package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var errSilent = errors.New("10.0.0.3:7480: connection refused")

// shopNodes are three nodes, of which the last is down.
func shopNodes() []member {
	var nodes []member
	for _, d := range []string{"1", "2", "3"} {
		nodes = append(nodes, member{"n" + d, strings.Repeat("0"+d, 16), "10.0.0." + d + ":7480"})
	}
	return nodes
}

// shopTask is a full repair that has ended, but for what the node lacks that is down.
func shopTask() *taskView {
	part := func(fixed uint64) *nodeTask {
		t := &nodeTask{ID: "9c1e4a07", Type: "repair", Full: true, State: taskLeftovers, Started: "2026-03-01T12:00:01.331Z", TookMS: 400_123}
		t.Progress = advance{Partitions: 701, Done: 323, Without: 378, Records: 18_123_456, Bytes: 41 << 30, Differing: fixed + 14, Fixed: fixed, Failed: 14}
		t.Waits = []waitOn{{Node: "n3", Why: "cannot be reached", Down: true, Partitions: 378}}
		return t
	}
	return taskOf("9c1e4a07", shopNodes(), []*nodeTask{part(3398), part(12), nil}, []error{nil, nil, errSilent})
}

func TestTaskScreens(t *testing.T) {
	v := shopTask()
	goldenView(t, "task-show", v)
	golden(t, "task-bar", v.bar()+"\n")

	// A node that was started again is told, and its part is not made up.
	again := shopTask()
	again.Nodes[1].Progress, again.Nodes[1].Waits, again.Nodes[1].State, again.Nodes[1].forgot = nil, nil, taskUnknown, true
	again.Nodes[2].Reachable, again.Nodes[2].forgot = true, true
	golden(t, "task-show-forgotten", again.screen(false).String())
	golden(t, "task-ls-forgotten", (&taskListView{Items: []taskView{*again}}).screen(false).String())

	v.State, v.Full, v.Preview = taskRunning, false, true
	for i := range v.Nodes[:2] {
		v.Nodes[i].State, v.Nodes[i].PausedMS = taskRunning, 90_000
		v.Nodes[i].Waits = []waitOn{{Node: "n2", Partitions: 1}}
	}
	golden(t, "task-show-paused", v.screen(false).String())
	golden(t, "task-bar-paused", v.bar()+"\n")
	golden(t, "task-ls-paused", v.pausedText()+"\n"+(&taskListView{Items: []taskView{*v}}).screen(false).String())

	list := &taskListView{Items: []taskView{*shopTask()}, Partial: true, Silent: []string{"n3"}}
	goldenView(t, "task-ls", list)
	golden(t, "task-ls-none", (&taskListView{}).screen(false).String())
}

func TestRepairScreens(t *testing.T) {
	asOf := func(p int, held, why string) repairPartition {
		r := repairPartition{Partition: p, AsOf: "2026-03-01T12:01:31.000Z", HeldBy: held, Why: why, Watermark: "2026-03-01T12:00:01.000Z", PurgeHeldBy: held, PurgeHeldWhy: why}
		if why == "not compared yet" {
			r.AsOf, r.Watermark = "", ""
		}
		return r
	}
	v := &repairView{partition: -1, Partial: true}
	for i, n := range shopNodes() {
		row := repairRow{Node: n.Name, NodeID: n.ID, Reachable: true, Repair: &nodeRepair{
			AsOf: "2026-03-01T12:01:31.000Z", States: repairStates{1, 0, 2, 0}, Counters: map[string]uint64{"comparisons_done": 1234, "records_in": 5, "records_out": 6, "purged": 7},
			Partitions: []repairPartition{asOf(0, "", ""), asOf(1, "n3", "cannot be reached"), asOf(2, "n3", "not compared yet")},
		}}
		switch i {
		case 1:
			row.Repair.PausedMS, row.Repair.Task = 1_800_000, "9c1e4a07"
		case 2:
			row.Repair, row.Reachable, row.Error = nil, false, errSilent.Error()
		}
		v.Nodes = append(v.Nodes, row)
	}
	goldenView(t, "repair-status", v)
	for i := range v.Nodes[:2] {
		v.Nodes[i].Repair.Partitions = v.Nodes[i].Repair.Partitions[1:2]
	}
	v.partition = 1
	golden(t, "repair-status-partition", v.screen(false).String())

	long, over := int64(1_800_000), int64(0)
	goldenView(t, "repair-pause", &pauseView{Nodes: []pauseRow{{Node: "n1", PausedMS: &long}, {Node: "n2", PausedMS: &over}, {Node: "n3", Error: errSilent.Error()}}})
}

// A task is done only if all its parts are, and what is not known is never taken
// for done.
func TestStateOfATask(t *testing.T) {
	for parts, want := range map[string]string{
		"done done": "done", "done running": "running", "unknown running": "running", "leftovers running": "running", "done leftovers": "leftovers",
		"done cancelled": "cancelled", "leftovers cancelled": "cancelled", "done unknown": "partial", "leftovers unknown": "leftovers", "unknown unknown": "unknown", "": "unknown",
	} {
		var rows []taskRow
		for state := range strings.FieldsSeq(parts) {
			rows = append(rows, taskRow{State: state})
		}
		got := stateOf(rows)
		if got != want {
			t.Errorf("%s: %s, want %s", parts, got, want)
		}
		exit := 0
		var f *failure
		if errors.As((&taskView{State: got}).exit(), &f) {
			exit = f.exit
		}
		if want := map[string]int{taskDone: 0, taskLeftovers: 4, taskCancelled: 4, taskPartial: 4, taskUnknown: 125}[got]; got != taskRunning && exit != want {
			t.Errorf("%s exits %d, want %d", got, exit, want)
		}
	}
}

// Only nodes that were to have a part in a task are rows of it.
func TestATaskOfSomeNodesHasTheirRows(t *testing.T) {
	nodes, unknown := shopNodes(), &refusal{Status: 404, Code: "NO_SUCH_TASK", Detail: "it knows none"}
	part := &nodeTask{State: taskDone, Nodes: []string{nodes[0].ID, nodes[1].ID}}
	v := taskOf("a", nodes, []*nodeTask{part, nil, nil}, []error{nil, unknown, errSilent})
	if len(v.Nodes) != 2 || v.State != taskPartial || v.Nodes[1].State != taskUnknown || !v.Nodes[1].Reachable {
		t.Errorf("%s %+v", v.State, v.Nodes)
	}
	if v = taskOf("a", nodes, make([]*nodeTask, 3), []error{unknown, unknown, errSilent}); len(v.Nodes) != 3 || v.State != taskUnknown {
		t.Errorf("a task that nobody knows: %+v", v)
	}
}

// taskServer is nodes that tell of a task as the test wants it.
func taskServer(t *testing.T, answer func(asked int64) (int, string)) ([]member, adminOptions) {
	t.Helper()
	var asked atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		status, body := answer(asked.Add(1))
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(s.Close)
	var o adminOptions
	o.timeout, o.format.form = time.Minute, "table"
	return []member{{"n1", "01", strings.TrimPrefix(s.URL, "http://")}}, o
}

// Ctrl-C leaves a task running, and says how to find it again.
func TestCtrlCDetaches(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	nodes, o := taskServer(t, func(asked int64) (int, string) {
		if asked == 2 {
			interrupt()
		}
		return 200, `{"state":"running"}`
	})
	e, stdout, stderr := quietEnv()
	err := watchTask(ctx, e, o, nodes, "9c1e4a07")
	var f *failure
	if !errors.As(err, &f) || f.exit != exitInterrupted || stdout.Len() > 0 {
		t.Errorf("%v %+v; it printed %s", err, f, stdout)
	}
	golden(t, "task-detached", stderr.String())
}

// --timeout bounds how long a task is followed, which runs on.
func TestATimeoutDetaches(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	nodes, o := taskServer(t, func(int64) (int, string) { return 200, `{"state":"running"}` })
	e, _, stderr := quietEnv()
	err := watchTask(ctx, e, o, nodes, "9c1e4a07")
	var f *failure
	if !errors.As(err, &f) || f.exit != exitTaskLate || !strings.Contains(stderr.String(), "detached: task 9c1e4a07 runs on") {
		t.Errorf("%v %+v %s", err, f, stderr)
	}
}

// A task is followed to its end; a node that forgot its part ends the wait for it.
func TestATaskIsFollowedToItsEnd(t *testing.T) {
	for last, want := range map[string]int{
		`200 {"state":"done","progress":{"partitions":2,"done":2}}`: 0,
		`200 {"state":"leftovers"}`:                                 4,
		`404 {"code":"NO_SUCH_TASK","detail":"none of that id"}`:    125,
	} {
		nodes, o := taskServer(t, func(asked int64) (int, string) {
			if asked < 3 {
				return 200, `{"state":"running"}`
			}
			var status int
			_, body, _ := strings.Cut(last, " ")
			fmt.Sscan(last, &status)
			return status, body
		})
		e, _, _ := quietEnv()
		exit := 0
		var f *failure
		if errors.As(watchTask(t.Context(), e, o, nodes, "a"), &f) {
			exit = f.exit
		}
		if exit != want {
			t.Errorf("%s: exit %d, want %d", last, exit, want)
		}
	}
}
