package storage

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/opt"
)

// While a database is being renewed, beside db/:
//
//	db.new/            what is being made
//	db.new/COMPLETE    it is complete: from here on it is the database
//	db.damaged-1/      the old one, set aside; 2, 3, ... if that is not the first
//
// A crash before COMPLETE leaves the old database where it was, a crash after it
// is finished by the next OpenDir. Nothing is ever removed that was set aside:
// when more copies are lost than W-1, it may be the last one.
const (
	newSuffix     = ".new"
	asideSuffix   = ".damaged-"
	completeName  = "COMPLETE"
	salvageBytes  = 256 << 10
	asideNumbers  = 10_000
	completeWords = "this is the database now\n"
)

// Renew replaces the database by a new one that holds what can still be read of
// it, and says durably what it is missing (see ReadMissing), both from the first
// moment on. The old one is set aside under the name that is returned; "" if
// there was none. Open may be called then.
//
// Missing is what Open's DamagedError says, or Everything for a lost database:
// then nothing is copied. Records that do not match their checksum are left out,
// and all trees, which would say what was stored before;
// ranges that are missing may hold older versions of what was lost in them.
//
// It needs room for a second copy of what is left, and takes as long as copying
// it does. Errors: ErrLocked; ErrCorrupt, when something else is damaged than is
// said to be missing, then Renew with Everything; what the file system said. The
// old database is as it was then.
func (d *Dir) Renew(o Options, missing Missing) (aside string, err error) {
	o.FS = d.fs
	if err := o.Valid(); err != nil {
		return "", err
	}
	o = o.withDefaults()
	if err := d.makeNew(o, missing); err != nil {
		return "", fmt.Errorf("storage: renewing %s: %w", d.DB(), err)
	}
	aside, err = d.swap()
	if err != nil {
		return aside, fmt.Errorf("storage: renewing %s: %w", d.DB(), err)
	}
	return aside, nil
}

// makeNew makes db.new, complete.
func (d *Dir) makeNew(o Options, missing Missing) error {
	path := d.DB() + newSuffix
	if err := d.clearNew(path); err != nil {
		return err
	}
	made, err := Open(path, o)
	if err != nil {
		return err
	}
	var b Batch
	b.Put(SystemKey(MissingName), missing.Encode())
	err = made.Write(&b)
	if err == nil && !missing.Whole() {
		err = salvage(d.DB(), o, made)
	}
	if err = errors.Join(err, made.Close()); err != nil {
		return err
	}
	if err := replaceFile(d.fs, path, completeName, []byte(completeWords)); err != nil {
		return err
	}
	return d.fs.SyncDir(d.path)
}

// clearNew removes what an earlier attempt has left.
func (d *Dir) clearNew(path string) error {
	names, err := d.fs.List(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, name := range names {
		err = errors.Join(err, d.fs.Remove(join(path, name)))
	}
	return err
}

// swap makes db.new the database. It can be called again after a crash within it.
func (d *Dir) swap() (aside string, err error) {
	if _, err := d.fs.List(d.DB()); err == nil {
		lock, err := d.fs.Lock(join(d.DB(), lockName))
		if err != nil {
			return "", err // somebody has it open
		}
		if err := lock.Close(); err != nil {
			return "", err
		}
		if aside, err = SetAside(d.fs, d.DB()); err != nil {
			return "", err
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	if err := d.fs.Rename(d.DB()+newSuffix, d.DB()); err != nil {
		return aside, err
	}
	if err := d.fs.SyncDir(d.path); err != nil {
		return aside, err
	}
	return aside, errors.Join(d.fs.Remove(join(d.DB(), completeName)), d.fs.SyncDir(d.DB()))
}

// finishRenewal completes a swap that a crash has interrupted.
func (d *Dir) finishRenewal() error {
	f, err := d.fs.Open(join(d.DB()+newSuffix, completeName))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	f.Close()
	_, err = d.swap()
	return err
}

// SetAside gives a database that nobody has open another name beside the old one,
// durably, and returns it. Its files stay for those who want to look at them.
func SetAside(fsys FS, dir string) (aside string, err error) {
	parent, base := splitPath(dir)
	names, err := fsys.List(parent)
	if err != nil {
		return "", fmt.Errorf("storage: setting aside %s: %w", dir, err)
	}
	taken := map[string]bool{}
	for _, name := range names {
		if strings.HasPrefix(name, base+asideSuffix) {
			taken[name] = true
		}
	}
	for n := 1; n < asideNumbers; n++ {
		if name := base + asideSuffix + strconv.Itoa(n); !taken[name] {
			aside = join(parent, name)
			break
		}
	}
	if aside == "" {
		return "", fmt.Errorf("storage: setting aside %s: there are %d already; look at them and remove some", dir, len(taken))
	}
	if err := fsys.Rename(dir, aside); err != nil {
		return "", fmt.Errorf("storage: setting aside %s: %w", dir, err)
	}
	return aside, fsys.SyncDir(parent)
}

// salvage copies what can be read. The library opens the database read-only, and
// goes on behind the blocks that readTables has found: it is told that it may.
func salvage(from string, o Options, to *DB) (err error) {
	lock, err := o.FS.Lock(join(from, lockName))
	if err != nil {
		return err
	}
	defer lock.Close()
	var failed failure
	files := newFiles(from, o, &failed)
	_, torn, err := files.verifyLogs()
	if err != nil {
		return mapError("reading "+from, err)
	}
	if err := files.cutTails(torn); err != nil {
		return err
	}
	lo := o.leveldb()
	lo.ReadOnly = true
	// The compactions that this forbids to skip anything do not run here.
	lo.Strict = opt.StrictManifest | opt.StrictJournalChecksum | opt.StrictBlockChecksum
	old, err := leveldb.Open(files, lo)
	if err != nil {
		return mapError("reading "+from, err)
	}
	defer func() { err = errors.Join(err, mapError("closing "+from, old.Close())) }()
	it := old.NewIterator(nil, &opt.ReadOptions{DontFillCache: true})
	defer it.Release()
	var b Batch
	for it.Next() {
		if _, bad := checkRecord(it.Key(), it.Value()); bad || isOld(it.Key()) {
			continue
		}
		b.Put(it.Key(), it.Value())
		if b.Bytes() >= salvageBytes {
			if err := to.Write(&b); err != nil {
				return err
			}
			b.Reset()
		}
	}
	if err := it.Error(); err != nil {
		return mapError("reading "+from, err)
	}
	return to.Write(&b)
}

// isOld says whether an entry is true of the old database only: this package's own,
// and the trees.
func isOld(key []byte) bool {
	return strings.HasPrefix(string(key), string(prefixSystem)+ownNames) || len(key) > 0 && key[0] == prefixTree
}
