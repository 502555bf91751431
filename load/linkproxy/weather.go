package linkproxy

import (
	"math/rand/v2"
	"time"
)

// Weather is what a link does to what is sent over it, in one direction.
type Weather struct {
	Cut                      bool
	Delay, Jitter            time.Duration
	Loss, Duplicate, Reorder int // of 1000 packets
}

// resend is how long TCP stands still for a packet that was lost: the least time
// after which Linux sends again.
const resend = 200 * time.Millisecond

// overtaken is how much later a packet comes that others overtake.
const overtaken = 20 * time.Millisecond

// delay is how long something takes to pass.
func (w *Weather) delay() time.Duration {
	d := w.Delay
	if w.Jitter > 0 {
		d += rand.N(w.Jitter)
	}
	return d
}

// hits draws whether one of so many of 1000 is hit.
func hits(of1000 int) bool { return of1000 > 0 && rand.IntN(1000) < of1000 }

// stream is how much longer a piece of a TCP connection takes.
func (w *Weather) stream() time.Duration {
	d := w.delay()
	if hits(w.Loss) {
		d += resend
	}
	return d
}

// packets is when copies of a packet arrive, after now; none if it is lost.
func (w *Weather) packets() (after []time.Duration) {
	if w.Cut || hits(w.Loss) {
		return nil
	}
	after = append(after, w.delay())
	if hits(w.Reorder) {
		after[0] += overtaken
	}
	if hits(w.Duplicate) {
		after = append(after, w.delay())
	}
	return after
}
