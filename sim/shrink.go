package sim

import "slices"

// Shrink makes a failed run smaller: it leaves out one swarm option after the
// other and cuts the length, as long as the same checker still fails. Since each
// option has a stream of its own, what is left stays as it was drawn.
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
	if failed.Scenario == "" {
		for _, name := range failed.Plan.On {
			o := best.Options
			o.Without = append(slices.Clone(o.Without), name)
			try(o)
		}
	}
	for share := 0.5; share > 0.01; share /= 2 {
		o := best.Options
		o.Shorten = share
		if !try(o) {
			break
		}
	}
	return best
}
