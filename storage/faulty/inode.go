package faulty

import "math/rand/v2"

const sector = 512

// inode is one file's bytes.
type inode struct {
	data []byte // what reads see: the page cache
	disk []byte // what is on the platters
	// clean is how far data counts as written back. After a failed sync that
	// is not the same as being on the platters. Files only grow, so one number
	// does; emptied notes that the growth began anew.
	clean   int
	emptied bool
	isDir   bool
}

// sync writes back what is not clean. A gap that a failed sync has left stays
// zero.
func (n *inode) sync() {
	if n.emptied {
		n.disk, n.emptied = nil, false
	}
	for len(n.disk) < len(n.data) {
		n.disk = append(n.disk, make([]byte, len(n.data)-len(n.disk))...)
	}
	copy(n.disk[n.clean:], n.data[n.clean:])
	n.clean = len(n.data)
}

// loseUnsynced is a sync that failed: the pages count as clean now.
func (n *inode) loseUnsynced() {
	if n.emptied {
		n.disk, n.emptied = nil, false
	}
	n.clean = len(n.data)
}

// empty is what opening a file anew does; the old bytes stay on the platters
// until the next sync.
func (n *inode) empty() {
	n.data, n.clean, n.emptied = nil, 0, true
}

// truncate is durable at once, as storage.FS says.
func (n *inode) truncate(size int) {
	n.data = n.data[:min(size, len(n.data))]
	n.clean = min(n.clean, len(n.data))
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
		if unsynced := len(n.data) - n.clean; unsynced > 0 {
			keep := n.clean + r.IntN(unsynced+1)
			n.data = n.data[:keep]
			n.sync()
		}
	case Torn:
		n.tear(r)
	}
	n.data = append([]byte(nil), n.disk...)
	n.clean, n.emptied = len(n.data), false
}

// tear writes back random sectors of what is not clean.
func (n *inode) tear(r *rand.Rand) {
	for from := n.clean; from < len(n.data); {
		to := min(from-from%sector+sector, len(n.data))
		if r.IntN(2) == 0 {
			if n.emptied {
				n.disk, n.emptied = nil, false
			}
			for len(n.disk) < to {
				n.disk = append(n.disk, 0)
			}
			copy(n.disk[from:to], n.data[from:to])
		}
		from = to
	}
}

func (n *inode) clone() *inode {
	c := *n
	c.data = append([]byte(nil), n.data...)
	c.disk = append([]byte(nil), n.disk...)
	return &c
}
