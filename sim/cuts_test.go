package sim

import (
	"slices"
	"testing"
)

// Every shape cuts as it says, in clusters of any size.
func TestShapesOfCuts(t *testing.T) {
	for nodes := 3; nodes <= 9; nodes++ {
		for _, shape := range shapes {
			sizes := map[int]bool{}
			for seed := range uint64(40) {
				s := &Sim{faultDice: newDice(seed, "faults"), nodes: make([]*node, nodes)}
				pairs := shape.cut(s)
				reach := reached(nodes, pairs)
				sizes[slices.Min(reach)] = true
				switch shape.name {
				case "isolate one":
					if slices.Min(reach) != 1 || len(pairs) != nodes-1 {
						t.Errorf("%d nodes: nobody is alone: %v", nodes, pairs)
					}
				case "ring":
					if len(pairs) == 0 || slices.Min(reach) < majority(nodes) {
						t.Errorf("%d nodes: a node of the ring sees no majority: %v", nodes, pairs)
					}
				case "bridge":
					if slices.Max(reach) != nodes {
						t.Errorf("%d nodes: there is no bridge: %v", nodes, pairs)
					}
				case "halves", "uniform size":
					if len(pairs) == 0 {
						t.Errorf("%d nodes: %s cuts nothing", nodes, shape.name)
					}
				}
			}
			if shape.name == "uniform size" && nodes > 3 && len(sizes) < nodes/2 {
				t.Errorf("%d nodes: only %d sizes of the smaller side", nodes, len(sizes))
			}
		}
	}
}

// reached is how many nodes each one reaches, itself included.
func reached(nodes int, pairs []pair) []int {
	all := make([]int, nodes)
	for i := range all {
		all[i] = nodes
	}
	for _, p := range pairs {
		all[p[0]]--
		all[p[1]]--
	}
	return all
}

// A cut that is one way cuts all its pairs the same way: one side is not heard.
func TestOneWayCutsSilenceOneSide(t *testing.T) {
	for seed := range uint64(20) {
		s := &Sim{faultDice: newDice(seed, "faults"), nodes: make([]*node, 7)}
		var from, to []int
		for _, p := range s.sides(3) {
			from, to = append(from, p[0]), append(to, p[1])
		}
		for _, i := range from {
			if slices.Contains(to, i) {
				t.Fatalf("node %d is on both sides", i)
			}
		}
	}
}
