package sim

import (
	"fmt"
	"strings"
)

// Line is the result in one line, and names the command that repeats the run.
func (r *Result) Line() string {
	if r.Failure == nil {
		return fmt.Sprintf("seed %d  hash %016x  %v  ok", r.Seed, r.Fingerprint, r.Virtual)
	}
	return fmt.Sprintf("seed %d  hash %016x  virtual time %v  %s  repeat: %s", r.Seed, r.Fingerprint, r.Failure.Time, r.Failure.Checker, r.Command())
}

// Command repeats the run.
func (r *Result) Command() string {
	c := fmt.Sprintf("go test ./sim -run TestSeed -sim.seed=%d", r.Seed)
	if r.Scenario != "" {
		c += " -sim.scenario=" + r.Scenario
	}
	if len(r.Without) > 0 {
		c += fmt.Sprintf(" -sim.without=%q", strings.Join(r.Without, ","))
	}
	if r.Shorten != 0 {
		c += fmt.Sprintf(" -sim.shorten=%g", r.Shorten)
	}
	return c
}

// Report is the line, and for a failure what was broken, the options that the
// seed drew, and the history of the key.
func (r *Result) Report() string {
	if r.Failure == nil {
		return r.Line()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n  %s\n  %d nodes, N %d; options: %s\n", r.Line(), r.Failure.Text, r.Plan.Nodes, r.Plan.Replicas, strings.Join(r.Plan.On, ", "))
	for _, line := range r.Failure.History {
		fmt.Fprintf(&b, "    %s\n", line)
	}
	return b.String()
}
