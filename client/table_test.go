package client

import (
	"fmt"
	"slices"
	"testing"
)

// Whatever N and however many nodes, every candidate has its own bit in
// trip.tried, naturals come first and nobody comes twice.
func TestCandidatesFitTheMask(t *testing.T) {
	for _, tc := range []struct{ naturals, nodes, want int }{
		{0, 3, 3}, {3, 3, 3}, {3, 5, 5}, {3, 100, 3 + othersMax}, {16, 100, 32}, {17, 70, 33}, {17, 200, 33}, {63, 200, 64}, {63, 64, 64},
	} {
		table := new(table)
		for i := range tc.nodes {
			table.all = append(table.all, &node{address: fmt.Sprint(i)})
		}
		naturals := slices.Clone(table.all[:tc.naturals])
		got := table.others(naturals)
		if len(got) != tc.want || len(got) > candidatesMax || !slices.Equal(got[:tc.naturals], table.all[:tc.naturals]) {
			t.Errorf("%d naturals of %d nodes: %d candidates, want %d", tc.naturals, tc.nodes, len(got), tc.want)
		}
		seen := map[*node]bool{}
		for _, n := range got {
			if seen[n] {
				t.Errorf("%d naturals of %d nodes: one comes twice", tc.naturals, tc.nodes)
			}
			seen[n] = true
		}
	}
}
