package faulty

import "math/rand/v2"

// These change what is on the platters, durably and behind everybody's back. No
// call fails because of them: that is what makes them worth a test.

// FlipBits flips so many bits of a file, at random places.
func (d *Disk) FlipBits(name string, n int, r *rand.Rand) {
	d.Edit(name, func(b []byte) []byte {
		for range n {
			b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		}
		return b
	})
}

// LoseBlock blanks n bytes from an offset on: a write that the disk has
// acknowledged and never done, in a place where nothing was before.
func (d *Disk) LoseBlock(name string, at, n int) {
	d.Edit(name, func(b []byte) []byte { clear(b[at:min(at+n, len(b))]); return b })
}

// MisdirectBlock copies n bytes of a file to another offset of it: a write that
// went to the wrong place.
func (d *Disk) MisdirectBlock(name string, from, to, n int) {
	d.Edit(name, func(b []byte) []byte { copy(b[to:min(to+n, len(b))], b[from:]); return b })
}

// StaleBlock puts n bytes of a file back as they were on an earlier Clone of the
// disk, under another name or the same: a write that never reached the place
// where an older file was.
func (d *Disk) StaleBlock(name string, at, n int, earlier *Disk, old string) {
	was := earlier.Bytes(old)
	d.Edit(name, func(b []byte) []byte {
		end := min(at+n, len(b), len(was))
		if at < end {
			copy(b[at:end], was[at:end])
		}
		return b
	})
}
