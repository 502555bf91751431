package main

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/candordb/candor/load/linkproxy"
	"github.com/candordb/candor/load/process"
)

const (
	rejoinBar = 30 * time.Second
	// rejoinWithin is how long it is waited for.
	rejoinWithin = 5 * time.Minute
	// settleAfter is how long after a pause nobody may be convicted, and how long
	// nodes may take to hear each other again before the next step.
	settleAfter = 20 * time.Second
)

// What a node logs when it convicts a peer.
var logConvicted = []string{"peer is silent", "peer is not reachable"}

// merged says whether all nodes see all of them alive, and reach them.
func (b *bench) merged(ctx context.Context) bool {
	for _, n := range b.nodes {
		m, err := n.metrics(ctx)
		if err != nil || m.sum("candor_gossip_members", `state="alive"`) != float64(len(b.nodes)) || m.sum("candor_peer_reachable") != float64(len(b.nodes)-1) {
			return false
		}
	}
	return true
}

// measureRejoin cuts the nodes in two for a while.
func measureRejoin(ctx context.Context, b *bench) error {
	if !process.Until(ctx, rejoinWithin, func() bool { return b.merged(ctx) }) {
		return fmt.Errorf("gossip is not one group %v after the nodes were started", rejoinWithin)
	}
	sides := make([]int, len(b.nodes))
	for i := range len(sides) / 2 {
		sides[i] = 1
	}
	b.proxy.Set(weather(sides, linkproxy.Weather{Cut: true}))
	b.tell("the links are cut: sides %v, for %v", sides, b.o.cut)
	process.Pause(ctx, b.o.cut)
	noticed := !b.merged(ctx)
	b.proxy.Set(nil)
	began := time.Now()
	process.Until(ctx, rejoinWithin, func() bool { return b.merged(ctx) })
	b.note(holds("the partition was noticed", noticed, "%t", noticed))
	b.note(limit(fmt.Sprintf("all see all alive and reach them, after %v of partition", b.o.cut), time.Since(began), rejoinBar))
	return ctx.Err()
}

// convictions are what the nodes have logged of such.
func (b *bench) convictions() (lines int) {
	for _, n := range b.nodes {
		lines += n.logged(logConvicted...)
	}
	return lines
}

// measureFalse lets nobody fail, and counts who is convicted all the same.
func measureFalse(ctx context.Context, b *bench) error {
	process.Pause(ctx, settleAfter) // until all have heard enough of each other to judge
	const loss, jitter = 100, 100 * time.Millisecond
	sides := make([]int, len(b.nodes))
	for i := range sides {
		sides[i] = i
	}
	before := b.convictions()
	b.proxy.Set(weather(sides, linkproxy.Weather{Loss: loss, Jitter: jitter}))
	b.tell("10 %% loss and %v jitter on all links, for %v", jitter, b.o.calm)
	phi, unreached, looks := b.lookFor(ctx, b.o.calm)
	b.proxy.Set(nil)
	b.note(holds(fmt.Sprintf("convictions in %v of 10 %% loss and %v jitter", b.o.calm, jitter), b.convictions() == before && unreached == 0, "%d", b.convictions()-before))
	b.note(told("the highest phi of any peer, of so many looks", "%.1f, %d", phi, looks))
	b.note(told("looks with a peer that cannot be reached", "%d", unreached))

	process.Pause(ctx, settleAfter)
	before = b.convictions()
	b.tell("SIGSTOP of all nodes, for %v", b.o.pause)
	for _, n := range b.nodes {
		n.Signal(syscall.SIGSTOP)
	}
	process.Pause(ctx, b.o.pause)
	for _, n := range b.nodes {
		n.Signal(syscall.SIGCONT)
	}
	phi, unreached, looks = b.lookFor(ctx, settleAfter)
	b.note(holds(fmt.Sprintf("convictions after a pause of all nodes of %v", b.o.pause), b.convictions() == before && unreached == 0, "%d", b.convictions()-before))
	b.note(told("the highest phi after it, of so many looks", "%.1f, %d", phi, looks))
	return ctx.Err()
}

// lookFor looks at all nodes for a while.
func (b *bench) lookFor(ctx context.Context, d time.Duration) (phi float64, unreached, looks int) {
	for end := time.Now().Add(d); time.Now().Before(end) && process.Pause(ctx, 200*time.Millisecond); {
		for _, n := range b.nodes {
			m, err := n.metrics(ctx)
			if err != nil {
				continue
			}
			looks++
			phi = max(phi, m.most("candor_peer_phi"))
			if m.sum("candor_peer_reachable") != float64(len(b.nodes)-1) {
				unreached++
			}
		}
	}
	return phi, unreached, looks
}
