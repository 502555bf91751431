package admin

import "github.com/candordb/candor/verdict"

// partitionProof is how far the replicas of a partition are proved to agree.
type partitionProof struct {
	// RepairedAsOf is up to when all of them hold everything; null where one of them has
	// no proof, or has not reported.
	RepairedAsOf verdict.Opt[verdict.Time] `json:"repaired_as_of"`
	// HeldBy are the ids of the pair whose proof is the oldest; empty: none is late.
	HeldBy []string `json:"held_by"`
	// Watermark is up to when deletes are purged at all of them; null as above.
	Watermark verdict.Opt[verdict.Time] `json:"watermark"`
}

// proofsOf are those of all partitions of n replicas each, as the replicas report them:
// the oldest counts.
func proofsOf(e *verdict.Snapshot, partitions, n int) []partitionProof {
	all := make([]partitionProof, partitions)
	asOf, marked := make([]int, partitions), make([]int, partitions) // replicas that report one
	for p := range all {
		all[p].HeldBy = []string{}
	}
	for i := range e.Members {
		if e.Members[i].Report == nil {
			continue
		}
		repair, _ := e.Members[i].Report.Repair.Get()
		for _, s := range repair.States {
			for _, p := range s.Partitions {
				if p < 0 || p >= partitions {
					continue
				}
				if older(&all[p].RepairedAsOf, s.AsOf, &asOf[p]) && len(s.HeldBy) > 0 {
					all[p].HeldBy = s.HeldBy
				}
				older(&all[p].Watermark, s.Watermark, &marked[p])
			}
		}
	}
	for p := range all {
		if asOf[p] < n {
			all[p].RepairedAsOf = verdict.Opt[verdict.Time]{}
		}
		if marked[p] < n {
			all[p].Watermark = verdict.Opt[verdict.Time]{}
		}
	}
	return all
}

// older takes a time that is known, if it is older than what was taken, and counts it.
func older(to *verdict.Opt[verdict.Time], t verdict.Opt[verdict.Time], count *int) bool {
	at, known := t.Get()
	if !known {
		return false
	}
	*count++
	if before, some := to.Get(); some && before <= at {
		return false
	}
	*to = t
	return true
}
