package history

import "github.com/candordb/candor/hlc"

// Explain is an EXPLAIN that was sent.
type Explain struct {
	key  *Key
	some []hlc.Version // by a number of replicas: what so many cannot all be without
}

// BeginExplain opens an EXPLAIN that is about to be sent. One that was not answered
// has no End.
func (k *Key) BeginExplain() *Explain {
	k.mu.Lock()
	defer k.mu.Unlock()
	x := &Explain{key: k, some: make([]hlc.Version, k.book.replicas+1)}
	for n := 1; n < len(x.some); n++ {
		x.some[n] = k.floorLocked(n)
	}
	return x
}

// floorLocked is what so many replicas cannot all be without, by all that clients
// were told.
func (k *Key) floorLocked(need int) hlc.Version {
	return maxVersion(k.acked.floor(need, k.book.proof), k.shown.floor(need, k.book.proof))
}

// End judges what the natural replicas hold, while the run goes on: nothing that
// nobody wrote, and no less than clients were told before.
func (x *Explain) End(all []Replica) {
	k := x.key
	k.book.count.explains.Add(1)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lineLocked("explain -> %v", all)
	if len(all) > k.book.replicas {
		k.failLocked(Untrue, "EXPLAIN shows %d natural replicas of %d", len(all), k.book.replicas)
		return
	}
	known, best, each := 0, hlc.Version{}, x.some[1]
	for i := range all {
		r := &all[i]
		if !r.Known || !r.Sound {
			continue
		}
		known, best = known+1, maxVersion(best, r.Version)
		// One that has lost its disk holds less than it was said to.
		if k.book.proof == 1 && r.Version.Less(each) && !(r.Version.IsZero() && k.goneLocked(each)) {
			k.failLocked(Untrue, "%v, but every replica was said to hold %v before", r, each)
		}
		if !r.Version.IsZero() {
			k.heldLocked(r)
		}
	}
	if enough := known == k.book.replicas || k.book.proof == 1; enough && best.Less(x.some[known]) && !(best.IsZero() && k.goneLocked(x.some[known])) {
		k.failLocked(Untrue, "no replica of %v holds %v, which clients were told before", all, x.some[known])
	}
}
