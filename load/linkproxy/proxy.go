package linkproxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
)

// Nobody is the index of who is no node.
const Nobody = -1

// Port is a listener of a node.
type Port struct {
	Node         int
	Real, Public string // IP:port
	UDP          bool   // it takes UDP too
}

// Whose says which node has opened a connection that comes from an address; Nobody
// if none has.
type Whose func(from netip.AddrPort) int

// Proxy is the links between nodes.
type Proxy struct {
	whose     Whose
	ports     []Port
	listeners []net.Listener
	packets   map[int]*net.UDPConn // by node: the public address of its port for UDP
	nodes     map[netip.AddrPort]int
	running   sync.WaitGroup

	mu      sync.Mutex // guards what follows
	links   map[[2]int]Weather
	changed chan struct{} // closed when links change
}

// New listens on all public addresses.
func New(ports []Port, whose Whose) (*Proxy, error) {
	p := &Proxy{
		whose: whose, ports: ports, packets: make(map[int]*net.UDPConn), nodes: make(map[netip.AddrPort]int),
		links: make(map[[2]int]Weather), changed: make(chan struct{}),
	}
	for _, port := range ports {
		if err := p.listen(port); err != nil {
			p.shut()
			return nil, fmt.Errorf("linkproxy: %w", err)
		}
	}
	return p, nil
}

func (p *Proxy) listen(port Port) error {
	l, err := net.Listen("tcp", port.Public)
	if err != nil {
		return err
	}
	p.listeners = append(p.listeners, l)
	if !port.UDP {
		return nil
	}
	public, err := netip.ParseAddrPort(port.Public)
	if err != nil {
		return err
	}
	own, err := netip.ParseAddrPort(port.Real)
	if err != nil {
		return err
	}
	u, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(public))
	if err != nil {
		return err
	}
	p.packets[port.Node], p.nodes[own] = u, port.Node
	return nil
}

// Set changes the weather on all links, from a node to a node. A link that is not
// named is fine.
func (p *Proxy) Set(links map[[2]int]Weather) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.links = links
	close(p.changed)
	p.changed = make(chan struct{})
}

// weather is that of a link, and what is closed when it may have changed.
func (p *Proxy) weather(from, to int) (Weather, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if from == Nobody || to == Nobody {
		return Weather{}, p.changed
	}
	return p.links[[2]int{from, to}], p.changed
}

// Run carries until ctx ends, and returns when nothing is under way any more.
func (p *Proxy) Run(ctx context.Context) error {
	for i, port := range p.ports {
		p.running.Go(func() { p.accept(ctx, p.listeners[i], port) })
		if port.UDP {
			p.running.Go(func() { p.receive(ctx, port) })
		}
	}
	<-ctx.Done()
	p.shut()
	p.running.Wait()
	return nil
}

func (p *Proxy) shut() {
	for _, l := range p.listeners {
		l.Close()
	}
	for _, u := range p.packets { // each is closed: order does not matter
		u.Close()
	}
}

// accept takes the connections to a port.
func (p *Proxy) accept(ctx context.Context, l net.Listener, port Port) {
	for {
		in, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // it is gone before it could be taken
		}
		p.running.Go(func() { p.connect(ctx, in, port) })
	}
}
