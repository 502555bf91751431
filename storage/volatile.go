package storage

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Volatile returns base as a machine sees it that loses power whenever the process
// dies: what a program writes stays in this process until it is synced, and so do
// the names of files until their directory is. Whatever ends the process, a
// SIGKILL above all, leaves exactly what was synced. It is for tests with real
// processes; builds with the tag chaos have it under OS.
//
// Everything that the directory holds when it is first touched counts as
// synced. A write that is killed half way through its sync leaves a part of it,
// which is a torn write.
func Volatile(base FS) FS {
	return &volatile{base: base, names: map[string]*pages{}}
}

type volatile struct {
	base FS

	mu    sync.Mutex        // guards what follows, and the pages
	names map[string]*pages // names whose file is not what base has under them; nil: removed
	todo  []nameChange      // changes of names that no sync has made durable, in order
}

// nameChange is a name that was lost, gained, or both.
type nameChange struct {
	from, to string
	file     *pages
}

func (c nameChange) dir() string { return filepath.Dir(cmp.Or(c.from, c.to)) }

// pages are a file that this process has created. Once it is closed and nothing of
// it is at stake any more it is forgotten here, and base has it.
type pages struct {
	data   []byte // all of it
	synced int    // how long it would be after a power cut
	from   int    // what was written since the last sync lies in from..to-1
	to     int
	held   []byte // as it was synced, until base has it
	under  string // the name under which base has what was synced; "": none
	real   File   // that file, to write on; nil: not made yet, or closed
	closed bool   // nobody writes on
}

// write puts bytes at an offset.
func (p *pages) write(b []byte, at int) {
	if len(b) == 0 {
		return
	}
	end := at + len(b)
	if end > len(p.data) {
		p.data = append(p.data, make([]byte, end-len(p.data))...)
	}
	copy(p.data[at:], b)
	if p.from == p.to {
		p.from, p.to = at, end
	}
	p.from, p.to = min(p.from, at), max(p.to, end)
}

// where is what stands under a name: a file of ours, or what base has.
func (v *volatile) where(name string) (file *pages, ours bool) {
	file, ours = v.names[name]
	return file, ours
}

func (v *volatile) Create(name string) (File, error) {
	name = filepath.Clean(name)
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, err := v.base.List(filepath.Dir(name)); err != nil {
		return nil, err
	}
	file := &pages{}
	v.change(nameChange{to: name, file: file})
	return &volatileFile{v: v, pages: file, name: name, writer: true}, nil
}

func (v *volatile) Open(name string) (File, error) {
	name = filepath.Clean(name)
	v.mu.Lock()
	defer v.mu.Unlock()
	file, ours := v.where(name)
	switch {
	case !ours:
		return v.base.Open(name)
	case file == nil:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &volatileFile{v: v, pages: file, name: name}, nil
}

func (v *volatile) Remove(name string) error {
	name = filepath.Clean(name)
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.mustBe(name); err != nil {
		return err
	}
	v.change(nameChange{from: name})
	return nil
}

// Rename renames a file. A directory is renamed in base at once, with the names
// in it synced first: Renew and SetAside, who do that, have synced all of it.
func (v *volatile) Rename(oldName, newName string) error {
	oldName, newName = filepath.Clean(oldName), filepath.Clean(newName)
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, err := v.base.List(oldName); err == nil {
		if err := v.settle(oldName); err != nil {
			return err
		}
		for name := range v.names { // the order does not matter
			if strings.HasPrefix(name, oldName+string(filepath.Separator)) {
				delete(v.names, name)
			}
		}
		return v.base.Rename(oldName, newName)
	}
	if err := v.mustBe(oldName); err != nil {
		return err
	}
	file, err := v.own(oldName)
	if err != nil {
		return err
	}
	v.change(nameChange{from: oldName, to: newName, file: file})
	return nil
}

// own makes a file of base one of ours, so that it can have a name of ours.
func (v *volatile) own(name string) (*pages, error) {
	if file, ours := v.where(name); ours {
		return file, nil
	}
	data, err := readFile(v.base, name)
	return &pages{data: data, synced: len(data), under: name, closed: true}, err
}

// Truncate is durable at once.
func (v *volatile) Truncate(name string, size int64) error {
	name = filepath.Clean(name)
	v.mu.Lock()
	defer v.mu.Unlock()
	file, ours := v.where(name)
	if !ours || file == nil {
		return v.base.Truncate(name, size)
	}
	file.data = file.data[:min(int(size), len(file.data))]
	file.from, file.to = min(file.from, len(file.data)), min(file.to, len(file.data))
	if err := v.flush(file); err != nil || file.synced <= len(file.data) {
		return err
	}
	file.synced = len(file.data)
	if file.under == "" {
		file.held = file.held[:file.synced]
		return nil
	}
	return v.base.Truncate(file.under, size)
}

func (v *volatile) List(dir string) ([]string, error) {
	dir = filepath.Clean(dir)
	v.mu.Lock()
	defer v.mu.Unlock()
	names, err := v.base.List(dir)
	if err != nil {
		return nil, err
	}
	for name, file := range v.names { // FS promises no order
		if filepath.Dir(name) != dir {
			continue
		}
		base := filepath.Base(name)
		at := slices.Index(names, base)
		switch {
		case file == nil && at >= 0:
			names = slices.Delete(names, at, at+1)
		case file != nil && at < 0:
			names = append(names, base)
		}
	}
	return names, nil
}

// MkdirAll is durable at once: a directory that is there and empty does no harm.
func (v *volatile) MkdirAll(dir string) error           { return v.base.MkdirAll(dir) }
func (v *volatile) Space(dir string) (Space, error)     { return v.base.Space(dir) }
func (v *volatile) Lock(name string) (io.Closer, error) { return v.base.Lock(name) }

func (v *volatile) SyncDir(dir string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.settle(filepath.Clean(dir))
}

// settle makes the names in a directory durable.
func (v *volatile) settle(dir string) error {
	rest := v.todo[:0:0]
	for i, c := range v.todo {
		if c.dir() != dir {
			rest = append(rest, c)
			continue
		}
		if err := v.perform(c); err != nil {
			v.todo = append(rest, v.todo[i:]...)
			return err
		}
	}
	v.todo = rest
	v.forget(dir)
	return v.base.SyncDir(dir)
}

// forget drops the names in a directory that base has as they are seen. Nothing is
// pending there.
func (v *volatile) forget(dir string) {
	for name, file := range v.names { // the order does not matter
		if filepath.Dir(name) == dir && (file == nil || file.closed && file.under == name && file.from == file.to) {
			delete(v.names, name)
		}
	}
}

// perform does in base what was done here.
func (v *volatile) perform(c nameChange) error {
	switch {
	case c.to == "": // it may have come and gone between two syncs
		if err := v.base.Remove(c.from); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	case c.from != "" && c.file.under == c.from:
		c.file.under = c.to
		return v.base.Rename(c.from, c.to)
	}
	f, err := v.base.Create(c.to)
	if err != nil {
		return err
	}
	c.file.under, c.file.real = c.to, f
	_, err = f.Write(c.file.held)
	c.file.held = nil
	return errors.Join(err, f.Sync(), c.file.release())
}

// release closes base's file if nobody writes on.
func (p *pages) release() (err error) {
	if p.closed && p.real != nil {
		err = p.real.Close()
		p.real = nil
	}
	return err
}

// change alters the names that are seen.
func (v *volatile) change(c nameChange) {
	if c.from != "" {
		v.names[c.from] = nil
	}
	if c.to != "" {
		v.names[c.to] = c.file
	}
	v.todo = append(v.todo, c)
}

func (v *volatile) mustBe(name string) error {
	file, ours := v.where(name)
	if ours && file != nil {
		return nil
	}
	if !ours {
		f, err := v.base.Open(name)
		if err != nil {
			return err
		}
		return f.Close()
	}
	return &fs.PathError{Op: "find", Path: name, Err: fs.ErrNotExist}
}

// flush syncs a file: what was written since goes to base, if it has the file.
func (v *volatile) flush(file *pages) error {
	if file.from == file.to {
		return nil
	}
	if file.real != nil {
		if _, err := file.real.WriteAt(file.data[file.from:file.to], int64(file.from)); err != nil {
			return err
		}
		if err := file.real.Sync(); err != nil {
			return err
		}
	}
	if file.under == "" {
		file.held = bytes.Clone(file.data)
	}
	file.synced, file.from, file.to = len(file.data), 0, 0
	return nil
}

// volatileFile is an open file of ours.
type volatileFile struct {
	v     *volatile
	pages *pages
	name  string
	pos   int64

	writer bool // it was created by this handle
}

func (f *volatileFile) Write(p []byte) (int, error) {
	f.v.mu.Lock()
	defer f.v.mu.Unlock()
	f.pages.write(p, int(f.pos))
	f.pos += int64(len(p))
	return len(p), nil
}

func (f *volatileFile) WriteAt(p []byte, off int64) (int, error) {
	f.v.mu.Lock()
	defer f.v.mu.Unlock()
	f.pages.write(p, int(off))
	return len(p), nil
}

func (f *volatileFile) Sync() error {
	f.v.mu.Lock()
	defer f.v.mu.Unlock()
	return f.v.flush(f.pages)
}

func (f *volatileFile) ReadAt(p []byte, off int64) (n int, err error) {
	f.v.mu.Lock()
	defer f.v.mu.Unlock()
	if off < int64(len(f.pages.data)) {
		n = copy(p, f.pages.data[off:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *volatileFile) Read(p []byte) (int, error) {
	n, err := f.ReadAt(p, f.pos)
	f.pos += int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

func (f *volatileFile) Seek(offset int64, whence int) (int64, error) {
	f.v.mu.Lock()
	defer f.v.mu.Unlock()
	switch whence {
	case io.SeekCurrent:
		offset += f.pos
	case io.SeekEnd:
		offset += int64(len(f.pages.data))
	}
	if offset < 0 {
		return 0, &fs.PathError{Op: "seek", Path: f.name, Err: fs.ErrInvalid}
	}
	f.pos = offset
	return offset, nil
}

// Close loses nothing, as on a real machine: what is not synced stays in memory. A
// file that is closed without having been synced never will be.
func (f *volatileFile) Close() error {
	if !f.writer {
		return nil
	}
	f.v.mu.Lock()
	defer f.v.mu.Unlock()
	f.pages.closed = true
	return f.pages.release()
}
