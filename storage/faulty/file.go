package faulty

import (
	"io"
	"io/fs"
	"syscall"
)

// file is an open file; it implements storage.File. It stays usable when its
// name is removed, as on any Unix.
type file struct {
	mount    *mount
	name     string
	inode    *inode
	writable bool
	pos      int64
}

func (f *file) Write(p []byte) (int, error) {
	n, err := f.put(Write, p, f.pos)
	f.pos += int64(n)
	return n, err
}

func (f *file) WriteAt(p []byte, off int64) (int, error) { return f.put(WriteAt, p, off) }

// put writes at an offset what the faults and the room on the disk allow.
func (f *file) put(op Op, p []byte, off int64) (int, error) {
	d := f.mount.disk
	short, err := d.begin(f.mount.epoch, op, f.name)
	if err == ErrPower {
		return 0, err
	}
	defer d.mu.Unlock()
	if !f.writable {
		return 0, &fs.PathError{Op: "write", Path: f.name, Err: fs.ErrPermission}
	}
	n := len(p)
	if err != nil {
		n = min(short, len(p))
	}
	grows := f.inode.growth(n, int(off))
	if room := d.space(grows); room < grows {
		n -= grows - room
		if err == nil {
			err = &fs.PathError{Op: "write", Path: f.name, Err: syscall.ENOSPC}
		}
	}
	f.inode.write(p[:n], int(off))
	return n, err
}

func (f *file) Sync() error {
	d := f.mount.disk
	_, err := d.begin(f.mount.epoch, Sync, f.name)
	if err == ErrPower {
		return err
	}
	defer d.mu.Unlock()
	if err != nil {
		f.inode.loseUnsynced()
		return err
	}
	f.inode.sync()
	return nil
}

func (f *file) ReadAt(p []byte, off int64) (n int, err error) {
	err = f.mount.do(Read, f.name, func(*Disk, string) error {
		if off < int64(len(f.inode.data)) {
			n = copy(p, f.inode.data[off:])
		}
		if n < len(p) {
			return io.EOF
		}
		return nil
	})
	return n, err
}

func (f *file) Read(p []byte) (int, error) {
	n, err := f.ReadAt(p, f.pos)
	f.pos += int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

func (f *file) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += f.pos
	case io.SeekEnd:
		f.mount.disk.mu.Lock()
		offset += int64(len(f.inode.data))
		f.mount.disk.mu.Unlock()
	}
	if offset < 0 {
		return 0, &fs.PathError{Op: "seek", Path: f.name, Err: fs.ErrInvalid}
	}
	f.pos = offset
	return offset, nil
}

func (f *file) Close() error { return nil }
