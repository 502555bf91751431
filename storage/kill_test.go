package storage_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/candordb/candor/storage"
)

// killEnv makes this test's binary write to the directory that it names until it
// is killed; with killUnsynced set it acknowledges before it syncs.
const (
	killEnv      = "STORAGE_TEST_KILL"
	killUnsynced = "STORAGE_TEST_KILL_UNSYNCED"
)

// writeUntilKilled prints the number of each write that was acknowledged.
func writeUntilKilled(dir string) error {
	o := small
	o.FS = storage.Volatile(storage.OS)
	if os.Getenv(killUnsynced) != "" {
		o = storage.WithoutSync(o)
	}
	db, err := storage.Open(dir, o)
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		if err := db.Write(puts(300, i)); err != nil {
			return err
		}
		fmt.Println(i)
	}
}

// TestKilledProcessLosesExactlyWhatWasNotSynced: a real process over Volatile is
// killed in the midst of writing. That is a power cut: with syncs nothing
// acknowledged is lost, without them something is.
func TestKilledProcessLosesExactlyWhatWasNotSynced(t *testing.T) {
	for _, unsynced := range []string{"", "1"} {
		dir := t.TempDir() + "/db"
		child := exec.Command(os.Args[0], "-test.run=^$")
		child.Env = append(os.Environ(), killEnv+"="+dir, killUnsynced+"="+unsynced)
		out, err := child.StdoutPipe()
		if err == nil {
			err = child.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		acked := 0
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if acked++; acked == 400 {
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			if want := fmt.Sprint(acked - 1); strings.TrimSpace(lines.Text()) != want && acked <= 400 {
				t.Fatalf("the process says %q, want %s", lines.Text(), want)
			}
		}
		if err := child.Wait(); err == nil || acked < 400 {
			t.Fatalf("%d acknowledged, then %v", acked, err)
		}
		db := mustOpen(t, dir, small)
		lost := 0
		for i := range 400 {
			if _, err := db.Get(key(i)); errors.Is(err, storage.ErrNotFound) {
				lost++
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if (unsynced == "") != (lost == 0) {
			t.Errorf("unsynced %q: %d of 400 acknowledged writes are lost", unsynced, lost)
		}
		mustClose(t, db)
	}
}
