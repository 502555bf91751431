package storage_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/storage/faulty"
)

// TestCommitterGoesOnAfterAFullDisk: a batch that is refused for want of room is
// told so, with no doubt; the committer takes the next one, and writes it when
// there is room.
func TestCommitterGoesOnAfterAFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := faulty.New()
		db := mustOpen(t, "db", on(disk, small))
		defer letGo()
		defer db.Close()
		fates := make(chan error, 1)
		c := storage.NewCommitter(db, storage.CommitterOptions[write]{
			Apply: putAll,
			Done:  func(_ []write, err error) { fates <- err },
		})
		ran := make(chan error, 1)
		go func() { ran <- c.Run(context.Background()) }()
		fillUp(disk)
		fate := func(id int) error {
			if !c.Submit(group(100, id)) {
				return errors.New("Submit is refused")
			}
			return <-fates
		}
		// It is taken all the same: there may be room when its turn comes.
		if err := fate(1); !errors.Is(err, storage.ErrDiskFull) || errors.Is(err, storage.ErrInDoubt) {
			t.Errorf("on a full disk: %v, want ErrDiskFull", err)
		}
		disk.Resize(0)
		<-time.After(2 * time.Second) // until it is measured again
		if err := fate(2); err != nil {
			t.Errorf("with room again: %v", err)
		}
		if _, err := db.Get(key(1)); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("what was refused: %v", err)
		}
		if _, err := db.Get(key(2)); err != nil {
			t.Errorf("what was taken: %v", err)
		}
		c.Close()
		if err := <-ran; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}
