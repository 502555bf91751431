package admin

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/candordb/candor/contract"
)

// admit keeps strangers' pages in browsers out: those that reach this node by a
// name of their own (Host), and those that write from another origin.
func (s *Server) admit(r *http.Request) error {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if host := plainHost(r.Host); !isLoopback(host) && !s.hosts[host] && !isAddress(host, local) {
		return refuse(contract.Forbidden, "Host is %q, which is no name of this node: add it to http.hosts if it is one", r.Host)
	}
	if err := s.origin.Check(r); err != nil {
		return refuse(contract.Forbidden, "a page of another origin may not change anything here: %v", err)
	}
	return nil
}

// sameOrigin is the check of admit for a GET that may settle a write.
func (s *Server) sameOrigin(r *http.Request) error {
	unsafe := *r
	unsafe.Method = http.MethodPost
	if err := s.origin.Check(&unsafe); err != nil {
		return refuse(contract.Forbidden, "a page of another origin may not settle a write: %v", err)
	}
	return nil
}

// plainHost is the host of a Host header: no port, no brackets, lower case.
func plainHost(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// isAddress tells whether host is the address at which the connection came in.
func isAddress(host string, local net.Addr) bool {
	if local == nil {
		return false
	}
	at, err := netip.ParseAddrPort(local.String())
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap() == at.Addr().Unmap().WithZone("")
}
