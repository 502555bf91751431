package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// nodeTask is a node's part in a task, as it tells it.
type nodeTask struct {
	ID         string   `json:"id"`
	Type       string   `json:"type"`
	Full       bool     `json:"full"`
	Preview    bool     `json:"preview"`
	Partitions []int    `json:"partitions"` // null: all
	Nodes      []string `json:"nodes"`      // ids of those that have a part in it; null: not known
	State      string   `json:"state"`
	Started    string   `json:"started"`
	Ended      string   `json:"ended"`
	TookMS     int64    `json:"took_ms"`
	PausedMS   int64    `json:"paused_ms"`
	Progress   advance  `json:"progress"`
	Waits      []waitOn `json:"waits"`
}

// advance is how far a part of a task has come.
type advance struct {
	Partitions int    `json:"partitions"`
	Done       int    `json:"done"`
	Without    int    `json:"without"` // done with all replicas but those that cannot be reached
	Records    uint64 `json:"records"`
	Bytes      uint64 `json:"bytes"`
	Differing  uint64 `json:"differing"`
	Fixed      uint64 `json:"fixed"`
	Failed     uint64 `json:"failed"`
}

// waitOn is what is not done, and whom it waits for.
type waitOn struct {
	Node       string `json:"node"`
	ID         string `json:"id"`
	Why        string `json:"why"`
	Down       bool   `json:"down"`
	Partitions int    `json:"partitions"`
}

// The states of a task, and of a node's part in it.
const (
	taskRunning   = "running"
	taskDone      = "done"
	taskLeftovers = "leftovers" // it has ended, and something is left to do
	taskCancelled = "cancelled"
	taskPartial   = "partial" // what is known of it is done, and a part is not known
	taskUnknown   = "unknown" // nobody who answers knows
)

// taskRow is a node's part in a task; that it does not answer is one too.
type taskRow struct {
	Node      string   `json:"node"`
	NodeID    string   `json:"node_id"`
	Reachable bool     `json:"reachable"`
	State     string   `json:"state"`
	TookMS    int64    `json:"took_ms"`
	PausedMS  int64    `json:"paused_ms"`
	Progress  *advance `json:"progress"` // null: not known
	Waits     []waitOn `json:"waits"`
	Error     string   `json:"error,omitempty"`
	forgot    bool     // it had a part, as others tell, and knows nothing of it
}

// taskView is a task of the cluster: the parts that the nodes have in it.
type taskView struct {
	APIVersion string    `json:"apiVersion"`
	Kind       string    `json:"kind"`
	ID         string    `json:"id"`
	Type       string    `json:"type"`
	Full       bool      `json:"full"`
	Preview    bool      `json:"preview"`
	Partitions []int     `json:"partitions"` // null: all
	State      string    `json:"state"`
	Started    string    `json:"started"`
	TookMS     int64     `json:"took_ms"`
	Partial    bool      `json:"partial"` // a node does not answer, or does not know
	Nodes      []taskRow `json:"nodes"`
}

// taskOf puts together what the nodes have answered. errs tells why there is no
// answer; both are in the order of the nodes.
func taskOf(id string, nodes []member, parts []*nodeTask, errs []error) *taskView {
	v := &taskView{APIVersion: apiVersion, Kind: "Task", ID: id, Type: "repair", Nodes: []taskRow{}}
	with := participants(parts)
	for i, n := range nodes {
		if parts[i] == nil && with != nil && !slices.Contains(with, n.ID) {
			continue // it was not asked to have a part
		}
		row := taskRow{Node: n.Name, NodeID: n.ID, Reachable: hasAnswered(errs[i]), State: taskUnknown, Waits: []waitOn{}}
		p := parts[i]
		if p == nil {
			row.Error, row.forgot = errs[i].Error(), with != nil && isRefusal(errs[i], "NO_SUCH_TASK")
			v.Nodes, v.Partial = append(v.Nodes, row), true
			continue
		}
		row.State, row.TookMS, row.PausedMS, row.Progress = p.State, p.TookMS, p.PausedMS, &p.Progress
		row.Waits = append(row.Waits, p.Waits...)
		v.Full, v.Preview, v.Partitions = p.Full, p.Preview, p.Partitions
		if v.Started == "" || p.Started < v.Started {
			v.Started = p.Started
		}
		v.TookMS = max(v.TookMS, p.TookMS)
		v.Nodes = append(v.Nodes, row)
	}
	v.State = stateOf(v.Nodes)
	return v
}

// participants are the ids of the nodes that have a part in a task; nil if nobody
// tells.
func participants(parts []*nodeTask) []string {
	for _, p := range parts {
		if p != nil && p.Nodes != nil {
			return p.Nodes
		}
	}
	return nil
}

// stateOf is the state of the whole: it runs while a part does. What has ended is
// done only if all parts are.
func stateOf(rows []taskRow) string {
	has := func(state string) bool {
		return slices.ContainsFunc(rows, func(r taskRow) bool { return r.State == state })
	}
	known := slices.ContainsFunc(rows, func(r taskRow) bool { return r.State != taskUnknown })
	switch {
	case !known:
		return taskUnknown
	case has(taskRunning):
		return taskRunning
	case has(taskCancelled):
		return taskCancelled
	case has(taskLeftovers):
		return taskLeftovers
	case has(taskUnknown):
		return taskPartial
	}
	return taskDone
}

func (v *taskView) names() []string { return []string{v.ID} }

// what is the command that began the task.
func (v *taskView) what() string {
	text := v.Type
	if v.Full {
		text += " --full"
	}
	if v.Preview {
		text += " --preview"
	}
	for _, p := range v.Partitions {
		text += fmt.Sprintf(" --partition %d", p)
	}
	return text
}

func (v *taskView) screen(wide bool) screen {
	s := screen{
		above: fmt.Sprintf("task %s   %s   %s   began %s   took %s\n", v.ID, v.what(), v.State, orUnknown(taskClock(v.Started)), took(v.TookMS)),
		rows:  [][]string{{"NODE", "STATE", "PARTITIONS", "DIFFER", "FIXED", "WAITS FOR"}},
		below: v.total(),
	}
	if read := v.Full || wide; read {
		s.rows[0] = slices.Insert(s.rows[0], 3, "RECORDS READ", "BYTES READ")
	}
	if wide {
		s.rows[0] = append(s.rows[0], "FAILED", "TOOK", "ID")
	}
	for _, r := range v.Nodes {
		s.rows = append(s.rows, v.row(&r, wide))
	}
	return s
}

func (v *taskView) row(r *taskRow, wide bool) []string {
	state, p := r.State, r.Progress
	if r.PausedMS > 0 {
		state = "paused " + took(r.PausedMS) + " more"
	}
	row := []string{r.Node, state, "?", "?", "?", r.Error}
	if p != nil {
		row = []string{r.Node, state, fmt.Sprintf("%s of %s", grouped(p.Done), grouped(p.Partitions)), groupedU(p.Differing), groupedU(p.Fixed), orDash(waitsText(r.Waits))}
	}
	if v.Full || wide {
		read := []string{"?", "?"}
		if p != nil {
			read = []string{groupedU(p.Records), sized(int64(p.Bytes))}
		}
		row = slices.Insert(row, 3, read...)
	}
	if wide {
		failed := "?"
		if p != nil {
			failed = groupedU(p.Failed)
		}
		row = append(row, failed, took(r.TookMS), r.NodeID)
	}
	return row
}

// waitsText names who is waited for, and why: what only waits for its turn is not
// told.
func waitsText(waits []waitOn) string {
	var words []string
	for _, w := range waits {
		switch {
		case w.Down:
			words = append(words, fmt.Sprintf("%s (down) in %s", w.Node, counted(w.Partitions, "partition")))
		case w.Why != "":
			words = append(words, fmt.Sprintf("%s (%s) in %s", w.Node, w.Why, counted(w.Partitions, "partition")))
		}
	}
	return strings.Join(words, ", ")
}

// sum is how far all nodes that answer have come.
func (v *taskView) sum() (all advance) {
	for _, r := range v.Nodes {
		if p := r.Progress; p != nil {
			all.Partitions, all.Done, all.Without = all.Partitions+p.Partitions, all.Done+p.Done, all.Without+p.Without
			all.Records, all.Bytes = all.Records+p.Records, all.Bytes+p.Bytes
			all.Differing, all.Fixed, all.Failed = all.Differing+p.Differing, all.Fixed+p.Fixed, all.Failed+p.Failed
		}
	}
	return all
}

// where is on how many nodes it runs.
func (v *taskView) where() string {
	var silent []string
	for _, r := range v.Nodes {
		if r.Progress == nil {
			silent = append(silent, r.Node)
		}
	}
	if len(silent) == 0 {
		return counted(len(v.Nodes), "node")
	}
	return fmt.Sprintf("%d of %s (without %s)", len(v.Nodes)-len(silent), counted(len(v.Nodes), "node"), joined(silent))
}

// share is the nodes whose part is known, of those that have one.
func (v *taskView) share() string {
	known := 0
	for _, r := range v.Nodes {
		if r.Progress != nil {
			known++
		}
	}
	if known == len(v.Nodes) {
		return grouped(known)
	}
	return fmt.Sprintf("%d of %d", known, len(v.Nodes))
}

// forgetful are the nodes that had a part in it and were started again.
func (v *taskView) forgetful() (names []string) {
	for _, r := range v.Nodes {
		if r.forgot {
			names = append(names, r.Node)
		}
	}
	return names
}

// pausedText says where repair is paused, and for how long at most; "" if nowhere.
func (v *taskView) pausedText() string {
	var names []string
	longest := int64(0)
	for _, r := range v.Nodes {
		if r.State == taskRunning && r.PausedMS > 0 {
			names, longest = append(names, r.Node), max(longest, r.PausedMS)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("repair is paused on %s for %s more", joined(names), took(longest))
}

// shownState is the state, but for a task that runs and is held up by a pause.
func (v *taskView) shownState() string {
	if v.State == taskRunning && v.pausedText() != "" {
		return "paused"
	}
	return v.State
}

// total says in words what has come of the task.
func (v *taskView) total() string {
	all := v.sum()
	if v.State == taskUnknown {
		return "no node that answers knows this task: a node forgets its tasks when it is started again\n"
	}
	text := fmt.Sprintf("%s: %s of %s compared", v.State, grouped(all.Done), counted(all.Partitions, "replica"))
	if all.Without > 0 {
		text += fmt.Sprintf(" with all others, %s not with those that are down", grouped(all.Without))
	}
	switch {
	case v.Preview:
		text += "; nothing was moved. DIFFER counts a key for each other replica that holds something else"
	default:
		text += fmt.Sprintf("; %s found, %s fixed", countedU(all.Differing, "difference"), groupedU(all.Fixed))
	}
	text += "\n"
	if v.State == taskRunning {
		return text
	}
	for _, r := range v.Nodes {
		switch {
		case r.State == taskUnknown && !r.Reachable:
			text += fmt.Sprintf("%s does not answer: its part is not known\n", r.Node)
		case r.forgot:
			text += fmt.Sprintf("%s was started again since, and has forgotten its part: what it has compared is not in these figures\n", r.Node)
		case r.State == taskUnknown:
			text += fmt.Sprintf("%s has no part in it: %s\n", r.Node, r.Error)
		}
	}
	for _, name := range v.down() {
		if v.Preview {
			text += fmt.Sprintf("what %s lacks is not known: it was down when this ended\n", name)
		} else {
			text += fmt.Sprintf("what %s lacks was not fixed: it was down when this ended. Repair goes on by itself when it answers\n", name)
		}
	}
	return text
}

// down are the nodes that some part waits for and that are down.
func (v *taskView) down() (names []string) {
	for _, r := range v.Nodes {
		for _, w := range r.Waits {
			if w.Down && !slices.Contains(names, w.Node) {
				names = append(names, w.Node)
			}
		}
	}
	slices.Sort(names)
	return names
}

// exit is the exit code that tells of a task that has ended.
func (v *taskView) exit() error {
	switch v.State {
	case taskDone:
		return nil
	case taskUnknown:
		return exitWith(exitTaskUnknown)
	}
	return exitWith(exitPartly)
}

// took is a duration for people, in whole seconds once it has some.
func took(ms int64) string {
	d := time.Duration(ms) * time.Millisecond
	if d >= time.Second {
		d = d.Truncate(time.Second)
	}
	return d.String()
}

// taskClock is the time of day of a time in RFC 3339.
func taskClock(text string) string {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return text
	}
	return t.UTC().Format("15:04:05Z")
}

func orUnknown(s string) string {
	if s == "" {
		return "?"
	}
	return s
}

func groupedU(n uint64) string { return grouped(int(n)) }

func countedU(n uint64, thing string) string { return counted(int(n), thing) }
