package admin

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/candordb/candor/hlc"
)

// The tasks of the fake: one that ended with leftovers and one that runs; a third
// cannot begin meanwhile.
func (f *fake) Tasks() []Task {
	return []Task{
		{
			TaskOptions: TaskOptions{ID: "9c1e", Full: true}, State: TaskRunning, Started: testTime.Add(-90 * time.Second), Paused: time.Minute,
			Partitions: 3, Done: 1, Without: 1, Records: 1000, Bytes: 64000, Differing: 7, Fixed: 5, Failed: 1,
			Waits: []TaskWait{{Node: nodeID(3), Why: "cannot be reached", Down: true, Partitions: 1}, {Node: nodeID(2), Partitions: 1}},
		},
		{
			TaskOptions: TaskOptions{ID: "7f3a", Preview: true, Partitions: []int{0, 2}}, State: TaskDone,
			Started: testTime.Add(-time.Hour), Ended: testTime.Add(-59 * time.Minute), Partitions: 2, Done: 2, Differing: 4,
		},
	}
}

func (f *fake) StartTask(_ context.Context, o TaskOptions) (Task, error) {
	switch {
	case o.ID == "slow":
		return Task{}, errors.New("it did not take it up in time")
	case o.ID == "9c1e":
		return Task{}, ErrTaskOther
	case o.DryRun:
		return Task{TaskOptions: o, State: TaskPlanned, Partitions: 3}, nil
	case o.ID == "busy":
		return Task{}, ErrTaskBusy
	}
	return Task{TaskOptions: o, State: TaskRunning, Started: testTime, Partitions: 3}, nil
}

func (f *fake) CancelTask(_ context.Context, id string, dry bool) (Task, error) {
	if id != "9c1e" {
		return Task{}, ErrNoTask
	}
	t := f.Tasks()[0]
	if !dry {
		t.State, t.Ended = TaskCancelled, testTime
	}
	return t, nil
}

func (f *fake) RepairStatus(context.Context) (*RepairStatus, error) {
	at := func(s int64) hlc.Timestamp { return hlc.Make(testTime.UnixMilli()-1000*s, 0) }
	return &RepairStatus{
		Paused: f.paused, Proven: 1, Blocked: 1, Unknown: 1, Task: "9c1e",
		Counters: []Counter{{"comparisons_done", 12}, {"purged", 3}},
		Partitions: []RepairPartition{
			{Partition: 0, AsOf: at(40), Watermark: at(100)},
			{Partition: 2, AsOf: at(4000), Held: HeldBack{nodeID(3), "cannot be reached"}, Watermark: at(4100), Purging: HeldBack{nodeID(3), "cannot be reached"}},
			{Partition: 3, Held: HeldBack{nodeID(2), "not compared yet"}},
		},
	}, nil
}

func (f *fake) PauseRepair(_ context.Context, d time.Duration) error {
	f.paused = d
	return nil
}

// What becomes of a request about tasks and repair, good and bad.
func TestTasksAndRepair(t *testing.T) {
	for _, tc := range []struct {
		method, path string
		status       int
		text         string
	}{
		{"GET", "/v1/tasks", 200, `"id": "7f3a"`},
		{"GET", "/v1/tasks/9c1e", 200, `"took_ms": 90000`},
		{"GET", "/v1/tasks/9c1", 404, "NO_SUCH_TASK"},
		{"POST", "/v1/tasks?kind=repair&id=a1", 200, `"state": "running"`},
		{"POST", "/v1/tasks?kind=repair&id=a1&full=1&preview=1&partitions=3,0,3", 200, "\"partitions\": [\n    0,\n    3\n  ]"},
		{"POST", "/v1/tasks?kind=repair&id=busy&dry_run=1", 200, `"state": "planned"`},
		{"POST", "/v1/tasks?kind=repair&id=busy", 409, "TASK_UNDER_WAY"},
		{"POST", "/v1/tasks?kind=repair&id=9c1e", 409, "TASK_ID_TAKEN"},
		{"POST", "/v1/tasks?kind=repair&id=slow", 503, "may be as it was asked for all the same"},
		{"POST", "/v1/tasks?kind=repair", 400, "small letters"},
		{"POST", "/v1/tasks?kind=repair&id=A", 400, "small letters"},
		{"POST", "/v1/tasks?id=a", 400, "want repair"},
		{"POST", "/v1/tasks?kind=repair&id=a&partitions=4", 400, "from 0 to 3"},
		{"POST", "/v1/tasks?kind=repair&id=a&partitions=", 400, "from 0 to 3"},
		{"POST", "/v1/tasks?kind=repair&id=a&full=yes", 400, "1 or 0"},
		{"POST", "/v1/tasks?kind=repair&id=a&ful=1", 400, "not known here"},
		{"DELETE", "/v1/tasks/9c1e?dry_run=1", 200, `"state": "running"`},

		{"GET", "/v1/repair", 200, `"held_by": "n3"`},
		{"GET", "/v1/repair", 200, `"paused_ms": 0`},
		{"POST", "/v1/repair/pause?for=10m", 200, `"paused_ms": 600000`},
		{"POST", "/v1/repair/pause?for=0", 200, `"paused_ms": 0`},
		{"POST", "/v1/repair/pause?for=25h", 400, "up to 24h"},
		{"POST", "/v1/repair/pause?for=-1s", 400, "up to 24h"},
		{"POST", "/v1/repair/pause?for=1us", 400, "up to 24h"},
		{"GET", "/v1/repair/pause?for=1h", 405, "has POST, not GET"},
	} {
		w := do(newServer(newFake(t)), tc.method, tc.path, "")
		if body := w.Body.String(); w.Code != tc.status || !strings.Contains(body, tc.text) {
			t.Errorf("%s %s: %d, want %d with %q:\n%s", tc.method, tc.path, w.Code, tc.status, tc.text, body)
		}
	}
}

// What changes something is guarded against pages of other origins.
func TestTasksAreGuarded(t *testing.T) {
	for _, r := range []string{"POST /v1/tasks?kind=repair&id=a", "DELETE /v1/tasks/9c1e", "POST /v1/repair/pause?for=1h"} {
		method, path, _ := strings.Cut(r, " ")
		if w := do(newServer(newFake(t)), method, path, "", "Sec-Fetch-Site: cross-site"); w.Code != 403 {
			t.Errorf("%s: %d %s", r, w.Code, w.Body)
		}
	}
}

// Before there is a cluster, there is nothing to repair; what was done is told all
// the same. A node that stops begins nothing.
func TestTasksOfANodeThatWaits(t *testing.T) {
	f := newFake(t)
	f.change(func(s *Snapshot) { s.Draining = true })
	if w := do(newServer(f), "POST", "/v1/tasks?kind=repair&id=a", ""); w.Code != 503 || !strings.Contains(w.Body.String(), "SHUTTING_DOWN") {
		t.Errorf("while it stops: %d %s", w.Code, w.Body)
	}
	f.change(func(s *Snapshot) { s.View, s.Members = nil, nil })
	for r, want := range map[string]int{
		"POST /v1/tasks?kind=repair&id=a": 503, "GET /v1/repair": 503, "POST /v1/repair/pause?for=1h": 503, "GET /v1/tasks": 200,
	} {
		method, path, _ := strings.Cut(r, " ")
		if w := do(newServer(f), method, path, ""); w.Code != want {
			t.Errorf("%s: %d %s", r, w.Code, w.Body)
		}
	}
}

func TestTaskDocuments(t *testing.T) {
	for file, path := range map[string]string{"task-list": "/v1/tasks", "task": "/v1/tasks/9c1e", "repair-status": "/v1/repair", "no-task": "/v1/tasks/x"} {
		golden(t, file+".json", do(newServer(newFake(t)), "GET", path, "").Body.String())
	}
}
