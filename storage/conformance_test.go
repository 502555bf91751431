package storage_test

import (
	"testing"

	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/storage/conformance"
	"github.com/candordb/candor/storage/faulty"
)

// onDisk is a DB for the conformance suite; without a disk it lies on the real
// file system, where no test can cut the power.
type onDisk struct {
	db   *storage.DB
	disk *faulty.Disk
	dir  string
}

func (s *onDisk) Engine() storage.Engine { return s.db }

func (s *onDisk) open() (err error) {
	o := small
	if s.disk != nil {
		o.FS = s.disk.FS()
	}
	s.db, err = storage.Open(s.dir, o)
	return err
}

func (s *onDisk) Reopen() error {
	if err := s.db.Close(); err != nil {
		return err
	}
	return s.open()
}

func (s *onDisk) Crash() error {
	if s.disk == nil {
		return s.Reopen()
	}
	s.disk.Cut(faulty.DropAll, nil)
	s.db.Close() // ends its goroutines; nothing reaches the disk any more
	return s.open()
}

// full is onDisk over a disk that can be filled up. The first look at the disk
// is what counts, so it is filled up under a new engine.
type full struct{ *onDisk }

func (s full) Fill() {
	if err := s.Reopen(); err != nil {
		panic(err)
	}
	fillUp(s.disk)
}
func (s full) Free() { s.disk.Resize(0) }

func TestConformanceOnFaultyDisk(t *testing.T) {
	conformance.Run(t, func(t *testing.T) conformance.Store {
		s := full{&onDisk{disk: faulty.New(), dir: "data/db"}}
		if err := s.open(); err != nil {
			t.Fatal(err)
		}
		return s
	})
}

func TestConformanceOnRealDisk(t *testing.T) {
	conformance.Run(t, func(t *testing.T) conformance.Store {
		s := &onDisk{dir: t.TempDir()}
		if err := s.open(); err != nil {
			t.Fatal(err)
		}
		return s
	})
}
