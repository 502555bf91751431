package storage_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/candordb/candor/storage"
)

// killEnv makes this test's binary write to the directory that it names until it
// is killed; with killUnsynced set it acknowledges before it syncs, with killLate it
// never syncs and the disk is the real one.
const (
	killEnv      = "STORAGE_TEST_KILL"
	killUnsynced = "STORAGE_TEST_KILL_UNSYNCED"
	killLate     = "STORAGE_TEST_KILL_LATE"
)

// writeUntilKilled prints the number of each write that was acknowledged.
func writeUntilKilled(dir string) error {
	o := small
	if os.Getenv(killLate) == "" {
		o.FS = storage.Volatile(storage.OS)
	}
	if os.Getenv(killUnsynced) != "" {
		o = storage.WithoutSync(o)
	}
	db, err := storage.Open(dir, o)
	if err != nil {
		return err
	}
	write := db.Write
	if os.Getenv(killLate) != "" {
		write = db.WriteUnsynced
	}
	for i := 0; ; i++ {
		if err := write(puts(300, i)); err != nil {
			return err
		}
		fmt.Println(i)
		if i == killAt && os.Getenv(killUnsynced) != "" {
			<-time.After(time.Hour) // else the next journal may be begun, which syncs this one
		}
	}
}

// TestKilledProcessLosesExactlyWhatWasNotSynced: a real process over Volatile is
// killed in the midst of writing. That is a power cut: with syncs nothing
// acknowledged is lost, without them something is.
func TestKilledProcessLosesExactlyWhatWasNotSynced(t *testing.T) {
	for _, unsynced := range []string{"", "1"} {
		if lost := lostByKill(t, killUnsynced+"="+unsynced); (unsynced == "") != (lost == 0) {
			t.Errorf("unsynced %q: %d acknowledged writes are lost", unsynced, lost)
		}
	}
}

// TestKilledProcessLosesNothingUnsynced: what is to be synced later is with the operating
// system before it is answered, so that a process that is killed loses none of it.
func TestKilledProcessLosesNothingUnsynced(t *testing.T) {
	if lost := lostByKill(t, killLate+"=1"); lost != 0 {
		t.Errorf("%d acknowledged writes are lost", lost)
	}
}

// killAt is how many writes are waited for: a little more than eight journals.
const killAt = 375

// lostByKill has a process write until it is killed, in the midst of a journal, and
// counts what is lost of what it has acknowledged.
func lostByKill(t *testing.T, env string) (lost int) {
	dir := t.TempDir() + "/db"
	child := exec.Command(os.Args[0], "-test.run=^$")
	child.Env = append(os.Environ(), killEnv+"="+dir, env)
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
		if acked++; acked == killAt {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		if want := fmt.Sprint(acked - 1); strings.TrimSpace(lines.Text()) != want {
			t.Fatalf("the process says %q, want %s", lines.Text(), want)
		}
	}
	if err := child.Wait(); err == nil || acked < killAt {
		t.Fatalf("%d acknowledged, then %v", acked, err)
	}
	db := mustOpen(t, dir, small)
	defer mustClose(t, db)
	for i := range acked {
		if _, err := db.Get(key(i)); errors.Is(err, storage.ErrNotFound) {
			lost++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	return lost
}
