package faulty

import (
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/candordb/candor/storage"
)

// mount is a disk between two cuts; it implements storage.FS.
type mount struct {
	disk  *Disk
	epoch int
}

// do runs fn under the disk's mutex, unless a fault says otherwise.
func (m *mount) do(op Op, name string, fn func(d *Disk, name string) error) error {
	name = path.Clean(name)
	if _, err := m.disk.begin(m.epoch, op, name); err != nil {
		if err != ErrPower {
			m.disk.mu.Unlock()
		}
		return err
	}
	defer m.disk.mu.Unlock()
	return fn(m.disk, name)
}

func (m *mount) Create(name string) (storage.File, error) {
	var f *file
	err := m.do(Create, name, func(d *Disk, name string) error {
		if dir := path.Dir(name); !isRoot(dir) && d.names[dir] == nil {
			return notExist("create", name)
		}
		n := d.names[name]
		if n == nil {
			n = &inode{}
			d.change(rename{to: name, inode: n})
		} else {
			n.empty()
		}
		f = &file{mount: m, name: name, inode: n, writable: true}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (m *mount) Open(name string) (storage.File, error) {
	var f *file
	err := m.do(Read, name, func(d *Disk, name string) error {
		n := d.names[name]
		if n == nil || n.isDir {
			return notExist("open", name)
		}
		f = &file{mount: m, name: name, inode: n}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (m *mount) Remove(name string) error {
	return m.do(Remove, name, func(d *Disk, name string) error {
		if d.names[name] == nil {
			return notExist("remove", name)
		}
		d.change(rename{from: name})
		return nil
	})
}

func (m *mount) Rename(oldName, newName string) error {
	return m.do(Rename, oldName, func(d *Disk, oldName string) error {
		n := d.names[oldName]
		if n == nil {
			return notExist("rename", oldName)
		}
		d.change(rename{from: oldName, to: path.Clean(newName), inode: n})
		return nil
	})
}

// sizeOfAny is what a disk says that has no end.
const sizeOfAny = 1 << 40

func (m *mount) Space(dir string) (s storage.Space, err error) {
	err = m.do(Read, dir, func(d *Disk, dir string) error {
		s.Total = uint64(d.size)
		if d.size == 0 {
			s.Total = sizeOfAny
		}
		s.Free = s.Total - min(s.Total, uint64(d.used()))
		return nil
	})
	return s, err
}

func (m *mount) Truncate(name string, size int64) error {
	return m.do(Truncate, name, func(d *Disk, name string) error {
		n := d.names[name]
		if n == nil {
			return notExist("truncate", name)
		}
		n.truncate(int(size))
		return nil
	})
}

func (m *mount) List(dir string) ([]string, error) {
	var names []string
	err := m.do(Read, dir, func(d *Disk, dir string) error {
		if !isRoot(dir) && d.names[dir] == nil {
			return notExist("list", dir)
		}
		for name := range d.names { // storage.FS promises no order
			if path.Dir(name) == dir {
				names = append(names, path.Base(name))
			}
		}
		return nil
	})
	return names, err
}

func (m *mount) MkdirAll(dir string) error {
	return m.do(Create, dir, func(d *Disk, dir string) error {
		var missing []string
		for at := dir; !isRoot(at) && d.names[at] == nil; at = path.Dir(at) {
			missing = append(missing, at)
		}
		for i := len(missing) - 1; i >= 0; i-- {
			d.change(rename{to: missing[i], inode: &inode{isDir: true}})
		}
		return nil
	})
}

func (m *mount) SyncDir(dir string) error {
	return m.do(SyncDir, dir, func(d *Disk, dir string) error {
		rest := d.pending[:0]
		for _, change := range d.pending {
			if change.dir() == dir {
				change.apply(d.durable)
			} else {
				rest = append(rest, change)
			}
		}
		d.pending = rest
		return nil
	})
}

func (m *mount) Lock(name string) (io.Closer, error) {
	var l *lock
	err := m.do(Read, name, func(d *Disk, name string) error {
		if d.locks[name] != nil {
			return storage.ErrLocked
		}
		l = &lock{disk: d, name: name}
		d.locks[name] = l
		return nil
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

// change alters the names that are seen, and notes that this is not durable.
// What is pending in a directory that gets another name goes along.
func (d *Disk) change(r rename) {
	if r.from != "" && r.to != "" && r.inode.isDir {
		for i := range d.pending {
			p := &d.pending[i]
			p.from, p.to = moved(p.from, r), moved(p.to, r)
		}
	}
	r.apply(d.names)
	d.pending = append(d.pending, r)
}

// moved is a name after the directory that it is in was given another.
func moved(name string, r rename) string {
	if rest, inside := strings.CutPrefix(name, r.from+"/"); inside {
		return r.to + "/" + rest
	}
	return name
}

type lock struct {
	disk *Disk
	name string
}

// Close frees the lock, unless a cut has done so and somebody else has it.
func (l *lock) Close() error {
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	if l.disk.locks[l.name] == l {
		delete(l.disk.locks, l.name)
	}
	return nil
}

func notExist(op, name string) error {
	return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
}
