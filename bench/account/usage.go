package account

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ticksPerSecond is the unit of times in /proc: the kernel's USER_HZ, which is 100
// on all machines that Go runs on.
const ticksPerSecond = 100

// Unseen is what a counter is that could not be read.
const Unseen = -1

// Usage is what processes have used so far; a difference of two is what they used
// in between. Counters that could not be read are Unseen.
type Usage struct {
	CPU      time.Duration // user and system time
	Switches int64         // context switches, of all threads that live
	Resident int64         // bytes of memory now; of a difference: at its end
	Read     int64         // bytes read from disks
	Written  int64         // bytes written to disks
	Calls    int64         // calls of read and write, on files and on sockets
}

// ErrNoProc is returned where the machine has no /proc that can be read.
var ErrNoProc = errors.New("account: processes cannot be accounted here: that needs Linux's /proc")

// Of adds up processes and all their children. One that has ended counts nothing.
func Of(pids []int) (Usage, error) { return of("/proc", pids) }

func of(proc string, pids []int) (Usage, error) {
	parents, err := parentsOf(proc)
	if err != nil {
		return Usage{}, fmt.Errorf("%w (%w)", ErrNoProc, err)
	}
	var sum Usage
	for pid := range family(parents, pids) {
		u, err := one(filepath.Join(proc, strconv.Itoa(pid)))
		if errors.Is(err, os.ErrNotExist) {
			continue // it has ended meanwhile
		}
		if err != nil {
			return Usage{}, err
		}
		sum = sum.plus(u)
	}
	return sum, nil
}

// Sub is what was used since an earlier Usage of the same processes.
func (u Usage) Sub(earlier Usage) Usage {
	return Usage{
		CPU: u.CPU - earlier.CPU, Resident: u.Resident, Switches: u.Switches - earlier.Switches,
		Read: seenDifference(u.Read, earlier.Read), Written: seenDifference(u.Written, earlier.Written),
		Calls: seenDifference(u.Calls, earlier.Calls),
	}
}

func seenDifference(now, then int64) int64 {
	if now == Unseen || then == Unseen {
		return Unseen
	}
	return now - then
}

func (u Usage) plus(o Usage) Usage {
	add := func(a, b int64) int64 {
		if a == Unseen || b == Unseen {
			return Unseen
		}
		return a + b
	}
	return Usage{
		CPU: u.CPU + o.CPU, Resident: u.Resident + o.Resident, Switches: u.Switches + o.Switches,
		Read: add(u.Read, o.Read), Written: add(u.Written, o.Written), Calls: add(u.Calls, o.Calls),
	}
}

// parentsOf is the parent of each process.
func parentsOf(proc string) (map[int]int, error) {
	entries, err := os.ReadDir(proc)
	if err != nil {
		return nil, err
	}
	parents := make(map[int]int)
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		text, err := os.ReadFile(filepath.Join(proc, e.Name(), "stat"))
		if err != nil {
			continue // it has ended
		}
		if s, ok := parseStat(text); ok {
			parents[pid] = s.parent
		}
	}
	return parents, nil
}

// family are processes and whoever descends from them.
func family(parents map[int]int, pids []int) map[int]bool {
	all := make(map[int]bool)
	for _, pid := range pids {
		all[pid] = true
	}
	for grown := true; grown; {
		grown = false
		for pid, parent := range parents {
			if all[parent] && !all[pid] {
				all[pid], grown = true, true
			}
		}
	}
	return all
}

// one reads the files of a process.
func one(dir string) (Usage, error) {
	text, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return Usage{}, err
	}
	s, ok := parseStat(text)
	if !ok {
		return Usage{}, fmt.Errorf("account: %s/stat is not understood", dir)
	}
	u := Usage{CPU: time.Duration(s.ticks) * time.Second / ticksPerSecond, Resident: s.pages * int64(os.Getpagesize())}
	threads, err := filepath.Glob(filepath.Join(dir, "task", "*", "status"))
	if err != nil {
		return Usage{}, err
	}
	for _, status := range threads {
		text, err := os.ReadFile(status)
		if err != nil {
			continue // the thread has ended
		}
		u.Switches += max(field(text, "voluntary_ctxt_switches:"), 0) + max(field(text, "nonvoluntary_ctxt_switches:"), 0)
	}
	u.Read, u.Written, u.Calls = Unseen, Unseen, Unseen
	if text, err := os.ReadFile(filepath.Join(dir, "io")); err == nil {
		u.Read, u.Written, u.Calls = field(text, "read_bytes:"), field(text, "write_bytes:"), field(text, "syscr:")+field(text, "syscw:")
	}
	return u, nil
}

// stat is what is read of /proc/PID/stat.
type stat struct {
	parent int
	ticks  int64 // of CPU, user and system, with those of children that have ended
	pages  int64 // resident
}

// parseStat reads /proc/PID/stat: fields between blanks, but for the second, a
// name in parentheses that may have anything in it.
func parseStat(text []byte) (s stat, ok bool) {
	end := bytes.LastIndexByte(text, ')')
	if end < 0 {
		return s, false
	}
	// What follows begins with field 3 of proc(5).
	f := strings.Fields(string(text[end+1:]))
	const first, resident = 3, 24
	if len(f) <= resident-first {
		return s, false
	}
	number := func(n int) int64 {
		v, err := strconv.ParseInt(f[n-first], 10, 64)
		ok = ok && err == nil
		return v
	}
	ok = true
	s.parent = int(number(4))
	s.ticks = number(14) + number(15) + number(16) + number(17)
	s.pages = number(resident)
	return s, ok
}

// field reads the number behind a name at the start of a line; Unseen if there is
// none.
func field(text []byte, name string) int64 {
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			if v, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64); err == nil {
				return v
			}
		}
	}
	return Unseen
}
