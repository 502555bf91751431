package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

// repairCommand is a command by itself, and a group.
func repairCommand(e *env) *cli.Command {
	c := repairLeaf(e).command("")
	c.Subcommands = []*cli.Command{repairStatusLeaf(e).command("repair"), repairPauseLeaf(e).command("repair")}
	return c
}

func repairLeaf(e *env) leaf {
	return leaf{
		name: "repair", about: "compare all replicas now, and bring those that differ to agree", views: true,
		examples: []string{
			"candor repair                                what the nodes do by themselves, now; Ctrl-C leaves it running",
			"candor repair --full                         read and check every record first",
			"candor repair --preview                      only count what differs; nothing moves",
			"candor repair --partition 157 --node n2      one partition, of one node with the others",
			"candor repair --detach -o name               print the id of the task, for candor task wait",
			"candor repair --accept-loss n2,n4 --dry-run  what is lost if the copies of these nodes are given up",
			"candor repair status                         up to when replicas are proved to agree",
		},
		flags: append(followFlags(
			&cli.BoolFlag{Name: "full", Usage: "first read every record, check it, and count the hash trees anew"},
			&cli.BoolFlag{Name: "preview", Usage: "only compare; nothing moves"},
			&cli.IntSliceFlag{Name: "partition", Usage: "only this `PARTITION`; may be given several times"},
			nodeFlag(),
			&cli.BoolFlag{Name: "detach", Usage: "do not wait for its end"}), acceptLossFlags()...),
		run: func(ctx context.Context, c *cli.Context) error {
			o, err := adminOptionsOf(c)
			if err != nil {
				return err
			}
			if err := checkAcceptLoss(c); err != nil {
				return err
			}
			if c.IsSet("accept-loss") {
				return acceptLoss(ctx, e, o, strings.Split(c.String("accept-loss"), ","), c.Bool("dry-run"), c.Bool("yes"))
			}
			ctx, cancel := o.following(ctx, c)
			defer cancel()
			return repair(ctx, e, repairOptions{
				o, c.Bool("full"), c.Bool("preview"), c.Bool("detach"), c.IntSlice("partition"), c.StringSlice("node"),
			})
		},
	}
}

// repairOptions are those of a pass.
type repairOptions struct {
	adminOptions
	full, preview, detach bool
	partitions            []int
	nodes                 []string
}

// query asks a node for its part in the task.
func (o repairOptions) query(id string, nodes []member) string {
	q := url.Values{"kind": {"repair"}, "id": {id}}
	for name, on := range map[string]bool{"full": o.full, "preview": o.preview} { // into a map again: order does not matter
		if on {
			q.Set(name, "1")
		}
	}
	if len(o.partitions) > 0 {
		var numbers []string
		for _, p := range o.partitions {
			numbers = append(numbers, strconv.Itoa(p))
		}
		q.Set("partitions", strings.Join(numbers, ","))
	}
	var ids []string
	for _, n := range nodes {
		ids = append(ids, n.ID)
	}
	q.Set("nodes", strings.Join(ids, ","))
	return "/v1/tasks?" + q.Encode()
}

// repair begins the same task on all nodes, and follows it.
func repair(ctx context.Context, e *env, o repairOptions) error {
	all, err := o.members(ctx)
	if err != nil {
		return err
	}
	nodes, err := only(all, o.nodes)
	if err != nil {
		return err
	}
	id := newTaskID()
	parts, errs := adminAll[nodeTask](ctx, o.adminOptions, nodes, http.MethodPost, o.query(id, nodes))
	v := taskOf(id, nodes, parts, errs)
	if v.State == taskUnknown {
		return notBegun(id, nodes, errs)
	}
	if o.detach {
		if err := o.format.print(e.stdout, v); err != nil {
			return err
		}
		e.next(o.format, "candor task watch "+id)
		return nil
	}
	if !o.format.quiet {
		fmt.Fprintf(e.stderr, "task %s   %s   %s on %s.   Ctrl-C detaches; the task runs on.\n", id, v.what(), counted(v.sum().Partitions, "replica"), v.where())
		if paused := v.pausedText(); paused != "" {
			fmt.Fprintf(e.stderr, "%s: the task waits.   candor repair pause --for 0 ends that\n", paused)
		}
	}
	return watchTask(ctx, e, o.adminOptions, nodes, id)
}

// newTaskID is random: every node takes the same one.
func newTaskID() string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // it does not fail
	return hex.EncodeToString(b[:])
}

// notBegun is the error of a task of which no node has said that it took it. One
// that did not answer may have.
func notBegun(id string, nodes []member, errs []error) error {
	var reasons []error
	silent, busy, usage := 0, false, 0
	for i, err := range errs {
		reasons = append(reasons, fmt.Errorf("%s: %w", nodes[i].Name, err))
		busy = busy || isRefusal(err, "TASK_UNDER_WAY")
		if isRefusal(err, "BAD_REQUEST") {
			usage++
		}
		if !hasAnswered(err) {
			silent++
		}
	}
	switch {
	case usage == len(errs):
		return usagef("candor repair --help", "candor repair: %w", errs[0])
	case silent == len(errs):
		return noneAnswered(nodes, errs)
	case busy:
		return &failure{exit: exitFailed, code: "TASK_UNDER_WAY", err: fmt.Errorf("no repair has begun: %w", oneLine(reasons)), hint: "candor task ls"}
	}
	return &failure{exit: exitUnavailable, code: "UNAVAILABLE", err: fmt.Errorf("no repair has begun: %w", oneLine(reasons)), hint: "candor task show " + id}
}
