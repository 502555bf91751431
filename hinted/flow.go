package hinted

// How many hints are sent to a target before all of them are answered. A target
// that has just come back has cold caches and others to serve; it begins with
// few and gets more as long as it answers quickly.
const (
	windowLeast = 16
	windowFirst = 32
	windowStep  = 16
	windowMost  = 64
	windowDrop  = 64 // of hints that are given up: nothing is sent for them
	pageBytes   = 1 << 20

	quick     = 20   // milliseconds: answers within them make the window grow
	slow      = 60   // an answer that takes longer halves it
	patience  = 5000 // an answer that takes as long is taken for lost
	pauseLow  = 100  // the first pause after a refusal; each next one is twice as long
	burst     = 4    // the rate's share of a second that may be sent at once is 1/burst
	restShare = 2    // how much longer than its pages take a replay rests
	restMost  = 500  // milliseconds
	refuseAge = 10   // refused hints are tried again after so many times Options.Retry
)

// flow is how fast a target is served.
type flow struct {
	window  int
	until   int64 // monotonic milliseconds: nothing is sent before
	pause   int64 // the last one's length
	rests   int64 // how long to rest, from the next Tick on
	erase   int64 // nothing is erased before
	read    int64 // nothing is read before
	slowest int64 // of the present page, milliseconds
	answers int   // within the present page
	refused bool  // within the present page
}

// yield makes a replay rest twice as long as the last page of it was on its way,
// restMost at most. What it can do is so measured by what the machines can, and two
// thirds of that are left to clients: their requests wait behind one page.
func (f *flow) yield(now int64) {
	f.read, f.rests = max(f.read, now+f.rests), 0
}

// grow ends a page.
func (f *flow) grow() {
	f.rests = min(restShare*f.slowest, restMost)
	switch {
	case f.refused || f.answers == 0:
	case f.slowest > slow:
		f.halve()
	case f.slowest <= quick:
		f.window = min(f.window+windowStep, windowMost)
	}
	if !f.refused && f.answers > 0 {
		f.pause = 0
	}
	f.slowest, f.answers, f.refused = 0, 0, false
}

func (f *flow) halve() { f.window = max(f.window/2, windowLeast) }

// refuse is told that the target cannot take hints now. Many hints of a page are
// refused at once: that is one refusal.
func (f *flow) refuse(now, longest int64) {
	if now < f.until {
		return
	}
	f.halve()
	f.refused = true
	f.pause = min(max(2*f.pause, pauseLow), max(longest, pauseLow))
	f.until = now + f.pause
}

// earn lets bytes be sent: the rate's share of the time that has passed.
func (c *Core) earn(now int64) {
	if !c.started {
		c.started, c.credit = true, c.o.Rate/burst
	} else {
		c.credit = min(c.credit+c.o.Rate*min(now-c.filled, 1000)/1000, max(c.o.Rate/burst, 1))
	}
	c.filled = now
}

// spend says whether n bytes may be sent now. Whatever credit there is lets a
// large record pass; it is paid back before the next.
func (c *Core) spend(n int64) bool {
	switch {
	case c.o.Rate == 0:
		return true
	case c.credit <= 0:
		return false
	}
	c.credit -= n
	return true
}

// rest lets nothing be sent for a while, though nobody has refused.
func (f *flow) rest(now, long int64) { f.until = max(f.until, now+max(long, pauseLow)) }

// broke says that nothing may be sent now.
func (c *Core) broke() bool { return c.o.Rate != 0 && c.credit <= 0 }
