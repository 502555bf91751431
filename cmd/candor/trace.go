package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/candordb/candor/client"
)

func traceFlag() cli.Flag {
	return &cli.BoolFlag{Name: "trace", Usage: "print on stderr what was done on the way, and when"}
}

// traceStep is one step of a request.
type traceStep struct {
	AtMS float64 `json:"at_ms"` // since the request began
	Node string  `json:"node"`  // "client" for the client's own
	What string  `json:"what"`
}

func traceOf(t *client.Trace) (steps []traceStep) {
	if t == nil {
		return nil
	}
	for _, s := range t.Steps {
		steps = append(steps, traceStep{float64(s.At.Round(time.Microsecond)) / float64(time.Millisecond), s.Node, s.What})
	}
	return steps
}

// traceText is one indented line for each step.
func traceText(steps []traceStep) string {
	var b strings.Builder
	for _, s := range steps {
		fmt.Fprintf(&b, "  +%.2fms %s %s\n", s.AtMS, s.Node, s.What)
	}
	return b.String()
}

// traced is an error with the steps that led to it.
type traced struct {
	error
	steps []traceStep
}

func (t *traced) Unwrap() error { return t.error }

// withTrace adds the steps to an error, if they were asked for.
func withTrace(err error, t *client.Trace) error {
	if steps := traceOf(t); len(steps) > 0 {
		return &traced{err, steps}
	}
	return err
}
