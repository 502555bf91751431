package main

import (
	"context"
	"net"
	"os/exec"

	"github.com/candordb/candor/load/linkproxy"
)

// links is the weather between nodes, from one to another; what is not named is
// fine.
type links map[[2]int]linkproxy.Weather

// place is where the nodes run, and the links between them.
type place interface {
	// addresses are those of a node, the same over all its lives.
	addresses(node int) addresses
	// command is how a program is started as a node.
	command(node int, name string, args ...string) *exec.Cmd
	// dial is how clients reach what a node advertises. It is good for many at once.
	dial(ctx context.Context, address string) (net.Conn, error)
	// run carries what has to be carried until ctx ends.
	run(ctx context.Context) error
	// set replaces the weather on all links.
	set(links) error
	// lacks says what a nemesis of links cannot have here: "" or a reason.
	lacks(linkproxy.Weather) string
	// close takes down what was made.
	close() error
}
