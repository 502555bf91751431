package paxos

import (
	"testing"

	"github.com/candordb/candor/hlc"
	"pgregory.net/rapid"
)

// at is a ballot of the n-th millisecond.
func at(n int64) hlc.Version { return hlc.Version{Time: hlc.Make(n, 0), Writer: uint64(n)} }

func TestPrepareIsRefusedBelowAPromiseAndAtWhatWasAccepted(t *testing.T) {
	for _, c := range []struct {
		name               string
		promised, accepted int64
		ballot             int64
		ok, changed        bool
	}{
		{"the first", 0, 0, 1, true, true},
		{"a higher one", 5, 0, 6, true, true},
		{"a lower one", 5, 0, 4, false, false},
		{"the same, repeated", 5, 0, 5, true, false},
		{"above what was accepted", 5, 5, 6, true, true},
		{"what was accepted, repeated", 5, 5, 5, false, false},
		{"between accepted and promised", 7, 5, 6, false, false},
		{"the promise above what was accepted, repeated", 7, 5, 7, true, false},
		{"no ballot", 0, 0, 0, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := Acceptor{Promised: ballotOrZero(c.promised), Accepted: ballotOrZero(c.accepted)}
			if c.accepted > 0 {
				a.Value = []byte("v")
			}
			answer, changed := a.Prepare(ballotOrZero(c.ballot))
			if answer.OK != c.ok || changed != c.changed || answer.Ballot != ballotOrZero(c.ballot) {
				t.Fatalf("answer %+v, changed %v", answer, changed)
			}
			if c.ok && (answer.Accepted != a.Accepted || string(answer.Value) != string(a.Value) || a.Promised != ballotOrZero(c.ballot)) {
				t.Errorf("answer %+v of %+v", answer, a)
			}
			if !c.ok && (answer.Seen != ballotOrZero(c.promised) || answer.Value != nil || !answer.Accepted.IsZero()) {
				t.Errorf("refusal %+v of %+v", answer, a)
			}
		})
	}
}

func ballotOrZero(n int64) hlc.Version {
	if n == 0 {
		return hlc.Version{}
	}
	return at(n)
}

func TestAcceptIsRefusedBelowAPromise(t *testing.T) {
	for _, c := range []struct {
		name                  string
		promised, accepted    int64
		ballot                int64
		value                 string
		ok, changed, conflict bool
	}{
		{"unprepared", 0, 0, 1, "new", true, true, false},
		{"as promised", 5, 0, 5, "new", true, true, false},
		{"above the promise", 5, 3, 6, "new", true, true, false},
		{"below the promise", 5, 3, 4, "new", false, false, false},
		{"at what was accepted, below the promise", 5, 3, 3, "old", false, false, false},
		{"repeated", 5, 5, 5, "old", true, false, false},
		{"the same ballot with another value", 5, 5, 5, "new", false, false, true},
		{"no ballot", 0, 0, 0, "new", false, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := Acceptor{Promised: ballotOrZero(c.promised), Accepted: ballotOrZero(c.accepted)}
			if c.accepted > 0 {
				a.Value = []byte("old")
			}
			before := a
			answer, changed := a.Accept(ballotOrZero(c.ballot), []byte(c.value))
			if answer.OK != c.ok || changed != c.changed || answer.Conflict != c.conflict || answer.Ballot != ballotOrZero(c.ballot) {
				t.Fatalf("answer %+v, changed %v", answer, changed)
			}
			if changed {
				before = Acceptor{Promised: ballotOrZero(c.ballot), Accepted: ballotOrZero(c.ballot), Value: []byte(c.value)}
			}
			if a.Promised != before.Promised || a.Accepted != before.Accepted || string(a.Value) != string(before.Value) {
				t.Errorf("state %+v, want %+v", a, before)
			}
			if answer.Seen != a.Promised {
				t.Errorf("seen %v, want %v", answer.Seen, a.Promised)
			}
		})
	}
}

func TestAcceptCopiesTheValue(t *testing.T) {
	var a Acceptor
	frame := []byte("value")
	a.Accept(at(1), frame)
	frame[0] = 'X'
	if string(a.Value) != "value" {
		t.Error("the acceptor kept the caller's bytes")
	}
}

// Accepted <= Promised, both only rise, changed tells the truth, and the state
// survives the disk.
func TestAcceptorOnlyRises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var a Acceptor
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			before := a
			ballot := ballotOrZero(rapid.Int64Range(0, 8).Draw(t, "ballot"))
			var changed bool
			if rapid.Bool().Draw(t, "accept") {
				_, changed = a.Accept(ballot, rapid.SliceOfN(rapid.Byte(), 0, 2).Draw(t, "value"))
			} else {
				_, changed = a.Prepare(ballot)
			}
			if a.Promised.Less(before.Promised) || a.Accepted.Less(before.Accepted) || a.Promised.Less(a.Accepted) {
				t.Fatalf("%+v after %+v", a, before)
			}
			differs := a.Promised != before.Promised || a.Accepted != before.Accepted || string(a.Value) != string(before.Value)
			if changed != differs {
				t.Fatalf("changed %v: %+v after %+v", changed, a, before)
			}
			stored, err := ParseState(AppendState(nil, &a))
			if err != nil || stored.Promised != a.Promised || stored.Accepted != a.Accepted || string(stored.Value) != string(a.Value) {
				t.Fatalf("%+v reads back as %+v, %v", a, stored, err)
			}
		}
	})
}
