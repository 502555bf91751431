package repair

import "testing"

// However many comparisons are due at once, each pair of replicas has its turn: no
// member is left out because others come before it (rule 7).
func TestEveryPairIsComparedThoughOthersAreAlwaysDue(t *testing.T) {
	w := newWorld(t, 5, 9, 5, 32, 10, Options{AgeLimit: 2000, ExchangeInterval: 40, Timeout: 1500})
	w.run(20_000, nil)
	for _, n := range w.nodes {
		for _, p := range n.core.parts {
			for _, x := range p.pairs {
				if x.asOf == 0 {
					t.Errorf("node %d and %v never proved partition %d: %v", n.i, x.with, p.partition, x.why)
				}
			}
		}
	}
}
