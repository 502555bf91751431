package admin

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/ring"
)

// Tasker is the part of Node that does long work. A task of the cluster is a task
// of the same id on each node; a node knows of its own part only, and keeps it in
// memory. StartTask and CancelTask wait for the goroutine that does the work.
type Tasker interface {
	// Tasks lists what the node remembers, the latest first. It does not block.
	Tasks() []Task
	// StartTask begins a task, or tells of the one that has its id and its options.
	// The error is ErrTaskBusy or ErrTaskOther, else the node did not answer before
	// ctx ended, and the task may have begun.
	StartTask(ctx context.Context, o TaskOptions) (Task, error)
	// CancelTask ends a task that runs; what it has done stays done. One that has
	// ended is only told of. The error is ErrNoTask, or as of StartTask.
	CancelTask(ctx context.Context, id string, dry bool) (Task, error)
}

var (
	// ErrTaskBusy is returned for a task that has to wait for another one to end.
	ErrTaskBusy = errors.New("another task is under way on this node")
	// ErrTaskOther is returned for a task whose id another one has.
	ErrTaskOther = errors.New("this node has another task of that id")
	// ErrNoTask is returned for an id that the node does not know.
	ErrNoTask = errors.New("this node knows no task of that id")
)

// TaskOptions say what is to be done.
type TaskOptions struct {
	ID         string
	Full       bool  // every record is read first
	Preview    bool  // nothing moves
	Partitions []int // nil: all; those that the node does not replicate are left out
	// Nodes are those that have a part in it, as the one who asks says: who looks
	// later knows by it whose part is missing. nil: it does not say.
	Nodes  []string
	DryRun bool // only tell what would be done
}

// TaskState is how a task stands.
type TaskState string

// The states of a task.
const (
	TaskPlanned   TaskState = "planned" // of a dry run
	TaskRunning   TaskState = "running"
	TaskDone      TaskState = "done"
	TaskLeftovers TaskState = "leftovers" // it has ended, and what it waited for is left to the schedule
	TaskCancelled TaskState = "cancelled"
)

// Task is a node's part in a task, as far as it has come.
type Task struct {
	TaskOptions
	State          TaskState
	Started, Ended time.Time
	Paused         time.Duration // that a pause of repair lasts on

	Partitions int    // of this node, in the task
	Done       int    // of them
	Without    int    // of them, done with all replicas but those that cannot be reached
	Records    uint64 // read, under Full; and about how many bytes
	Bytes      uint64
	Differing  uint64 // keys found to differ, counted for each pair of replicas; and settled
	Fixed      uint64
	Failed     uint64 // comparisons that failed and were, or will be, tried again
	Waits      []TaskWait
}

// TaskWait is what is not done, and whom it waits for.
type TaskWait struct {
	Node       ring.NodeID
	Why        string // stands behind the node's name; "": its turn has not come, or it is under way
	Down       bool   // the node cannot be reached
	Partitions int
}

// taskFields are a task in JSON.
type taskFields struct {
	ID         string         `json:"id"`
	Type       string         `json:"type"` // repair
	Full       bool           `json:"full"`
	Preview    bool           `json:"preview"`
	Partitions []int          `json:"partitions"` // null: all
	Nodes      []string       `json:"nodes"`      // ids of those that have a part in it; null: it was not said
	State      TaskState      `json:"state"`
	Started    string         `json:"started"`
	Ended      string         `json:"ended"` // "": not yet
	TookMS     int64          `json:"took_ms"`
	PausedMS   int64          `json:"paused_ms"`
	Progress   taskProgress   `json:"progress"`
	Waits      []taskWaitJSON `json:"waits"`
}

type taskProgress struct {
	Partitions int    `json:"partitions"`
	Done       int    `json:"done"`
	Without    int    `json:"without"`
	Records    uint64 `json:"records"`
	Bytes      uint64 `json:"bytes"`
	Differing  uint64 `json:"differing"`
	Fixed      uint64 `json:"fixed"`
	Failed     uint64 `json:"failed"`
}

type taskWaitJSON struct {
	Node       string `json:"node"`
	ID         string `json:"id"`
	Why        string `json:"why"`
	Down       bool   `json:"down"`
	Partitions int    `json:"partitions"`
}

type taskJSON struct {
	kind
	SeenBy seenBy `json:"seen_by"`
	taskFields
}

type taskListJSON struct {
	kind
	SeenBy seenBy       `json:"seen_by"`
	Items  []taskFields `json:"items"`
}

func taskFieldsOf(seen *Snapshot, t *Task) taskFields {
	end := t.Ended
	if end.IsZero() {
		end = seen.Time
	}
	f := taskFields{
		ID: t.ID, Type: "repair", Full: t.Full, Preview: t.Preview, Partitions: t.TaskOptions.Partitions, Nodes: t.Nodes, State: t.State,
		Started: timeText(t.Started), Ended: timeText(t.Ended), PausedMS: t.Paused.Milliseconds(),
		Progress: taskProgress{t.Partitions, t.Done, t.Without, t.Records, t.Bytes, t.Differing, t.Fixed, t.Failed}, Waits: []taskWaitJSON{},
	}
	if !t.Started.IsZero() {
		f.TookMS = max(0, end.Sub(t.Started).Milliseconds())
	}
	for _, w := range t.Waits {
		f.Waits = append(f.Waits, taskWaitJSON{seen.label(w.Node), w.Node.String(), w.Why, w.Down, w.Partitions})
	}
	return f
}

func (c *call) answerTask(status int, seen *Snapshot, t *Task) {
	writeJSON(c.w, status, &taskJSON{kindOf("Task"), seenByOf(seen), taskFieldsOf(seen, t)})
}

func (s *Server) serveTasks(c *call) error {
	seen := s.node.Snapshot()
	j := &taskListJSON{kindOf("TaskList"), seenByOf(seen), []taskFields{}}
	for _, t := range s.node.Tasks() {
		j.Items = append(j.Items, taskFieldsOf(seen, &t))
	}
	writeJSON(c.w, http.StatusOK, j)
	return nil
}

func (s *Server) serveTask(c *call) error {
	tasks := s.node.Tasks()
	i := slices.IndexFunc(tasks, func(t Task) bool { return t.ID == c.rest })
	if i < 0 {
		return taskProblem(ErrNoTask, c.rest)
	}
	c.answerTask(http.StatusOK, s.node.Snapshot(), &tasks[i])
	return nil
}

// nodesMax bounds TaskOptions.Nodes.
const nodesMax = 1024

// taskID is what an id may be: it stands in paths and on command lines.
var taskID = regexp.MustCompile(`^[a-z0-9]{1,32}$`)

func (s *Server) serveStartTask(c *call) error {
	seen, err := s.snapshot()
	if err != nil {
		return err
	}
	o, err := taskOptions(c.query, seen)
	if err != nil {
		return err
	}
	if seen.Draining {
		return refuse(contract.ShuttingDown, "this node is shutting down, and begins nothing")
	}
	ctx, cancel := context.WithTimeout(c.r.Context(), s.o.Timeout)
	defer cancel()
	t, err := s.node.StartTask(ctx, o)
	if err != nil {
		return taskProblem(err, o.ID)
	}
	c.answerTask(http.StatusOK, s.node.Snapshot(), &t)
	return nil
}

// taskOptions reads what is to be done.
func taskOptions(q *query, seen *Snapshot) (TaskOptions, error) {
	o := TaskOptions{ID: q.text("id"), Full: q.flag("full"), Preview: q.flag("preview"), DryRun: q.flag("dry_run")}
	if q.err != nil {
		return o, q.err
	}
	if kind := q.text("kind"); kind != "repair" {
		return o, badf("kind=%s: want repair, which is the only kind of task that is begun here", kind)
	}
	if !taskID.MatchString(o.ID) {
		return o, badf("id=%s: want 1 to 32 small letters and digits, the same on all nodes", o.ID)
	}
	if q.has("nodes") {
		o.Nodes = strings.Split(q.text("nodes"), ",")
	}
	if len(o.Nodes) > nodesMax {
		return o, badf("nodes: %d are too many: at most %d", len(o.Nodes), nodesMax)
	}
	if !q.has("partitions") {
		return o, nil
	}
	for number := range strings.SplitSeq(q.text("partitions"), ",") {
		p, err := strconv.Atoi(number)
		if err != nil || p < 0 || p >= seen.View.Q() {
			return o, badf("partitions=%s: want numbers from 0 to %d, separated by commas", q.text("partitions"), seen.View.Q()-1)
		}
		o.Partitions = append(o.Partitions, p)
	}
	slices.Sort(o.Partitions)
	o.Partitions = slices.Compact(o.Partitions)
	return o, nil
}

func (s *Server) serveCancelTask(c *call) error {
	dry := c.query.flag("dry_run")
	if c.query.err != nil {
		return c.query.err
	}
	ctx, cancel := context.WithTimeout(c.r.Context(), s.o.Timeout)
	defer cancel()
	t, err := s.node.CancelTask(ctx, c.rest, dry)
	if err != nil {
		return taskProblem(err, c.rest)
	}
	c.answerTask(http.StatusOK, s.node.Snapshot(), &t)
	return nil
}

// Codes of tasks, beside those of the contract.
const (
	codeTaskBusy  = "TASK_UNDER_WAY"
	codeTaskOther = "TASK_ID_TAKEN"
	codeNoTask    = "NO_SUCH_TASK"
)

func taskProblem(err error, id string) error {
	switch {
	case errors.Is(err, ErrTaskBusy):
		return newProblem(http.StatusConflict, codeTaskBusy, "another task has to end first", err.Error(),
			"GET /v1/tasks lists it; wait until it has ended, or cancel it with DELETE /v1/tasks/{id}")
	case errors.Is(err, ErrTaskOther):
		return newProblem(http.StatusConflict, codeTaskOther, "the id is another task's", err.Error()+": "+id, "choose another id, at random")
	case errors.Is(err, ErrNoTask):
		return newProblem(http.StatusNotFound, codeNoTask, "there is no such task", err.Error()+": "+id,
			"GET /v1/tasks lists those that this node remembers; a node forgets them when it is started again")
	}
	return refuse(contract.NotReady, "repair did not answer, and the task may be as it was asked for all the same: %v", err)
}
