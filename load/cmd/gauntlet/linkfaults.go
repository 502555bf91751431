package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/candordb/candor/load/linkproxy"
	"github.com/candordb/candor/load/process"
)

var cut = linkproxy.Weather{Cut: true}

// strikeLinks draws some weather, and ends it after a while.
func strikeLinks(draw func(nodes int, rng *rand.Rand) (links, string)) func(context.Context, *arena, *rand.Rand) error {
	return func(ctx context.Context, a *arena, rng *rand.Rand) error {
		w, what := draw(len(a.nodes), rng)
		d := between(rng, strikeLeast, strikeMost)
		a.tell("links: %s, for %v", what, d)
		if err := a.place.set(w); err != nil {
			return err
		}
		process.Pause(ctx, d)
		return a.place.set(nil)
	}
}

// apart cuts, both ways, all links between nodes on different sides.
func apart(side func(node int) int, nodes int) links {
	w := links{}
	for i := range nodes {
		for j := range nodes {
			if side(i) != side(j) {
				w[[2]int{i, j}] = cut
			}
		}
	}
	return w
}

// halves draws two sides of any size.
func halves(nodes int, rng *rand.Rand) (links, string) {
	order, first := rng.Perm(nodes), 1+rng.IntN(nodes-1)
	side := make([]int, nodes)
	for _, i := range order[:first] {
		side[i] = 1
	}
	return apart(func(i int) int { return side[i] }, nodes), fmt.Sprintf("sides %v", side)
}

// bridge is halves with one node that has all its links.
func bridge(nodes int, rng *rand.Rand) (links, string) {
	w, what := halves(nodes, rng)
	over := rng.IntN(nodes)
	for i := range nodes {
		delete(w, [2]int{i, over})
		delete(w, [2]int{over, i})
	}
	return w, fmt.Sprintf("%s, n%d reaches both", what, over+1)
}

func isolate(nodes int, rng *rand.Rand) (links, string) {
	alone := rng.IntN(nodes)
	return apart(func(i int) int { return min(1, max(i-alone, alone-i)) }, nodes), fmt.Sprintf("n%d alone", alone+1)
}

// oneWay cuts each link in one direction with p 1/3; at least one.
func oneWay(nodes int, rng *rand.Rand) (links, string) {
	w, what := links{}, "one way"
	for len(w) == 0 {
		for i := range nodes {
			for j := range i {
				if rng.IntN(3) > 0 {
					continue
				}
				link := [2]int{i, j}
				if rng.IntN(2) == 0 {
					link = [2]int{j, i}
				}
				w[link] = cut
				what += fmt.Sprintf(" %d>%d", link[0]+1, link[1]+1)
			}
		}
	}
	return w, what
}

// majorities puts the nodes into a ring, and each reaches those next to it, so many
// that with itself they are a majority.
func majorities(nodes int, rng *rand.Rand) (links, string) {
	order, w := rng.Perm(nodes), links{}
	reach := (nodes/2 + 1) / 2
	for i := range nodes {
		for j := range nodes {
			if away := (j - i + nodes) % nodes; min(away, nodes-away) > reach {
				w[[2]int{order[i], order[j]}] = cut
			}
		}
	}
	return w, fmt.Sprintf("ring of majorities %v", order)
}

// everywhere is the same weather on all links.
func everywhere(nodes int, one linkproxy.Weather) links {
	w := links{}
	for i := range nodes {
		for j := range nodes {
			if i != j {
				w[[2]int{i, j}] = one
			}
		}
	}
	return w
}

func lossy(nodes int, rng *rand.Rand) (links, string) {
	one := linkproxy.Weather{Loss: 10 + rng.IntN(190)}
	return everywhere(nodes, one), fmt.Sprintf("%.1f %% lost", float64(one.Loss)/10)
}

func slow(nodes int, rng *rand.Rand) (links, string) {
	one := linkproxy.Weather{
		Delay: between(rng, 0, 50*time.Millisecond), Jitter: between(rng, time.Millisecond, 100*time.Millisecond),
		Loss: rng.IntN(50), Duplicate: rng.IntN(300), Reorder: rng.IntN(300),
	}
	return everywhere(nodes, one), fmt.Sprintf("%+v", one)
}

func lacksDelay(a *arena) string { return a.place.lacks(linkproxy.Weather{Delay: time.Second}) }

// strikeSwizzle cuts some nodes off one by one, and lets them back in in another
// order.
func strikeSwizzle(ctx context.Context, a *arena, rng *rand.Rand) error {
	some := a.some(rng, 2)
	a.tell("links: swizzle of %s", names(some))
	off := make([]int, len(a.nodes)) // 0, or a side of its own
	step := func(n *node, side int) error {
		off[n.index] = side
		if err := a.place.set(apart(func(i int) int { return off[i] }, len(a.nodes))); err != nil {
			return err
		}
		process.Pause(ctx, between(rng, 100*time.Millisecond, 2*time.Second))
		return nil
	}
	for i, n := range some {
		if err := step(n, i+1); err != nil {
			return err
		}
	}
	rng.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
	for _, n := range some {
		if err := step(n, 0); err != nil {
			return err
		}
	}
	return a.place.set(nil)
}
