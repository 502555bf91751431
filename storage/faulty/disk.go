package faulty

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/candordb/candor/storage"
)

// ErrPower is what everything returns that was opened before a cut.
var ErrPower = errors.New("faulty: the power is gone")

// Disk is a disk of one machine. It outlives cuts; what FS returns does not.
type Disk struct {
	mu      sync.Mutex // guards everything
	epoch   int        // counts cuts
	names   map[string]*inode
	durable map[string]*inode
	pending []rename // changes of names that are not durable yet, in order
	locks   map[string]*lock
	faults  []*armed
	ops     int
	size    int // bytes that it holds at most; 0: any number
}

// rename is a change of names: from loses its inode, to gets it; each may be
// empty. If it is a directory, what lies in it goes along.
type rename struct {
	from, to string
	inode    *inode
}

func (r rename) apply(names map[string]*inode) {
	if r.from != "" && r.to != "" && r.inode.isDir {
		for _, name := range slices.Sorted(maps.Keys(names)) {
			if rest, inside := strings.CutPrefix(name, r.from+"/"); inside {
				names[r.to+"/"+rest] = names[name]
				delete(names, name)
			}
		}
	}
	if r.from != "" {
		delete(names, r.from)
	}
	if r.to != "" {
		names[r.to] = r.inode
	}
}

// dir is the directory whose sync makes the change durable; files do not move
// between directories.
func (r rename) dir() string {
	if r.from != "" {
		return path.Dir(r.from)
	}
	return path.Dir(r.to)
}

// New returns an empty disk.
func New() *Disk {
	return &Disk{names: map[string]*inode{}, durable: map[string]*inode{}, locks: map[string]*lock{}}
}

// FS returns the disk as seen until the next cut.
func (d *Disk) FS() storage.FS {
	d.mu.Lock()
	defer d.mu.Unlock()
	return &mount{disk: d, epoch: d.epoch}
}

// Inject adds a fault. Faults are tried in the order in which they were added.
func (d *Disk) Inject(f Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = append(d.faults, &armed{Fault: f})
}

// Heal removes all faults.
func (d *Disk) Heal() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = nil
}

// Cut stops the machine now. Faults stay.
func (d *Disk) Cut(mode Mode, r *rand.Rand) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cutLocked(Cut{mode, r})
}

func (d *Disk) cutLocked(c Cut) {
	d.epoch++
	clear(d.locks)
	if c.Mode == KeepAll {
		return
	}
	keep := 0
	if c.Mode != DropAll {
		keep = c.Rand.IntN(len(d.pending) + 1)
	}
	for _, change := range d.pending[:keep] {
		change.apply(d.durable)
	}
	d.pending = nil
	d.dropOrphans()
	d.names = maps.Clone(d.durable)
	// In order, so that a seed repeats; a file with two names is cut once.
	done := map[*inode]bool{}
	for _, name := range slices.Sorted(maps.Keys(d.names)) {
		if n := d.names[name]; !done[n] {
			n.cut(c.Mode, c.Rand)
			done[n] = true
		}
	}
}

// dropOrphans removes what lies in directories that did not survive.
func (d *Disk) dropOrphans() {
	for _, name := range slices.Sorted(maps.Keys(d.durable)) { // parents first
		if dir := path.Dir(name); !isRoot(dir) && d.durable[dir] == nil {
			delete(d.durable, name)
		}
	}
}

func isRoot(dir string) bool { return dir == "." || dir == "/" }

// Clone returns a copy of the disk as it is, without faults, locks and open
// files.
func (d *Disk) Clone() *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := New()
	copies := map[*inode]*inode{}
	copyOf := func(n *inode) *inode {
		if n != nil && copies[n] == nil {
			copies[n] = n.clone()
		}
		return copies[n]
	}
	for name, n := range d.names {
		c.names[name] = copyOf(n)
	}
	for name, n := range d.durable {
		c.durable[name] = copyOf(n)
	}
	for _, change := range d.pending {
		change.inode = copyOf(change.inode)
		c.pending = append(c.pending, change)
	}
	return c
}

// Ops returns how many operations have changed the disk, or tried to.
func (d *Disk) Ops() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ops
}

// Resize makes the disk hold at most so many bytes; 0: any number. A write that
// does not fit fails with ENOSPC, in part written, as on a real disk.
func (d *Disk) Resize(bytes int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.size = bytes
}

// used is how many bytes all files have.
func (d *Disk) used() (bytes int) {
	seen := map[*inode]bool{}
	for _, n := range d.names { // the order does not matter
		if !seen[n] {
			seen[n] = true
			bytes += len(n.data)
		}
	}
	return bytes
}

// space is how many bytes more the disk takes, of n.
func (d *Disk) space(n int) int {
	if d.size == 0 {
		return n
	}
	return max(0, min(n, d.size-d.used()))
}

// Files returns the names of all files, sorted.
func (d *Disk) Files() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var files []string
	for name, n := range d.names {
		if !n.isDir {
			files = append(files, name)
		}
	}
	slices.Sort(files)
	return files
}

// Bytes returns a copy of a file's bytes as they would be read now.
func (d *Disk) Bytes(name string) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.names[path.Clean(name)]
	if n == nil {
		panic(fmt.Sprintf("faulty: no file %s", name))
	}
	return append([]byte(nil), n.data...)
}

// Edit replaces a file's bytes, durably and behind everybody's back: bit rot.
// The function may change what it is given.
func (d *Disk) Edit(name string, edit func([]byte) []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.names[path.Clean(name)]
	if n == nil {
		panic(fmt.Sprintf("faulty: no file %s", name))
	}
	n.data = edit(append([]byte(nil), n.data...))
	n.disk = append([]byte(nil), n.data...)
	n.dirty, n.emptied = nil, false
}

// Delete makes a file disappear, durably and behind everybody's back.
func (d *Disk) Delete(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.names, path.Clean(name))
	delete(d.durable, path.Clean(name))
}

// begin is called at the start of every operation. It waits, cuts or fails as
// the faults say; for a failing write it returns how much to write all the
// same. It returns with the mutex held, unless err is ErrPower.
func (d *Disk) begin(epoch int, op Op, name string) (short int, err error) {
	d.mu.Lock()
	if op&Change != 0 {
		d.ops++
	}
	var f *armed
	for _, a := range d.faults {
		if a.match(op, name) && f == nil {
			f = a
		}
	}
	if f != nil && f.Delay > 0 {
		d.mu.Unlock()
		<-time.After(f.Delay)
		d.mu.Lock()
	}
	if f != nil && f.Cut != nil && d.epoch == epoch {
		d.cutLocked(*f.Cut)
	}
	if d.epoch != epoch {
		d.mu.Unlock()
		return 0, ErrPower
	}
	if f == nil || f.Err == nil {
		return 0, nil
	}
	return f.Short, &fs.PathError{Op: "faulty", Path: name, Err: f.Err}
}
