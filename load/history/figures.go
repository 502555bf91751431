package history

import "sync/atomic"

// Figures are the counts of a book.
type Figures struct {
	Writes, Done, NoEffect, InDoubt uint64 // writes, and how they ended for their clients
	Committed, NotApplied           uint64 // of those in doubt, what OUTCOME said later
	Superseded                      uint64 // of those that were done
	Reads, ReadsFailed              uint64 // reads that were judged, and those that were refused
	Receipts, Explains, Finals      uint64 // what was judged
	Elements, Recovered             uint64 // elements that were attempted; those in doubt that are there in the end
	Bad                             [badWays]uint64
}

// Broken is how many promises were broken.
func (f *Figures) Broken() (n uint64) {
	for _, bad := range f.Bad {
		n += bad
	}
	return n
}

// counters are Figures while they grow.
type counters struct {
	writes, committed, notApplied, superseded, reads, readsFailed, receipts, explains, finals, elements, recovered atomic.Uint64
	ended                                                                                                          [Doubt + 1]atomic.Uint64 // writes, by what their clients were told
	bad                                                                                                            [badWays]atomic.Uint64
}

// Figures are the counts as they stand.
func (b *Book) Figures() Figures {
	c := &b.count
	f := Figures{
		Writes: c.writes.Load(), Done: c.ended[Done].Load(), NoEffect: c.ended[None].Load(), InDoubt: c.ended[Doubt].Load(),
		Committed: c.committed.Load(), NotApplied: c.notApplied.Load(), Superseded: c.superseded.Load(),
		Reads: c.reads.Load(), ReadsFailed: c.readsFailed.Load(), Receipts: c.receipts.Load(), Explains: c.explains.Load(), Finals: c.finals.Load(),
		Elements: c.elements.Load(), Recovered: c.recovered.Load(),
	}
	for i := range f.Bad {
		f.Bad[i] = c.bad[i].Load()
	}
	return f
}
