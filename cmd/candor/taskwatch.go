package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

const (
	// followEvery is how often the nodes are asked how far they have come.
	followEvery = 500 * time.Millisecond
	// silentMost is how often in a row a node that has a part in a task may not answer
	// before what becomes of its part counts as unknown.
	silentMost = 10
)

// followTask asks the nodes again and again until no part of a task runs any more,
// or ctx ends, and returns what was seen last.
func followTask(ctx context.Context, o adminOptions, nodes []member, id string, see func(*taskView)) *taskView {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	var last *taskView
	silent := make(map[string]int) // by node: answers missed in a row
	ran := make(map[string]bool)   // nodes whose part ran when they last answered
	for {
		v, _ := o.taskOn(ctx, nodes, http.MethodGet, id)
		if ctx.Err() != nil && last != nil {
			return last // what is missing now was not waited for
		}
		last = v
		see(v)
		waiting := v.State == taskRunning
		for _, r := range v.Nodes {
			if silent[r.Node]++; r.Reachable {
				silent[r.Node], ran[r.Node] = 0, r.State == taskRunning
			}
			waiting = waiting || ran[r.Node] && silent[r.Node] < silentMost
		}
		if !waiting {
			return v
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return v
		}
	}
}

// watchTask follows a task, draws how far it has come if there is a terminal, and
// prints what has come of it.
func watchTask(ctx context.Context, e *env, o adminOptions, nodes []member, id string) error {
	width := 0
	if !o.format.quiet {
		width = e.width()
	}
	drawn := false
	v := followTask(ctx, o, nodes, id, func(v *taskView) {
		if width > 0 {
			drawn = true
			fmt.Fprint(e.stderr, "\r"+fit(v.bar(), width-1))
		}
	})
	if drawn {
		fmt.Fprint(e.stderr, "\r"+fit("", width-1)+"\r")
	}
	if ctx.Err() != nil && (v.State == taskRunning || context.Cause(ctx) != context.DeadlineExceeded) {
		return detached(ctx, e, o, id)
	}
	if err := o.format.print(e.stdout, v); err != nil {
		return err
	}
	return v.exit()
}

// followFlags are adminFlags of a command that follows a task, to its end or for as
// long as --timeout says.
func followFlags(more ...cli.Flag) []cli.Flag {
	flags := adminFlags(more...)
	for i, f := range flags {
		if f.Names()[0] == "timeout" {
			flags[i] = &cli.DurationFlag{
				Name: "timeout", Value: timeoutDefault, DefaultText: "as long as the task takes",
				Usage: "how long to follow the task, which runs on; then exit 124",
			}
		}
	}
	return flags
}

// following ends when --timeout is over, if that was given. Without it a task is
// followed to its end, and only each question has a time.
func (o adminOptions) following(ctx context.Context, c *cli.Context) (context.Context, context.CancelFunc) {
	if c.IsSet("timeout") {
		return context.WithTimeout(ctx, o.timeout)
	}
	return ctx, func() {}
}

// bar is how far a task has come, on one line. Percentages are rounded down.
func (v *taskView) bar() string {
	all := v.sum()
	full, percent := 0, 0
	if all.Partitions > 0 {
		full, percent = barWidth*(all.Done+all.Without)/all.Partitions, 100*(all.Done+all.Without)/all.Partitions
	}
	line := fmt.Sprintf("compare [%s%s] %d%%   %s of %s", strings.Repeat("#", full), strings.Repeat("-", barWidth-full), percent,
		grouped(all.Done), counted(all.Partitions, "replica"))
	if all.Without > 0 {
		line += fmt.Sprintf(", %s not with those that are down", grouped(all.Without))
	}
	if v.Full {
		line += fmt.Sprintf("   %s records, %s read", groupedU(all.Records), sized(int64(all.Bytes)))
	}
	line += fmt.Sprintf("   %s differ, %s fixed", groupedU(all.Differing), groupedU(all.Fixed))
	for _, r := range v.Nodes {
		switch text := waitsText(r.Waits); {
		case r.PausedMS > 0:
			return line + "   " + r.Node + " is paused"
		case r.Error != "":
			return line + "   " + r.Node + " does not answer"
		case text != "":
			return line + "   waits for " + text
		}
	}
	return line
}

// detached says that a task runs on, and how to find it again.
func detached(ctx context.Context, e *env, o adminOptions, id string) error {
	fmt.Fprintf(e.stderr, "detached: task %s runs on\n", id)
	e.next(o.format, "candor task watch "+id+"     or candor task cancel "+id)
	if context.Cause(ctx) == context.DeadlineExceeded {
		return exitWith(exitTaskLate)
	}
	return exitWith(exitInterrupted)
}
