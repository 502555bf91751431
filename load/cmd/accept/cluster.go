package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/candordb/candor/client"
	"github.com/candordb/candor/load/linkproxy"
)

const (
	replicas = 3
	// readyWithin is how long a node may take until it takes requests.
	readyWithin = 2 * time.Minute
	// stopWithin is how long a node may take to stop.
	stopWithin = 90 * time.Second
)

// Each node listens on a loopback address of its own and advertises another one, at
// which the proxy listens.
const (
	ownNet        = "127.79.0."
	advertisedNet = "127.80.0."
)

// ports are what a node listens at, in the order of their numbers.
var ports = [...]string{"client", "peer", "gossip", "http"}

// cluster is the nodes and the links between them.
type cluster struct {
	nodes []*node
	proxy *linkproxy.Proxy
	end   context.CancelFunc // of the proxy
	ended chan error         // it has
}

// newCluster lays the nodes out in a folder, and has the proxy listen. Nothing is
// started yet.
func newCluster(candor, dir string, count int, settings []string) (*cluster, error) {
	c := &cluster{ended: make(chan error, 1)}
	var bootstrap, seeds []string
	var links []linkproxy.Port
	for i := range count {
		n := &node{name: fmt.Sprintf("n%d", i+1), candor: candor}
		n.data, n.log = filepath.Join(dir, n.name, "data"), filepath.Join(dir, n.name, "log")
		if err := os.MkdirAll(n.data, 0o755); err != nil {
			return nil, err
		}
		own, advertised := fmt.Sprint(ownNet, i+1), fmt.Sprint(advertisedNet, i+1)
		for j, name := range ports {
			port, err := freePort(own)
			if err != nil {
				return nil, notRun(fmt.Sprintf("no port can be had on %s: %v", own, err))
			}
			n.at[j] = net.JoinHostPort(own, port)
			links = append(links, linkproxy.Port{Node: i, Real: n.at[j], Public: net.JoinHostPort(advertised, port), UDP: name == "gossip"})
			n.sets = append(n.sets, "listen."+name+"="+n.at[j])
		}
		n.sets = append(n.sets, "node.name="+n.name, "node.data_dir="+n.data, "advertise.host="+advertised)
		bootstrap, seeds = append(bootstrap, links[len(links)-3].Public), append(seeds, links[len(links)-2].Public)
		c.nodes = append(c.nodes, n)
	}
	for _, n := range c.nodes {
		n.sets = append(n.sets, "cluster.name=accept", "cluster.bootstrap="+strings.Join(bootstrap, ","), "cluster.seeds="+strings.Join(seeds, ","),
			fmt.Sprint("cluster.replicas=", replicas), "insecure=true")
		n.sets = append(n.sets, settings...)
	}
	var err error
	if c.proxy, err = linkproxy.New(links, linkproxy.Processes(c.pids)); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.end = cancel
	go func() { c.ended <- c.proxy.Run(ctx) }()
	return c, nil
}

// freePort is a port at which nobody listens now.
func freePort(host string) (string, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

func (c *cluster) pids() (pids []int) {
	for _, n := range c.nodes {
		pids = append(pids, int(n.pid.Load()))
	}
	return pids
}

// found starts all nodes and waits until they take requests.
func (c *cluster) found(ctx context.Context) error {
	for _, n := range c.nodes {
		if err := n.start(); err != nil {
			return err
		}
	}
	for _, n := range c.nodes {
		if err := n.awaitReady(ctx); err != nil {
			return err
		}
	}
	if !until(ctx, readyWithin, func() bool { return c.allReach(ctx) }) {
		return fmt.Errorf("the nodes do not reach each other within %v", readyWithin)
	}
	return nil
}

// allReach says whether every node reaches every other one.
func (c *cluster) allReach(ctx context.Context) bool {
	for _, n := range c.nodes {
		m, err := n.metrics(ctx)
		if err != nil || m.sum("candor_peer_reachable") != float64(len(c.nodes)-1) {
			return false
		}
	}
	return true
}

// connect opens a client that knows all nodes. It goes past the proxy, which holds
// nothing of clients.
func (c *cluster) connect(ctx context.Context) (*client.Client, error) {
	var seeds []string
	for _, n := range c.nodes {
		seeds = append(seeds, n.at[0])
	}
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	return client.Open(ctx, strings.Join(seeds, ","), client.WithName("accept"), client.WithDialer(dial))
}

func dial(ctx context.Context, address string) (net.Conn, error) {
	if rest, ok := strings.CutPrefix(address, advertisedNet); ok {
		address = ownNet + rest
	}
	return new(net.Dialer).DialContext(ctx, "tcp", address)
}

// clients are the addresses of some nodes for clients.
func clients(nodes []*node) (list []string) {
	for _, n := range nodes {
		list = append(list, n.at[0])
	}
	return list
}

// stopAll asks all nodes to end, and waits until they have.
func (c *cluster) stopAll() (err error) {
	for _, n := range c.nodes {
		n.ask()
	}
	for _, n := range c.nodes {
		err = errors.Join(err, n.stop())
	}
	return err
}

// close ends all nodes, and the proxy.
func (c *cluster) close() error {
	for _, n := range c.nodes {
		n.kill()
	}
	c.end()
	return <-c.ended
}

// weather is the same on all links between nodes on different sides, both ways.
func weather(sides []int, w linkproxy.Weather) map[[2]int]linkproxy.Weather {
	links := make(map[[2]int]linkproxy.Weather)
	for i := range sides {
		for j := range sides {
			if sides[i] != sides[j] {
				links[[2]int{i, j}] = w
			}
		}
	}
	return links
}

// alone are the sides of a node and all others.
func alone(node, nodes int) []int {
	sides := make([]int, nodes)
	sides[node] = 1
	return sides
}
