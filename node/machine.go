package node

import (
	"context"
	"net"
	"time"

	"github.com/candordb/candor/gossip"
	"github.com/candordb/candor/storage"
)

// Machine is what a node finds outside itself: sockets, a disk and the wall clock. A
// nil field is the real thing. It is for tests that run real nodes and cut them
// off from each other, or set their clocks.
type Machine struct {
	// Listen binds the listeners for clients, peers and HTTP. Default: TCP.
	Listen func(address string) (net.Listener, error)
	// Dial opens the connections to peers. Default: TCP.
	Dial func(ctx context.Context, address string) (net.Conn, error)
	// Gossip carries gossip. Default: UDP and TCP.
	Gossip gossip.Network
	// Disk holds the data folder. Default: the machine's files.
	Disk storage.FS
	// Wall is the wall clock, in milliseconds since 1970.
	Wall func() int64
	// Lost says, while the node stops, that its machine is gone from the network:
	// then it says no goodbye. Default: it is not.
	Lost func() bool

	started func(*Node) // tests of this package get hold of the node by it
}

func (m Machine) withDefaults() Machine {
	if m.Listen == nil {
		m.Listen = func(address string) (net.Listener, error) { return net.Listen("tcp", address) }
	}
	if m.Wall == nil {
		m.Wall = wallMillis
	}
	if m.Lost == nil {
		m.Lost = func() bool { return false }
	}
	return m
}

func wallMillis() int64 { return time.Now().UnixMilli() }
