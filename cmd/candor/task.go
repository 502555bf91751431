package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

func taskLeaves(e *env) []*cli.Command {
	return []*cli.Command{
		taskListLeaf(e).command("task"), taskShowLeaf(e).command("task"), taskWatchLeaf(e).command("task"),
		taskWaitLeaf(e).command("task"), taskCancelLeaf(e).command("task"),
	}
}

func taskListLeaf(e *env) leaf {
	return leaf{
		name: "ls", about: "print the tasks that the nodes remember, the latest first", views: true,
		examples: []string{"candor task ls", "candor task ls -o name                       their ids, for scripts"},
		flags:    adminFlags(),
		run: func(ctx context.Context, c *cli.Context) error {
			o, err := adminOptionsOf(c)
			if err != nil {
				return err
			}
			return taskList(ctx, e, o)
		},
	}
}

func taskShowLeaf(e *env) leaf {
	return leaf{
		name: "show", args: "ID", about: "print how far a task has come on each node, and whom it waits for", least: 1, most: 1, views: true,
		examples: []string{"candor task show 9c1e4a07", "candor task show 9c1e4a07 -o json"},
		flags:    adminFlags(),
		run: func(ctx context.Context, c *cli.Context) error {
			o, err := adminOptionsOf(c)
			if err != nil {
				return err
			}
			_, v, err := o.task(ctx, c.Args().Get(0))
			if err != nil {
				return err
			}
			return o.format.print(e.stdout, v)
		},
	}
}

func taskWatchLeaf(e *env) leaf {
	return leaf{
		name: "watch", args: "ID", about: "follow a task until it has ended; Ctrl-C leaves it running", least: 1, most: 1, views: true,
		examples: []string{"candor task watch 9c1e4a07"},
		flags:    followFlags(),
		run: func(ctx context.Context, c *cli.Context) error {
			o, err := adminOptionsOf(c)
			if err != nil {
				return err
			}
			ctx, cancel := o.following(ctx, c)
			defer cancel()
			nodes, _, err := o.task(ctx, c.Args().Get(0))
			if err != nil {
				return err
			}
			return watchTask(ctx, e, o, nodes, c.Args().Get(0))
		},
	}
}

func taskWaitLeaf(e *env) leaf {
	return leaf{
		name: "wait", args: "ID", least: 1, most: 1, views: true,
		about: "wait until a task has ended; exit 0 done, 4 with leftovers, 124 not in time, 125 what became of it is not known",
		examples: []string{
			"candor task wait 9c1e4a07",
			"candor task wait 9c1e4a07 --for 10m          exit 124 if it still runs then",
		},
		flags: adminFlags(&cli.DurationFlag{Name: "for", Usage: "how long to wait `AT MOST`; as long as it takes if not given"}),
		run: func(ctx context.Context, c *cli.Context) error {
			o, err := adminOptionsOf(c)
			if err != nil {
				return err
			}
			if c.IsSet("for") && c.Duration("for") <= 0 {
				return usagef("", "--for is %v: want a time above 0", c.Duration("for"))
			}
			return waitTask(ctx, e, o, c.Args().Get(0), c.Duration("for"))
		},
	}
}

func taskCancelLeaf(e *env) leaf {
	return leaf{
		name: "cancel", args: "ID", about: "cancel a task on all nodes; what it has done stays done", least: 1, most: 1, views: true,
		examples: []string{"candor task cancel 9c1e4a07"},
		flags:    adminFlags(),
		run: func(ctx context.Context, c *cli.Context) error {
			o, err := adminOptionsOf(c)
			if err != nil {
				return err
			}
			return cancelTask(ctx, e, o, c.Args().Get(0))
		},
	}
}

// task asks all nodes about a task. That nobody knows it is an error.
func (o adminOptions) task(ctx context.Context, id string) ([]member, *taskView, error) {
	nodes, err := o.members(ctx)
	if err != nil {
		return nil, nil, err
	}
	v, errs := o.taskOn(ctx, nodes, http.MethodGet, id)
	if v.State == taskUnknown {
		return nodes, v, unknownTask(id, nodes, errs)
	}
	return nodes, v, nil
}

func (o adminOptions) taskOn(ctx context.Context, nodes []member, method, id string) (*taskView, []error) {
	parts, errs := adminAll[nodeTask](ctx, o, nodes, method, "/v1/tasks/"+id)
	return taskOf(id, nodes, parts, errs), errs
}

// unknownTask is the error for an id that no node knows. If all answer, there is no
// such task; else it may be one of those that do not.
func unknownTask(id string, nodes []member, errs []error) error {
	silent := slices.DeleteFunc(slices.Clone(errs), hasAnswered)
	switch {
	case len(silent) == len(errs):
		return noneAnswered(nodes, errs)
	case len(silent) > 0:
		return &failure{
			exit: exitTaskUnknown, code: "UNKNOWN", err: fmt.Errorf("no node that answers knows a task %q, and %s", id, oneLine(silent)), hint: "candor task ls",
		}
	}
	return &failure{
		exit: exitTaskUnknown, code: "NO_SUCH_TASK", err: fmt.Errorf("no node knows a task %q: a node forgets its tasks when it is started again", id), hint: "candor task ls",
	}
}

// taskListView is the tasks of the cluster.
type taskListView struct {
	APIVersion string     `json:"apiVersion"`
	Kind       string     `json:"kind"`
	Partial    bool       `json:"partial"` // a node does not answer
	Silent     []string   `json:"silent"`  // those that do not
	Items      []taskView `json:"items"`
}

func (v *taskListView) names() (ids []string) {
	for i := range v.Items {
		ids = append(ids, v.Items[i].ID)
	}
	return ids
}

func (v *taskListView) screen(bool) screen {
	s := screen{rows: [][]string{{"TASK", "STATE", "BEGAN", "TOOK", "NODES", "REPLICAS COMPARED", "FIXED", "WHAT"}}}
	for i := range v.Items {
		t := &v.Items[i]
		all := t.sum()
		s.rows = append(s.rows, []string{
			t.ID, t.shownState(), orUnknown(taskClock(t.Started)), took(t.TookMS), t.share(),
			fmt.Sprintf("%s of %s", grouped(all.Done), grouped(all.Partitions)), groupedU(all.Fixed), t.what(),
		})
		if names := t.forgetful(); len(names) > 0 {
			s.below += fmt.Sprintf("%s: without the part of %s, which %s started again since and %s forgotten it\n", t.ID, joined(names), verb(names, "was", "were"), verb(names, "has", "have"))
		}
	}
	if len(v.Items) == 0 {
		s = screen{above: "no node that answers remembers a task\n"}
	}
	if v.Partial {
		s.below += strings.Join(v.Silent, ", ") + " did not answer: " + verb(v.Silent, "its part is", "their parts are") + " missing\n"
	}
	return s
}

func taskList(ctx context.Context, e *env, o adminOptions) error {
	nodes, err := o.members(ctx)
	if err != nil {
		return err
	}
	type list struct {
		Items []nodeTask `json:"items"`
	}
	lists, errs := adminAll[list](ctx, o, nodes, http.MethodGet, "/v1/tasks")
	v := &taskListView{APIVersion: apiVersion, Kind: "TaskList", Silent: []string{}, Items: []taskView{}}
	var ids []string
	for i, l := range lists {
		if l == nil {
			v.Partial, v.Silent = true, append(v.Silent, nodes[i].Name)
			continue
		}
		for _, t := range l.Items {
			if !slices.Contains(ids, t.ID) {
				ids = append(ids, t.ID)
			}
		}
	}
	if len(v.Silent) == len(nodes) {
		return noneAnswered(nodes, errs)
	}
	for _, id := range ids {
		parts, why := make([]*nodeTask, len(nodes)), slices.Clone(errs)
		for i, l := range lists {
			if l == nil {
				continue
			}
			if at := slices.IndexFunc(l.Items, func(t nodeTask) bool { return t.ID == id }); at >= 0 {
				parts[i] = &l.Items[at]
			} else {
				why[i] = &refusal{Code: "NO_SUCH_TASK", Detail: "it knows no task of that id"}
			}
		}
		v.Items = append(v.Items, *taskOf(id, nodes, parts, why))
	}
	slices.SortStableFunc(v.Items, func(a, b taskView) int { return strings.Compare(b.Started, a.Started) })
	if err := o.format.print(e.stdout, v); err != nil {
		return err
	}
	if v.Partial {
		fmt.Fprintf(e.stderr, "partial: %s did not answer\n", strings.Join(v.Silent, ", "))
		return exitWith(exitPartly)
	}
	return nil
}

func cancelTask(ctx context.Context, e *env, o adminOptions, id string) error {
	nodes, err := o.members(ctx)
	if err != nil {
		return err
	}
	before, _ := o.taskOn(ctx, nodes, http.MethodGet, id)
	v, errs := o.taskOn(ctx, nodes, http.MethodDelete, id)
	if v.State == taskUnknown {
		return unknownTask(id, nodes, errs)
	}
	if before.State != taskRunning && before.State != taskUnknown && !o.format.quiet {
		fmt.Fprintf(e.stderr, "there was nothing to cancel: the task had ended before, %s\n", before.State)
	}
	if err := o.format.print(e.stdout, v); err != nil {
		return err
	}
	for _, r := range v.Nodes {
		if !r.Reachable || r.State == taskRunning {
			e.next(o.format, "candor task cancel "+id+"     again, when "+r.Node+" answers")
			return exitWith(exitPartly)
		}
	}
	return nil
}

// waitTask waits for the end of a task, at most for a time if that is not 0.
func waitTask(ctx context.Context, e *env, o adminOptions, id string, most time.Duration) error {
	nodes, _, err := o.task(ctx, id)
	if err != nil {
		return err
	}
	limited, cancel := ctx, func() {}
	if most > 0 {
		limited, cancel = context.WithTimeout(ctx, most)
	}
	defer cancel()
	v := followTask(limited, o, nodes, id, func(*taskView) {})
	switch {
	case ctx.Err() != nil:
		return detached(ctx, e, o, id)
	case v.State == taskRunning:
		return &failure{
			exit: exitTaskLate, code: "TIMEOUT", err: fmt.Errorf("task %s still runs after %v; it runs on", id, most), hint: "candor task watch " + id,
		}
	}
	if err := o.format.print(e.stdout, v); err != nil {
		return err
	}
	return v.exit()
}
