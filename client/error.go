package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/candordb/candor/contract"
)

// ErrNotFound is returned by Get when the level agrees that the key is absent;
// the Item then still has the receipt, and the version of what was deleted or
// has expired.
var ErrNotFound = errors.New("client: not found")

// codeError is the sentinel of a code.
type codeError Code

func (c codeError) Error() string { return "client: " + words(Code(c)) }

// What errors.Is finds in an *Error, by its code. ErrInDoubt is found in every
// error of a write that may have taken effect, whatever its code.
var (
	ErrBadRequest       error = codeError(contract.BadRequest)
	ErrTooLarge         error = codeError(contract.TooLarge)
	ErrUnknownNamespace error = codeError(contract.UnknownNamespace)
	ErrWrongMode        error = codeError(contract.WrongMode)
	ErrUnavailable      error = codeError(contract.Unavailable)
	ErrOverloaded       error = codeError(contract.Overloaded)
	ErrConditionFailed  error = codeError(contract.ConditionFailed)
	ErrClock            error = codeError(contract.Clock)
	ErrDiskFull         error = codeError(contract.DiskFull)
	ErrShuttingDown     error = codeError(contract.ShuttingDown)
	ErrNotReady         error = codeError(contract.NotReady)
	ErrUnsupported      error = codeError(contract.Unsupported)
	ErrTimeout          error = codeError(contract.Timeout)
	ErrInDoubt          error = codeError(contract.InDoubt)
	ErrCorrupt          error = codeError(contract.Corrupt)
	ErrInternal         error = codeError(contract.Internal)
)

// Error is how a request ended that was not done.
type Error struct {
	// Code is that of the last node's answer, or the one that says the same where
	// no node answered.
	Code Code
	// Op is what was asked for: get, put, delete, outcome, scan, ring.
	Op string
	// Key is nil for what has none.
	Key   []byte
	Level Level
	// Node is the name of the last coordinator; "" if nothing was sent.
	Node string
	// Message is the node's own sentence.
	Message string
	// Receipt has the version to repeat a write with, or to ask Outcome for, and
	// what was achieved so far.
	Receipt Receipt
	// Reachable natural replicas of N, and the names of those that are down (with
	// ErrUnavailable, if a node said so; else 0).
	Reachable, N int
	Down         []string
	// Limit is what was exceeded (ErrTooLarge).
	Limit uint64
	// Clock says what is wrong with the stamp or the node's clock (ErrClock).
	Clock contract.ClockKind
	// Current is what is stored now (with the code CONDITION_FAILED): its Version,
	// zero if the key is absent, and its Value.
	Current Item
	// Attempts is how often it was sent, Took the time of all that.
	Attempts int
	Took     time.Duration
	// RetryAfter is the node's advice; 0: none.
	RetryAfter time.Duration
	// Err is what else is known: that the caller's context has ended, why a node
	// did not answer, in words that a repeat was refused.
	Err error

	write, doubt bool
}

// Class is the code's class, but that a read, which has no effect, never ends in
// doubt.
func (e *Error) Class() Class {
	if c := e.Code.Class(); e.write || c != contract.Unknown {
		return c
	}
	return contract.NoEffect
}

// Outcome is NotApplied or InDoubt.
func (e *Error) Outcome() Outcome {
	if e.doubt {
		return InDoubt
	}
	return NotApplied
}

// ExitCode is what a command that ends with this error exits with.
func (e *Error) ExitCode() int {
	if e.doubt {
		return contract.InDoubt.ExitCode(true)
	}
	// A clock that is fenced is the node's trouble, not the stamp's.
	stamp := e.Code == contract.Clock && e.Clock != contract.ClockFenced
	return e.Code.ExitCode(e.write && (stamp || e.Code != contract.Clock))
}

// Is matches the sentinels by code.
func (e *Error) Is(target error) bool {
	code, ok := target.(codeError)
	return ok && (Code(code) == e.Code || e.doubt && target == ErrInDoubt)
}

// Unwrap is Err.
func (e *Error) Unwrap() error { return e.Err }

// Error is one sentence.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Key != nil {
		b.WriteString(" " + shownKey(e.Key))
	}
	b.WriteString(": ")
	b.WriteString(e.Reason())
	return b.String()
}

// Reason is the sentence without what was asked for.
func (e *Error) Reason() string {
	switch {
	case e.doubt:
		return "in doubt: " + e.progress() + "; it may be seen now, later or never"
	case e.write:
		return words(e.Code) + ": " + e.why() + "; nothing was written"
	}
	return words(e.Code) + ": " + e.why()
}

// why is what a refusal says.
func (e *Error) why() string {
	switch {
	case e.N > 0 && e.Reachable >= e.Receipt.Need && e.Message != "":
		return e.Message // not for want of replicas
	case e.N > 0:
		text := fmt.Sprintf("%s needs %d of %d replicas, %s", e.asked(), e.Receipt.Need, e.N, answering(e.Reachable))
		if len(e.Down) > 0 {
			text += " (" + strings.Join(e.Down, ", ") + " down)"
		}
		if _, more, some := strings.Cut(e.Message, "; "); some { // what the node knows besides
			text += "; " + more
		}
		return text
	case e.Receipt.Need > 0:
		return e.progress()
	case e.Message != "" && e.Limit > 0:
		return fmt.Sprintf("%s (%d bytes)", e.Message, e.Limit)
	case e.Message != "":
		return e.Message
	case e.Node != "" && e.Err != nil:
		return e.Node + ": " + flat(e.Err)
	case e.Err == context.Canceled:
		return "it was cancelled before it could be sent"
	case e.Err == context.DeadlineExceeded:
		return "the time was over before it could be sent"
	case e.Err != nil:
		return "no node can be reached (" + flat(e.Err) + ")"
	}
	return "no node can be reached"
}

// asked names the level that could not be met. A request that named none had its
// namespace's, which a refusal tells by its number only.
func (e *Error) asked() string {
	need, counts := e.Level.Need(e.N)
	switch {
	case counts && need < e.Receipt.Need: // it has to learn first what a quorum holds
		return "an ordered write at " + e.Level.String()
	case e.Level != contract.Default:
		return e.Level.String()
	case e.Receipt.Need == contract.QuorumOf(e.N):
		return "quorum"
	}
	return "the namespace's level"
}

func answering(n int) string {
	if n == 1 {
		return "1 answers"
	}
	return fmt.Sprintf("%d answer", n)
}

// progress is how far a request came that ran out of time.
func (e *Error) progress() string {
	r := &e.Receipt
	switch {
	case r.Need == 0 && e.Err == nil:
		return e.Message
	case r.Need == 0:
		return e.Node + ": " + flat(e.Err)
	}
	var have, applied, higher, refused, silent []string
	for _, row := range r.Replicas {
		switch row.State {
		case contract.Silent:
			silent = append(silent, row.Node)
		case contract.RowApplied:
			applied = append(applied, row.Node)
		case contract.Durable:
			have = append(have, row.Node)
		case contract.RowSuperseded:
			higher = append(higher, row.Node)
		case contract.Refused:
			refused = append(refused, row.Node)
		}
	}
	text := fmt.Sprintf("%v needs %d, got %d", r.Level, r.Need, r.Acked)
	if len(have) > 0 {
		text += " (" + strings.Join(have, ", ") + " durable)"
	}
	if len(applied) > 0 {
		text += " (" + strings.Join(applied, ", ") + " not synced yet)"
	}
	if len(higher) > 0 {
		text += " (a higher version at " + strings.Join(higher, ", ") + ")"
	}
	if len(refused) > 0 {
		text += " (" + strings.Join(refused, ", ") + " refused)"
	}
	text += " in " + e.Took.Round(time.Millisecond).String()
	switch len(silent) {
	case 0:
	case 1:
		text += ", " + silent[0] + " is silent"
	default:
		text += ", " + strings.Join(silent, ", ") + " are silent"
	}
	return text
}

// shownKeyMax is how many bytes of a key are told.
const shownKeyMax = 64

// shownKey is a key in a sentence; the end of a long one is left out.
func shownKey(key []byte) string {
	if len(key) <= shownKeyMax {
		return fmt.Sprintf("%q", key)
	}
	return fmt.Sprintf("%q... (%d bytes)", key[:shownKeyMax], len(key))
}

// words is a code in words.
func words(c Code) string {
	if c == contract.Unavailable || c == contract.Timeout {
		return strings.ToLower(c.String())
	}
	return strings.ToLower(strings.ReplaceAll(c.String(), "_", " "))
}

// flat is an error's text on one line.
func flat(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
