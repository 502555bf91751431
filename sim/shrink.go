package sim

import "slices"

// Shrink makes a failed run smaller: it leaves out one swarm option after the
// other and cuts the length, as long as the same checker still fails, and then
// tries the options once more, since a shorter run may need fewer. Each option
// has a stream of its own, so that what is left stays as it was drawn.
func Shrink(failed *Result) *Result {
	best := failed
	try := func(o Options) bool {
		r := Run(o)
		if r.Failure == nil || r.Failure.Checker != failed.Failure.Checker {
			return false
		}
		best = r
		return true
	}
	leaveOut := func() {
		for _, name := range best.Plan.On {
			o := best.Options
			o.Without = append(slices.Clone(o.Without), name)
			try(o)
		}
	}
	if failed.Scenario == "" {
		leaveOut()
	}
	// Ever smaller shares of the length, each time between the last that did not
	// fail and the last that did.
	for low, high, i := 0.0, 1.0, 0; i < 6; i++ {
		o := best.Options
		if o.Shorten != 0 {
			high = min(high, o.Shorten)
		}
		if o.Shorten = (low + high) / 2; try(o) {
			high = o.Shorten
		} else {
			low = o.Shorten
		}
	}
	if failed.Scenario == "" {
		leaveOut()
	}
	return best
}
