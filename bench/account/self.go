package account

import (
	"syscall"
	"time"
)

// Self is the CPU time of this program alone, without its children; 0 if the system
// does not say.
func Self() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
