package verdict

import (
	"cmp"
	"slices"
)

func repairKeepsUp(e *evidence, t *tally) {
	owners, ok := e.owners(t)
	if !ok {
		return
	}
	if _, ok := e.Time.Get(); !ok {
		t.missing("the time is not known")
	}
	for _, l := range e.lags(owners, t) {
		if l.behind {
			t.bad("D105", l.node, "%s has %s repaired as of %s ago", l.node, Counted(len(l.partitions), "partition"), span(l.lag))
		}
	}
	e.each(func(n *node) {
		switch r, ok := n.Repair.Get(); {
		case !ok:
		case r.Paused:
			t.bad("D105", n.name, "repair is paused at %s", n.name)
		case !r.Running:
			t.bad("D105", n.name, "repair does not run at %s", n.name)
		}
	})
}

// lag is how far behind the proof of some partitions is, as one of their owners tells.
type lag struct {
	node       string
	partitions Partitions
	asOf       Time
	lag        int64 // milliseconds
	heldBy     []string
	behind     bool // by as much as repair.alarm_lag, or more
}

// lags are those of all partitions, by all owners that have answered; what they do
// not tell is missing.
func (e *evidence) lags(owners [][]uint16, to reporter) (all []lag) {
	owned := make([]Partitions, len(e.Members))
	for p, row := range owners {
		for _, o := range row {
			owned[o] = append(owned[o], p)
		}
	}
	now, timed := e.Time.Get()
	e.each(func(n *node) {
		repair, ok := told(to, n, n.Repair, itsRepair)
		bound, bounded := told(to, n, n.Bounds.RepairLagMS, "repair.alarm_lag")
		if !ok || !bounded {
			return
		}
		proven := make([]bool, len(owners))
		for i := range repair.States {
			s := &repair.States[i]
			asOf, ok := s.AsOf.Get()
			if !ok || !timed {
				continue
			}
			l := lag{node: n.name, asOf: asOf, lag: int64(now) - int64(asOf), heldBy: s.HeldBy}
			for _, p := range s.Partitions {
				if _, is := slices.BinarySearch(owned[n.at], p); is && !proven[p] {
					proven[p] = true
					l.partitions = append(l.partitions, p)
				}
			}
			l.behind = l.lag >= bound
			if len(l.partitions) > 0 {
				all = append(all, l)
			}
		}
		e.unproven(n, owned[n.at], proven, to)
	})
	slices.SortStableFunc(all, func(a, b lag) int { return cmp.Compare(b.lag, a.lag) })
	return all
}

// unproven tells of the partitions for which a node names no proof.
func (e *evidence) unproven(n *node, owned Partitions, proven []bool, to reporter) {
	var without Partitions
	for _, p := range owned {
		if !proven[p] {
			without = append(without, p)
		}
	}
	if len(without) > 0 {
		to.missing(n.name + " has no proof yet for " + Counted(len(without), "partition"))
	}
}
