package repair

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/ring"
)

// accept tells all nodes of a world which copies of its only partition are given up, in
// the present epoch, for a rebuild that all of them are in.
func (w *world) accept(generation uint64, given ...int) {
	var losses []Loss
	for _, i := range given {
		losses = append(losses, Loss{nodeID(i), []uint16{0}, generation})
	}
	for _, n := range w.nodes {
		n.core.Accept(1, losses, generation)
	}
}

// twoLost is a world of three nodes that hold the same up to a watermark, of which the
// last two are in quarantine, and their rebuilds have begun.
func twoLost(t *testing.T) (*world, hlc.Timestamp) {
	w, _ := lost(t, Options{})
	mark := hlc.Make(wall+w.now-500, 0)
	for _, n := range w.nodes {
		n.marks[0] = Marks{Fence: mark, Purge: mark}
		n.core.Rebuild(1)
	}
	w.nodes[1].quarantine(0, true)
	w.nodes[2].quarantine(0, true)
	return w, mark
}

// only puts a record of that time at one node, and takes what the others have of the key.
func (w *world) only(n *node, key []byte, time hlc.Timestamp, r record.Record) []byte {
	at := w.placeOf(key)
	for _, o := range w.nodes {
		delete(o.stored, key32(at))
		o.dirty = true
		o.recount(0)
	}
	r.Version = hlc.Version{Time: time, Writer: 1}
	rec := record.Append(nil, 1, key, r)
	n.put(at, rec)
	n.recount(0)
	return rec
}

// Rule 8: with more copies lost than a quorum can make up for nothing is guessed: they
// wait, for ever. Once an operator has given them up by name all are rebuilt from every
// intact copy that is left, with what is intact of their own above the watermark; what
// lies below it and was deleted stays so.
func TestCopiesThatWereGivenUpAreRebuiltFromWhatIsLeft(t *testing.T) {
	w, mark := twoLost(t)
	kept := w.only(w.nodes[1], w.keys[0], mark.Add(5), recordOf("acknowledged by the two that are lost"))
	w.only(w.nodes[2], w.keys[1], mark.Add(-5), recordOf("deleted since, and purged by the first"))
	left := w.only(w.nodes[0], w.keys[2], mark.Add(7), recordOf("at the first alone"))
	w.run(10_000, nil)
	for _, n := range w.nodes[1:] {
		if all := n.core.Rebuilding(); len(all) != 1 || all[0].Why.Why != Quarantined {
			t.Fatalf("before anybody has accepted it: %+v", all)
		}
	}
	w.accept(7, 1, 2)
	w.until(30_000, "both are rebuilt", func() bool {
		return w.nodes[1].core.Rebuilding() == nil && w.nodes[2].core.Rebuilding() == nil
	})
	now := hlc.Make(wall+w.now, 0)
	w.until(30_000, "all agree", func() bool { return w.proved(now) })
	for _, n := range w.nodes {
		if w.holds(n, w.keys[1]) != nil {
			t.Errorf("node %d: a deleted key is back, and a copy was left that knew", n.i)
		}
		if got := w.holds(n, w.keys[0]); string(got) != string(kept) {
			t.Errorf("node %d: what a given up copy had intact above the watermark is %x", n.i, got)
		}
		if got := w.holds(n, w.keys[2]); string(got) != string(left) {
			t.Errorf("node %d: what the copy that is left had is %x", n.i, got)
		}
	}
}

// A rebuild waits only while nothing of it moves: what a partition has failed at last is
// tried again in its turn, and an epoch that gives up what was waited for makes it forgotten.
func TestARebuildThatMovesDoesNotWait(t *testing.T) {
	blamed := Rebuilt{Partition: 1, Why: Blame{nodeID(1), Quarantined}}
	for name, c := range map[string]struct {
		rows  []Rebuilt
		waits bool
	}{
		"nothing":               {nil, false},
		"one has failed":        {[]Rebuilt{{}, blamed}, true},
		"all are asking":        {[]Rebuilt{{Stage: AsksSources}, blamed}, true},
		"one moves":             {[]Rebuilt{blamed, {Stage: Counts}}, false},
		"an epoch came between": {[]Rebuilt{{Why: Blame{nodeID(0), OtherEpoch}}}, false},
		"no epoch yet":          {[]Rebuilt{{Why: Blame{nodeID(0), NoEpoch}}}, false},
	} {
		if r, waits := Waiting(c.rows); waits != c.waits || waits && r != blamed {
			t.Errorf("%s: %v, %+v", name, waits, r)
		}
	}
	w, _ := twoLost(t)
	w.run(5000, nil)
	n := w.nodes[1].core
	if _, waits := Waiting(n.Rebuilding()); !waits {
		t.Fatal("it does not wait")
	}
	n.Accept(1, []Loss{{nodeID(1), []uint16{0}, 7}, {nodeID(2), []uint16{0}, 7}}, 7)
	if r, waits := Waiting(n.Rebuilding()); waits {
		t.Errorf("it still waits: %+v", r)
	}
}

// Every intact copy that is left has to be there, not just some of them.
func TestNoIntactCopyIsLeftOut(t *testing.T) {
	w := newWorld(t, 3, 5, 5, 1, 20, Options{})
	w.wipes = true
	for _, n := range w.nodes {
		n.core.Rebuild(1)
	}
	for _, i := range []int{2, 3, 4} {
		w.nodes[i].quarantine(0, true)
	}
	w.accept(7, 2, 3, 4)
	w.nodes[1].crash()
	w.run(10_000, nil)
	for _, i := range []int{2, 3, 4} {
		if all := w.nodes[i].core.Rebuilding(); len(all) != 1 || all[0].Why != (Blame{nodeID(1), Unreachable}) {
			t.Fatalf("node %d with one of two intact copies: %+v", i, all)
		}
	}
	w.nodes[1].start(Options{})
	w.accept(7, 2, 3, 4)
	w.until(30_000, "all are rebuilt", func() bool {
		return !slices.ContainsFunc(w.nodes, func(n *node) bool { return n.core.Rebuilding() != nil })
	})
}

// What was given up counts for one rebuild of its node, in the epoch that says so, and for
// the partitions that it names: a copy that is lost once more is one that nobody has
// accepted.
func TestALossIsAcceptedForOneRebuildOnly(t *testing.T) {
	for name, accept := range map[string]func(w *world){
		"nothing is accepted":         func(*world) {},
		"only the loss of the others": func(w *world) { w.accept(7, 1) },
		"of another rebuild": func(w *world) {
			for _, n := range w.nodes[1:] {
				n.core.Accept(1, []Loss{{nodeID(1), []uint16{0}, 7}, {nodeID(2), []uint16{0}, 7}}, 8)
			}
		},
		"of a rebuild that has not begun": func(w *world) { w.accept(0, 1, 2) },
		"of another partition": func(w *world) {
			w.nodes[2].core.Accept(1, []Loss{{nodeID(1), []uint16{0}, 7}, {nodeID(2), []uint16{1}, 7}}, 7)
		},
		"of an epoch that is not in force any more": func(w *world) {
			w.nodes[2].core.Accept(2, []Loss{{nodeID(1), []uint16{0}, 7}, {nodeID(2), []uint16{0}, 7}}, 7)
		},
		"of the own copy, and the others are wanted": func(w *world) { w.accept(7, 2) },
	} {
		w, _ := twoLost(t)
		accept(w)
		w.run(10_000, nil)
		if all := w.nodes[2].core.Rebuilding(); len(all) != 1 || all[0].Why.Node != nodeID(1) {
			t.Errorf("%s: %+v", name, all)
		}
	}
}

// Where no copy is left nobody knows what was deleted: all that is intact is kept and
// merged, and the highest marks of all are taken, so that all agree in the end.
func TestWhereNoCopyIsLeftAllThatIsIntactIsMerged(t *testing.T) {
	w, mark := twoLost(t)
	w.nodes[0].quarantine(0, true)
	w.nodes[0].marks[0] = Marks{Fence: mark.Add(-100), Purge: mark.Add(-100), Quarantined: true}
	low := w.only(w.nodes[0], w.keys[0], mark.Add(-5), recordOf("purged by the others, perhaps"))
	high := w.only(w.nodes[2], w.keys[1], mark.Add(5), recordOf("only here"))
	rotten := key32(w.placeOf(w.keys[2]))
	w.nodes[1].stored[rotten] = &stored{w.nodes[1].stored[rotten].rec, true}
	w.run(5000, nil)
	w.accept(7, 0, 1, 2)
	w.until(30_000, "all are rebuilt", func() bool {
		return !slices.ContainsFunc(w.nodes, func(n *node) bool { return n.core.Rebuilding() != nil })
	})
	for _, n := range w.nodes {
		if m := n.marks[0]; m.Fence < mark {
			t.Errorf("node %d has agreed to %v, another one to %v", n.i, m.Fence, mark)
		}
	}
	now := hlc.Make(wall+w.now, 0)
	w.until(60_000, "all agree", func() bool { return w.proved(now) })
	for _, n := range w.nodes {
		if string(w.holds(n, w.keys[0])) != string(low) || string(w.holds(n, w.keys[1])) != string(high) || w.holds(n, w.keys[2]) == nil || n.rotten(w.placeOf(w.keys[2])) {
			t.Errorf("node %d lacks something that was intact somewhere", n.i)
		}
	}
}

// A single replica has nobody to ask; what is intact of it is what there is.
func TestTheOnlyReplicaIsGivenUp(t *testing.T) {
	w := newWorld(t, 1, 1, 1, 1, 5, Options{})
	w.wipes = true
	n := w.nodes[0]
	n.put(w.placeOf(w.keys[0]), w.encode(w.placeOf(w.keys[0]), recordOf("v")))
	n.quarantine(0, true)
	n.core.Rebuild(1)
	w.run(5000, nil)
	if all := n.core.Rebuilding(); len(all) != 1 || all[0].Why.Why != NoCopies {
		t.Fatalf("%+v", all)
	}
	w.accept(7, 0)
	w.until(10_000, "it serves", func() bool { return n.core.Rebuilding() == nil && w.holds(n, w.keys[0]) != nil })
}

// What may be given up is what is lost, all of it has to be named, and nothing that
// comes back by itself.
func TestWhatHasToBeGivenUp(t *testing.T) {
	const q = 4
	var members []ring.Member
	for i := range 4 {
		members = append(members, ring.Member{ID: nodeID(i), Name: string(rune('a' + i)), State: ring.Normal})
	}
	// Partitions 0 to 3 are of a b c, b c d, c d a, d a b.
	view := mustView(t, 1, q, 3, members, []uint16{0, 1, 2, 1, 2, 3, 2, 3, 0, 3, 0, 1})
	all := []int{0, 1, 2, 3}
	for name, c := range map[string]struct {
		quarantined map[int][]int
		away        []int
		goesOn      []int
		named       []int
		votes       []int
		rows        [][]uint16
		bare        int
		err         string
	}{
		"two whole copies":              {quarantined: map[int][]int{0: all, 1: all}, named: []int{0, 1}, rows: [][]uint16{{0, 3}, {0, 3}}},
		"only one of them is named":     {quarantined: map[int][]int{0: all, 1: all}, named: []int{0}, err: "b (2 of these partitions)"},
		"one is lost, another one away": {quarantined: map[int][]int{0: all}, away: []int{1}, named: []int{1, 0}, rows: [][]uint16{{0, 3}, {0, 3}}},
		"the third is well":             {quarantined: map[int][]int{0: all, 1: all}, named: []int{0, 1, 2}, err: "c is neither in quarantine nor away"},
		"one alone has enough others":   {quarantined: map[int][]int{0: all}, named: []int{0}, err: "nothing of a has to be given up"},
		"two that share nothing":        {quarantined: map[int][]int{0: {0}, 3: {1}}, named: []int{0, 3}, err: "nothing of a has to be given up"},
		"all that are away, no rebuild": {away: []int{0, 1}, named: []int{0, 1}, err: "nothing of a has to be given up"},
		"no copy is left":               {quarantined: map[int][]int{0: all, 1: all, 2: {0, 1, 2}}, named: []int{0, 1, 2}, rows: [][]uint16{{0, 2, 3}, {0, 1, 3}, {0, 1, 2}}, bare: 1},
		"votes alone":                   {named: []int{0}, votes: []int{0}, rows: [][]uint16{nil}},
		"while one is rebuilt since":    {quarantined: map[int][]int{0: all, 1: {3}}, goesOn: []int{1}, named: []int{0, 1}, err: "of b was accepted, and the rebuild since goes on: 3 of 4 partitions are done"},
		"it goes on elsewhere":          {quarantined: map[int][]int{0: all, 1: all, 2: {2}}, goesOn: []int{2}, named: []int{0, 1}, err: "c (1 of these partitions)"},
		"nobody":                        {quarantined: map[int][]int{0: all, 1: all}, err: "a (2 of these partitions), b (2 of these partitions)"},
	} {
		copies := make([]Copies, 4)
		for i := range copies {
			copies[i] = Copies{ID: nodeID(i), Name: members[i].Name, Reachable: !slices.Contains(c.away, i), Known: true, Quarantined: c.quarantined[i], GoesOn: slices.Contains(c.goesOn, i), Rebuilt: 3, Of: 4}
		}
		var named, votes []ring.NodeID
		for _, i := range c.named {
			named = append(named, nodeID(i))
		}
		for _, i := range c.votes {
			votes = append(votes, nodeID(i))
		}
		plan, err := PlanLoss(view, copies, named, votes)
		switch {
		case c.err != "":
			if !errors.Is(err, ErrNotLost) || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v", name, err)
			}
		case err != nil || !slices.EqualFunc(plan.Rows, c.rows, slices.Equal[[]uint16]) || plan.Bare != c.bare:
			t.Errorf("%s: %+v, %v", name, plan, err)
		}
	}
	silent := []Copies{{ID: nodeID(0), Name: "a", Reachable: true}, {ID: nodeID(1)}, {ID: nodeID(2)}, {ID: nodeID(3)}}
	if _, err := PlanLoss(view, silent, nil, nil); err == nil || !strings.Contains(err.Error(), "a has not said yet") {
		t.Errorf("of a node that has not said anything: %v", err)
	}
}
