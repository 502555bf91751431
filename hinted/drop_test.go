package hinted

import "testing"

// Rule 5: a hint that counted is kept until its target has it. While the hints of a
// target are being dropped none is taken that would count, and one that comes when
// all are gone is kept.
func TestWhatIsBeingDroppedIsNotAddedTo(t *testing.T) {
	b := newBench(t, Options{})
	b.fill(700)
	if !b.core.StandsIn(nodeID(1), 100) {
		t.Fatal("there is no room before")
	}
	if !b.core.Drop(b.now, nodeID(1)) {
		t.Fatal("nothing to drop")
	}
	if b.core.StandsIn(nodeID(1), 100) {
		t.Error("a write is to be acknowledged that is about to be erased")
	}
	if !b.core.StandsIn(nodeID(2), 100) {
		t.Error("what is kept for another target is not taken")
	}
	for i := 0; b.disk.count() > 0; i++ {
		if b.tick(); i > 100 {
			t.Fatalf("%d hints are left", b.disk.count())
		}
	}
	b.tick()
	if !b.core.StandsIn(nodeID(1), 100) {
		t.Fatal("nothing is taken though all is gone")
	}
	later := hintFor(1, start+10, 99, 7, "later", 0)
	later.Counted = true
	b.store(later)
	for range 5 {
		b.tick()
	}
	if b.disk.count() != 1 {
		t.Errorf("the hint of an acknowledged write is gone: %+v", b.stats(1))
	}
}
