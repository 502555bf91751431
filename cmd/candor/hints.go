package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

func hintsLeaves(e *env) []*cli.Command {
	return []*cli.Command{
		hintsListLeaf(e).command("hints"), hintsReplayLeaf(e).command("hints"), hintsRefusedLeaf(e).command("hints"), hintsDropLeaf(e).command("hints"),
	}
}

// hintsRun is the run of a command on hints.
func hintsRun(run func(ctx context.Context, o adminOptions, c *cli.Context) error) func(context.Context, *cli.Context) error {
	return func(ctx context.Context, c *cli.Context) error {
		o, err := adminOptionsOf(c)
		if err != nil {
			return err
		}
		return run(ctx, o, c)
	}
}

func hintsListLeaf(e *env) leaf {
	return leaf{
		name: "ls", args: "[NODE]", about: "print which nodes keep writes for others that may lack them", views: true, most: 1,
		examples: []string{"candor hints ls", "candor hints ls n3                          only those for n3", "candor hints ls -o wide                     with what became of others"},
		flags:    adminFlags(),
		run: hintsRun(func(ctx context.Context, o adminOptions, c *cli.Context) error {
			v, err := o.hints(ctx, c.Args().Get(0))
			if err != nil {
				return err
			}
			return v.print(e, o, &hintsView{v})
		}),
	}
}

func hintsRefusedLeaf(e *env) leaf {
	return leaf{
		name: "refused", args: "[NODE]", about: "print the hints that their target refuses for good; there should be none", views: true, most: 1,
		examples: []string{"candor hints refused", "candor hints refused n3 -o json"},
		flags:    adminFlags(),
		run: hintsRun(func(ctx context.Context, o adminOptions, c *cli.Context) error {
			v, err := o.hints(ctx, c.Args().Get(0))
			if err != nil {
				return err
			}
			return v.print(e, o, &refusedView{v})
		}),
	}
}

func hintsReplayLeaf(e *env) leaf {
	return leaf{
		name: "replay", args: "NODE", about: "try the hints for a node at once, those that it has refused too", views: true, least: 1, most: 1,
		examples: []string{"candor hints replay n3"},
		flags:    adminFlags(),
		run: hintsRun(func(ctx context.Context, o adminOptions, c *cli.Context) error {
			v, err := o.hints(ctx, c.Args().Get(0))
			if err == nil {
				err = v.replay(ctx, o)
			}
			if err != nil {
				return err
			}
			return v.print(e, o, &hintsView{v})
		}),
	}
}

func hintsDropLeaf(e *env) leaf {
	return leaf{
		name: "drop", args: "NODE", about: "erase the hints for a node; everything that it replicates is marked for repair first", views: true, least: 1, most: 1,
		examples: []string{
			"candor hints drop n3 --dry-run              only what it would erase",
			"candor hints drop n3                        ask before it does",
			"candor hints drop n3 --yes                  for scripts",
		},
		flags: adminFlags(
			&cli.BoolFlag{Name: "dry-run", Usage: "only print the plan"},
			&cli.BoolFlag{Name: "yes", Usage: "do not ask"}),
		run: hintsRun(func(ctx context.Context, o adminOptions, c *cli.Context) error {
			v, err := o.hints(ctx, c.Args().Get(0))
			if errors.Is(err, errNoTarget) { // a guess at another node would be a trap: they are one letter apart
				return usagef("candor node ls", "there is no node %q, and no hint for one", c.Args().Get(0))
			}
			if err != nil {
				return err
			}
			return hintsDrop(ctx, e, o, v, c.Bool("dry-run"), c.Bool("yes"))
		}),
	}
}

// hintsReport is what all nodes keep for others. A node that does not answer is a
// row, too.
type hintsReport struct {
	APIVersion string       `json:"apiVersion"`
	Kind       string       `json:"kind"`
	For        string       `json:"for"`     // only hints for this node; "": for all
	Partial    bool         `json:"partial"` // a node did not answer
	Holders    []hintHolder `json:"holders"`

	nodes []member // as Holders
	away  error    // why the node that they are for does not answer itself
}

// hintHolder is a node and the hints that it keeps.
type hintHolder struct {
	Node   string `json:"node"`
	ID     string `json:"id"`
	Error  string `json:"error"` // why it did not answer
	SeenBy *struct {
		Time time.Time `json:"time"`
	} `json:"seen_by"` // by its own clock; null: it did not answer
	Targets []hintTarget  `json:"targets"`
	Refused []refusedHint `json:"refused"`
	More    int64         `json:"refused_more"`
}

// hintTarget is what one node keeps for another, as GET /v1/hints tells it.
type hintTarget struct {
	Node     string            `json:"node"`
	ID       string            `json:"id"`
	Member   bool              `json:"member"`
	Hints    int64             `json:"hints"`
	Bytes    int64             `json:"bytes"`
	BytesMax int64             `json:"max_bytes"`
	Oldest   string            `json:"oldest"`
	Refused  int64             `json:"refused"`
	Dirty    int               `json:"dirty_partitions"`
	Dropping bool              `json:"dropping"`
	Counters map[string]uint64 `json:"counters"`
}

// refusedHint is a hint that its target refuses for good.
type refusedHint struct {
	Node      string  `json:"node"`
	ID        string  `json:"id"`
	Namespace string  `json:"ns"`
	Key       *string `json:"key,omitempty"`
	KeyB64    *string `json:"key_b64,omitempty"`
	Version   string  `json:"version"`
	Counted   bool    `json:"counted"`
	Code      string  `json:"code"`
	Late      bool    `json:"late"`
	Time      string  `json:"time"`
}

// hints asks all nodes what they keep, for a node or for all.
func (o adminOptions) hints(ctx context.Context, target string) (*hintsReport, error) {
	nodes, err := o.members(ctx)
	if err != nil {
		return nil, err
	}
	answers, errs := adminAll[hintHolder](ctx, o, nodes, http.MethodGet, "/v1/hints")
	if !slices.ContainsFunc(errs, hasAnswered) {
		return nil, noneAnswered(nodes, errs)
	}
	return hintsOf(target, nodes, answers, errs)
}

// hintsOf is the report of what the nodes have answered. A node keeps nothing for itself,
// so that its silence leaves nothing open about hints for it.
func hintsOf(target string, nodes []member, answers []*hintHolder, errs []error) (*hintsReport, error) {
	r := &hintsReport{APIVersion: apiVersion, Kind: "HintReport", For: target, Holders: []hintHolder{}}
	var known []string
	for i, n := range nodes {
		if target != "" && isFor(target, n.Name, n.ID) && errs[i] != nil {
			known, r.away = append(known, n.Name, n.ID), errs[i]
			continue
		}
		h := hintHolder{Targets: []hintTarget{}, Refused: []refusedHint{}}
		known = append(known, n.Name, n.ID)
		if a := answers[i]; a != nil {
			for _, t := range a.Targets {
				known = append(known, t.Node, t.ID)
			}
			h.Targets = append(h.Targets, slices.DeleteFunc(a.Targets, func(t hintTarget) bool { return !isFor(target, t.Node, t.ID) })...)
			h.Refused = append(h.Refused, slices.DeleteFunc(a.Refused, func(t refusedHint) bool { return !isFor(target, t.Node, t.ID) })...)
			h.More, h.SeenBy = a.More, a.SeenBy
		} else {
			h.Error, r.Partial = errs[i].Error(), true
		}
		h.Node, h.ID = n.Name, n.ID
		r.Holders, r.nodes = append(r.Holders, h), append(r.nodes, n)
	}
	if target != "" && !slices.Contains(known, target) {
		return nil, usagef("candor node ls", "there is no node %q, and %w%s", target, errNoTarget, didYouMean(target, known))
	}
	return r, nil
}

// errNoTarget is returned for hints of a node that nobody knows.
var errNoTarget = errors.New("no hint for one")

// print prints a table of the report, and tells of the nodes that are not in it.
func (r *hintsReport) print(e *env, o adminOptions, v view) error {
	if err := o.format.print(e.stdout, v); err != nil {
		return err
	}
	if names := r.silent(); len(names) > 0 {
		fmt.Fprintf(e.stderr, "partial: %s did not answer\n", strings.Join(names, ", "))
		return exitWith(exitPartly)
	}
	return nil
}

// isFor says whether a node, by its name and id, is the one that is asked for.
func isFor(target, name, id string) bool { return target == "" || target == name || target == id }

// replay has every node that keeps hints for the target try them.
func (r *hintsReport) replay(ctx context.Context, o adminOptions) error {
	path, nodes := "", []member(nil)
	for i := range r.Holders {
		for _, t := range r.Holders[i].Targets {
			if t.Hints > 0 {
				path, nodes = "/v1/hints/"+t.ID+"/replay", append(nodes, r.nodes[i])
			}
		}
	}
	if len(nodes) == 0 {
		return usagef("candor hints ls", "no node that answers keeps hints for %s", r.For)
	}
	if r.away != nil && !hasAnswered(r.away) && r.isDown(ctx, o) {
		return &failure{
			exit: exitUnavailable, code: "UNAVAILABLE", hint: "candor hints ls " + r.For,
			err: fmt.Errorf("nothing can be replayed while %s is down: %w; the hints for it are kept, and go to it by themselves when it is back", r.For, r.away),
		}
	}
	_, errs := adminAll[struct{}](ctx, o, nodes, http.MethodPost, path)
	for i, err := range errs {
		if err != nil && !isRefusal(err, "BAD_REQUEST") { // they may be delivered by now
			return failf(exitFailed, "candor hints ls "+r.For, "%s: %w", nodes[i].Name, err)
		}
	}
	return nil
}

// isDown says whether the others do not reach the target either: its admin port alone says
// nothing about that.
func (r *hintsReport) isDown(ctx context.Context, o adminOptions) bool {
	s, err := o.status(ctx)
	return err == nil && slices.ContainsFunc(s.Nodes, func(n nodeStatus) bool { return isFor(r.For, n.Name, n.ID) && !n.Reachable })
}

// hintsView is the report as a table: one row for each node and whom it keeps
// hints for.
type hintsView struct{ *hintsReport }

func (v *hintsView) names() (names []string) {
	for _, h := range v.Holders {
		for _, t := range h.Targets {
			if t.Hints > 0 && !slices.Contains(names, t.Node) {
				names = append(names, t.Node)
			}
		}
	}
	slices.Sort(names)
	return names
}

func (v *hintsView) screen(wide bool) screen {
	head := []string{"FOR", "KEPT BY", "HINTS", "SIZE", "OLDEST", "REFUSED", "MARKED"}
	if wide {
		head = append(head, "REPLAYED", "EXPIRED", "OVERFLOWED", "DROPPED")
	}
	var rows, silent [][]string
	var total int64
	var dropping []string
	for _, h := range v.Holders {
		if h.Error != "" {
			silent = append(silent, []string{"?", h.Node, "?", "?", "?", "?", "?"})
		}
		for _, t := range h.Targets {
			if t.Hints == 0 && t.Dirty == 0 && !wide {
				continue
			}
			total += t.Hints
			if t.Dropping {
				dropping = append(dropping, h.Node+" for "+t.Node)
			}
			row := []string{t.Node, h.Node, grouped(int(t.Hints)), sized(t.Bytes) + " of " + sized(t.BytesMax), h.ageOf(t.Oldest), grouped(int(t.Refused)), grouped(t.Dirty)}
			if wide {
				for _, n := range []string{"replayed", "expired", "overflowed", "dropped"} {
					row = append(row, grouped(int(t.Counters[n])))
				}
			}
			rows = append(rows, row)
		}
	}
	slices.SortStableFunc(rows, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	rows = append(rows, silent...) // nothing is known of what they keep
	s := screen{above: v.toldText(), below: v.silentText()}
	if len(rows) > 0 {
		s.rows = append([][]string{head}, rows...)
	}
	if len(dropping) > 0 {
		s.below += "being dropped: those kept by " + strings.Join(dropping, ", by ") + "; the counts fall to 0\n"
	}
	if total == 0 {
		s.below += "no hints: no node that answers keeps anything for another\n"
	}
	return s
}

// toldText says who has told this, and when, by their own clocks.
func (r *hintsReport) toldText() string {
	var names []string
	var oldest time.Time
	for i := range r.Holders {
		h := &r.Holders[i]
		if h.SeenBy == nil {
			continue
		}
		if names = append(names, h.Node); oldest.IsZero() || h.SeenBy.Time.Before(oldest) {
			oldest = h.SeenBy.Time
		}
	}
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("hints   as told by %s at %s\n", joined(names), clockText(oldest.UTC().Format(time.RFC3339)))
}

// ageOf is how old a hint of that time is, by the clock of its keeper.
func (h *hintHolder) ageOf(oldest string) string {
	at, err := time.Parse(time.RFC3339, oldest)
	if err != nil || h.SeenBy == nil {
		return orDash(oldest)
	}
	return spanText(max(h.SeenBy.Time.Sub(at), 0).Milliseconds())
}

// silent are the nodes that did not answer.
func (r *hintsReport) silent() (names []string) {
	for _, h := range r.Holders {
		if h.Error != "" {
			names = append(names, h.Node)
		}
	}
	return names
}

// silentText says why nodes did not answer.
func (r *hintsReport) silentText() string {
	var b strings.Builder
	for _, h := range r.Holders {
		if h.Error != "" {
			fmt.Fprintf(&b, "%s did not answer: %s\n", h.Node, h.Error)
		}
	}
	return b.String()
}

// refusedView is the refused hints of the report.
type refusedView struct{ *hintsReport }

func (v *refusedView) names() (names []string) {
	for _, h := range v.Holders {
		for _, r := range h.Refused {
			names = append(names, keyNames(r.Key, r.KeyB64)...)
		}
	}
	return names
}

func (v *refusedView) screen(bool) screen {
	s := screen{}
	var more, late int64
	for _, h := range v.Holders {
		more += h.More
		for _, r := range h.Refused {
			why := r.Code
			if r.Late {
				late++
				why += ", below the watermark"
			}
			s.rows = append(s.rows, []string{r.Node, h.Node, r.Namespace, keyNames(r.Key, r.KeyB64)[0], r.Version, orDash(map[bool]string{true: "yes"}[r.Counted]), why, r.Time})
		}
	}
	if len(s.rows) == 0 && more == 0 {
		s.below = "no hint is refused\n"
	} else {
		s.rows = append([][]string{{"FOR", "KEPT BY", "NAMESPACE", "KEY", "VERSION", "COUNTED", "WHY", "SINCE"}}, s.rows...)
	}
	if more > 0 {
		s.below += fmt.Sprintf("and %s more\n", grouped(int(more)))
	}
	if late > 0 {
		s.below += "a hint below the watermark cannot be: report it, and keep the data folders\n"
	}
	s.below += v.silentText()
	return s
}
