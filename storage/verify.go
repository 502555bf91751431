package storage

import (
	"errors"
	"fmt"
	"os"
	"slices"

	ldstorage "github.com/syndtr/goleveldb/leveldb/storage"
)

// verify looks at the MANIFEST, at every journal that is about to be replayed,
// and at the tables, before goleveldb does. It cuts torn tails off, so that any
// line the library then logs about dropped pieces is an alarm. If anything
// acknowledged is damaged it changes nothing and returns ErrCorrupt, or a
// DamagedError where the damage is in tables only.
func (s *files) verify() error {
	m, torn, err := s.verifyLogs()
	if errors.Is(err, errNew) {
		return s.verifyEmpty()
	}
	if err != nil {
		return err
	}
	if err := s.verifyTables(m); err != nil {
		return err
	}
	return s.cutTails(torn)
}

// tails are the ends of files that were never synced.
type tails struct {
	meta     ldstorage.FileDesc
	manifest damage // no damage: nothing to cut
	journals []cut
}

// errNew: there is no database yet.
var errNew = errors.New("there is no database")

// verifyLogs reads MANIFEST and journals. It returns errNew where there is none.
func (s *files) verifyLogs() (m manifest, t tails, err error) {
	if t.meta, err = s.GetMeta(); errors.Is(err, os.ErrNotExist) {
		return m, t, errNew
	}
	if err != nil {
		return m, t, err
	}
	data, err := readFile(s.fs, s.path(t.meta))
	if err != nil {
		return m, t, err // a MANIFEST that is not there becomes ErrCorrupt in mapError
	}
	if m, t.manifest, err = scanManifest(data); err != nil {
		return m, t, fmt.Errorf("%s: %w", t.meta, err)
	}
	scans, err := s.scanJournals(m)
	if err != nil {
		return m, t, err
	}
	t.journals, err = judgeJournals(m, scans)
	return m, t, err
}

// cutTails cuts them off.
func (s *files) cutTails(t tails) error {
	if t.manifest.what != "" {
		if err := s.cut(t.meta, t.manifest); err != nil {
			return err
		}
	}
	for _, c := range t.journals {
		fd := ldstorage.FileDesc{Type: ldstorage.TypeJournal, Num: c.number}
		if err := s.cut(fd, damage{c.size, c.what}); err != nil {
			return err
		}
	}
	return nil
}

// verifyTables glances at each table. If one is not what it should be, or if
// damage was met while the database was last open, all of them are read to the
// last byte: whoever rebuilds what is missing has to know all of it, and a
// compaction that meets the rest would stop the engine.
func (s *files) verifyTables(m manifest) error {
	noted, err := s.notedDamage()
	if err != nil {
		return err
	}
	suspect := noted
	for _, info := range m.inOrder() {
		err := s.glanceAtTable(info)
		if refused(err) {
			return err
		}
		suspect = suspect || err != nil
	}
	if !suspect {
		return nil
	}
	d, err := s.readTables(m)
	if err != nil {
		return err
	}
	if d != nil {
		return d
	}
	if noted { // the disk has thought better of it
		s.log.Warn("damage was noted when the database was last open; every table has now been read, and all is well")
		return s.fs.Remove(join(s.dir, damageName))
	}
	return nil
}

// readTables reads every table and says what is wrong; nil if the library can use
// all of them. A single record that does not match its checksum is no trouble for
// it: who reads the record finds that out. Its error is that of a machine that refuses:
// then nothing is known.
func (s *files) readTables(m manifest) (*DamagedError, error) {
	d := &DamagedError{}
	found := func(one Damage) {
		if one.Key == nil && d.Err == nil {
			d.Err = fmt.Errorf("%w; %s", one.Err, advice)
		}
		d.Found = append(d.Found, one)
		d.Missing = d.Missing.Add(one)
	}
	for _, info := range m.inOrder() {
		t := s.openTable(info)
		for more := true; more; {
			_, more = t.step(1<<20, found)
		}
		t.close()
		if t.refusal != nil {
			return nil, t.refusal
		}
	}
	if d.Err == nil {
		return nil, nil
	}
	return d, nil
}

// damageName is the file that says that damage was met: the text of the first,
// for people. It stands in the directory, and not in the database, because the
// database may not be able to take it.
const damageName = "DAMAGED"

// noteDamage makes the next start read everything. What cannot be noted will be
// met again.
func (s *files) noteDamage(found error) {
	if s.noted.Swap(true) {
		return
	}
	s.log.Error("damage in the database", "error", found)
	if err := replaceFile(s.fs, s.dir, damageName, []byte(found.Error()+"\n")); err != nil {
		s.log.Error("cannot note that the database is damaged", "error", err)
	}
}

// notedDamage says whether there is such a note.
func (s *files) notedDamage() (bool, error) {
	f, err := s.fs.Open(join(s.dir, damageName))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, f.Close()
}

// scanJournals reads the journals that will be replayed, by rising number. One
// file is in memory at a time. Older ones are obsolete; the library removes
// them.
func (s *files) scanJournals(m manifest) ([]journalScan, error) {
	fds, err := s.List(ldstorage.TypeJournal)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(fds, func(a, b ldstorage.FileDesc) int { return int(a.Num - b.Num) })
	var scans []journalScan
	for _, fd := range fds {
		if fd.Num < m.journal {
			continue
		}
		data, err := readFile(s.fs, s.path(fd))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", fd, err)
		}
		scans = append(scans, scanJournal(fd.Num, data))
	}
	return scans, nil
}

// verifyEmpty prepares a directory without CURRENT for a new database. A node
// that was killed while it made its first one leaves a MANIFEST that nothing
// names; the library would call that damage. A journal or a table there means
// that there was a database.
func (s *files) verifyEmpty() error {
	fds, err := s.List(ldstorage.TypeAll)
	if err != nil {
		return err
	}
	for _, fd := range fds {
		if fd.Type == ldstorage.TypeJournal || fd.Type == ldstorage.TypeTable {
			return fmt.Errorf("%s is there but %s is gone: %w; %s", fd, currentName, ErrCorrupt, advice)
		}
	}
	for _, fd := range fds {
		if err := s.fs.Remove(s.path(fd)); err != nil {
			return err
		}
	}
	return nil
}

// cut ends a file where its torn tail begins, or the zeros that were written ahead.
func (s *files) cut(fd ldstorage.FileDesc, d damage) error {
	if d.what == unused {
		s.log.Debug("cut the unused end of a journal that was not closed", "file", fd.String(), "offset", d.offset)
	} else {
		s.log.Warn("cut the torn end of what was written last, which no sync had covered",
			"file", fd.String(), "offset", d.offset, "found", d.what)
	}
	return s.fatal("cut "+fd.String(), s.fs.Truncate(s.path(fd), d.offset))
}
