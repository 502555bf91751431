package storage_test

import (
	"errors"
	"slices"
	"syscall"
	"testing"

	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/storage/faulty"
)

// F10: that a table cannot be opened or read because the process has no descriptors or
// no memory left, or no right to, is no damage: not at a start, not for a scrub, not for
// a read. What is stored is as good as before, and is there as soon as it can be read.
func TestF10ARefusalIsNoDamage(t *testing.T) {
	for _, refused := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EACCES, syscall.EPERM} {
		t.Run(refused.Error(), func(t *testing.T) {
			ok := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			disk := faulty.New()
			refuse := func() { disk.Inject(faulty.Fault{On: faulty.Read, File: "*.ldb", Ever: true, Err: refused}) }
			open := func() (*storage.DB, error) { return storage.Open("db", storage.Options{FS: disk.FS()}) }
			for range 2 { // the second start makes a table
				db, err := open()
				ok(err)
				var b storage.Batch
				b.Put([]byte("k"), []byte("v"))
				ok(db.Write(&b))
				ok(db.Close())
			}
			refuse()
			if _, err := open(); !errors.Is(err, refused) || errors.Is(err, storage.ErrCorrupt) {
				t.Errorf("a start says %v", err)
			}
			disk.Heal()
			db, err := open()
			ok(err)
			check, err := db.Check()
			ok(err)
			refuse()
			if v, err := db.Get([]byte("k")); err == nil && string(v) != "v" || errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrCorrupt) {
				t.Errorf("a read says %q, %v", v, err)
			}
			var found []storage.Damage
			if _, _, err := check.Next(1<<20, func(d storage.Damage) { found = append(found, d) }); !errors.Is(err, refused) || len(found) > 0 {
				t.Errorf("a scrub says %v, and finds %v", err, found)
			}
			ok(check.Close())
			disk.Heal()
			ok(db.Close())
			db, err = open()
			ok(err)
			v, err := db.Get([]byte("k"))
			if ok(err); string(v) != "v" {
				t.Errorf("behind that %q is read", v)
			}
			ok(db.Close())
			if slices.ContainsFunc(disk.Files(), func(name string) bool { return name == "db/DAMAGED" }) {
				t.Error("damage is noted")
			}
		})
	}
}
