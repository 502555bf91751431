package account

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Times is how a machine has spent the time of all its cores since it started; a
// difference of two, in between.
type Times struct {
	Busy  time.Duration // at work for anybody
	Idle  time.Duration // and waiting for disks
	Steal time.Duration // had work, but another machine on the same host was running
}

// Machine reads the times of this machine.
func Machine() (Times, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return Times{}, fmt.Errorf("%w (%w)", ErrNoProc, err)
	}
	return parseTimes(string(text))
}

// Sub is the difference to an earlier reading.
func (t Times) Sub(earlier Times) Times {
	return Times{t.Busy - earlier.Busy, t.Idle - earlier.Idle, t.Steal - earlier.Steal}
}

// StealShare is the share of all time that was stolen, 0 to 1.
func (t Times) StealShare() float64 {
	all := t.Busy + t.Idle + t.Steal
	if all <= 0 {
		return 0
	}
	return float64(t.Steal) / float64(all)
}

// parseTimes reads the first line of /proc/stat: cpu, and then the ticks of user,
// nice, system, idle, iowait, irq, softirq and steal. Time of guests is in that of
// user already.
func parseTimes(text string) (t Times, err error) {
	line, _, _ := strings.Cut(text, "\n")
	f := strings.Fields(line)
	if len(f) < 9 || f[0] != "cpu" {
		return t, fmt.Errorf("account: /proc/stat is not understood: it begins with %q", line)
	}
	for i, text := range f[1:9] {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return t, fmt.Errorf("account: /proc/stat: %w", err)
		}
		d := time.Duration(n) * time.Second / ticksPerSecond
		switch i {
		case 3, 4:
			t.Idle += d
		case 7:
			t.Steal += d
		default:
			t.Busy += d
		}
	}
	return t, nil
}
