package hlc

// BoundAhead is how far, in milliseconds, the persisted bound runs ahead of
// the clock. It is renewed every second, so that two renewals in a row may be
// late before the clock has to stop.
const BoundAhead = 3000

// NextBound is the bound to persist now: BoundAhead past the clock, and never
// below the bound that is already persisted. Only after it is synced may it be
// used as the bound of Within.
func NextBound(clock, bound Timestamp, physical int64) Timestamp {
	return max(bound, max(clock, Make(physical, 0)).Add(BoundAhead))
}

// Within says whether a time may be issued under the persisted bound. One that
// may not is answered with CLOCK, kind 3, until the bound is renewed.
func Within(t, bound Timestamp) bool { return t <= bound }

// Restart is the clock of a node that starts with a persisted bound: the later
// of physical time and bound if the bound is at most maxDrift milliseconds
// ahead of the median of the members' clocks (own physical time, where nobody
// else was heard), else physical time. A bound that is further ahead was made
// by a clock that was wrong; continuing from it would keep the error alive.
func Restart(bound Timestamp, physical, median, maxDrift int64) Timestamp {
	t := Make(physical, 0)
	if bound > t && bound.Millis() <= median+maxDrift {
		return bound
	}
	return t
}
