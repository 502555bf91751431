package contract

import (
	"net/http"
	"strconv"
)

// Code is the code of an answer. Its class is the code divided by 100.
type Code uint16

// The codes. Append-only.
const (
	OK               Code = 0
	BadRequest       Code = 100
	TooLarge         Code = 101
	UnknownNamespace Code = 102
	WrongMode        Code = 103
	Unauthenticated  Code = 104
	Forbidden        Code = 105
	Unavailable      Code = 106
	Overloaded       Code = 107
	ConditionFailed  Code = 108
	Clock            Code = 109
	DiskFull         Code = 110
	ShuttingDown     Code = 111
	StaleEpoch       Code = 112
	NotReady         Code = 113
	Unsupported      Code = 114
	Contention       Code = 115
	Timeout          Code = 200
	InDoubt          Code = 201
	Corrupt          Code = 300
	Internal         Code = 301
)

// Class says what an answer means for the state of the key.
type Class uint8

// The classes: the code divided by 100.
const (
	// Done: as the receipt says.
	Done Class = 0
	// NoEffect: this attempt was not done and never will be.
	NoEffect Class = 1
	// Unknown: it may be visible now, later, or never.
	Unknown Class = 2
	// Damage: a checksum failed or a fault of ours; a write is in doubt.
	Damage Class = 3
)

// String is the class in words.
func (c Class) String() string {
	switch c {
	case Done:
		return "done"
	case NoEffect:
		return "no effect"
	case Unknown:
		return "in doubt"
	}
	return "damage"
}

// row is what is known of a code. One table feeds wire, HTTP and command line.
type row struct {
	code              Code
	name              string
	httpRead, httpPut int
	exitRead, exitPut int
}

var codes = []row{
	{OK, "OK", http.StatusOK, http.StatusOK, 0, 0},
	{BadRequest, "BAD_REQUEST", 400, 400, 2, 2},
	{TooLarge, "TOO_LARGE", 413, 413, 2, 2},
	{UnknownNamespace, "UNKNOWN_NAMESPACE", 400, 400, 2, 2},
	{WrongMode, "WRONG_MODE", 409, 409, 2, 2},
	{Unauthenticated, "UNAUTHENTICATED", 401, 401, 8, 8},
	{Forbidden, "FORBIDDEN", 403, 403, 8, 8},
	{Unavailable, "UNAVAILABLE", 503, 503, 5, 5},
	{Overloaded, "OVERLOADED", 503, 503, 5, 5},
	{ConditionFailed, "CONDITION_FAILED", 409, 409, 7, 7},
	{Clock, "CLOCK", 503, 409, 5, 1},
	{DiskFull, "DISK_FULL", 507, 507, 1, 1},
	{ShuttingDown, "SHUTTING_DOWN", 503, 503, 5, 5},
	{StaleEpoch, "STALE_EPOCH", 503, 503, 5, 5},
	{NotReady, "NOT_READY", 503, 503, 5, 5},
	{Unsupported, "UNSUPPORTED", 501, 501, 2, 2},
	{Contention, "CONTENTION", 503, 503, 5, 5},
	{Timeout, "TIMEOUT", 503, 504, 5, 6},
	{InDoubt, "IN_DOUBT", 503, 504, 5, 6}, // a read never ends so
	{Corrupt, "CORRUPT", 500, 500, 10, 10},
	{Internal, "INTERNAL", 500, 500, 10, 6},
}

func (c Code) row() (row, bool) {
	for _, r := range codes {
		if r.code == c {
			return r, true
		}
	}
	return row{}, false
}

// Codes lists all codes in order.
func Codes() []Code {
	all := make([]Code, 0, len(codes))
	for _, r := range codes {
		all = append(all, r.code)
	}
	return all
}

// String is the code's name; CODE_n for one that this build does not know.
func (c Code) String() string {
	if r, ok := c.row(); ok {
		return r.name
	}
	return "CODE_" + strconv.Itoa(int(c))
}

// Class is the code's class. An unknown code is treated by its number; a class
// above 3 is treated as damage.
func (c Code) Class() Class { return Class(min(c/100, 3)) }

// Settled is the code's class for a request: like Class, but damage is told by
// its effect: a write that ended in INTERNAL is in doubt, and so is one whose
// timeout came after sending, while a read never has an effect.
func (c Code) Settled(write bool) Class {
	switch k := c.Class(); {
	case k == Done:
		return Done
	case !write || c == Corrupt:
		return NoEffect
	case k == NoEffect:
		return NoEffect
	}
	return Unknown
}

// HTTPStatus is the status of the admin API for the code.
func (c Code) HTTPStatus(write bool) int {
	r, ok := c.row()
	switch {
	case !ok:
		return http.StatusInternalServerError
	case write:
		return r.httpPut
	}
	return r.httpRead
}

// ExitCode is the exit code of the command line for the code.
func (c Code) ExitCode(write bool) int {
	r, ok := c.row()
	switch {
	case !ok && c.Settled(write) == Unknown:
		return 6
	case !ok:
		return 1
	case write:
		return r.exitPut
	}
	return r.exitRead
}

// ClockKind says why a CLOCK refusal was made. Append-only.
type ClockKind uint8

// The kinds.
const (
	// StampAhead: the stamp is too far in the future.
	StampAhead ClockKind = 1
	// StampOld: the stamp is too old, or at or below a floor or watermark.
	StampOld ClockKind = 2
	// ClockFenced: this node's own clock cannot be used now.
	ClockFenced ClockKind = 3
	// StampGivenUp: this version was given up by OUTCOME.
	StampGivenUp ClockKind = 4
	// RepeatUnknown: it cannot be told whether this operation is a repeat.
	RepeatUnknown ClockKind = 5
)
