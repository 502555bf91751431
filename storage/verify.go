package storage

import (
	"errors"
	"fmt"
	"os"
	"slices"

	ldstorage "github.com/syndtr/goleveldb/leveldb/storage"
)

// verify looks at the MANIFEST and at every journal that is about to be
// replayed, before goleveldb does. It cuts torn tails off, so that any line the
// library then logs about dropped pieces is an alarm. If anything acknowledged
// is damaged it changes nothing and returns ErrCorrupt.
func (s *files) verify() error {
	meta, err := s.GetMeta()
	if errors.Is(err, os.ErrNotExist) {
		return s.verifyEmpty()
	}
	if err != nil {
		return err
	}
	data, err := readFile(s.fs, s.path(meta))
	if err != nil {
		return err // a MANIFEST that is not there becomes ErrCorrupt in mapError
	}
	m, torn, err := scanManifest(data)
	if err != nil {
		return fmt.Errorf("%s: %w", meta, err)
	}
	scans, err := s.scanJournals(m)
	if err != nil {
		return err
	}
	cuts, err := judgeJournals(m, scans)
	if err != nil {
		return err
	}
	if torn.what != "" {
		if err := s.cut(meta, torn); err != nil {
			return err
		}
	}
	for _, c := range cuts {
		fd := ldstorage.FileDesc{Type: ldstorage.TypeJournal, Num: c.number}
		if err := s.cut(fd, damage{c.size, c.what}); err != nil {
			return err
		}
	}
	return nil
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

// cut ends a file where its torn tail begins.
func (s *files) cut(fd ldstorage.FileDesc, d damage) error {
	s.log.Warn("cut the torn tail of a write that was never acknowledged",
		"file", fd.String(), "offset", d.offset, "found", d.what)
	return s.fatal("cut "+fd.String(), s.fs.Truncate(s.path(fd), d.offset))
}
