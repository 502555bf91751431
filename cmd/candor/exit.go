package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/candordb/candor/client"
	"github.com/candordb/candor/config"
	"github.com/candordb/candor/contract"
)

// The exit codes that do not come from a node's answer.
const (
	exitFailed      = 1 // certainly no effect
	exitUsage       = 2 // nothing was sent
	exitNotFound    = 3
	exitPartly      = 4 // worked, but superseded, different or with leftovers
	exitUnavailable = 5
	exitInDoubt     = 6
	exitFailing     = 9   // the verdict is FAILING or UNKNOWN
	exitTaskLate    = 124 // a task still runs when the time to follow it is over
	exitTaskUnknown = 125 // what became of the task is not known
	exitInterrupted = 130
)

// failure is an error with its exit code.
type failure struct {
	exit int
	code string // as JSON names it
	err  error
	hint string // the command that comes next; may be empty
	told bool   // what there is to say has been printed
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// usagef is an error of the one who typed the command.
func usagef(hint, format string, args ...any) error {
	return &failure{exit: exitUsage, code: "USAGE", err: fmt.Errorf(format, args...), hint: hint}
}

// failf is any other error that says what to do.
func failf(exit int, hint, format string, args ...any) error {
	return &failure{exit: exit, code: "FAILED", err: fmt.Errorf(format, args...), hint: hint}
}

// exitWith is an exit code for a result that has been printed.
func exitWith(exit int) error {
	return &failure{exit: exit, err: errors.New("as printed"), told: true}
}

// errorJSON is an error in JSON.
type errorJSON struct {
	APIVersion string       `json:"apiVersion"`
	Kind       string       `json:"kind"`
	Code       string       `json:"code"`
	Class      string       `json:"class"`
	Message    string       `json:"message"`
	Hint       string       `json:"hint"`
	Key        *string      `json:"key,omitempty"`
	KeyB64     *string      `json:"key_b64,omitempty"`
	Version    string       `json:"version,omitempty"`
	ClockKind  string       `json:"clock_kind,omitempty"` // of the code CLOCK
	Need       int          `json:"need,omitempty"`       // of the code UNAVAILABLE, and the three below
	Reachable  int          `json:"reachable,omitempty"`
	Replicas   int          `json:"replicas,omitempty"`
	Down       []string     `json:"down,omitempty"`
	Attempts   int          `json:"attempts,omitempty"`
	Receipt    *receiptView `json:"receipt,omitempty"` // none where no node has sent one
	Trace      []traceStep  `json:"trace,omitempty"`
}

// report prints an error on stderr and returns the exit code.
func (e *env) report(ctx context.Context, err error, how reporting) int {
	var known *failure
	if errors.As(err, &known) && known.told {
		return known.exit
	}
	j, exit := describe(err)
	if ctx.Err() != nil && exit != exitInDoubt && exit != exitUsage {
		exit = exitInterrupted
	}
	if how.json {
		if writeJSON(e.stderr, j) == nil {
			return exit
		}
	}
	e.tell(j, how.quiet)
	return exit
}

// tell prints an error for people.
func (e *env) tell(j errorJSON, quiet bool) {
	fmt.Fprint(e.stderr, traceText(j.Trace))
	fmt.Fprintln(e.stderr, j.Message)
	if j.Hint != "" && !quiet {
		fmt.Fprintln(e.stderr, "  next: "+j.Hint)
	}
}

// describe finds code, class and hint of an error.
func describe(err error) (errorJSON, int) {
	j := errorJSON{APIVersion: apiVersion, Kind: "Error", Code: "FAILED", Class: "no effect", Message: err.Error()}
	var known *failure
	var refused *client.Error
	hasHint := errors.As(err, &known)
	if hasHint {
		j.Code, j.Hint = known.code, known.hint
		if known.exit == exitPartly {
			j.Class = "done"
		}
	}
	switch {
	case errors.As(err, &refused):
		hint := j.Hint
		j = describeRefusal(refused, err)
		var way *traced
		if errors.As(err, &way) {
			j.Trace = way.steps
		}
		if hint != "" {
			j.Hint = hint
		}
		return j, refused.ExitCode()
	case hasHint:
		return j, known.exit
	case errors.Is(err, config.ErrInvalid):
		j.Code = "USAGE"
		return j, exitUsage
	}
	return j, exitFailed
}

func describeRefusal(refused *client.Error, err error) errorJSON {
	key := textOf(refused.Key)
	j := errorJSON{
		APIVersion: apiVersion, Kind: "Error", Code: refused.Code.String(), Class: refused.Class().String(), Message: err.Error(),
		Version: versionText(refused.Receipt.Version), Reachable: refused.Reachable, Replicas: refused.N, Down: refused.Down,
		Attempts: refused.Attempts, ClockKind: clockKinds[refused.Clock],
	}
	switch {
	case errors.Is(refused, client.ErrUnavailable):
		j.Need = refused.Receipt.Need
	case refused.Receipt.Need > 0:
		receipt := receiptOf(&refused.Receipt)
		j.Receipt = &receipt
	}
	if refused.Key != nil {
		j.Key, j.KeyB64 = key.plain, key.b64
	}
	if refused.Outcome() == client.InDoubt {
		j.Class = "in doubt"
		j.Message = doubtText(refused.Op, refused.Key, refused.Reason())
		j.Hint = doubtHint(refused, err)
	} else if refused.Class() != contract.Damage {
		j.Class = "no effect" // also of a read whose code leaves a write in doubt
	}
	return j
}

// clockKinds are the reasons of a CLOCK, as JSON names them.
var clockKinds = map[contract.ClockKind]string{
	contract.StampAhead: "stamp ahead", contract.StampOld: "stamp old", contract.ClockFenced: "clock fenced",
	contract.StampGivenUp: "given up", contract.RepeatUnknown: "repeat unknown",
}

// doubtText is the sentence about a write in doubt.
func doubtText(op string, key []byte, reason string) string {
	what := strings.TrimPrefix(reason, "in doubt: ")
	what = strings.Replace(what, "; it may be seen", ". It may be seen", 1)
	return fmt.Sprintf("IN DOUBT  %s %s: %s.", op, shownKey(key), what)
}

// shownKeyMax is how many bytes of a key are told in a sentence.
const shownKeyMax = 64

// shownKey is a key in a sentence; the end of a long one is left out.
func shownKey(key []byte) string {
	if len(key) <= shownKeyMax {
		return fmt.Sprintf("%q", key)
	}
	return fmt.Sprintf("%q... (%s bytes)", key[:shownKeyMax], grouped(len(key)))
}

// doubtHint names the two commands that can follow a write in doubt. A write
// that the node should have stamped has no version to ask with.
func doubtHint(refused *client.Error, err error) string {
	if refused.Receipt.Version.IsZero() {
		return "read the key, and write again if it is not what you want"
	}
	flags := ""
	var place *placed
	if errors.As(err, &place) {
		flags = place.flags
	}
	v := refused.Receipt.Version.String()
	return fmt.Sprintf("candor outcome %s %s%s     or repeat it with --version %s while it is younger than repair.max_request_age (%v if not set)",
		quoteWords([]string{string(refused.Key)}), v, flags, v, config.Default().Repair.MaxRequestAge)
}
