package paxos

import (
	"fmt"
	"slices"
	"testing"

	"github.com/candordb/candor/hlc"
	"pgregory.net/rapid"
)

// The world below is Paxos over the worst network there is. A message once sent
// stays in it for ever: it may be delivered to its receiver at any time, any
// number of times, or never. So loss, delay, repetition and reordering need no
// steps of their own. Nor does a crash between a change and its sync: no answer
// was sent, so the change might as well not have happened. A crash of a proposer
// is its messages not being delivered; its next attempt is another proposer with
// another ballot and another value.

// kind of a message: requests go to a voter, answers to the proposer of the ballot.
type kind uint8

const (
	prepare kind = iota
	promise
	accept
	accepted
)

// message is comparable, so that a world can hold a set of them.
type message struct {
	kind     kind
	proposer uint8
	voter    uint8
	ok       bool
	seen     uint8 // ballots are small numbers here
	prior    uint8 // of promise: the accepted ballot
	value    uint8
}

// world is one state of the whole system. Proposer i has ballot i+1 and wants
// value i+1.
type world struct {
	acceptors []Acceptor
	proposers []Proposer
	sent      []message // a set, in the order of sending

	// terse drops refusals, and delivers each vote to its proposer at once. Neither
	// can hide a disagreement: a refusal makes nobody send or accept anything, and
	// a proposer that knows of a vote does nothing with it but count. It makes all
	// states few enough to visit.
	terse bool
}

// flaw makes the world break a rule, to see that the check notices.
type flaw uint8

const (
	sound flaw = iota
	forgetsPromise
	forgetsAccepted
	ignoresPromises
	insistsOnOwnValue
	needsTooFew
)

func newWorld(t failer, voters, proposers, need int, f flaw) *world {
	w := &world{acceptors: make([]Acceptor, voters)}
	for i := range proposers {
		p, err := New(at(int64(i+1)), voterIDs(voters), need, []byte{byte(i + 1)})
		if err != nil {
			t.Fatal(err)
		}
		if f == needsTooFew {
			p.need = voters / 2
		}
		w.proposers = append(w.proposers, p)
		for v := range voters {
			w.send(message{kind: prepare, proposer: uint8(i), voter: uint8(v)})
		}
	}
	return w
}

type failer interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

func (w *world) clone() *world {
	return &world{slices.Clone(w.acceptors), slices.Clone(w.proposers), slices.Clip(w.sent), w.terse}
}

func (w *world) send(m message) {
	answers := m.kind == promise || m.kind == accepted
	if w.terse && answers && !m.ok {
		return
	}
	if !slices.Contains(w.sent, m) {
		w.sent = append(w.sent, m)
	}
}

// small is a ballot as its number, 0 for none.
func small(v hlc.Version) uint8 { return uint8(v.Writer) }

// deliver hands one message to its receiver, and sends what comes of it.
func (w *world) deliver(m message, f flaw) {
	ballot := at(int64(m.proposer) + 1)
	from := voterIDs(len(w.acceptors))[m.voter]
	switch m.kind {
	case prepare:
		answer, _ := w.acceptors[m.voter].Prepare(ballot)
		reply := message{kind: promise, proposer: m.proposer, voter: m.voter, ok: answer.OK, seen: small(answer.Seen)}
		if !answer.Accepted.IsZero() {
			reply.prior, reply.value = small(answer.Accepted), answer.Value[0]
		}
		w.send(reply)
	case accept:
		a := &w.acceptors[m.voter]
		if f == ignoresPromises {
			a.Promised = a.Accepted
		}
		answer, _ := a.Accept(ballot, []byte{m.value})
		vote := message{kind: accepted, proposer: m.proposer, voter: m.voter, ok: answer.OK, seen: small(answer.Seen), value: m.value}
		w.send(vote)
		if w.terse {
			w.deliver(vote, f)
		}
	case promise:
		p := &w.proposers[m.proposer]
		before := p.Phase()
		answer := Promise{OK: m.ok, Ballot: ballot, Seen: ballotOrZero(int64(m.seen)), Accepted: ballotOrZero(int64(m.prior)), Value: []byte{m.value}}
		if p.OnPromise(from, answer) == Accepting && before == Preparing {
			w.sendAccepts(m.proposer, f)
		}
	case accepted:
		w.proposers[m.proposer].OnAccepted(from, Reply{OK: m.ok, Ballot: ballot, Seen: ballotOrZero(int64(m.seen))})
	}
}

func (w *world) sendAccepts(proposer uint8, f flaw) {
	value := w.proposers[proposer].Value()[0]
	if f == insistsOnOwnValue {
		value = proposer + 1
	}
	for v := range w.acceptors {
		w.send(message{kind: accept, proposer: proposer, voter: uint8(v), value: value})
	}
}

// crash restarts a voter. A sound one has synced all that it told others.
func (w *world) crash(voter int, f flaw) {
	a := &w.acceptors[voter]
	switch f {
	case forgetsPromise:
		a.Promised = a.Accepted
	case forgetsAccepted:
		a.Accepted, a.Value = hlc.Version{}, nil
	}
}

// disagreement looks for two chosen values. It does not ask the proposers: a value
// is chosen when need voters have accepted it under one ballot. What a proposer
// takes for chosen must be so, too.
func (w *world) disagreement(need int) string {
	votes := make([]uint8, len(w.proposers))
	values := make([]uint8, len(w.proposers))
	for _, m := range w.sent {
		if m.kind == accepted && m.ok {
			votes[m.proposer]++
			values[m.proposer] = m.value
		}
	}
	var chosen uint8
	for i, count := range votes {
		if int(count) < need {
			continue
		}
		if chosen != 0 && chosen != values[i] {
			return fmt.Sprintf("values %d and %d are both chosen", chosen, values[i])
		}
		chosen = values[i]
	}
	for i := range w.proposers {
		if value, ok := w.proposers[i].Chosen(); ok && value[0] != chosen {
			return fmt.Sprintf("proposer %d takes %d for chosen, the voters chose %d", i, value[0], chosen)
		}
	}
	return ""
}

// key identifies a state: what the acceptors and proposers know, and the set of
// messages whatever their order.
func (w *world) key() string {
	var k []byte
	for i := range w.acceptors {
		a := &w.acceptors[i]
		k = append(k, small(a.Promised), small(a.Accepted))
		k = append(k, a.Value...)
		k = append(k, 0xff)
	}
	for i := range w.proposers {
		p := &w.proposers[i]
		k = append(k, byte(p.phase), small(p.adopted), small(p.highest), byte(p.promised), byte(p.accepted), byte(p.refused))
		k = append(k, p.value...)
	}
	packed := make([]uint32, len(w.sent))
	for i, m := range w.sent {
		packed[i] = uint32(m.kind)<<20 | uint32(m.proposer)<<16 | uint32(m.voter)<<12 | uint32(m.seen)<<8 | uint32(m.prior)<<4 | uint32(m.value)
		if m.ok {
			packed[i] |= 1 << 31
		}
	}
	slices.Sort(packed)
	for _, m := range packed {
		k = append(k, byte(m>>24), byte(m>>16), byte(m>>8), byte(m))
	}
	return string(k)
}

// explore visits every state that can be reached from w. It returns how many there
// are, how many of them have a decision, and the first disagreement.
func explore(w *world, need int, f flaw) (states, decided int, bad string) {
	w.terse = true
	seen := map[string]struct{}{w.key(): {}}
	stack := []*world{w}
	for len(stack) > 0 {
		w := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		states++
		if bad := w.disagreement(need); bad != "" {
			return states, decided, bad
		}
		if slices.ContainsFunc(w.proposers, func(p Proposer) bool { return p.phase == Chosen }) {
			decided++
		}
		push := func(next *world) {
			key := next.key()
			if _, known := seen[key]; !known {
				seen[key] = struct{}{}
				stack = append(stack, next)
			}
		}
		for _, m := range w.sent {
			if m.kind == accepted {
				continue
			}
			next := w.clone()
			next.deliver(m, f)
			push(next)
		}
		if f == forgetsPromise || f == forgetsAccepted {
			for v := range w.acceptors {
				next := w.clone()
				next.crash(v, f)
				push(next)
			}
		}
	}
	return states, decided, ""
}

// "Only a single value is chosen" (Paxos Made Simple, section 2.1): in every
// interleaving of two proposers over three voters.
func TestOnlyOneValueIsChosen(t *testing.T) {
	for _, need := range []int{2, 3} {
		states, decided, bad := explore(newWorld(t, 3, 2, need, sound), need, sound)
		if bad != "" {
			t.Errorf("need %d: %s", need, bad)
		}
		if decided == 0 {
			t.Errorf("need %d: none of %d states has a decision, so nothing was tested", need, states)
		}
		t.Logf("need %d: %d states, %d with a decision", need, states, decided)
	}
}

// The check above is worth something only if it notices broken rules.
func TestBrokenRulesAreNoticed(t *testing.T) {
	for name, f := range map[string]flaw{
		"a voter that forgets its promise in a crash":        forgetsPromise,
		"a voter that forgets what it accepted in a crash":   forgetsAccepted,
		"a voter that accepts below its promise":             ignoresPromises,
		"a proposer that insists on its own value":           insistsOnOwnValue,
		"a proposer that takes half of the votes for enough": needsTooFew,
	} {
		t.Run(name, func(t *testing.T) {
			states, _, bad := explore(newWorld(t, 3, 2, 2, f), 2, f)
			if bad == "" {
				t.Errorf("not noticed in %d states", states)
			}
		})
	}
}

// The same with more voters and more ballots than can be enumerated, in random order.
func TestOnlyOneValueIsChosenAmongMany(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		voters := rapid.IntRange(1, 7).Draw(t, "voters")
		need := rapid.IntRange(voters/2+1, voters).Draw(t, "need")
		w := newWorld(t, voters, rapid.IntRange(2, 5).Draw(t, "proposers"), need, sound)
		for range rapid.IntRange(100, 500).Draw(t, "steps") {
			i := rapid.IntRange(0, len(w.sent)-1).Draw(t, "message")
			if rapid.Bool().Draw(t, "recent") { // small numbers are drawn more often
				i = len(w.sent) - 1 - i
			}
			w.deliver(w.sent[i], sound)
			if bad := w.disagreement(need); bad != "" {
				t.Fatal(bad)
			}
		}
	})
}

// A lone proposer that jumps above what it has seen always succeeds with a quorum.
func TestAJumpAboveTheHighestSucceeds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		voters := voterIDs(3)
		acceptors := make([]Acceptor, 3)
		for i := range acceptors {
			acceptors[i].Accept(ballotOrZero(rapid.Int64Range(0, 9).Draw(t, "accepted")), []byte("old"))
			acceptors[i].Prepare(ballotOrZero(rapid.Int64Range(0, 9).Draw(t, "promised")))
		}
		ballot := at(1)
		for attempt := 1; ; attempt++ {
			p, err := New(ballot, voters, 2, []byte("new"))
			if err != nil {
				t.Fatal(err)
			}
			for i := range acceptors {
				answer, _ := acceptors[i].Prepare(ballot)
				p.OnPromise(voters[i], answer)
			}
			if p.Phase() == Accepting {
				for i := range acceptors {
					answer, _ := acceptors[i].Accept(ballot, p.Value())
					p.OnAccepted(voters[i], answer)
				}
			}
			if p.Phase() == Chosen {
				return
			}
			if attempt == 4 {
				t.Fatalf("%v after %d attempts", p.Phase(), attempt)
			}
			ballot = NextBallot(p.Highest(), hlc.Make(1, 0), uint64(100+attempt))
		}
	})
}
