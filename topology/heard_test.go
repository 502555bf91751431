package topology

import (
	"maps"
	"strings"
	"testing"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/wire"
)

// copyOf is a disk as it is now.
func (n *testNode) copyOf() (disk map[string][]byte, starts uint64) {
	return maps.Clone(n.disk), n.starts
}

// asked waits until node i has asked all what they heard of it.
func (w *world) asked(i int) {
	w.t.Helper()
	w.until("all were asked", func() bool { waits, silent := w.nodes[i].core.Asking(); return !waits && len(silent) == 0 })
}

// startAgain starts node i twice from the data folder that it has now: the second time it
// has forgotten what it did in the first, and the others have not.
func (w *world) startAgain(i int) {
	disk, starts := w.nodes[i].copyOf()
	w.crash(i)
	w.start(i)
	w.pass(600)
	w.crash(i)
	w.nodes[i].disk, w.nodes[i].starts = disk, starts
	w.start(i)
}

// A node that comes back with yesterday's data folder learns it from what it has
// told others itself, whatever of it is less: epoch, number of its starts, clock.
// One that comes back with its own has nothing to say, however often it starts.
func TestANodeThatIsBehindFindsOut(t *testing.T) {
	for _, tc := range []struct {
		name string
		make func(w *world)
		want string
	}{
		{"its own folder", func(w *world) { w.crash(1); w.pass(300); w.start(1) }, ""},
		{"its own folder, twice", func(w *world) { w.crash(1); w.start(1); w.pass(3); w.crash(1); w.start(1) }, ""},
		{"an epoch was missed, which is no reason", func(w *world) {
			w.crash(1)
			w.propose(0, "ns")
			w.until("epoch 2", func() bool { return w.nodes[0].core.Epoch() == 2 })
			w.start(1)
		}, ""},
		{"an older epoch", func(w *world) {
			disk, _ := w.nodes[1].copyOf()
			w.propose(0, "ns")
			w.until("epoch 2", func() bool { return w.settled() && w.nodes[0].core.Epoch() == 2 })
			w.pass(600)
			w.crash(1)
			w.nodes[1].disk, w.nodes[1].acted = disk, 0
			w.start(1)
		}, "epoch 1 (n"},
		{"fewer starts", func(w *world) { w.startAgain(1) }, "start number 2 ("},
		{"an older clock", func(w *world) {
			bound := w.nodes[1].bound
			w.pass(900)
			w.crash(1)
			w.nodes[1].bound, w.nodes[1].asking = bound, 0
			w.start(1)
		}, "a clock bound"},
		{"a clock of two seconds ago, whose bound was still ahead", func(w *world) {
			bound := w.nodes[1].bound
			w.until("the next one is told", func() bool {
				row := w.nodes[0].core.row(w.nodes[1].o.Self.ID)
				return row != nil && hlc.Timestamp(row.Now.Clock) > bound
			})
			if c := w.nodes[1].core.clock; c > bound {
				w.t.Errorf("the clock is %d ms above the bound already", c.Millis()-bound.Millis())
			}
			w.crash(1)
			w.nodes[1].bound, w.nodes[1].asking = bound, 0
			w.start(1)
		}, "a clock bound"},
		{"an older clock, and killed at once at each of two starts", func(w *world) {
			bound := w.nodes[1].bound
			w.pass(900)
			w.crash(1)
			w.nodes[1].bound, w.nodes[1].asking = bound, 0
			for range 2 {
				w.start(1)
				w.nodes[1].bound = hlc.NextBound(hlc.Make(1_700_000_000_000+w.now, 0), 0, 0) // saved first of all
				w.crash(1)
			}
			w.start(1)
		}, "a clock bound"},
		{"its own folder, and killed at once", func(w *world) {
			w.crash(1)
			for range 2 {
				w.start(1)
				w.nodes[1].bound = w.nodes[1].bound.Add(1000)
				w.pass(3)
				w.crash(1)
			}
			w.start(1)
		}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := foundedWorld(t, 6, 3)
			w.pass(600)
			tc.make(w)
			w.asked(1)
			got := w.nodes[1].core.Behind()
			if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
				t.Errorf("%q, want %q", got, tc.want)
			}
			if tc.want == "" {
				return
			}
			// It stays so behind a restart, when nobody could tell any more.
			w.pass(600)
			w.crash(1)
			w.start(1)
			w.asked(1)
			if again := w.nodes[1].core.Behind(); !strings.Contains(again, tc.want) {
				t.Errorf("behind a restart: %q, want %q", again, tc.want)
			}
		})
	}
}

// What the members have heard outlives their own restarts.
func TestWhatWasHeardIsSaved(t *testing.T) {
	w := foundedWorld(t, 6, 3)
	disk, starts := w.nodes[1].copyOf()
	w.crash(1)
	w.start(1)
	w.pass(900)
	for i := range w.nodes {
		w.crash(i)
	}
	w.nodes[1].disk, w.nodes[1].starts = disk, starts
	for i := range w.nodes {
		w.start(i)
	}
	w.asked(1)
	if got := w.nodes[1].core.Behind(); !strings.Contains(got, "start number") {
		t.Errorf("%q", got)
	}
}

// Who is not heard is waited for, for 10 s, and listed.
func TestWhoIsNotHeardIsListed(t *testing.T) {
	w := foundedWorld(t, 6, 3)
	w.pass(600)
	w.crash(1)
	w.crash(2)
	w.start(1)
	core, began := w.nodes[1].core, w.now
	w.until("the first is heard", func() bool { _, silent := core.Asking(); return len(silent) == 1 && silent[0] == "n3" })
	if waits, _ := core.Asking(); !waits {
		t.Error("it does not wait")
	}
	w.until("it waits no more", func() bool { waits, _ := core.Asking(); return !waits })
	if waited := w.now - began; waited < askingTime || waited > 2*askingTime {
		t.Errorf("it has waited for %d ms", waited)
	}
	if _, silent := core.Asking(); len(silent) != 1 || core.Behind() != "" {
		t.Errorf("silent %v, behind %q", silent, core.Behind())
	}
}

// A voter that has forgotten its votes votes no more, until an epoch that was
// decided without it names it anew; and it needs no rebuild any more when that ends.
func TestAForgetfulVoterWaitsForAnEpochThatNamesIt(t *testing.T) {
	w := foundedWorld(t, 6, 3)
	w.pass(600)
	w.startAgain(1)
	w.asked(1)
	w.until("it distrusts itself", func() bool { g, _ := w.nodes[1].core.Distrusted(); return g != 0 })
	votes := func() bool {
		var out Effects
		q := wire.PeerRequest{PeerHead: wire.PeerHead{Op: wire.OpPrepare}, Ballot: wire.Ballot{Register: registerOf(w.nodes[1].core.Epoch() + 1)}}
		q.Ballot.Ballot.Writer = 1
		return w.nodes[1].core.vote(w.nodes[0].o.Self.ID, &q, &out).Agreed
	}
	if votes() {
		t.Fatal("it votes")
	}
	// Any epoch is not enough.
	w.propose(0, "ns")
	w.until("epoch 2", func() bool { return w.settled() && w.nodes[0].core.Epoch() == 2 })
	if votes() {
		t.Fatal("it votes in an epoch that does not name it anew")
	}
	node := w.nodes[1].o.Self.ID
	generation, _ := w.nodes[1].core.Distrusted()
	change := func(what string, c Change) {
		var out Effects
		w.nodes[0].core.Propose(w.now, what, c, &out)
		w.carry(0, &out)
		w.until(what, func() bool { o, ok := w.outcome(what); return ok && o.Err == nil && w.settled() })
	}
	change("another generation", StartRebuild(node, generation+2, nil))
	if votes() {
		t.Fatal("it votes for a generation that is not its own")
	}
	change("its generation", StartRebuild(node, generation, nil))
	if g, _ := w.nodes[1].core.Distrusted(); g != generation {
		t.Error("the rebuild has not ended yet")
	}
	w.crash(1)
	w.start(1)
	w.asked(1)
	if !votes() {
		t.Error("it does not vote")
	}
	change("the end", EndRebuild(node, generation))
	if g, why := w.nodes[1].core.Distrusted(); g != 0 || w.nodes[1].core.Behind() != "" {
		t.Errorf("%d, %q", g, why)
	}
}

// A vote that cannot be read, or is of an epoch that the metadata do not lead to, is
// never cast again.
func TestAVoteThatCannotBeReadIsNotCast(t *testing.T) {
	w := foundedWorld(t, 6, 3)
	n := w.nodes[1]
	for name, register := range map[string][]byte{
		"damaged": []byte("no register"),
		"ahead":   appendRegister(nil, 7, &n.core.acceptor),
	} {
		saved, err := Load(func(name string) ([]byte, error) { return n.disk[name], nil })
		if err != nil {
			t.Fatal(err)
		}
		saved.Register = register
		core, err := New(n.o, saved)
		if err != nil {
			t.Fatal(err)
		}
		var out Effects
		core.asking = false
		v := core.vote(w.nodes[0].o.Self.ID, &wire.PeerRequest{PeerHead: wire.PeerHead{Op: wire.OpPrepare}, Ballot: wire.Ballot{Register: registerOf(2)}}, &out)
		if v.Agreed || core.Behind() == "" {
			t.Errorf("%s: vote %+v, behind %q", name, v, core.Behind())
		}
	}
}

// A node that has lost all that it had promised, and knows it, founds nothing, votes on
// nothing, and gets the metadata from the members, also where its list of addresses is
// empty; then it waits for an epoch that names it, as one that is behind does.
func TestANodeThatHasLostItsDatabaseVotesForNothing(t *testing.T) {
	for _, listed := range []bool{true, false} {
		w := foundedWorld(t, 6, 3)
		w.pass(600)
		w.crash(0)
		n := w.nodes[0] // the first-listed, which founds
		n.disk, n.starts, n.bound, n.asking = map[string][]byte{}, 0, 0, 0
		n.o.Forgotten = "it has lost its database"
		if !listed {
			n.o.Bootstrap = nil
		}
		w.start(0)
		var out Effects
		q := wire.PeerRequest{PeerHead: wire.PeerHead{Op: wire.OpPrepare}}
		q.Ballot.Ballot.Writer = 1
		if n.core.vote(w.nodes[1].o.Self.ID, &q, &out).Agreed || !strings.Contains(n.core.Waiting(), n.o.Forgotten) && listed {
			t.Errorf("it votes on epoch 1, or waits for %q", n.core.Waiting())
		}
		w.until("it has the metadata", func() bool { return n.core.Epoch() == 1 })
		w.until("it distrusts itself", func() bool { g, _ := n.core.Distrusted(); return g != 0 })
		generation, why := n.core.Distrusted()
		if n.core.mayVote(w.nodes[1].o.Self.ID) || !strings.Contains(why, n.o.Forgotten) {
			t.Errorf("it votes, or distrusts itself for %q", why)
		}
		w.nodes[1].core.Propose(w.now, "rebuild", StartRebuild(n.o.Self.ID, generation, nil), &out)
		w.carry(1, &out)
		w.until("it votes again", func() bool { return n.core.Epoch() == 2 && n.core.mayVote(w.nodes[1].o.Self.ID) })
		// It stays so behind a restart that still knows of the loss.
		w.crash(0)
		w.start(0)
		w.asked(0)
		if w.pass(600); !n.core.mayVote(w.nodes[1].o.Self.ID) {
			t.Error("behind a restart it does not")
		}
	}
}
