package paxos

import (
	"errors"
	"slices"
	"testing"

	"github.com/candordb/candor/hlc"
)

func voterIDs(count int) []VoterID {
	voters := make([]VoterID, count)
	for i := range voters {
		voters[i][15] = byte(i + 1)
	}
	return voters
}

func mustNew(t *testing.T, ballot hlc.Version, voters []VoterID, need int, value string) Proposer {
	t.Helper()
	p, err := New(ballot, voters, need, []byte(value))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestNewRefusesWhatIsNotSafe(t *testing.T) {
	three := voterIDs(3)
	for name, c := range map[string]struct {
		ballot hlc.Version
		voters []VoterID
		need   int
		ok     bool
	}{
		"majority":             {at(1), three, 2, true},
		"all":                  {at(1), three, 3, true},
		"one alone":            {at(1), three[:1], 1, true},
		"majority of four":     {at(1), voterIDs(4), 3, true},
		"64 voters":            {at(1), voterIDs(64), 33, true},
		"no ballot":            {hlc.Version{}, three, 2, false},
		"no voters":            {at(1), nil, 0, false},
		"65 voters":            {at(1), voterIDs(65), 33, false},
		"a minority":           {at(1), three, 1, false},
		"half of four":         {at(1), voterIDs(4), 2, false},
		"more than there are":  {at(1), three, 4, false},
		"a voter named twice":  {at(1), append(three[:2:2], three[0]), 2, false},
		"a negative number":    {at(1), three, -1, false},
		"nobody needs to vote": {at(1), three, 0, false},
	} {
		if _, err := New(c.ballot, c.voters, c.need, nil); (err == nil) != c.ok || err != nil && !errors.Is(err, ErrProposal) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOwnValueIsChosen(t *testing.T) {
	v := voterIDs(3)
	p := mustNew(t, at(5), v, 2, "own")
	promise := Promise{OK: true, Ballot: at(5), Seen: at(5)}
	if got := p.OnPromise(v[0], promise); got != Preparing {
		t.Fatal(got)
	}
	if got := p.OnPromise(v[0], promise); got != Preparing {
		t.Fatalf("a repeated promise counted twice: %v", got)
	}
	if got := p.OnPromise(VoterID{9}, promise); got != Preparing {
		t.Fatalf("a stranger counted: %v", got)
	}
	if got := p.OnPromise(v[1], Promise{OK: true, Ballot: at(4)}); got != Preparing {
		t.Fatalf("an answer to another ballot counted: %v", got)
	}
	if got := p.Waiting(); !slices.Equal(got, v[1:]) {
		t.Fatalf("waiting for %v", got)
	}
	early := p
	if got := early.OnAccepted(v[1], Reply{OK: true, Ballot: at(5)}); got != Preparing {
		t.Fatalf("an accept before any was sent counted: %v", got)
	}
	if got := p.OnPromise(v[2], promise); got != Accepting || string(p.Value()) != "own" || p.Adopted() {
		t.Fatalf("%v, value %q", got, p.Value())
	}
	if got := p.Waiting(); !slices.Equal(got, v) {
		t.Fatalf("waiting for %v", got)
	}
	accepted := Reply{OK: true, Ballot: at(5), Seen: at(5)}
	p.OnAccepted(v[1], accepted)
	if got := p.OnAccepted(v[1], accepted); got != Accepting {
		t.Fatalf("a repeated accept counted twice: %v", got)
	}
	if _, ok := p.Chosen(); ok {
		t.Fatal("chosen by one of three")
	}
	if got := p.OnAccepted(v[0], accepted); got != Chosen {
		t.Fatal(got)
	}
	if value, ok := p.Chosen(); !ok || string(value) != "own" || p.Waiting() != nil {
		t.Fatalf("chosen %q, %v", value, ok)
	}
	if got := p.OnRefused(v[2], at(9)); got != Chosen || p.Highest() != at(9) {
		t.Fatalf("%v, highest %v: a decision stands", got, p.Highest())
	}
}

func TestValueOfTheHighestAcceptedBallotIsTaken(t *testing.T) {
	v := voterIDs(5)
	for name, promises := range map[string][]Promise{
		"highest last":     {{Accepted: at(2), Value: []byte("two")}, {}, {Accepted: at(3), Value: []byte("three")}},
		"highest first":    {{Accepted: at(3), Value: []byte("three")}, {Accepted: at(2), Value: []byte("two")}, {}},
		"the only one":     {{}, {}, {Accepted: at(3), Value: []byte("three")}},
		"after the quorum": {{}, {Accepted: at(3), Value: []byte("three")}, {}, {Accepted: at(4), Value: []byte("four")}},
	} {
		t.Run(name, func(t *testing.T) {
			p := mustNew(t, at(5), v, 3, "own")
			for i, promise := range promises {
				promise.OK, promise.Ballot = true, at(5)
				p.OnPromise(v[i], promise)
			}
			if p.Phase() != Accepting || string(p.Value()) != "three" || !p.Adopted() {
				t.Errorf("%v, value %q", p.Phase(), p.Value())
			}
		})
	}
}

func TestRefusalsThatLeaveNoQuorumLose(t *testing.T) {
	v := voterIDs(3)
	p := mustNew(t, at(5), v, 2, "own")
	if got := p.OnPromise(v[0], Promise{Ballot: at(5), Seen: at(7)}); got != Preparing || p.Highest() != at(7) {
		t.Fatalf("%v, highest %v: two others can still decide", got, p.Highest())
	}
	if got := p.OnRefused(v[0], at(8)); got != Preparing {
		t.Fatalf("one voter's refusals counted twice: %v", got)
	}
	if got := p.Waiting(); !slices.Equal(got, v[1:]) {
		t.Fatalf("waiting for %v", got)
	}
	if got := p.OnRefused(v[1], at(6)); got != Lost || p.Highest() != at(8) || p.Waiting() != nil {
		t.Fatalf("%v, highest %v", got, p.Highest())
	}

	all := mustNew(t, at(5), v, 3, "own")
	if got := all.OnRefused(v[2], at(6)); got != Lost {
		t.Errorf("all are needed and one refused: %v", got)
	}
}

// An acceptor refuses a prepare at the ballot that it has accepted. When such a
// refusal comes late, it must not take away the voter's vote.
func TestRefusalAtTheOwnBallotIsAnEcho(t *testing.T) {
	v := voterIDs(3)
	p := mustNew(t, at(5), v, 3, "own")
	acceptors := make([]Acceptor, 3)
	for i := range acceptors {
		answer, _ := acceptors[i].Prepare(at(5))
		p.OnPromise(v[i], answer)
	}
	for i := range acceptors {
		answer, _ := acceptors[i].Accept(at(5), p.Value())
		echo, _ := acceptors[i].Prepare(at(5))
		if echo.OK {
			t.Fatal("prepare at the accepted ballot was promised")
		}
		p.OnPromise(v[i], echo)
		p.OnAccepted(v[i], answer)
	}
	if p.Phase() != Chosen {
		t.Error(p.Phase())
	}
}

// What a voter accepted before it saw a higher ballot stays accepted, even if the
// news of it comes after the refusal.
func TestLateAcceptsStillDecide(t *testing.T) {
	v := voterIDs(3)
	p := mustNew(t, at(5), v, 2, "own")
	p.OnPromise(v[0], Promise{OK: true, Ballot: at(5)})
	p.OnPromise(v[1], Promise{OK: true, Ballot: at(5)})
	p.OnRefused(v[0], at(6))
	if got := p.OnRefused(v[1], at(6)); got != Lost {
		t.Fatal(got)
	}
	p.OnAccepted(v[0], Reply{OK: true, Ballot: at(5)})
	if got := p.OnAccepted(v[1], Reply{OK: true, Ballot: at(5)}); got != Chosen {
		t.Error(got)
	}
}

func TestConflictIsNoVote(t *testing.T) {
	v := voterIDs(1)
	p := mustNew(t, at(5), v, 1, "own")
	p.OnPromise(v[0], Promise{OK: true, Ballot: at(5)})
	a := Acceptor{Promised: at(5), Accepted: at(5), Value: []byte("another")}
	answer, _ := a.Accept(at(5), p.Value())
	if got := p.OnAccepted(v[0], answer); got != Accepting || !answer.Conflict {
		t.Errorf("%v, %+v", got, answer)
	}
}

func TestNextBallotIsAboveAllAndNotInThePast(t *testing.T) {
	now := hlc.Make(1000, 3)
	for _, c := range []struct{ highest, want hlc.Version }{
		{hlc.Version{}, hlc.Version{Time: now, Writer: 7}},
		{hlc.Version{Time: now - 1, Writer: 9}, hlc.Version{Time: now, Writer: 7}},
		{hlc.Version{Time: now, Writer: 9}, hlc.Version{Time: now + 1, Writer: 7}},
		{hlc.Version{Time: now + 5, Writer: 1}, hlc.Version{Time: now + 6, Writer: 7}},
	} {
		got := NextBallot(c.highest, now, 7)
		if got != c.want || !c.highest.Less(got) {
			t.Errorf("above %v: %v, want %v", c.highest, got, c.want)
		}
	}
}
