package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/verdict"
)

// acceptLossTime is how long an epoch that accepts a loss is waited for at least.
const acceptLossTime = 25 * time.Second

// acceptLossFlags are those of a repair that gives up copies first.
func acceptLossFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "accept-loss", Usage: "give up the copies of these `NODES`, n2,n4: in quarantine or away, where too few others are left"},
		&cli.BoolFlag{Name: "dry-run", Usage: "with --accept-loss: only print what would be lost"},
		&cli.BoolFlag{Name: "yes", Usage: "with --accept-loss: do not ask"},
	}
}

// checkAcceptLoss refuses what does not go together.
func checkAcceptLoss(c *cli.Context) error {
	if !c.IsSet("accept-loss") {
		if c.Bool("dry-run") || c.Bool("yes") {
			return usagef("candor repair --help", "candor repair: --dry-run and --yes go with --accept-loss; --preview only counts what differs")
		}
		return nil
	}
	for _, flag := range []string{"full", "preview", "partition", "node", "detach"} {
		if c.IsSet(flag) {
			return usagef("candor repair --accept-loss n2,n4 --dry-run", "candor repair: --accept-loss does not go with --%s: it only says which copies do not count any more", flag)
		}
	}
	return nil
}

// lossView is what is given up, or would be, as a node tells it.
type lossView struct {
	APIVersion string     `json:"apiVersion"`
	Kind       string     `json:"kind"`
	Applied    bool       `json:"applied"`
	Epoch      uint64     `json:"epoch"` // 0: it is a plan
	Nodes      []lossNode `json:"nodes"`
	Partitions int        `json:"partitions"`
	Bare       int        `json:"bare_partitions"` // of these, those without an intact copy
	Lost       []string   `json:"lost"`
}

type lossNode struct {
	Node       string             `json:"node"`
	ID         string             `json:"id"`
	Partitions verdict.Partitions `json:"partitions"`
	Away       bool               `json:"away"`
	Votes      bool               `json:"votes"`
}

func (v *lossView) names() (names []string) {
	for _, n := range v.Nodes {
		names = append(names, n.Node)
	}
	return names
}

func (v *lossView) screen(wide bool) screen {
	s := screen{above: "plan: give up these copies for ever. They do not count any more, and are rebuilt from what is left.\n"}
	if v.Applied {
		s.above = fmt.Sprintf("epoch %d gives up these copies. They are rebuilt from what is left.\n", v.Epoch)
	}
	head := []string{"NODE", "PARTITIONS", "STATE", "VOTES"}
	if wide {
		head = append(head, "WHICH")
	}
	s.rows = [][]string{head}
	for _, n := range v.Nodes {
		state, votes := "in quarantine", "-"
		if n.Away {
			state = "away"
		}
		if n.Votes {
			votes = "forgotten"
		}
		row := []string{n.Node, grouped(len(n.Partitions)), state, votes}
		if wide {
			row = append(row, n.Partitions.Text(len(n.Partitions)))
		}
		s.rows = append(s.rows, row)
	}
	for _, sentence := range v.Lost {
		s.below += sentence + "\n"
	}
	return s
}

// acceptLoss prints the plan, asks, and has the copies given up.
func acceptLoss(ctx context.Context, e *env, o adminOptions, names []string, dry, yes bool) error {
	nodes, err := o.members(ctx)
	if err != nil {
		return err
	}
	lost, err := only(nodes, names)
	if err != nil {
		return err
	}
	at, plan, err := planLoss(ctx, o, nodes, lost)
	if err != nil {
		return err
	}
	if dry {
		return o.format.print(e.stdout, plan)
	}
	if !yes {
		if err := confirmLoss(e, plan); err != nil {
			return err
		}
	}
	o.timeout = max(o.timeout, acceptLossTime)
	done, errs := adminAll[lossView](ctx, o, []member{at}, http.MethodPost, lossPath(lost, false))
	if errs[0] != nil {
		return &failure{exit: exitFailed, code: "FAILED", err: fmt.Errorf("%s: %w", at.Name, errs[0]), hint: "candor doctor (D132 has what was accepted), before it is tried again"}
	}
	if err := o.format.print(e.stdout, done[0]); err != nil {
		return err
	}
	e.next(o.format, "candor doctor     to see the rebuild, and the loss, which stays on record")
	return nil
}

// planLoss asks for the plan: one that is not lost itself before the others, as it knows
// more of the rest.
func planLoss(ctx context.Context, o adminOptions, nodes, lost []member) (at member, plan *lossView, err error) {
	order := slices.Clone(nodes)
	slices.SortStableFunc(order, func(a, b member) int {
		return indexOf(slices.Contains(lost, a)) - indexOf(slices.Contains(lost, b))
	})
	var errs []error
	for _, n := range order {
		plans, why := adminAll[lossView](ctx, o, []member{n}, http.MethodPost, lossPath(lost, true))
		switch {
		case why[0] == nil:
			return n, plans[0], nil
		case isRefusal(why[0], "BAD_REQUEST"):
			return n, nil, usagef("candor status", "nothing was given up: %w", why[0])
		}
		errs = append(errs, why[0])
	}
	return at, nil, noneAnswered(order, errs)
}

// indexOf is the order of two kinds: false is first.
func indexOf(is bool) int {
	if is {
		return 1
	}
	return 0
}

func lossPath(lost []member, dry bool) string {
	ids := make([]string, len(lost))
	for i, n := range lost {
		ids[i] = n.ID
	}
	q := url.Values{"nodes": {strings.Join(ids, ",")}}
	if dry {
		q.Set("dry_run", "1")
	}
	return "/v1/repair/accept-loss?" + q.Encode()
}

// confirmLoss shows what is about to be lost on stderr, and has the names typed.
func confirmLoss(e *env, plan *lossView) error {
	names := strings.Join(plan.names(), ",")
	if e.width() == 0 {
		return usagef("candor repair --accept-loss "+names+" --dry-run", "there is no terminal to ask at: pass --yes to give up the copies of %s", names)
	}
	fmt.Fprintf(e.stderr, "%stype %s to give them up: ", plan.screen(false), names)
	line, _ := bufio.NewReader(e.stdin).ReadString('\n') // at its end: what was typed counts
	if typed := strings.TrimSpace(line); typed != names {
		return usagef("", "%q is not %s: nothing was given up", typed, names)
	}
	return nil
}
