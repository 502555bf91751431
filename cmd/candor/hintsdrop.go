package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
)

// dropView is what a drop erases, or has.
type dropView struct {
	APIVersion string        `json:"apiVersion"`
	Kind       string        `json:"kind"`
	Node       string        `json:"node"`
	Applied    bool          `json:"applied"`
	Partial    bool          `json:"partial"`
	Holders    []dropHolders `json:"holders"`
}

// dropHolders is the part of one node.
type dropHolders struct {
	Node       string `json:"node"`
	Hints      int64  `json:"hints"`
	Bytes      int64  `json:"bytes"`
	Oldest     string `json:"oldest"`
	Partitions int    `json:"partitions"`
	Counted    *int64 `json:"counted"` // of hints: those that stand for the node in writes that were acknowledged; null: not known
	Error      string `json:"error"`
}

func (v *dropView) names() (names []string) {
	for _, h := range v.Holders {
		names = append(names, h.Node)
	}
	return names
}

func (v *dropView) screen(bool) screen {
	word := "plan: erase the hints for " + v.Node
	if v.Applied {
		word = "erasing the hints for " + v.Node
	}
	s := screen{
		above: word + ". Repair then has to compare what it replicates.\n",
		rows:  [][]string{{"KEPT BY", "HINTS", "ACKNOWLEDGED BY THEM", "SIZE", "OLDEST", "PARTITIONS"}},
	}
	counted, unknown := int64(0), false
	for _, h := range v.Holders {
		if h.Error != "" {
			s.rows = append(s.rows, []string{h.Node, "?", "?", "?", "?", "?"})
			unknown = true
			s.below += fmt.Sprintf("%s did not answer: %s\n", h.Node, h.Error)
			continue
		}
		promised := unknownFigure
		if h.Counted != nil {
			promised, counted = grouped(int(*h.Counted)), counted+*h.Counted
		}
		unknown = unknown || h.Counted == nil
		s.rows = append(s.rows, []string{h.Node, grouped(int(h.Hints)), promised, sized(h.Bytes), orDash(h.Oldest), grouped(h.Partitions)})
	}
	what := fmt.Sprintf("%s written with --sloppy or at any", grouped(int(counted)))
	switch {
	case v.Applied:
		s.below += what + " stood for the node: where they were all there was, those writes are lost.\n"
	case unknown:
		s.below += what + ", or more, stand for the node in what was acknowledged: where they are all there is, those writes are lost.\n"
	case counted == 0:
		s.below += "None of them stands for the node in what was acknowledged (--sloppy, any): nothing is lost.\n"
	default:
		s.below += what + " stand for the node in what was acknowledged: where they are all there is, those writes are lost.\n"
	}
	return s
}

// hintsDrop prints the plan, asks, and drops.
func hintsDrop(ctx context.Context, e *env, o adminOptions, r *hintsReport, dry, yes bool) error {
	plan, err := r.drop(ctx, o, true)
	if err != nil {
		return err
	}
	if dry {
		if err := o.format.print(e.stdout, plan); err != nil || !plan.Partial {
			return err
		}
		return exitWith(exitPartly)
	}
	if !yes {
		if err := confirm(e, plan, r.For); err != nil {
			return err
		}
	}
	done, err := r.drop(ctx, o, false)
	if err != nil {
		return err
	}
	if err := o.format.print(e.stdout, done); err != nil {
		return err
	}
	if done.Partial {
		return exitWith(exitPartly)
	}
	return nil
}

// confirm shows what is about to be erased on stderr, and has the name typed.
func confirm(e *env, plan *dropView, name string) error {
	if e.width() == 0 {
		return usagef("candor hints drop "+name+" --dry-run", "there is no terminal to ask at: pass --yes to drop the hints for %s", name)
	}
	fmt.Fprintf(e.stderr, "%stype %s to erase them: ", plan.screen(false), name)
	line, _ := bufio.NewReader(e.stdin).ReadString('\n') // at its end: what was typed counts
	if strings.TrimSpace(line) != name {
		return usagef("", "%q is not %s: nothing was erased", strings.TrimSpace(line), name)
	}
	return nil
}

// drop has every node that keeps hints for the target erase them, or say what that
// would be.
func (r *hintsReport) drop(ctx context.Context, o adminOptions, dry bool) (*dropView, error) {
	v := &dropView{APIVersion: apiVersion, Kind: "HintDropReport", Node: r.For, Applied: !dry, Holders: []dropHolders{}}
	path, nodes := "", []member(nil)
	for i := range r.Holders {
		h := &r.Holders[i]
		if h.Error != "" {
			v.Holders, v.Partial = append(v.Holders, dropHolders{Node: h.Node, Error: h.Error}), true
		}
		for _, t := range h.Targets {
			if t.Hints > 0 {
				path, nodes = "/v1/hints/"+t.ID+"/drop", append(nodes, r.nodes[i])
			}
		}
	}
	if len(nodes) == 0 {
		return nil, usagef("candor hints ls", "no node that answers keeps hints for %s", r.For)
	}
	if dry {
		path += "?dry_run=1"
	}
	answers, errs := adminAll[dropHolders](ctx, o, nodes, http.MethodPost, path)
	for i, n := range nodes {
		switch a := answers[i]; {
		case a != nil:
			a.Node = n.Name
			v.Holders = append(v.Holders, *a)
		case !isRefusal(errs[i], "BAD_REQUEST"): // else they are delivered by now
			v.Holders, v.Partial = append(v.Holders, dropHolders{Node: n.Name, Error: errs[i].Error()}), true
		}
	}
	return v, nil
}
