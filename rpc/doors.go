package rpc

import (
	"net"
	"net/netip"
)

// Refusals counts the connections that a Server closed as they came, by limit.
type Refusals struct {
	Connections uint64 // Options.Connections
	PerIP       uint64 // Options.PerIP
	Preauth     uint64 // Options.PreauthPerIP
}

// doors counts who is in, and decides who may come in.
type doors struct {
	max, perIP, preauth int

	in      int
	from    map[netip.Addr]guests // without entries that are zero
	refused Refusals
}

// guests are the connections of one origin.
type guests struct {
	all, strangers int // strangers have not introduced themselves; at most all
}

func newDoors(o Options) doors {
	d := doors{max: o.Connections, perIP: o.PerIP, preauth: o.PreauthPerIP, from: make(map[netip.Addr]guests)}
	if d.perIP == 0 {
		d.perIP = d.max
	}
	if d.preauth == 0 {
		d.preauth = d.perIP
	}
	return d
}

// originOf is what connections are counted by: the address, of IPv6 the /64
// network. Without an address (in memory) all are of one origin.
func originOf(a net.Addr) netip.Addr {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	addr := tcp.AddrPort().Addr().Unmap().WithZone("")
	if addr.Is6() {
		return netip.PrefixFrom(addr, 64).Masked().Addr()
	}
	return addr
}

// enter lets a newcomer in, or names the limit that keeps it out, and says
// whether it is the first that this limit keeps out.
func (d *doors) enter(from netip.Addr) (limit string, first bool) {
	g := d.from[from]
	var count *uint64
	switch {
	case d.in >= d.max:
		limit, count = "limits.connections", &d.refused.Connections
	case g.all >= d.perIP:
		limit, count = "limits.per_ip", &d.refused.PerIP
	case g.strangers >= d.preauth:
		limit, count = "limits.preauth_per_ip", &d.refused.Preauth
	default:
		d.in++
		d.from[from] = guests{g.all + 1, g.strangers + 1}
		return "", false
	}
	*count++
	return limit, *count == 1
}

// introduced notes that a stranger is none any more.
func (d *doors) introduced(from netip.Addr) {
	g := d.from[from]
	d.from[from] = guests{g.all, g.strangers - 1}
}

// leave notes that a connection has ended.
func (d *doors) leave(from netip.Addr, known bool) {
	d.in--
	g := d.from[from]
	g.all--
	if !known {
		g.strangers--
	}
	if g.all == 0 {
		delete(d.from, from)
		return
	}
	d.from[from] = g
}
