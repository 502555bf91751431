package faulty

import (
	"math/rand/v2"
	"slices"
)

const sector = 512

// inode is one file's bytes.
type inode struct {
	data []byte // what reads see: the page cache
	disk []byte // what is on the platters
	// dirty are the ranges of data that are not written back, in the order in
	// which they were written. After a failed sync what is not dirty need not be on
	// the platters.
	dirty []span
	// emptied notes that the file begins anew at the next write back.
	emptied bool
	isDir   bool
}

// span is the bytes from..to-1.
type span struct{ from, to int }

// write puts bytes at an offset; a gap before it reads as zeros.
func (n *inode) write(p []byte, at int) {
	if len(p) == 0 {
		return
	}
	n.data = grown(n.data, at+len(p))
	copy(n.data[at:], p)
	n.dirty = append(n.dirty, span{at, at + len(p)})
}

// growth is by how much a write makes the file longer.
func (n *inode) growth(bytes, at int) int { return max(0, at+bytes-len(n.data)) }

// sync writes back what is dirty. A gap that a failed sync has left stays as it
// is on the platters: zero, or what was there before.
func (n *inode) sync() {
	n.dropEmptied()
	n.disk = grown(n.disk, len(n.data))
	for _, s := range n.dirty {
		n.writeBack(s)
	}
	n.dirty = nil
}

// loseUnsynced is a sync that failed: the pages count as clean now.
func (n *inode) loseUnsynced() {
	n.dropEmptied()
	n.dirty = nil
}

// dropEmptied takes what a file held before it was emptied off the platters.
func (n *inode) dropEmptied() {
	if n.emptied {
		n.disk, n.emptied = nil, false
	}
}

// writeBack puts a range on the platters.
func (n *inode) writeBack(s span) {
	n.dropEmptied()
	if s.to = min(s.to, len(n.data)); s.from < s.to {
		n.disk = grown(n.disk, s.to)
		copy(n.disk[s.from:s.to], n.data[s.from:s.to])
	}
}

// grown returns b with at least so many bytes.
func grown(b []byte, length int) []byte {
	if length <= len(b) {
		return b
	}
	return append(b, make([]byte, length-len(b))...)
}

// empty is what opening a file anew does; the old bytes stay on the platters
// until the next sync.
func (n *inode) empty() {
	n.data, n.dirty, n.emptied = nil, nil, true
}

// truncate is durable at once, as storage.FS says.
func (n *inode) truncate(size int) {
	n.data = n.data[:min(size, len(n.data))]
	n.sync()
	n.disk = n.disk[:len(n.data)]
}

// cut leaves what survives, on the platters and therefore in the cache.
func (n *inode) cut(mode Mode, r *rand.Rand) {
	switch mode {
	case KeepAll:
		return // the page cache lives
	case DropAll:
	case KeepSome:
		n.keepSome(r)
	case Torn:
		n.tear(r)
	}
	n.data = slices.Clone(n.disk)
	n.dirty, n.emptied = nil, false
}

// keepSome writes back some of the first writes, and a part of the next.
func (n *inode) keepSome(r *rand.Rand) {
	if len(n.dirty) == 0 {
		return
	}
	whole := r.IntN(len(n.dirty))
	for _, s := range n.dirty[:whole] {
		n.writeBack(s)
	}
	s := n.dirty[whole]
	n.writeBack(span{s.from, s.from + r.IntN(s.to-s.from+1)})
}

// tear writes back random sectors of what is dirty.
func (n *inode) tear(r *rand.Rand) {
	for _, s := range n.dirty {
		for from := s.from; from < s.to; {
			to := min(from-from%sector+sector, s.to)
			if r.IntN(2) == 0 {
				n.writeBack(span{from, to})
			}
			from = to
		}
	}
}

func (n *inode) clone() *inode {
	c := *n
	c.data, c.disk, c.dirty = slices.Clone(n.data), slices.Clone(n.disk), slices.Clone(n.dirty)
	return &c
}
