package engine

import (
	"context"
	"runtime"
	"syscall"
	"time"
)

// napMax is how long is slept at once, so that the end of a context is noticed.
const napMax = 10 * time.Millisecond

// pace issues operations at a fixed rate for a while.
//
// It does not wait by a timer of Go's, as the runtime of an idle program looks at them
// once in a millisecond: an operation would start half of that too late, and half a
// millisecond is ten times what an answer takes. It sleeps in the kernel, in a
// thread of its own that asks to be woken in time, and is late by some ten
// microseconds (Result.Lag says by how much).
func pace(ctx context.Context, o *opening, rate float64, d time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	wakeInTime()
	due := func(n int) time.Duration { return time.Duration(float64(n) / rate * float64(time.Second)) }
	for n := 0; ctx.Err() == nil; {
		now := min(time.Since(o.start), d)
		before := n
		for ; due(n) < now; n++ {
			o.issue(due(n))
		}
		if n > before {
			o.flush()
			continue // some time has passed
		}
		if now == d {
			return
		}
		nap(min(due(n)-now+1, d-now, napMax))
	}
}

// wakeInTime asks the kernel not to let this thread sleep longer than it wants to,
// which is 50 microseconds otherwise.
func wakeInTime() {
	const setTimerSlack = 29                                             // PR_SET_TIMERSLACK
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, setTimerSlack, 1, 0) // if it refuses, Lag shows it
}

// nap sleeps in the kernel; a signal may end it early.
func nap(d time.Duration) {
	t := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&t, nil)
}
