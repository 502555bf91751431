package models

import (
	"fmt"
	"strings"
	"testing"
)

// statesMax bounds a search: a model that grows past it has lost its bounds.
const statesMax = 4_000_000

// found is what a search has found.
type found struct {
	states int
	// broken says what does not hold in the first state in which something does not,
	// trace how to get there. Both are empty if all holds in all states.
	broken string
	trace  []string
}

func (f found) String() string {
	if f.broken == "" {
		return fmt.Sprintf("%d states, all is well in all of them", f.states)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d states, and then %s:", f.states, f.broken)
	for i, step := range f.trace {
		fmt.Fprintf(&b, "\n%4d  %s", i+1, step)
	}
	return b.String()
}

// step is one thing that happens: who does what, and of what.
type step struct {
	who, what string
	of        content
}

func (s step) String() string {
	if s.of == nothing {
		return s.who + " " + s.what
	}
	return s.who + " " + s.what + " " + s.of.String()
}

// search visits all states that can be reached from start, nearest first, until it
// finds one in which broken names something. next calls its second argument with
// each state that one step leads to; steps that change nothing may be among them.
func search[S comparable](start S, next func(S, func(step, S)), broken func(S) string) found {
	seen, states, from := map[S]struct{}{start: {}}, []S{start}, []int32{-1}
	for at := 0; at < len(states); at++ {
		if what := broken(states[at]); what != "" {
			return found{len(states), what, trace(states, from, at, next)}
		}
		next(states[at], func(_ step, to S) {
			before := len(seen)
			if seen[to] = struct{}{}; len(seen) > before {
				states, from = append(states, to), append(from, int32(at))
			}
		})
		if len(states) > statesMax {
			return found{len(states), "the model has more states than it may", nil}
		}
	}
	return found{states: len(states)}
}

// trace is the steps from the first state to one.
func trace[S comparable](states []S, from []int32, at int, next func(S, func(step, S))) (steps []string) {
	for ; at > 0; at = int(from[at]) {
		name := ""
		next(states[from[at]], func(s step, to S) {
			if to == states[at] && name == "" {
				name = s.String()
			}
		})
		steps = append([]string{name}, steps...)
	}
	return steps
}

func allIsWell(t *testing.T, f found) {
	t.Helper()
	if t.Log(f); f.broken != "" {
		t.Error("a promise is broken though all rules are kept that it needs")
	}
}

func isBroken(t *testing.T, f found) {
	t.Helper()
	if t.Log(f); f.broken == "" {
		t.Error("no promise is broken though a rule is: the model does not see what the rule is for")
	}
}

// A search that is asked for a sum finds the shortest way to it, and without one
// sees all sums.
func TestSearchSeesAllAndFindsTheShortestWay(t *testing.T) {
	next := func(n int, to func(step, int)) {
		if n < 20 {
			to(step{what: "one"}, n+1)
			to(step{what: "seven"}, n+7)
		}
	}
	all := search(0, next, func(int) string { return "" })
	if all.states != 27 || all.broken != "" { // 0 to 26
		t.Errorf("%v", all)
	}
	some := search(0, next, func(n int) string {
		if n == 22 {
			return "22"
		}
		return ""
	})
	if some.broken != "22" || len(some.trace) != 4 || strings.Count(some.String(), "seven") != 3 {
		t.Errorf("%v", some)
	}
}
