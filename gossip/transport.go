package gossip

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"
)

// newTransport is what memberlist talks through: real sockets, or network. Its
// outgoing streams end with ctx; left alone, memberlist holds one for seconds
// after it was told to stop.
func newTransport(ctx context.Context, network Network, listen netip.AddrPort, l *log.Logger) (memberlist.Transport, error) {
	if network != nil {
		return attach(ctx, network, listen)
	}
	t, err := memberlist.NewNetTransport(&memberlist.NetTransportConfig{
		BindAddrs: []string{listen.Addr().String()},
		BindPort:  int(listen.Port()),
		Logger:    l,
	})
	if err != nil {
		return nil, err
	}
	return &sockets{NetTransport: t, ctx: ctx}, nil
}

// sockets is memberlist's own transport, with streams that end with ctx.
type sockets struct {
	*memberlist.NetTransport
	ctx context.Context
}

func (s *sockets) DialTimeout(addr string, timeout time.Duration) (net.Conn, error) {
	d := net.Dialer{Timeout: timeout}
	nc, err := d.DialContext(s.ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return bind(s.ctx, nc), nil
}

func (s *sockets) DialAddressTimeout(a memberlist.Address, timeout time.Duration) (net.Conn, error) {
	return s.DialTimeout(a.Addr, timeout)
}

// bound is a connection that is closed when a context ends.
type bound struct {
	net.Conn
	stop func() bool
}

func bind(ctx context.Context, nc net.Conn) net.Conn {
	return &bound{nc, context.AfterFunc(ctx, func() { nc.Close() })}
}

func (b *bound) Close() error {
	b.stop()
	return b.Conn.Close()
}

// endpoint is a transport over a Network.
type endpoint struct {
	ctx     context.Context
	port    Port
	packets chan *memberlist.Packet
	streams chan net.Conn
	closed  atomic.Bool
}

func attach(ctx context.Context, network Network, addr netip.AddrPort) (*endpoint, error) {
	e := &endpoint{ctx: ctx, packets: make(chan *memberlist.Packet, 256), streams: make(chan net.Conn, 64)}
	port, err := network.Attach(addr, e.arrived, e.connected)
	e.port = port
	return e, err
}

// arrived drops what memberlist does not take in time, as a socket does.
func (e *endpoint) arrived(b []byte, from net.Addr) {
	select {
	case e.packets <- &memberlist.Packet{Buf: b, From: from, Timestamp: time.Now()}:
	default:
	}
}

func (e *endpoint) connected(nc net.Conn) {
	select {
	case e.streams <- nc:
		if e.closed.Load() { // nobody may look there any more
			e.drain()
		}
	default:
		nc.Close()
	}
}

func (e *endpoint) drain() {
	for {
		select {
		case nc := <-e.streams:
			nc.Close()
		default:
			return
		}
	}
}

func (e *endpoint) FinalAdvertiseAddr(ip string, port int) (net.IP, int, error) {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return nil, 0, fmt.Errorf("gossip: advertised address: %w", err)
	}
	return addr.AsSlice(), port, nil
}

func (e *endpoint) WriteTo(b []byte, addr string) (time.Time, error) {
	err := e.port.Send(b, addr)
	return time.Now(), err
}

func (e *endpoint) PacketCh() <-chan *memberlist.Packet { return e.packets }
func (e *endpoint) StreamCh() <-chan net.Conn           { return e.streams }

func (e *endpoint) DialTimeout(addr string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(e.ctx, timeout)
	defer cancel()
	nc, err := e.port.Dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	// memberlist writes its label before it sets a deadline.
	nc.SetDeadline(time.Now().Add(timeout))
	return bind(e.ctx, nc), nil
}

func (e *endpoint) Shutdown() error {
	e.closed.Store(true)
	err := e.port.Close()
	e.drain()
	return err
}
