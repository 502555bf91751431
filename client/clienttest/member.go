package clienttest

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/candordb/candor/config"
	"github.com/candordb/candor/node"
)

// stopTimeout is more than an orderly stop may take.
const stopTimeout = 20 * time.Second

// member is one node.
type member struct {
	c      *Cluster
	index  int
	name   string
	config *config.Config
	skew   atomic.Int64 // of its wall clock, milliseconds

	// Owned by whoever changes the cluster.
	cancel context.CancelFunc
	done   chan error // nil: it does not run
}

// start runs the node.
func (m *member) start() {
	var ctx context.Context
	ctx, m.cancel = context.WithCancel(context.Background())
	m.done = make(chan error, 1)
	m.c.net.revive(m.index)
	options := node.Options{Log: m.c.log.of(m.name), Version: "clienttest", Machine: m.c.net.machine(m.index)}
	options.Machine.Wall = func() int64 { return time.Now().UnixMilli() + m.skew.Load() }
	done := m.done
	go func() { done <- node.Run(ctx, m.config, options) }()
}

// halt has the node stop; join waits for it.
func (m *member) halt() {
	if m.done != nil {
		m.cancel()
	}
}

func (m *member) join() {
	if m.done == nil {
		return
	}
	late := time.NewTimer(stopTimeout)
	defer late.Stop()
	select {
	case err := <-m.done:
		if err != nil {
			m.c.t.Errorf("clienttest: %s: %v", m.name, err)
		}
	case <-late.C:
		m.c.t.Errorf("clienttest: %s does not stop", m.name)
	}
	m.done = nil
}

// Kill ends node i as the loss of its machine would look to everybody else: its
// connections break in mid-sentence, nothing more comes from it, and no new ones
// are accepted. It returns when the others have noticed. What the node had
// acknowledged is still there after Restart.
func (c *Cluster) Kill(i int) {
	c.t.Helper()
	c.net.kill(i)
	c.nodes[i].halt()
	c.nodes[i].join()
	c.awaitLinks()
}

// Restart starts node i again, with its disk; it is killed first if it runs. It
// returns when the node serves and all that are not cut off reach it.
func (c *Cluster) Restart(i int) {
	c.t.Helper()
	if c.nodes[i].done != nil {
		c.Kill(i)
	}
	c.nodes[i].start()
	c.awaitReady()
}

// Partition cuts node i off from the nodes in others, or from all if none is
// named. Clients still reach all of them. It returns when both sides have
// noticed. Cuts add up until Heal.
func (c *Cluster) Partition(i int, others ...int) {
	c.t.Helper()
	if len(others) == 0 {
		for j := range c.nodes {
			others = append(others, j)
		}
	}
	for _, j := range others {
		if j != i {
			c.net.split(i, j)
		}
	}
	c.awaitLinks()
}

// Heal undoes every Partition, and returns when all nodes that run reach each
// other.
func (c *Cluster) Heal() {
	c.t.Helper()
	c.net.heal()
	c.awaitLinks()
}

// Skew sets the wall clock of node i off by d (negative: behind). A running node
// does not follow a jump of more than clock.max_drift (500 ms) that its peers'
// clocks do not confirm; one that starts with such a clock finds it out by its
// peers, and coordinates nothing.
func (c *Cluster) Skew(i int, d time.Duration) { c.nodes[i].skew.Store(d.Milliseconds()) }
