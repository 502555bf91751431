package sim

import "github.com/candordb/candor/contract"

// What levels ask for is written here once more, since the code under test must
// not be its own judge.

// regionsMax is how many regions a run has at most.
const regionsMax = 3

// needs is what a level asks of a key's replicas, by domain: 0 is all of them, 1
// and so on are those of each region. What is asked of all follows from what is
// asked of the regions, and the other way round, so that two requests can be
// compared in each domain. Zero: the level cannot be met.
type needs [1 + regionsMax]int

// total is how many replicas there are to be, wherever they are.
func (q *needs) total() int { return q[0] }

// enough says whether so many replicas are as many as q asks for.
func (have *needs) enough(q *needs) bool {
	for domain, need := range q {
		if have[domain] < need {
			return false
		}
	}
	return true
}

// sizes is how many replicas a key has in each domain.
type sizes [1 + regionsMax]int

// needsOf is what a level asks of a key with these replicas, through a
// coordinator of a region.
func needsOf(l contract.Level, has *sizes, region int) (q needs) {
	n := has[0]
	switch {
	case l == contract.Quorum:
		q[0] = majority(n)
	case l == contract.All:
		q[0] = n
	case l == contract.Any:
		q[0] = 1
	case l == contract.LocalOne && has[1+region] > 0:
		q[0], q[1+region] = 1, 1
	case l == contract.LocalQuorum && has[1+region] > 0:
		q[0] = majority(has[1+region])
		q[1+region] = q[0]
	case l == contract.EachQuorum:
		for i, size := range has[1:] {
			if size > 0 {
				q[1+i] = majority(size)
				q[0] += q[1+i]
			}
		}
	case l >= contract.One && l <= contract.LevelsExact && int(l) <= n:
		q[0] = int(l)
	}
	for i := 1; i < len(q); i++ {
		// Of so many replicas these are in the region, even if as few as possible are.
		q[i] = max(q[i], q[0]-(n-has[i]))
	}
	return q
}

func majority(n int) int { return n/2 + 1 }

// counts says whether a level counts all replicas alike.
func counts(l contract.Level) bool {
	return l == contract.Quorum || l == contract.All || l == contract.Any || l >= contract.One && l <= contract.LevelsExact
}
