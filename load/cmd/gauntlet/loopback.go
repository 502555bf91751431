package main

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"runtime"
	"strings"

	"github.com/candordb/candor/load/linkproxy"
	"github.com/candordb/candor/load/process"
)

// loopback is the place that needs no rights: each node listens on a loopback
// address of its own and advertises another one, at which the proxy listens.
type loopback struct {
	nodes []addresses
	proxy *linkproxy.Proxy
	pids  func() []int // set before the first node starts
}

const (
	ownNet        = "127.77.0."
	advertisedNet = "127.78.0."
)

// newLoopback finds ports that are free on both addresses of each node.
func newLoopback(nodes int) (*loopback, error) {
	if runtime.GOOS != "linux" {
		return nil, notRun("without namespaces it needs the loopback addresses and the /proc of Linux")
	}
	l := new(loopback)
	var ports []linkproxy.Port
	for i := range nodes {
		a := addresses{own: fmt.Sprint(ownNet, i+1), advertised: fmt.Sprint(advertisedNet, i+1)}
		at, err := process.FreeAddresses(a.own, len(a.ports))
		if err != nil {
			return nil, notRun(fmt.Sprintf("no port can be had on %s: %v", a.own, err))
		}
		for j := range a.ports {
			a.ports[j] = strings.TrimPrefix(at[j], a.own+":")
			ports = append(ports, linkproxy.Port{Node: i, Real: a.of(j), Public: a.public(j), UDP: j == 2})
		}
		l.nodes = append(l.nodes, a)
	}
	var err error
	l.proxy, err = linkproxy.New(ports, linkproxy.Processes(func() []int { return l.pids() }))
	return l, err
}

func (l *loopback) addresses(node int) addresses { return l.nodes[node] }

func (l *loopback) command(_ int, name string, args ...string) *exec.Cmd {
	return exec.Command(name, args...)
}

// dial goes past the proxy: it holds nothing of clients, so it would only cost.
func (l *loopback) dial(ctx context.Context, address string) (net.Conn, error) {
	if rest, ok := strings.CutPrefix(address, advertisedNet); ok {
		address = ownNet + rest
	}
	return new(net.Dialer).DialContext(ctx, "tcp", address)
}

func (l *loopback) run(ctx context.Context) error { return l.proxy.Run(ctx) }

func (l *loopback) set(w links) error {
	l.proxy.Set(w)
	return nil
}

func (l *loopback) lacks(linkproxy.Weather) string { return "" }
func (l *loopback) close() error                   { return nil }
