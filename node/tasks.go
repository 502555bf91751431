package node

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/candordb/candor/admin"
	"github.com/candordb/candor/repair"
	"github.com/candordb/candor/ring"
)

// tasks are the long works that operators have asked of this node. They change on
// the repairer's goroutine only; others read them.
type tasks struct {
	mu      sync.Mutex
	all     []*admin.Task // in the order of their start, the last tasksMax
	running *admin.Task   // nil: none
	rest    rest
}

// rest is what a task that runs looked like when it last came on, and since when
// it has not.
type rest struct {
	done, moved, seen uint64
	since             int64 // monotonic milliseconds
}

const (
	tasksMax = 100
	// restDown is how long, in milliseconds, a task goes on that waits for nothing
	// but nodes that cannot be reached; restStuck for what else does not come on: what
	// is refused, is quarantined or damaged does not change by being asked again. The
	// schedule takes both up when it can.
	restDown  = 5_000
	restStuck = 60_000
)

var errStopping = errors.New("it did not take it up in time")

// Tasks implements admin.Node.
func (n *Node) Tasks() (list []admin.Task) {
	n.tasks.mu.Lock()
	defer n.tasks.mu.Unlock()
	for _, t := range slices.Backward(n.tasks.all) {
		list = append(list, *t)
	}
	return list
}

// StartTask implements admin.Node.
func (n *Node) StartTask(ctx context.Context, o admin.TaskOptions) (admin.Task, error) {
	var began struct { // only looked at if it was done: it may be done later
		admin.Task
		err error
	}
	if !n.repair.ask(ctx, func(c *repair.Core) { began.Task, began.err = n.startTask(c, o) }) {
		return admin.Task{}, errStopping
	}
	if t, ok := n.task(o.ID); ok && began.err == nil {
		return t, nil // with what was seen since: who cannot be reached
	}
	return began.Task, began.err
}

func (n *Node) startTask(c *repair.Core, o admin.TaskOptions) (admin.Task, error) {
	if t, ok := n.task(o.ID); ok {
		if t.Full != o.Full || t.Preview != o.Preview || !slices.Equal(t.TaskOptions.Partitions, o.Partitions) || !slices.Equal(t.Nodes, o.Nodes) {
			return admin.Task{}, admin.ErrTaskOther
		}
		return t, nil
	}
	mine := n.ownPartitions(o.Partitions)
	t := &admin.Task{TaskOptions: o, State: admin.TaskPlanned, Partitions: len(mine)}
	if o.DryRun {
		return *t, nil
	}
	if err := c.Pass(repair.PassOptions{Partitions: mine, Full: o.Full, Preview: o.Preview}); err != nil {
		return *t, admin.ErrTaskBusy
	}
	t.State, t.Started = admin.TaskRunning, time.Now()
	t.Paused = time.Duration(c.Paused()) * time.Millisecond // so that whoever has asked learns at once why nothing comes on
	n.log.Info("a repair begins", "task", t.ID, "full", o.Full, "preview", o.Preview, "partitions", len(mine))
	n.tasks.mu.Lock()
	defer n.tasks.mu.Unlock()
	n.tasks.all = append(n.tasks.all, t)
	n.tasks.all = n.tasks.all[max(0, len(n.tasks.all)-tasksMax):]
	n.tasks.running, n.tasks.rest = t, rest{since: n.clock.mono()}
	return *t, nil
}

// ownPartitions are those that this node replicates, of some, or of all for nil;
// never nil.
func (n *Node) ownPartitions(of []int) []int {
	view, own := n.Cluster().Ring, []int{}
	for p := range view.Q() {
		if view.Owns(p, n.id) && (of == nil || slices.Contains(of, p)) {
			own = append(own, p)
		}
	}
	return own
}

func (n *Node) task(id string) (admin.Task, bool) {
	n.tasks.mu.Lock()
	defer n.tasks.mu.Unlock()
	for _, t := range n.tasks.all {
		if t.ID == id {
			return *t, true
		}
	}
	return admin.Task{}, false
}

// CancelTask implements admin.Node.
func (n *Node) CancelTask(ctx context.Context, id string, dry bool) (admin.Task, error) {
	told, ok := n.task(id)
	if !ok {
		return told, admin.ErrNoTask
	}
	if dry || told.State != admin.TaskRunning {
		return told, nil
	}
	if !n.repair.ask(ctx, func(c *repair.Core) {
		n.tasks.mu.Lock()
		runs := n.tasks.running != nil && n.tasks.running.ID == id
		n.tasks.mu.Unlock()
		if runs {
			n.follow(c)
			c.CancelPass()
			n.follow(c)
		}
	}) {
		return told, errStopping
	}
	told, _ = n.task(id)
	return told, nil
}

// follow looks how far the pass of the task that runs has come. It is called on the
// repairer's goroutine.
func (n *Node) follow(c *repair.Core) {
	n.tasks.mu.Lock()
	defer n.tasks.mu.Unlock()
	t := n.tasks.running
	if t == nil {
		return
	}
	p, _ := c.PassProgress()
	t.Paused = time.Duration(c.Paused()) * time.Millisecond
	t.Partitions, t.Done = p.Partitions, p.Done
	t.Records, t.Bytes, t.Differing, t.Fixed, t.Failed = p.Records, p.Bytes, p.Differing, p.Fixed, p.Failed
	if !p.Stopped { // else what it waited for is not known any more, and stays as it was
		t.Waits, t.Without = taskWaits(p.Left, n.id), p.Without
	}
	switch {
	case p.Stopped:
		n.endTask(admin.TaskCancelled)
	case !p.Running:
		n.endTask(admin.TaskDone)
	case n.stuck(c, &p):
		c.CancelPass()
		n.endTask(admin.TaskLeftovers)
	}
}

// endTask ends the task that runs; tasks.mu is held.
func (n *Node) endTask(state admin.TaskState) {
	t := n.tasks.running
	t.State, t.Ended, t.Paused, n.tasks.running = state, time.Now(), 0, nil
	n.log.Info("a repair has ended", "task", t.ID, "state", state, "partitions", t.Partitions, "done", t.Done, "without", t.Without,
		"differing", t.Differing, "fixed", t.Fixed)
}

// stuck says whether the pass waits for nothing that will come by waiting.
func (n *Node) stuck(c *repair.Core, p *repair.Progress) bool {
	t, counters, now := &n.tasks, c.Counters(), n.clock.mono()
	at := rest{uint64(p.Done + p.Without), p.Fixed + counters.RecordsIn + counters.RecordsOut, p.Differing + p.Records, t.rest.since}
	if at != t.rest || c.Paused() > 0 {
		at.since = now
	}
	t.rest = at
	down := p.Done+p.Without == p.Partitions
	for _, l := range p.Left {
		switch l.Why {
		case repair.None, repair.NotYet, repair.Counting, repair.Busy:
			return false
		}
	}
	return now-at.since >= restStuck || down && now-at.since >= restDown
}

// taskWaits are the rows of what is left.
func taskWaits(left []repair.Left, self ring.NodeID) (waits []admin.TaskWait) {
	for _, l := range left {
		w := admin.TaskWait{Node: l.With, Why: l.Why.String(), Down: l.Why == repair.Unreachable, Partitions: l.Partitions}
		if w.Node.IsZero() {
			w.Node = self
		}
		waits = append(waits, w)
	}
	return waits
}

// RepairStatus implements admin.Node.
func (n *Node) RepairStatus(ctx context.Context) (*admin.RepairStatus, error) {
	st := new(admin.RepairStatus)
	if !n.repair.ask(ctx, func(c *repair.Core) { n.repairStatus(c, st) }) {
		return nil, errStopping
	}
	return st, nil
}

func (n *Node) repairStatus(c *repair.Core, st *admin.RepairStatus) {
	states, oldest := c.States()
	st.Proven, st.Behind, st.Blocked, st.Unknown, st.Oldest = states.Proven, states.Behind, states.Blocked, states.Unknown, oldest
	st.Paused = time.Duration(c.Paused()) * time.Millisecond
	for _, p := range n.ownPartitions(nil) {
		asOf, blame := c.AsOf(p)
		mark, purging := c.Watermark(p)
		st.Partitions = append(st.Partitions, admin.RepairPartition{
			Partition: p, AsOf: asOf, Held: heldBack(blame), Watermark: mark, Purging: heldBack(purging),
		})
	}
	k := c.Counters()
	st.Counters = []admin.Counter{
		{Name: "comparisons_done", Count: k.Comparisons.Done}, {Name: "comparisons_failed", Count: k.Comparisons.Failed},
		{Name: "exchanges_done", Count: k.Exchanges.Done}, {Name: "exchanges_failed", Count: k.Exchanges.Failed},
		{Name: "records_in", Count: k.RecordsIn}, {Name: "records_out", Count: k.RecordsOut},
		{Name: "record_bytes_in", Count: k.RecordBytesIn}, {Name: "record_bytes_out", Count: k.RecordBytesOut},
		{Name: "message_bytes_in", Count: k.BytesIn}, {Name: "message_bytes_out", Count: k.BytesOut},
		{Name: "watermarks_adopted", Count: k.WatermarksAdopted}, {Name: "purged", Count: k.Purged}, {Name: "purged_bytes", Count: k.PurgedBytes},
		{Name: "refused", Count: k.Refusals}, {Name: "damaged", Count: k.Damaged}, {Name: "conflicts", Count: k.Conflicts},
		{Name: "hints_below", Count: k.HintsBelow},
	}
	n.tasks.mu.Lock()
	defer n.tasks.mu.Unlock()
	if n.tasks.running != nil {
		st.Task = n.tasks.running.ID
	}
}

func heldBack(b repair.Blame) admin.HeldBack {
	return admin.HeldBack{Node: b.Node, Why: b.Why.String()}
}

// PauseRepair implements admin.Node.
func (n *Node) PauseRepair(ctx context.Context, d time.Duration) error {
	if !n.repair.ask(ctx, func(c *repair.Core) { c.Pause(d.Milliseconds()) }) {
		return errStopping
	}
	n.log.Info("an operator has changed the pause of repair", "for", d)
	return nil
}
