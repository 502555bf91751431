package main

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/candordb/candor/load/linkproxy"
)

// reached is how many nodes a node exchanges packets with, itself among them.
func reached(w links, nodes, i int) (n int) {
	for j := range nodes {
		if i == j || !w[[2]int{i, j}].Cut && !w[[2]int{j, i}].Cut {
			n++
		}
	}
	return n
}

// What a partition is called, and what of it every draw has to have.
func TestShapesOfPartitions(t *testing.T) {
	for nodes := 3; nodes <= 7; nodes++ {
		for seed := range uint64(50) {
			rng := rand.New(rand.NewPCG(seed, 0))
			w, what := halves(nodes, rng)
			for i := range nodes {
				if n := reached(w, nodes, i); n < 1 || n == nodes {
					t.Fatalf("halves of %d, seed %d (%s): node %d reaches %d", nodes, seed, what, i, n)
				}
			}
			for link := range w {
				if !w[[2]int{link[1], link[0]}].Cut {
					t.Fatalf("halves of %d, seed %d (%s): %v is cut one way", nodes, seed, what, link)
				}
			}
			all := 0
			w, what = bridge(nodes, rng)
			for i := range nodes {
				if reached(w, nodes, i) == nodes {
					all++
				}
			}
			if all == 0 {
				t.Fatalf("bridge of %d, seed %d (%s): no node reaches all", nodes, seed, what)
			}
			alone := 0
			w, what = isolate(nodes, rng)
			for i := range nodes {
				if reached(w, nodes, i) == 1 {
					alone++
				}
			}
			if alone != 1 || len(w) != 2*(nodes-1) {
				t.Fatalf("isolate of %d, seed %d (%s): %d nodes are alone, %d links are cut", nodes, seed, what, alone, len(w))
			}
			w, what = majorities(nodes, rng)
			for i := range nodes {
				if n := reached(w, nodes, i); n < nodes/2+1 || nodes > 3 && n == nodes {
					t.Fatalf("majorities of %d, seed %d (%s): node %d reaches %d", nodes, seed, what, i, n)
				}
			}
			w, what = oneWay(nodes, rng)
			for link := range w {
				if w[[2]int{link[1], link[0]}].Cut {
					t.Fatalf("oneway of %d, seed %d (%s): %v is cut both ways", nodes, seed, what, link)
				}
			}
			if len(w) == 0 {
				t.Fatalf("oneway of %d, seed %d: nothing is cut", nodes, seed)
			}
		}
	}
}

func TestANemesisListIsReadAsMeant(t *testing.T) {
	standard := 0
	for _, n := range nemeses {
		if n.standard {
			standard++
			if n.needs != "" {
				t.Errorf("%s is in the default and needs %q", n.name, n.needs)
			}
		}
	}
	for list, want := range map[string]int{"none": 0, "kill": 1, "kill,pause": 2, "default": standard, "default,lostdb": standard + 1, "all": len(nemeses)} {
		if got, err := chosen(list); err != nil || len(got) != want {
			t.Errorf("%q is %d nemeses, %v; want %d", list, len(got), err, want)
		}
	}
}

// The rules of a node drop what comes from the other end of a link that is cut, and
// nothing else.
func TestRulesOfANode(t *testing.T) {
	p := &namespaces{nodes: 3}
	rules := p.rules(1, links{{0, 1}: cut, {1, 0}: cut, {2, 1}: linkproxy.Weather{Loss: 30}})
	want := `add table ip gauntlet
delete table ip gauntlet
table ip gauntlet {
  chain in {
    type filter hook input priority 0; policy accept;
    ip saddr 10.77.0.1 drop
    ip saddr 10.77.0.3 numgen random mod 1000 < 30 drop
  }
}
`
	if rules != want {
		t.Errorf("got\n%s", rules)
	}
	if p.lacks(cut) != "" || !strings.Contains(p.lacks(linkproxy.Weather{Delay: 1}), "-rootless") {
		t.Error("cuts can be had in namespaces, delays cannot")
	}
}

func TestSettingsBecomeAFile(t *testing.T) {
	got, err := yaml([]string{"cluster.name=a", "cluster.seeds=[b, c]", "insecure=true", "node.name=n1", "cluster.name=d"})
	want := "cluster:\n  name: \"d\"\n  seeds: [b, c]\ninsecure: true\nnode:\n  name: \"n1\"\n"
	if err != nil || got != want {
		t.Errorf("%v\n%s", err, got)
	}
	if _, err := yaml([]string{"nonsense"}); err == nil {
		t.Error("what is no setting is taken for one")
	}
}
