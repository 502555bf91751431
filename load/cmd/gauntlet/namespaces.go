package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/candordb/candor/load/linkproxy"
)

// namespaces is the place in which each node has a network of its own. This program
// runs in a namespace too, that of the clients, and in it is the bridge that joins
// all: so none of it exists outside, and all of it goes when the program does.
//
//	this program            br0 10.77.0.254/24
//	  |-- n1  (veth)  n1:   eth0 10.77.0.1/24
//	  |-- n2  (veth)  n2:   eth0 10.77.0.2/24
//	  ...
//
// Cuts are made where packets come in, by their source.
type namespaces struct {
	nodes int
}

const (
	subnet     = "10.77.0."
	netnsDir   = "/run/netns"
	nftProgram = "nft"
)

// newNamespaces makes the networks.
func newNamespaces(nodes int) (*namespaces, error) {
	if why := namespacesMissing(); why != "" {
		return nil, notRun(why)
	}
	// A /run of our own: what ip notes there is seen by nobody else.
	steps := []string{
		"mount -t tmpfs none /run", "mkdir " + netnsDir, "ip link set lo up",
		"ip link add br0 type bridge", "ip addr add " + subnet + "254/24 dev br0", "ip link set br0 up",
	}
	for i := range nodes {
		n := fmt.Sprintf("n%d", i+1)
		steps = append(steps, "ip netns add "+n, "ip link add "+n+" type veth peer name eth0 netns "+n, "ip link set "+n+" master br0 up",
			"ip -n "+n+" addr add "+fmt.Sprint(subnet, i+1)+"/24 dev eth0", "ip -n "+n+" link set lo up", "ip -n "+n+" link set eth0 up")
	}
	for _, step := range steps {
		if err := command(nil, strings.Fields(step)...); err != nil {
			return nil, notRun(fmt.Sprintf("namespaces cannot be made: %v", err))
		}
	}
	p := &namespaces{nodes}
	if err := p.set(nil); err != nil {
		return nil, notRun(fmt.Sprintf("the kernel takes no rules of nftables: %v", err))
	}
	return p, nil
}

// namespacesMissing says why networks cannot be made here; "" if they can. What is
// outside must never be touched: so the network in which we are has to be empty.
func namespacesMissing() string {
	for _, program := range []string{"ip", "nsenter", "mount", nftProgram} {
		if _, err := exec.LookPath(program); err != nil {
			return program + " is missing"
		}
	}
	if os.Getuid() != 0 {
		return "it needs root"
	}
	found, err := net.Interfaces()
	if err != nil || slices.ContainsFunc(found, func(i net.Interface) bool { return i.Name != "lo" && i.Flags&net.FlagUp != 0 }) {
		return "this is not an empty network namespace: start it by scripts/gauntlet"
	}
	return ""
}

// command runs a program, with some input.
func command(input []byte, words ...string) error {
	c := exec.Command(words[0], words[1:]...)
	c.Stdin = bytes.NewReader(input)
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(words, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

func (p *namespaces) addresses(node int) addresses {
	at := fmt.Sprint(subnet, node+1)
	return addresses{own: at, advertised: at, ports: [4]string{"7400", "7401", "7402", "7480"}}
}

// inside is how a program is started in the network of a node; nsenter becomes the
// program, so its process is that.
func inside(node int) []string {
	return []string{"nsenter", fmt.Sprintf("--net=%s/n%d", netnsDir, node+1), "--"}
}

func (p *namespaces) command(node int, name string, args ...string) *exec.Cmd {
	words := append(append(inside(node), name), args...)
	return exec.Command(words[0], words[1:]...)
}

func (p *namespaces) dial(ctx context.Context, address string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", address)
}

func (p *namespaces) run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// set gives each node the rules for what comes to it, all of a node at once.
func (p *namespaces) set(w links) (err error) {
	for to := range p.nodes {
		err = errors.Join(err, command([]byte(p.rules(to, w)), append(inside(to), nftProgram, "-f", "-")...))
	}
	return err
}

// rules is the table of one node: it replaces the one before in one step.
func (p *namespaces) rules(to int, w links) string {
	var b strings.Builder
	b.WriteString("add table ip gauntlet\ndelete table ip gauntlet\ntable ip gauntlet {\n  chain in {\n    type filter hook input priority 0; policy accept;\n")
	for from := range p.nodes {
		link := w[[2]int{from, to}]
		source := fmt.Sprintf("    ip saddr %s%d ", subnet, from+1)
		switch {
		case link.Cut:
			b.WriteString(source + "drop\n")
		case link.Loss > 0:
			fmt.Fprintf(&b, "%snumgen random mod 1000 < %d drop\n", source, link.Loss)
		}
	}
	b.WriteString("  }\n}\n")
	return b.String()
}

// lacks: what nftables cannot do to a packet is to keep it.
func (p *namespaces) lacks(w linkproxy.Weather) string {
	if w.Delay > 0 || w.Jitter > 0 || w.Duplicate > 0 || w.Reorder > 0 {
		return "nftables can only drop packets: -rootless has a proxy that keeps, doubles and reorders them"
	}
	return ""
}

// close has nothing to do: the kernel removes it all with the namespaces in which
// this program runs.
func (p *namespaces) close() error { return nil }
