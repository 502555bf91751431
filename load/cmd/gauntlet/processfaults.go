package main

import (
	"context"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/candordb/candor/load/process"
)

// some draws at least so many of all nodes, in any order.
func (a *arena) some(rng *rand.Rand, least int) []*node {
	order := rng.Perm(len(a.nodes))
	var out []*node
	for _, i := range order[:least+rng.IntN(len(order)-least+1)] {
		out = append(out, a.nodes[i])
	}
	return out
}

func (a *arena) one(rng *rand.Rand) *node { return a.nodes[rng.IntN(len(a.nodes))] }

func strikeKill(ctx context.Context, a *arena, rng *rand.Rand) error {
	n := a.one(rng)
	down := between(rng, 0, 6*time.Second)
	a.tell("SIGKILL of %s, for %v", n.Name, down)
	n.kill()
	process.Pause(ctx, down)
	return a.start(n)
}

func strikeKillSome(ctx context.Context, a *arena, rng *rand.Rand) error {
	some := a.some(rng, 2)
	a.tell("SIGKILL of %s", names(some))
	return a.killAndStart(ctx, some, rng)
}

// killAndStart kills nodes in the same moment, and starts them one by one.
func (a *arena) killAndStart(ctx context.Context, some []*node, rng *rand.Rand) error {
	for _, n := range some {
		n.Signal(syscall.SIGSTOP) // so that they die in the same state of affairs
	}
	for _, n := range some {
		n.kill()
	}
	for _, n := range some {
		process.Pause(ctx, between(rng, 0, 2*time.Second))
		if err := a.start(n); err != nil {
			return err
		}
	}
	return nil
}

func strikeStop(ctx context.Context, a *arena, rng *rand.Rand) error {
	n := a.one(rng)
	down := between(rng, 0, 4*time.Second)
	a.tell("SIGTERM of %s, for %v", n.Name, down)
	if err := n.Stop(stopWithin); err != nil {
		a.stuck("%v. Its log ends with\n%s", err, n.LastWords())
	}
	process.Pause(ctx, down)
	return a.start(n)
}

func strikePause(ctx context.Context, a *arena, rng *rand.Rand) error {
	return a.pause(ctx, []*node{a.one(rng)}, between(rng, 200*time.Millisecond, 12*time.Second))
}

func strikePauseAll(ctx context.Context, a *arena, rng *rand.Rand) error {
	return a.pause(ctx, a.nodes, between(rng, time.Second, 10*time.Second))
}

func (a *arena) pause(ctx context.Context, nodes []*node, d time.Duration) error {
	a.tell("SIGSTOP of %s, for %v", names(nodes), d)
	for _, n := range nodes {
		n.Signal(syscall.SIGSTOP)
		n.pauses++
	}
	process.Pause(ctx, d)
	for _, n := range nodes {
		n.Signal(syscall.SIGCONT)
	}
	return nil
}

func names(nodes []*node) (text string) {
	for i, n := range nodes {
		if i > 0 {
			text += " "
		}
		text += n.Name
	}
	return text
}
