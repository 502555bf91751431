package main

import (
	"context"
	"fmt"
	"strings"
)

// repairAnswers are what some nodes have answered about their repair, in their order.
type repairAnswers struct {
	nodes []member
	of    []*nodeRepair // nil where there is an error
	errs  []error
}

// askRepair asks the nodes that are named, or all. That nobody answers is an error.
func (o adminOptions) askRepair(ctx context.Context, names []string, method, path string) (*repairAnswers, error) {
	all, err := o.members(ctx)
	if err != nil {
		return nil, err
	}
	a := new(repairAnswers)
	if a.nodes, err = only(all, names); err != nil {
		return nil, err
	}
	a.of, a.errs = adminAll[nodeRepair](ctx, o, a.nodes, method, path)
	if len(a.silent()) == len(a.nodes) {
		return nil, noneAnswered(a.nodes, a.errs)
	}
	return a, nil
}

// silent are the names of the nodes that did not do it.
func (a *repairAnswers) silent() (names []string) {
	for i, n := range a.nodes {
		if a.of[i] == nil {
			names = append(names, n.Name)
		}
	}
	return names
}

// print prints what came of it, and who did not do it.
func (a *repairAnswers) print(e *env, o adminOptions, v view, missed string) error {
	if err := o.format.print(e.stdout, v); err != nil {
		return err
	}
	if names := a.silent(); len(names) > 0 {
		fmt.Fprintf(e.stderr, "partial: %s did not %s\n", strings.Join(names, ", "), missed)
		return exitWith(exitPartly)
	}
	return nil
}
