package storage_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/candordb/candor/storage"
)

// TestADatabaseThatIsNotWhereItWasIsNotWrittenTo: what is synced into files without a name,
// or into a directory that the next start does not open, is not durable, and nothing says
// that it is.
func TestADatabaseThatIsNotWhereItWasIsNotWrittenTo(t *testing.T) {
	for name, c := range map[string]struct {
		take   func(dir string) error
		atOnce bool
	}{
		"removed":    {os.RemoveAll, true},
		"moved away": {func(dir string) error { return os.Rename(dir, dir+".old") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "db")
			db := mustOpen(t, dir, storage.Options{})
			defer db.Close()
			mustWrite(t, db, puts(10, 1))
			if err := c.take(dir); err != nil {
				t.Fatal(err)
			}
			var err error
			for end := time.Now().Add(time.Minute); err == nil && time.Now().Before(end); {
				err = db.Write(puts(10, 2))
				if c.atOnce && err == nil {
					t.Fatal("a write into a removed file is done")
				}
			}
			if !errors.Is(err, storage.ErrInDoubt) && !errors.Is(err, storage.ErrPoisoned) {
				t.Fatalf("Write: %v, want ErrInDoubt or ErrPoisoned", err)
			}
			t.Log(err)
			if err := db.Write(puts(10, 3)); !errors.Is(err, storage.ErrPoisoned) {
				t.Errorf("the next one: %v, want ErrPoisoned", err)
			}
		})
	}
}
