package main

import "github.com/candordb/candor/load/process"

// node is one node over all its lives. Its folder and addresses stay the same.
type node struct {
	process.Node
	index                          int
	dir, data, config              string
	client, peer, gossip           string // where it listens, beside HTTP
	starts, kills, pauses, restore int
}

// start brings the node to life, unless it lives.
func (c *cluster) start(n *node) error {
	if n.Running() {
		return nil
	}
	if err := n.Start(c.launcher, c.place.command(n.index, c.candor, "serve", "--config", n.config)); err != nil {
		return err
	}
	n.starts++
	return nil
}

// kill ends the node at once, and waits until it has ended.
func (n *node) kill() {
	if n.Running() {
		n.kills++
	}
	n.Kill()
}
