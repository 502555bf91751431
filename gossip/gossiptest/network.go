// Package gossiptest is a network in memory for tests of gossip and of what is
// built on it. Packets are delivered at once or lost, streams are pipes, and any
// two addresses can be cut off from each other. It works inside synctest
// bubbles: nothing in it blocks but dialling an address that is cut off, which,
// as in life, takes until the caller's patience ends.
package gossiptest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"

	"github.com/candordb/candor/gossip"
)

// Network connects the nodes of a test. Its methods may be called at any time.
type Network struct {
	mu    sync.Mutex // guards what follows
	ports map[string]*port
	cut   map[[2]string]bool
	lose  func(from, to string) bool
	sent  map[string]Traffic
}

// Traffic is what an address has sent.
type Traffic struct{ Packets, Bytes, Dials int }

// New makes a network on which everybody reaches everybody.
func New() *Network {
	return &Network{ports: make(map[string]*port), cut: make(map[[2]string]bool), sent: make(map[string]Traffic)}
}

var errRefused = errors.New("connection refused")

// Block cuts two addresses off from each other, in both directions, or connects
// them again. Streams that are open stay.
func (n *Network) Block(a, b string, blocked bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut[[2]string{a, b}], n.cut[[2]string{b, a}] = blocked, blocked
}

// Split cuts every address of one group off from every one of the others.
func (n *Network) Split(groups ...[]string) { n.between(groups, true) }

// Join undoes Split.
func (n *Network) Join(groups ...[]string) { n.between(groups, false) }

func (n *Network) between(groups [][]string, blocked bool) {
	all := slices.Concat(groups...)
	for _, g := range groups {
		for _, a := range g {
			for _, b := range all {
				if !slices.Contains(g, b) {
					n.Block(a, b, blocked)
				}
			}
		}
	}
}

// Lose makes lose decide which packets are lost; nil: none.
func (n *Network) Lose(lose func(from, to string) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lose = lose
}

// Sent is what addr has sent so far.
func (n *Network) Sent(addr string) Traffic {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sent[addr]
}

// Attach implements gossip.Network.
func (n *Network) Attach(addr netip.AddrPort, packet func([]byte, net.Addr), stream func(net.Conn)) (gossip.Port, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := &port{n: n, addr: addr.String(), from: net.UDPAddrFromAddrPort(addr), packet: packet, stream: stream}
	if n.ports[p.addr] != nil {
		return nil, fmt.Errorf("%s: address already in use", addr)
	}
	n.ports[p.addr] = p
	return p, nil
}

// port is an address in use.
type port struct {
	n      *Network
	addr   string
	from   net.Addr
	packet func([]byte, net.Addr)
	stream func(net.Conn)
}

func (p *port) Send(b []byte, to string) error {
	if far := p.reach(to, len(b)); far != nil {
		far.packet(slices.Clone(b), p.from)
	}
	return nil
}

// reach counts a packet and finds where it arrives; nil: nowhere.
func (p *port) reach(to string, size int) *port {
	n := p.n
	n.mu.Lock()
	defer n.mu.Unlock()
	t := n.sent[p.addr]
	t.Packets, t.Bytes = t.Packets+1, t.Bytes+size
	n.sent[p.addr] = t
	if n.ports[p.addr] != p || n.cut[[2]string{p.addr, to}] || n.lose != nil && n.lose(p.addr, to) {
		return nil
	}
	return n.ports[to]
}

func (p *port) Dial(ctx context.Context, to string) (net.Conn, error) {
	p.n.mu.Lock()
	t := p.n.sent[p.addr]
	t.Dials++
	p.n.sent[p.addr] = t
	far, cut := p.n.ports[to], p.n.cut[[2]string{p.addr, to}]
	p.n.mu.Unlock()
	if cut {
		<-ctx.Done()
		return nil, fmt.Errorf("dial %s: %w", to, ctx.Err())
	}
	if far == nil {
		return nil, fmt.Errorf("dial %s: %w", to, errRefused)
	}
	near, theirs := net.Pipe()
	far.stream(theirs)
	return near, nil
}

func (p *port) Close() error {
	p.n.mu.Lock()
	defer p.n.mu.Unlock()
	if p.n.ports[p.addr] == p {
		delete(p.n.ports, p.addr)
	}
	return nil
}
