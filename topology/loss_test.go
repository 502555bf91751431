package topology

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/wire"
)

// oldFolders makes some nodes of a world come back with the folders that they had when
// epoch 1 was decided, after epochs that they voted for.
func oldFolders(t *testing.T, size int, which ...int) *world {
	w := foundedWorld(t, 6, size)
	w.pass(600)
	type folder struct {
		disk   map[string][]byte
		starts uint64
	}
	old := map[int]folder{}
	for _, i := range which {
		disk, starts := w.nodes[i].copyOf()
		old[i] = folder{disk, starts}
	}
	w.propose(0, "ns")
	w.until("epoch 2", func() bool { return w.settled() && w.nodes[0].core.Epoch() == 2 })
	w.pass(600)
	for _, i := range which {
		w.crash(i)
		w.nodes[i].disk, w.nodes[i].starts, w.nodes[i].acted = old[i].disk, old[i].starts, 0
	}
	for _, i := range which {
		w.start(i)
	}
	for _, i := range which {
		w.asked(i)
	}
	w.until("all are in epoch 2", func() bool {
		return !slices.ContainsFunc(w.nodes, func(n *testNode) bool { return n.core.Epoch() != 2 })
	})
	w.pass(600)
	w.acceptLoss(0, "at once", GivenUp{Node: w.id(1)}, GivenUp{Node: w.id(2)}, GivenUp{Node: w.id(which[len(which)-1])})
	if o := w.told("at once"); len(which) > size/2 && !errors.Is(o.Err, ErrTooSoon) {
		t.Errorf("what was sent before may be on its way: %v", o)
	}
	w.wait(12_000)
	return w
}

// wait lets so many milliseconds pass.
func (w *world) wait(ms int64) {
	w.t.Helper()
	until := w.now + ms
	w.until("time passes", func() bool { return w.now >= until })
}

// acceptLoss has a node of a world accept a loss.
func (w *world) acceptLoss(i int, to string, given ...GivenUp) {
	var out Effects
	w.nodes[i].core.AcceptLoss(w.now, 77, to, w.nodes[i].core.Epoch(), given, &out)
	w.carry(i, &out)
}

// told waits for what becomes of a proposal.
func (w *world) told(name string) Outcome {
	w.t.Helper()
	w.until("the proposer is told", func() bool { _, ok := w.outcome(name); return ok })
	o, _ := w.outcome(name)
	return o
}

func (w *world) id(i int) ring.NodeID { return w.nodes[i].o.Self.ID }

// Rule 8: where a majority of the voters has forgotten what they had voted for, no epoch
// is decided, until an operator gives up their votes by name: then by all that remember.
// That epoch names the others anew, so they vote again.
func TestAMajorityOfForgottenVotesIsAcceptedByName(t *testing.T) {
	w := oldFolders(t, 3, 1, 2)
	w.propose(0, "as ever")
	if o := w.told("as ever"); !errors.Is(o.Err, ErrNoMajority) {
		t.Fatalf("without them there is no majority: %v", o)
	} else if !strings.Contains(o.Err.Error(), "forgotten by n2, n3") || strings.Contains(o.Err.Error(), "no answer") {
		t.Errorf("they answer, and have forgotten: %v", o.Err)
	}
	core := w.nodes[0].core
	if lost := core.VotesLost(); !slices.Equal(lost, []ring.NodeID{w.id(1), w.id(2)}) {
		t.Fatalf("votes lost: %v", lost)
	}
	w.acceptLoss(0, "one of them", GivenUp{Node: w.id(1), Partitions: []uint16{1}})
	if o := w.told("one of them"); !errors.Is(o.Err, ErrChange) || !strings.Contains(o.Err.Error(), "n3 has forgotten") {
		t.Errorf("one of two was named: %v", o)
	}
	w.acceptLoss(1, "both", GivenUp{Node: w.id(1), Partitions: []uint16{1, 2}}, GivenUp{Node: w.id(2)}) // at one that is lost itself
	if o := w.told("both"); o.Err != nil || o.Epoch != 3 {
		t.Fatalf("%v", o)
	}
	w.until("all act on it, and vote", func() bool {
		return w.settled() && !slices.ContainsFunc(w.nodes, func(n *testNode) bool { return n.core.Epoch() != 3 || n.core.wants() != 0 })
	})
	m := core.Metadata()
	if len(m.Losses) != 2 || !slices.Equal(m.Losses[0].Partitions, []uint16{1, 2}) || m.Losses[0].Epoch != 3 || m.Losses[0].AtMS != 77 || !m.Losses[1].Votes ||
		m.Rebuild(w.id(2)) == nil {
		t.Errorf("%+v, rebuilds %+v", m.Losses, m.Rebuilds)
	}
	w.until("nobody's votes are lost", func() bool { return w.nodes[0].core.VotesLost() == nil })
	w.crash(0)
	w.propose(1, "without the first")
	if o := w.told("without the first"); o.Err != nil || w.conflict {
		t.Errorf("%v, conflict %v", o.Err, w.conflict)
	}
}

// What those that remember have voted for is found, and carried on.
func TestAnAcceptedLossFindsWhatIsRemembered(t *testing.T) {
	w := oldFolders(t, 5, 1, 2, 3)
	w.lose = func(m *message) bool { return m.to == 4 || m.from == 4 }
	var out Effects
	core := w.nodes[0].core
	value, err := core.nextValue(SetNamespace(NamespaceRow{Name: "voted-for"}))
	if err != nil {
		t.Fatal(err)
	}
	b := wire.Ballot{Register: registerOf(3), Value: value}
	b.Ballot.Time, b.Ballot.Writer = core.clock, 5
	if v := core.vote(w.id(4), &wire.PeerRequest{PeerHead: wire.PeerHead{Op: wire.OpAccept}, Ballot: b}, &out); !v.Agreed {
		t.Fatal("it did not vote")
	}
	w.carry(0, &out)
	w.lose = nil
	given := []GivenUp{{Node: w.id(1)}, {Node: w.id(2)}, {Node: w.id(3)}}
	w.acceptLoss(4, "first", given...)
	if o := w.told("first"); !errors.Is(o.Err, ErrOutrun) || w.came()["voted-for"] != 3 {
		t.Fatalf("%v, %v", o, w.came())
	}
	w.until("all act on it", func() bool { return w.settled() && w.nodes[1].core.Epoch() == 3 })
	w.pass(600)
	w.acceptLoss(4, "second", given...)
	if o := w.told("second"); o.Err != nil || o.Epoch != 4 || w.conflict {
		t.Errorf("%v, conflict %v", o, w.conflict)
	}
}

// Somebody who cannot be asked may be the only one who knows what forgotten votes have
// decided: without a word from all members it is refused, and says from whom.
func TestForgottenVotesAreNotGivenUpWhileAMemberIsSilent(t *testing.T) {
	w := oldFolders(t, 4, 1, 2)
	if m := w.nodes[0].core.Metadata(); len(m.Voters) != 3 {
		t.Fatalf("the last of four votes, too: %d", len(m.Voters))
	}
	w.crash(3)
	w.wait(12_000)
	w.acceptLoss(0, "loss", GivenUp{Node: w.id(1)}, GivenUp{Node: w.id(2)})
	if o := w.told("loss"); !errors.Is(o.Err, ErrSilent) || !strings.Contains(o.Err.Error(), "n4") {
		t.Errorf("%v", o)
	}
	w.start(3)
	w.pass(600)
	core := w.nodes[0].core
	i := slices.IndexFunc(core.said, func(s said) bool { return s.id == w.id(3) })
	core.said[i].deciding = true
	w.acceptLoss(0, "while one counts", GivenUp{Node: w.id(1)}, GivenUp{Node: w.id(2)})
	if o := w.told("while one counts"); !errors.Is(o.Err, ErrTooSoon) {
		t.Errorf("the votes of who has forgotten may still be counted: %v", o)
	}
	core.said[i].deciding = false
	w.acceptLoss(0, "loss of all", GivenUp{Node: w.id(1)}, GivenUp{Node: w.id(2)})
	if o := w.told("loss of all"); o.Err != nil {
		t.Errorf("all have said something: %v", o)
	}
	w = foundedWorld(t, 6, 3)
	for i, n := range w.nodes {
		var out Effects
		n.core.Distrust("its database is gone", w.rng.Uint64, &out)
		w.carry(i, &out)
	}
	w.pass(600)
	w.acceptLoss(0, "loss", GivenUp{Node: w.id(0)}, GivenUp{Node: w.id(1)}, GivenUp{Node: w.id(2)})
	if o := w.told("loss"); o.Err == nil || !strings.Contains(o.Err.Error(), "no voter remembers") {
		t.Errorf("nobody remembers: %v", o)
	}
}

// As long as a majority of the voters remembers, it decides on a loss as on anything.
func TestALossIsDecidedByAMajorityThatRemembers(t *testing.T) {
	w := oldFolders(t, 5, 1, 2)
	w.crash(4)
	w.wait(12_000)
	w.acceptLoss(0, "without one", GivenUp{Node: w.id(1), Partitions: []uint16{0}})
	if o := w.told("without one"); !errors.Is(o.Err, ErrSilent) || !strings.Contains(o.Err.Error(), "n5") {
		t.Errorf("with two of three: %v", o)
	}
	w.start(4)
	w.pass(600)
	w.acceptLoss(0, "again", GivenUp{Node: w.id(1), Partitions: []uint16{0}})
	if o := w.told("again"); o.Err != nil {
		t.Errorf("%v", o)
	}
}

// stepper makes one epoch after the other of a world by itself.
func stepper(t *testing.T, c *Core) func(Change) {
	return func(change Change) {
		t.Helper()
		doc, err := c.nextValue(change)
		if err != nil {
			t.Fatal(err)
		}
		if c.meta, err = Decode(doc); err != nil {
			t.Fatal(err)
		}
		c.doc = doc
	}
}

// A loss is open for one rebuild of its node: the first that begins after it. It stays on
// record.
func TestALossIsOpenForOneRebuild(t *testing.T) {
	w := foundedWorld(t, 6, 3)
	c := w.nodes[0].core
	a, b := w.id(1), w.id(2)
	step := stepper(t, c)
	row := func(i int) *LossRow { return &c.meta.Losses[i] }
	given := []GivenUp{{Node: a, Partitions: []uint16{1}}, {Node: b, Partitions: []uint16{1, 3}}}
	step(StartRebuild(a, 7, nil))
	step(acceptLoss(5, given, []uint64{0, 8}))
	if row(0).Generation != 0 || row(1).Generation != 0 || !row(0).Open() || !row(1).Open() {
		t.Errorf("accepted: %+v", c.meta.Losses)
	}
	step(StartRebuild(a, 7, nil))
	step(StartRebuild(b, 9, nil))
	if row(0).Generation != 7 || row(1).Generation != 9 || !row(0).Open() || !row(1).Open() {
		t.Errorf("begun: %+v", c.meta.Losses)
	}
	step(StartRebuild(b, 9, nil)) // more was lost meanwhile
	if row(1).Open() {
		t.Errorf("begun anew: %+v", row(1))
	}
	step(EndRebuild(a, 7))
	if row(0).Open() || row(0).Ended != c.meta.Epoch {
		t.Errorf("rebuilt: %+v", row(0))
	}
	step(StartRebuild(a, 7, nil))
	step(EndRebuild(a, 7))
	if row(0).Ended == c.meta.Epoch {
		t.Errorf("a record has changed: %+v", row(0))
	}
	for name, change := range map[string]Change{
		"it is forgotten":    func(m *Metadata) error { m.Losses = m.Losses[:1]; return nil },
		"it is another one":  func(m *Metadata) error { m.Losses[0].Partitions = []uint16{2}; return nil },
		"it is opened again": func(m *Metadata) error { m.Losses[0].Ended = 0; return nil },
		"of an earlier epoch": func(m *Metadata) error {
			m.Losses = append(m.Losses, LossRow{Node: a[:], Partitions: []uint16{1}, Epoch: 1})
			return nil
		},
		"of nobody":            acceptLoss(5, []GivenUp{{Node: ring.NodeID{9}, Partitions: []uint16{1}}}, []uint64{0}),
		"of no such partition": acceptLoss(5, []GivenUp{{Node: a, Partitions: []uint16{8}}}, []uint64{0}),
		"of one twice":         acceptLoss(5, []GivenUp{{Node: a, Partitions: []uint16{1, 1}}}, []uint64{0}),
		"of nothing":           acceptLoss(5, []GivenUp{{Node: a}}, []uint64{0}),
	} {
		if _, err := c.nextValue(change); !errors.Is(err, ErrChange) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Copies are given up while their rebuild goes on, some of them good again by then. Their
// nodes put them into quarantine, and begin anew under the generation that they have: what
// was given up stays given up through that, or each would wait for the other for ever.
func TestALossOutlivesTheRebuildThatItIsAcceptedIn(t *testing.T) {
	w := foundedWorld(t, 6, 3)
	c := w.nodes[0].core
	step := stepper(t, c)
	ids := []ring.NodeID{w.id(1), w.id(2)}
	given := []GivenUp{{Node: ids[0], Partitions: []uint16{1}}, {Node: ids[1], Partitions: []uint16{1}}}
	step(acceptLoss(5, given, []uint64{7, 8}))
	for i, id := range ids {
		step(StartRebuild(id, uint64(7+i), nil))
	}
	step(acceptLoss(6, given, []uint64{0, 0}))
	accepted := c.meta.Epoch
	for i, id := range ids {
		early := BehindLosses(id, accepted-1, StartRebuild(id, uint64(7+i), nil))
		if _, err := c.nextValue(early); !errors.Is(err, ErrChange) {
			t.Errorf("it begins before the copies that were given up are in quarantine: %v", err)
		}
		step(BehindLosses(id, accepted, StartRebuild(id, uint64(7+i), nil)))
	}
	for i, id := range ids {
		l := &c.meta.Losses[2+i]
		if !l.Open() || l.Generation != c.meta.Rebuild(id).Generation {
			t.Errorf("it counts no more for %s: %+v", c.meta.nameOf(id), l)
		}
	}
}

// A loss is planned by what is lost in one epoch. Another epoch may have given up the same
// copies, which are good again by now.
func TestALossIsOfTheEpochThatItWasPlannedIn(t *testing.T) {
	w := foundedWorld(t, 6, 3)
	var out Effects
	c := w.nodes[0].core
	c.AcceptLoss(w.now, 77, "late", c.Epoch()-1, []GivenUp{{Node: w.id(1), Partitions: []uint16{1}}}, &out)
	w.carry(0, &out)
	if o := w.told("late"); !errors.Is(o.Err, ErrOutrun) {
		t.Errorf("%v", o)
	}
}

// Metadata from before there were losses are read as such that have none.
func TestMetadataWithoutLossesAreRead(t *testing.T) {
	w := foundedWorld(t, 6, 3)
	now, err := Decode(w.chosen[1])
	if err != nil {
		t.Fatal(err)
	}
	older, err := wire.Marshal(&struct {
		Epoch        uint64         `msgpack:"epoch"`
		ClusterID    []byte         `msgpack:"cluster_id"`
		ClusterName  string         `msgpack:"cluster_name"`
		Seed         uint64         `msgpack:"seed"`
		Replicas     int            `msgpack:"replicas"`
		Partitions   int            `msgpack:"partitions"`
		Members      []MemberRow    `msgpack:"members"`
		Owners       []byte         `msgpack:"owners"`
		Voters       [][]byte       `msgpack:"voters"`
		Namespaces   []NamespaceRow `msgpack:"namespaces"`
		Rebuilds     []RebuildRow   `msgpack:"rebuilds"`
		AgeLimitMS   int64          `msgpack:"age_limit_ms"`
		MaxDriftMS   int64          `msgpack:"max_drift_ms"`
		FeatureLevel uint64         `msgpack:"feature_level"`
	}{
		now.Epoch, now.ClusterID, now.ClusterName, now.Seed, now.Replicas, now.Partitions, now.Members, now.Owners, now.Voters,
		now.Namespaces, now.Rebuilds, now.AgeLimitMS, now.MaxDriftMS, now.FeatureLevel,
	})
	if err != nil || bytes.Equal(older, w.chosen[1]) {
		t.Fatal("nothing is missing", err)
	}
	m, err := Decode(older)
	if err != nil || !cmp.Equal(m, now) {
		t.Errorf("%+v, %v", m, err)
	}
}
