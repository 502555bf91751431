package gossip

import (
	"context"
	"net"
	"net/netip"
)

// Network is the seam to the machine's sockets. UDP and TCP fill it by default;
// package gossiptest has one in memory.
type Network interface {
	// Attach takes addr into use. packet is called for each packet that arrives
	// and may keep it, stream for each connection and owns it. Both return at
	// once and may be called concurrently, also shortly after Close.
	Attach(addr netip.AddrPort, packet func(b []byte, from net.Addr), stream func(net.Conn)) (Port, error)
}

// Port is an address in use. Its methods may be called concurrently.
type Port interface {
	// Send sends a packet, which may be lost without an error. It does not keep b.
	Send(b []byte, to string) error
	// Dial opens a stream. It may wait until ctx ends.
	Dial(ctx context.Context, to string) (net.Conn, error)
	// Close gives the address back; what still arrives is dropped.
	Close() error
}
