package peertest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/candordb/candor/bench/peer"
	"github.com/candordb/candor/load"
)

// Calls sees that a Caller over an empty store puts, gets, and knows what is absent.
// Then it has refuse make the store refuse everything without effect, and sees that the
// Caller says so.
func Calls(t *testing.T, c peer.Caller, refuse func()) {
	t.Helper()
	key, value := []byte("key"), []byte("value")
	put := load.Op{Kind: load.Put, Key: key, Value: value}
	get := load.Op{Kind: load.Get, Key: key}
	if a := c.Call(t.Context(), &get); a.Outcome != peer.Absent {
		t.Errorf("nothing there: %+v", a)
	}
	if a := c.Call(t.Context(), &put); a.Outcome != peer.Done {
		t.Errorf("put: %+v", a)
	}
	if a := c.Call(t.Context(), &get); a.Outcome != peer.Done || string(a.Value) != "value" {
		t.Errorf("get: %+v", a)
	}
	refuse()
	for _, op := range []load.Op{put, get} {
		if a := c.Call(t.Context(), &op); a.Outcome != peer.Refused {
			t.Errorf("%v of a store that refuses: %+v", op.Kind, a)
		}
	}
}

// Outcomes sees that errors, bare or wrapped, mean what the table says, and besides
// that no error is Done and one that nobody knows is Failed.
func Outcomes(t *testing.T, outcomeOf func(error) peer.Outcome, table map[error]peer.Outcome) {
	t.Helper()
	if got := outcomeOf(nil); got != peer.Done {
		t.Errorf("no error: %v", got)
	}
	if got := outcomeOf(errors.New("something else")); got != peer.Failed {
		t.Errorf("an unknown error: %v", got)
	}
	for err, want := range table { // each by itself
		for _, err := range []error{err, fmt.Errorf("wrapped: %w", err)} {
			if got := outcomeOf(err); got != want {
				t.Errorf("%v: %v, want %v", err, got, want)
			}
		}
	}
}
