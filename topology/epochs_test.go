package topology

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// founded is a world in epoch 1, without faults from there on.
func foundedWorld(t *testing.T, seed uint64, n int) *world {
	w := newWorld(t, seed, n)
	w.deadly = 0
	for i := range w.nodes {
		w.start(i)
	}
	w.until("epoch 1", w.ready)
	return w
}

// until steps until ok.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	for range 40_000 {
		if ok() {
			return
		}
		w.step()
	}
	w.t.Fatalf("never: %s", what)
}

// pass lets some steps pass.
func (w *world) pass(steps int) {
	for range steps {
		w.step()
	}
}

// propose has a namespace of that name made by a node; the name is told with what
// has become of it.
func (w *world) propose(i int, name string) {
	var out Effects
	w.nodes[i].core.Propose(w.now, name, SetNamespace(NamespaceRow{Name: name}), &out)
	w.carry(i, &out)
}

// outcome is what was told of a proposal.
func (w *world) outcome(name string) (Outcome, bool) {
	for _, n := range w.nodes {
		for _, o := range n.outcomes {
			if o.To == name {
				return o, true
			}
		}
	}
	return Outcome{}, false
}

// settled says whether all nodes run and act in one epoch, and none wants another.
func (w *world) settled() bool {
	for _, n := range w.nodes {
		if n.core == nil || n.core.Metadata() == nil || n.core.Epoch() != w.nodes[0].core.Epoch() ||
			n.core.proposal != nil || !n.core.acceptor.Accepted.IsZero() {
			return false
		}
	}
	return true
}

// came is in which epoch each namespace came.
func (w *world) came() map[string]uint64 {
	w.t.Helper()
	came := map[string]uint64{}
	for _, epoch := range slices.Sorted(maps.Keys(w.chosen)) {
		m, err := Decode(w.chosen[epoch])
		if err != nil {
			w.t.Fatal(err)
		}
		for _, r := range m.Namespaces {
			if came[r.Name] == 0 {
				came[r.Name] = epoch
			}
		}
	}
	return came
}

// honest checks what proposers were told against what was chosen.
func (w *world) honest() error {
	came := w.came()
	for _, n := range w.nodes {
		for _, o := range n.outcomes {
			switch in := came[o.To.(string)]; {
			case o.Err == nil && o.Epoch != in:
				return fmt.Errorf("%v was told to be in epoch %d, and came in epoch %d", o.To, o.Epoch, in)
			case o.Err != nil && !errors.Is(o.Err, ErrUndecided) && in != 0:
				return fmt.Errorf("%v came in epoch %d, and was told: %w", o.To, in, o.Err)
			}
		}
	}
	return nil
}

// quarrel lets nodes propose, crash and return for a while, then heals all.
func (w *world) quarrel(seed uint64) {
	w.loss, w.deadly = float64(seed%4)*0.1, 0.02
	proposed := 0
	for range 1500 {
		w.step()
		i := w.rng.IntN(len(w.nodes))
		switch n := w.nodes[i]; {
		case n.core == nil && w.rng.Float64() < 0.1:
			w.start(i)
		case n.core != nil && w.rng.Float64() < 0.005:
			w.crash(i)
		case n.core != nil && w.rng.Float64() < 0.02:
			w.propose(i, fmt.Sprintf("ns%d", proposed))
			proposed++
		}
	}
	w.loss, w.deadly = 0, 0
}

// rest starts who is down until all agree.
func (w *world) rest() bool {
	for range 40_000 {
		for i := range w.nodes {
			if w.nodes[i].core == nil {
				w.start(i)
			}
		}
		if w.settled() {
			return true
		}
		w.step()
	}
	return false
}

// Rule 9: each epoch is decided once, whoever proposes, crashes and returns when;
// what proposers are told is true; and when the faults end all act in one epoch.
func TestOneValuePerEpochWhateverCrashes(t *testing.T) {
	highest := uint64(0)
	for seed := range uint64(40) {
		w := foundedWorld(t, seed, 1+int(seed%5))
		w.quarrel(seed)
		if !w.rest() {
			for _, n := range w.nodes {
				t.Logf("%s is in epoch %d, behind: %q", n.o.Self.Name, n.core.Epoch(), n.core.Behind())
			}
			t.Fatalf("seed %d: not all nodes act in one epoch after all faults ended", seed)
		}
		if w.conflict {
			t.Fatalf("seed %d: two values of one epoch", seed)
		}
		if err := w.honest(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for _, n := range w.nodes {
			if why := n.core.Behind() + n.core.Alarm(); why != "" {
				t.Fatalf("seed %d: %s says: %s", seed, n.o.Self.Name, why)
			}
		}
		highest = max(highest, w.nodes[0].core.Epoch())
	}
	if highest < 5 {
		t.Errorf("the highest epoch that was reached is %d", highest)
	}
}

// forgetful decides epoch 2 by the votes of the first two, of which the first alone
// learns it and falls silent; the second crashes and comes back. What the last one
// proposes then meets that vote, if it is remembered.
func forgetful(t *testing.T, losesVotes bool) *world {
	w := foundedWorld(t, 5, 3)
	w.pass(1500)
	w.losesVotes = losesVotes
	w.lose = func(m *message) bool {
		return m.to == 2 || m.from == 2 || m.request != nil && m.request.Op == wire.OpInstall
	}
	w.propose(0, "first")
	w.until("the first epoch 2", func() bool { return w.nodes[0].core.Epoch() == 2 })
	w.crash(0)
	w.crash(1)
	w.flying, w.lose = nil, nil
	w.start(1)
	w.propose(2, "second")
	w.until("the second is told", func() bool { _, ok := w.outcome("second"); return ok })
	return w
}

// A vote outlives a crash: what it was part of is found and carried on. Where it is
// forgotten, the checker shows two values of one epoch.
func TestOneValuePerEpochNeedsDurableVotes(t *testing.T) {
	w := forgetful(t, false)
	if o, _ := w.outcome("second"); w.conflict || !errors.Is(o.Err, ErrOutrun) {
		t.Errorf("conflict %v, and the second was told %v", w.conflict, o.Err)
	}
	if w = forgetful(t, true); !w.conflict || w.honest() == nil {
		t.Error("a forgotten vote was not noticed")
	}
}

// A minority of voters cannot change anything, and says so; with a majority it
// goes on.
func TestMinorityCannotDecide(t *testing.T) {
	w := foundedWorld(t, 2, 5)
	w.crash(1)
	w.crash(2)
	w.crash(3)
	w.propose(0, "ns")
	told := func() bool { _, ok := w.outcome("ns"); return ok }
	w.until("the proposer is told", told)
	o, _ := w.outcome("ns")
	if !errors.Is(o.Err, ErrNoMajority) || !strings.Contains(o.Err.Error(), "n2, n3, n4") {
		t.Errorf("%v", o.Err)
	}
	if w.nodes[0].core.Epoch() != 1 {
		t.Error("the epoch has changed")
	}
	w.start(1)
	w.propose(0, "again")
	w.until("a majority decides", func() bool { o, ok := w.outcome("again"); return ok && o.Err == nil && o.Epoch == 2 })
}

// A voter that lets no accept through leaves the proposer in doubt, and it says so.
func TestUndecidedIsSaid(t *testing.T) {
	w := foundedWorld(t, 2, 3)
	w.pass(2000) // all that is known is told
	w.lose = func(m *message) bool { return m.request != nil && m.request.Op == wire.OpAccept }
	w.propose(1, "ns")
	w.until("the proposer is told", func() bool { _, ok := w.outcome("ns"); return ok })
	if o, _ := w.outcome("ns"); !errors.Is(o.Err, ErrUndecided) {
		t.Errorf("%v", o.Err)
	}
	// It was voted for by the proposer itself, which brings it to an end.
	w.lose = nil
	w.until("it is decided after all", func() bool { return w.settled() && w.nodes[0].core.Epoch() == 2 })
	if w.came()["ns"] != 2 {
		t.Error("something else was chosen")
	}
}

// A node has one change decided at a time, and one that is no member none.
func TestOneChangeAtATime(t *testing.T) {
	w := foundedWorld(t, 3, 3)
	w.propose(0, "a")
	w.propose(0, "b")
	if o, ok := w.outcome("b"); !ok || !errors.Is(o.Err, ErrProposing) {
		t.Errorf("%v", o)
	}
	w.until("the first is decided", func() bool { o, ok := w.outcome("a"); return ok && o.Err == nil })
	alone, err := New(w.nodes[0].o, Saved{})
	if err != nil {
		t.Fatal(err)
	}
	var out Effects
	alone.Propose(0, "c", SetNamespace(NamespaceRow{Name: "c"}), &out)
	if len(out.Outcomes) != 1 || !errors.Is(out.Outcomes[0].Err, ErrNotMember) {
		t.Errorf("%v", out.Outcomes)
	}
}

// Of two that propose at once one is told that the other was first.
func TestTheOtherWasFirst(t *testing.T) {
	outrun := 0
	for seed := range uint64(15) {
		w := foundedWorld(t, seed, 3)
		w.pass(1500)
		w.propose(0, "a")
		w.propose(2, "b")
		w.until("both are told", func() bool { _, a := w.outcome("a"); _, b := w.outcome("b"); return a && b })
		a, _ := w.outcome("a")
		b, _ := w.outcome("b")
		if a.Err == nil && b.Err == nil || a.Err != nil && b.Err != nil {
			t.Fatalf("seed %d: %v and %v", seed, a, b)
		}
		if errors.Is(a.Err, ErrOutrun) || errors.Is(b.Err, ErrOutrun) {
			outrun++
		}
		if err := w.honest(); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
	if outrun < 15 {
		t.Errorf("%d of 15", outrun)
	}
}

// The proposer dies at each step, and never comes back: the others agree on one
// value, and the next change is not held up.
func TestProposerDiesAtEachStep(t *testing.T) {
	carried := 0
	for k := range 24 {
		step := 2 * k
		w := foundedWorld(t, 9, 3)
		w.pass(1500)
		w.propose(0, "first")
		w.pass(step)
		w.crash(0)
		w.propose(1, "second")
		w.until("the second is told", func() bool { _, ok := w.outcome("second"); return ok })
		others := w.nodes[1:]
		w.until("the others agree", func() bool { return others[0].core.Epoch() == others[1].core.Epoch() })
		if o, _ := w.outcome("second"); errors.Is(o.Err, ErrOutrun) {
			carried++ // the dead one's was found and carried on
			if w.came()["first"] != 2 {
				t.Errorf("step %d: outrun by nobody", step)
			}
		} else if o.Err != nil {
			t.Errorf("step %d: %v", step, o.Err)
		}
		if err := w.honest(); err != nil || w.conflict {
			t.Errorf("step %d: conflict %v, %v", step, w.conflict, err)
		}
	}
	if carried == 0 || carried == 24 {
		t.Errorf("carried on in %d of 24", carried)
	}
}

// Nothing is acted on before it is saved, and nothing older is taken.
func TestNewerEpochIsSavedAndOlderIsNotTaken(t *testing.T) {
	w := foundedWorld(t, 4, 3)
	w.propose(0, "a")
	w.until("epoch 2", func() bool { return w.settled() && w.nodes[0].core.Epoch() == 2 })
	late, err := New(w.nodes[1].o, Saved{Metadata: w.chosen[1]})
	if err != nil {
		t.Fatal(err)
	}
	var out Effects
	late.Answer(w.nodes[0].o.Self.ID, &wire.PeerAnswer{Head: wire.Head{Op: wire.OpMetadata, Epoch: 2}, Document: w.chosen[2]}, &out)
	if out.Installed == nil || out.Installed.Epoch != 2 || len(out.Saves) == 0 || !bytes.Equal(out.Saves[0].Value, w.chosen[2]) {
		t.Fatalf("%+v", out)
	}
	out = Effects{}
	late.Request(0, w.nodes[0].o.Self.ID, &wire.PeerRequest{PeerHead: wire.PeerHead{Op: wire.OpInstall, Epoch: 1}, Document: w.chosen[1]}, &out)
	if out.Installed != nil || late.Epoch() != 2 || out.Replies[0].Refused != "" {
		t.Errorf("%+v", out)
	}
	// Another document of the same epoch is an alarm.
	m, err := Decode(w.chosen[2])
	if err != nil {
		t.Fatal(err)
	}
	m.Namespaces[1].TTLMS = 77
	other, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	late.Request(0, w.nodes[0].o.Self.ID, &wire.PeerRequest{PeerHead: wire.PeerHead{Op: wire.OpInstall}, Document: other}, &out)
	if !strings.Contains(late.Alarm(), "two different epochs 2") {
		t.Errorf("alarm: %q", late.Alarm())
	}
}

// Whoever hears of a newer epoch fetches it at once: from who named it, then from
// the others in turn.
func TestWhoeverIsBehindFetches(t *testing.T) {
	w := foundedWorld(t, 4, 3)
	core, from := w.nodes[0].core, w.nodes[2].o.Self.ID
	var asked []ring.NodeID
	var out Effects
	core.Newer(w.now, 5, from, &out)
	core.Newer(w.now+10, 5, from, &out) // it was asked just now
	for i := range int64(20) {
		core.Tick(w.now+100*i, core.clock, w.rng.Uint64, &out)
	}
	for _, s := range out.Sends {
		if s.Op == wire.OpMetadata {
			asked = append(asked, s.To)
		}
	}
	if len(asked) < 5 || asked[0] != from || !slices.Contains(asked, w.nodes[1].o.Self.ID) {
		t.Errorf("asked %v", asked)
	}
	out = Effects{}
	core.Newer(w.now+60_000, 1, from, &out)
	if w.nodes[1].core.Newer(w.now, 1, from, &out); len(slices.DeleteFunc(out.Sends, func(s Send) bool { return s.Op != wire.OpMetadata })) > 1 {
		t.Error("its own epoch was fetched")
	}
}

// A node that an epoch does not name any more passes it on and stops, and does not
// start again.
func TestRemovedNodeStops(t *testing.T) {
	w := foundedWorld(t, 4, 4)
	m, err := Decode(w.chosen[1])
	if err != nil {
		t.Fatal(err)
	}
	gone := w.nodes[3]
	m.Epoch = 2
	m.Members = m.Members[:3]
	owners, err := ring.Claim(m.Partitions, m.Replicas, nil, []ring.Member{m.Members[0].member(), m.Members[1].member(), m.Members[2].member()})
	if err != nil {
		t.Fatal(err)
	}
	m.Owners = ring.AppendOwners(nil, owners)
	doc, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var out Effects
	gone.core.Request(0, w.nodes[0].o.Self.ID, &wire.PeerRequest{PeerHead: wire.PeerHead{Op: wire.OpInstall}, Document: doc}, &out)
	if out.Installed != nil || !strings.Contains(out.Removed, "does not name this node") || len(out.Saves) != 1 || len(out.Sends) < 3 {
		t.Errorf("%+v", out)
	}
	_, err = New(gone.o, Saved{Metadata: doc})
	if err == nil || !strings.Contains(err.Error(), "was removed") {
		t.Errorf("it starts again: %v", err)
	}
	// It is not asked any more, and its votes and epochs are not wanted.
	w.nodes[0].core.Request(0, w.nodes[1].o.Self.ID, &wire.PeerRequest{PeerHead: wire.PeerHead{Op: wire.OpInstall}, Document: doc}, &out)
	if v := w.nodes[0].core.vote(gone.o.Self.ID, &wire.PeerRequest{PeerHead: wire.PeerHead{Op: wire.OpPrepare}, Ballot: wire.Ballot{Register: registerOf(3)}}, &out); v.Agreed {
		t.Error("it got a vote")
	}
}

// Between neighbouring epochs every read quorum meets every write quorum: whatever
// changes are made, the owners stay, and a change of them is refused.
func TestQuorumsOfAdjacentEpochsMeet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 7).Draw(t, "nodes")
		o := &Options{ClusterName: "test", Replicas: rapid.IntRange(1, n).Draw(t, "replicas"), Partitions: 8, AgeLimitMS: 1, MaxDriftMS: 1}
		var members []MemberRow
		for i := range n {
			members = append(members, MemberRow{ID: bytes.Repeat([]byte{byte(i + 1)}, 16), Name: fmt.Sprint("n", i)})
		}
		m, err := first(o, members, [16]byte{1}, 7)
		if err != nil {
			t.Fatal(err)
		}
		c := &Core{o: *o}
		for range rapid.IntRange(1, 6).Draw(t, "epochs") {
			if c.doc, err = m.Encode(); err != nil {
				t.Fatal(err)
			}
			c.meta = m
			node := ring.NodeID(members[rapid.IntRange(0, n-1).Draw(t, "node")].ID)
			at := rapid.IntRange(0, len(m.Owners)-1).Draw(t, "owner")
			changes := []Change{
				SetNamespace(NamespaceRow{Name: rapid.SampledFrom([]string{"a", "b", "default"}).Draw(t, "name"), TTLMS: 5}),
				StartRebuild(node, 9, nil), EndRebuild(node, 9),
				func(m *Metadata) error { m.Owners[at] ^= 1; return nil },
				func(m *Metadata) error { m.Replicas++; return nil },
				func(m *Metadata) error { m.Members = m.Members[:n-1]; return nil },
			}
			doc, err := c.nextValue(changes[rapid.IntRange(0, len(changes)-1).Draw(t, "change")])
			if err != nil {
				continue // refused
			}
			next, err := Decode(doc)
			if err != nil {
				t.Fatal(err)
			}
			meet(t, m, next)
			m = next
		}
	})
}

// meet checks each pair of majorities of the owners of each partition.
func meet(t *rapid.T, a, b *Metadata) {
	va, err := a.View()
	if err != nil {
		t.Fatal(err)
	}
	vb, err := b.View()
	if err != nil {
		t.Fatal(err)
	}
	n := a.Replicas
	need := n/2 + 1
	for p := range a.Partitions {
		ra, rb := va.OwnersTable()[p*n:(p+1)*n], vb.OwnersTable()[p*n:(p+1)*n]
		for qa := range uint(1) << n {
			for qb := range uint(1) << n {
				if bits.OnesCount(qa) >= need && bits.OnesCount(qb) >= need && !common(chosenOf(ra, qa), chosenOf(rb, qb)) {
					t.Fatalf("partition %d: %b of %v does not meet %b of %v", p, qa, ra, qb, rb)
				}
			}
		}
	}
}

// chosenOf are the owners whose bits are set.
func chosenOf(owners []uint16, set uint) (some []uint16) {
	for i, o := range owners {
		if set&(1<<i) != 0 {
			some = append(some, o)
		}
	}
	return some
}

func common(a, b []uint16) bool {
	return slices.ContainsFunc(a, func(o uint16) bool { return slices.Contains(b, o) })
}
