package config

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
)

// PublicAddr is what others dial to reach the listener listen of this node:
// advertise.host, or the listener's own host, with the listener's port.
func (c *Config) PublicAddr(listen string) string {
	_, port, err := net.SplitHostPort(listen)
	if err != nil || c.Advertise.Host == "" {
		return listen
	}
	return net.JoinHostPort(strings.Trim(c.Advertise.Host, "[]"), port)
}

// checkListeners checks that each listener is an address, apart from the others,
// reachable by those who need it, and not open to strangers by accident.
func (c *Config) checkListeners(k *check) {
	listeners := []struct{ key, addr string }{
		{"listen.client", c.Listen.Client}, {"listen.peer", c.Listen.Peer},
		{"listen.gossip", c.Listen.Gossip}, {"listen.http", c.Listen.HTTP},
	}
	owner := map[string]string{}
	for _, l := range listeners {
		host, port, ok := splitAddr(l.addr)
		if !ok {
			k.want(false, "%s is %q: want host:port", l.key, l.addr)
			continue
		}
		if first, taken := owner[l.addr]; taken && port != 0 {
			k.want(false, "%s is %s, and so is %s: give each its own port", l.key, l.addr, first)
		}
		owner[l.addr] = l.key
		k.want(c.Insecure || isLoopback(host),
			"%s is %s, beyond loopback, and this build has no encryption: set `insecure: true` if the network is trusted", l.key, l.addr)
		k.want(c.Advertise.Host != "" || !isEveryInterface(host),
			"%s is %s, which is every interface, so nobody can tell what to dial: set advertise.host", l.key, l.addr)
	}
	c.checkAdvertised(k)
	for _, host := range c.HTTP.Hosts {
		k.want(isHostName(host), "http.hosts names %q: want a name or address without a scheme, a port or a path", host)
	}
}

// isHostName tells whether text can be a host, an IPv6 address with or without
// brackets.
func isHostName(text string) bool {
	if _, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return true
	}
	return text != "" && isPrintable(text) && !strings.ContainsAny(text, ":/@?#[]*")
}

func (c *Config) checkAdvertised(k *check) {
	host := c.Advertise.Host
	if host == "" {
		return
	}
	_, _, hasPort := splitAddr(host)
	k.want(!hasPort && isPrintable(host), "advertise.host is %q: want a name or address without a port", host)
	k.want(!isEveryInterface(host), "advertise.host is %s: want the address that others dial", host)
}

// checkDialled checks an address that this node dials.
func checkDialled(k *check, key, addr string) {
	host, port, ok := splitAddr(addr)
	k.want(ok && host != "" && port != 0, "%s names %q: want host:port", key, addr)
}

// splitAddr splits host:port; false if the text is none. The host may be empty.
func splitAddr(addr string) (host string, port uint16, ok bool) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, false
	}
	number, err := strconv.ParseUint(text, 10, 16)
	return host, uint16(number), err == nil && isPrintable(host)
}

// isLoopback tells whether only this machine reaches host. Names are not looked
// up: of them only localhost is.
func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

func isEveryInterface(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "" || err == nil && addr.IsUnspecified()
}

// isPrintable tells whether text has no spaces, control characters or broken UTF-8.
func isPrintable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		return r == unicode.ReplacementChar || !unicode.IsGraphic(r) || unicode.IsSpace(r)
	})
}
