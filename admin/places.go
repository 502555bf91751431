package admin

import (
	"net"
	"net/netip"
	"sync"
)

// Bounds of connections.
const (
	connectionsMax = 512 // that have a request served at once, but for probes
	reserveMax     = 64  // more that may be open, so that a probe is heard whatever the others do
)

// places are the connections that are open, and what each of them is doing.
//
// A connection that asks nothing is worth little: it is new and its header has
// not come yet, or it is kept by a client between two requests. When there are too
// many, the one that has been silent longest makes room, so that whoever sends a
// request at once is served, however many others only connect. One that has a
// request served is never cut off for want of room. When all are at work, the
// newcomers are let into the reserve to say what they want: probes are served, and
// everything else is refused there.
type places struct {
	max, reserve int // connectionsMax and reserveMax
	perAddress   int // of one address, as max is of all

	mu   sync.Mutex // guards what follows
	turn uint64     // counts the changes, to tell who was silent first
	open map[net.Conn]*place
	busy int
	from map[netip.Addr]guests // without entries that are zero
}

// place is one connection.
type place struct {
	from  netip.Addr
	busy  bool   // a request is served on it
	since uint64 // the turn from which on it is silent
}

// guests are the connections of one address; busy is at most all.
type guests struct{ all, busy int }

func newPlaces(perAddress int) *places {
	if perAddress == 0 {
		perAddress = connectionsMax
	}
	return &places{max: connectionsMax, reserve: reserveMax, perAddress: perAddress, open: make(map[net.Conn]*place), from: make(map[netip.Addr]guests)}
}

// enter takes a connection in. victim, if there is one, has lost its place to it and
// has to be closed. It is false if there is no place for it, as all are at work.
func (p *places) enter(c net.Conn) (victim net.Conn, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	from := addressOf(c.RemoteAddr())
	if p.from[from].all >= p.perAddress {
		victim = p.silentLongest(from, true)
	}
	if victim == nil && len(p.open) >= p.max+p.reserve {
		if victim = p.silentLongest(from, false); victim == nil {
			return nil, false
		}
	}
	if victim != nil {
		p.remove(victim)
	}
	p.turn++
	p.open[c] = &place{from: from, since: p.turn}
	g := p.from[from]
	p.from[from] = guests{g.all + 1, g.busy}
	return victim, true
}

// silentLongest is the connection that has been silent longest, of one address or
// of all; nil: none is silent.
func (p *places) silentLongest(from netip.Addr, ofOne bool) (longest net.Conn) {
	for c, at := range p.open { // in no order: no two were silent at the same turn
		if !at.busy && (!ofOne || at.from == from) && (longest == nil || at.since < p.open[longest].since) {
			longest = c
		}
	}
	return longest
}

// work notes that a request has come on a connection, and rest that it asks nothing
// any more. Both do nothing for one that has lost its place.
func (p *places) work(c net.Conn) { p.set(c, true) }
func (p *places) rest(c net.Conn) { p.set(c, false) }

func (p *places) set(c net.Conn, busy bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.open[c]
	if at == nil || at.busy == busy {
		return
	}
	step := -1
	if busy {
		step = 1
	}
	p.turn++
	at.busy, at.since = busy, p.turn
	p.busy += step
	g := p.from[at.from]
	p.from[at.from] = guests{g.all, g.busy + step}
}

// leave notes that a connection has ended.
func (p *places) leave(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open[c] != nil {
		p.remove(c)
	}
}

// remove is leave with the lock held.
func (p *places) remove(c net.Conn) {
	at := p.open[c]
	delete(p.open, c)
	g := p.from[at.from]
	g.all--
	if at.busy {
		g.busy--
		p.busy--
	}
	if p.from[at.from] = g; g.all == 0 {
		delete(p.from, at.from)
	}
}

// holds says whether a connection has kept its place.
func (p *places) holds(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.open[c] != nil
}

// crowded says which bound a request is beyond, its own connection counted; "" if
// none.
func (p *places) crowded(c net.Conn) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.open[c]
	switch {
	case at == nil:
		return ""
	case p.from[at.from].busy > p.perAddress:
		return "its address has as many requests going on as limits.per_ip allows"
	case p.busy > p.max:
		return "this node has as many connections at work as it has room for"
	}
	return ""
}

// count is how many connections are open.
func (p *places) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.open)
}

// addressOf is what connections are counted by: the address, of IPv6 the /64
// network, which one machine may have for itself.
func addressOf(a net.Addr) netip.Addr {
	at, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{} // in memory: all are of one address
	}
	ip := at.Addr().Unmap().WithZone("")
	if ip.Is6() {
		return netip.PrefixFrom(ip, 64).Masked().Addr()
	}
	return ip
}
