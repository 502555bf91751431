package router

import (
	"testing"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

// Contract, section 3: not applied means that the write never shows from then on,
// though its client goes on trying through every node.
func TestWriteThatWasNotAppliedStaysSo(t *testing.T) {
	c := newCluster(t, 4)
	k := c.client(3)
	v := c.version(0)
	a := k.do(wire.Request{Op: wire.OpOutcome, Key: []byte("k"), Version: v})
	if a.Code != contract.OK || a.Outcome.Fate != contract.NotApplied || a.Outcome.Receipt.Acked != 3 {
		t.Fatalf("%v %+v", a.Code, a.Outcome)
	}
	write := wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte("v"), Version: v, HasVersion: true}
	for i := range c.nodes {
		for _, level := range []contract.Level{contract.One, contract.Quorum, contract.All} {
			write.Level = level
			if a := c.client(i).do(write); a.Code != contract.Clock || a.Error.Kind != contract.StampGivenUp {
				t.Errorf("through node %d at %v: %v kind %d", i, level, a.Code, a.Error.Kind)
			}
		}
		if c.nodes[i].holds("k") != "nothing" {
			t.Errorf("node %d holds it", i)
		}
	}
	// Another version of the key is another write.
	write.Version.Writer++
	if a := k.do(write); a.Code != contract.OK {
		t.Errorf("another writer: %v", a.Code)
	}
	if a := k.do(wire.Request{Op: wire.OpOutcome, Key: []byte("k"), Version: v}); a.Outcome.Fate != contract.FateSuperseded {
		t.Errorf("asked again: %+v", a.Outcome)
	}
}

// Rule 4: what a replica holds erases the notes of the others when it is written
// back; then the repeated write is the same write again.
func TestVoidsOfSomeDoNotUndoAWrite(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	v := c.version(0)
	c.nodes[1].committing = false // it is slow to note
	k.open(wire.Request{Op: wire.OpOutcome, Key: []byte("k"), Version: v, DeadlineMS: 100})
	c.pump()
	c.nodes[1].queue = nil
	c.pass(100)
	if a := k.one(); a.Code != contract.OK || a.Outcome.Fate != contract.Pending {
		t.Fatalf("%v %+v", a.Code, a.Outcome)
	}
	c.nodes[1].committing = true
	write := wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte("v"), Version: v, HasVersion: true}
	if a := k.do(write); a.Code != contract.InDoubt || a.Error.Receipt.Acked != 1 {
		t.Errorf("one takes it, two refuse: %v %+v", a.Code, a.Error.Receipt)
	}
	if a := k.do(wire.Request{Op: wire.OpOutcome, Key: []byte("k"), Version: v}); a.Outcome.Fate != contract.Committed {
		t.Errorf("%v %+v", a.Code, a.Outcome)
	}
	for i, n := range c.nodes {
		if n.holds("k") != "v" || len(n.store.voids) != 0 {
			t.Errorf("node %d holds %s and %d notes", i, n.holds("k"), len(n.store.voids))
		}
	}
	write.Level = contract.All
	if a := k.do(write); a.Code != contract.OK || a.Write.Receipt.Acked != 3 {
		t.Errorf("repeated: %v %+v", a.Code, a.Write.Receipt)
	}
}
