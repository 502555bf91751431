package account

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestANameWithBlanksAndParenthesesShiftsNoField(t *testing.T) {
	text := "42 (a) b (c d) S 7 42 42 0 -1 4194304 1 2 3 4 150 50 20 5 20 0 9 0 100 1000000 256 18446744073709551615 1 1 0"
	got, ok := parseStat([]byte(text))
	if want := (stat{parent: 7, ticks: 225, pages: 256}); !ok || got != want {
		t.Errorf("got %+v, %v; want %+v", got, ok, want)
	}
	for _, bad := range []string{"", "42 (x", "42 (x) S 7 1", "42 (x) S 7 42 42 0 -1 4194304 1 2 3 4 x 50 20 5 20 0 9 0 100 1000000 256"} {
		if _, ok := parseStat([]byte(bad)); ok {
			t.Errorf("%q is understood", bad)
		}
	}
}

func TestStealIsAShareOfAllTime(t *testing.T) {
	a, err := parseTimes("cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 1 1 1\n")
	if err != nil {
		t.Fatal(err)
	}
	b, err := parseTimes("cpu  150 0 150 760 110 10 10 10 0 0\n")
	if err != nil {
		t.Fatal(err)
	}
	d := b.Sub(a)
	if want := (Times{1200 * time.Millisecond, 700 * time.Millisecond, 100 * time.Millisecond}); d != want {
		t.Errorf("got %+v, want %+v", d, want)
	}
	if got := d.StealShare(); got != 0.05 {
		t.Errorf("steal is %v", got)
	}
	if _, err := parseTimes("intr 1 2 3\n"); err == nil {
		t.Error("a line that is no cpu line is understood")
	}
}

// mustProc makes a /proc of two processes, the second a child of the first, and a
// stranger.
func mustProc(t *testing.T) string {
	t.Helper()
	proc := t.TempDir()
	write := func(name, text string) {
		name = filepath.Join(proc, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tail := " 0 0 0 0 0 0 0 0 0 100 100 0 0 20 0 9 0 100 1000000 1 0\n"
	for pid, parent := range map[string]string{"10": "1", "11": "10", "12": "1"} {
		write(pid+"/stat", pid+" (x) S "+parent+tail)
		write(pid+"/task/1/status", "voluntary_ctxt_switches:\t3\nnonvoluntary_ctxt_switches:\t1\n")
		write(pid+"/task/2/status", "voluntary_ctxt_switches:\t6\n")
		write(pid+"/io", "rchar: 9\nsyscr: 5\nsyscw: 6\nread_bytes: 7\nwrite_bytes: 8\ncancelled_write_bytes: 1\n")
	}
	write("meminfo", "MemTotal: 1 kB\n")
	return proc
}

func TestChildrenAreCountedAndStrangersAreNot(t *testing.T) {
	proc := mustProc(t)
	got, err := of(proc, []int{10, 99})
	if err != nil {
		t.Fatal(err)
	}
	want := Usage{CPU: 4 * time.Second, Switches: 20, Resident: 2 * int64(os.Getpagesize()), Read: 14, Written: 16, Calls: 22}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestWhatIsNotSeenIsNotZero(t *testing.T) {
	proc := mustProc(t)
	if err := os.Remove(filepath.Join(proc, "11", "io")); err != nil {
		t.Fatal(err)
	}
	u, err := of(proc, []int{10})
	if err != nil || u.Written != Unseen || u.Calls != Unseen {
		t.Errorf("got %+v, %v", u, err)
	}
	if d := (Usage{Written: 5}).Sub(u); d.Written != Unseen {
		t.Errorf("a difference to what was not seen is %d", d.Written)
	}
	if _, err := of(filepath.Join(proc, "nowhere"), nil); err == nil {
		t.Error("without /proc all is well")
	}
}

func TestThisProcessHasUsedSomething(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("there is no /proc here")
	}
	u, err := Of([]int{os.Getpid()})
	if err != nil || u.Resident < 1<<20 {
		t.Errorf("got %+v, %v", u, err)
	}
	if m, err := Machine(); err != nil || m.Busy <= 0 {
		t.Errorf("got %+v, %v", m, err)
	}
}
