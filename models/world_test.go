package models

// What all models have in common: three replicas, of which two are a quorum.

const replicas = 3

// mask is a set of replicas.
type mask uint8

const everyone = mask(1<<replicas - 1)

func only(i int) mask         { return 1 << i }
func (m mask) has(i int) bool { return m&only(i) != 0 }

// isQuorum says whether there are two at least.
func (m mask) isQuorum() bool { return m&(m-1) != 0 }

// pairs of replicas. In exchanges the first of each asks.
var pairs = [...][2]int{{0, 1}, {0, 2}, {1, 2}}

var (
	nodes     = [replicas]string{"A", "B", "C"}
	pairNames = [len(pairs)]string{"A with B", "A with C", "B with C"}
)
