package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/candordb/candor/client"
	"github.com/candordb/candor/load/linkproxy"
	"github.com/candordb/candor/load/process"
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
	candor   string
	launcher *process.Launcher
	nodes    []*node
	proxy    *linkproxy.Proxy   // nil: the nodes reach each other directly
	end      context.CancelFunc // of the proxy
	ended    chan error         // it has
}

// newCluster lays the nodes out in a folder, and has the proxy listen if one is wanted.
// Nothing is started yet.
func newCluster(candor, dir string, count int, proxied bool, settings []string) (*cluster, error) {
	c := &cluster{candor: candor, ended: make(chan error, 1)}
	var bootstrap, seeds []string
	var links []linkproxy.Port
	for i := range count {
		n := new(node)
		n.Name = fmt.Sprintf("n%d", i+1)
		n.data, n.Log = filepath.Join(dir, n.Name, "data"), filepath.Join(dir, n.Name, "log")
		if err := os.MkdirAll(n.data, 0o755); err != nil {
			return nil, err
		}
		own := fmt.Sprint(ownNet, i+1)
		advertised := own
		if proxied {
			advertised = fmt.Sprint(advertisedNet, i+1)
		}
		at, err := process.FreeAddresses(own, len(ports))
		if err != nil {
			return nil, notRun(fmt.Sprintf("no port can be had on %s: %v", own, err))
		}
		for j, name := range ports {
			links = append(links, linkproxy.Port{Node: i, Real: at[j], Public: advertised + strings.TrimPrefix(at[j], own), UDP: name == "gossip"})
			n.sets = append(n.sets, "listen."+name+"="+at[j])
		}
		n.client, n.HTTP = at[0], at[3]
		n.sets = append(n.sets, "node.name="+n.Name, "node.data_dir="+n.data, "advertise.host="+advertised)
		bootstrap, seeds = append(bootstrap, links[len(links)-3].Public), append(seeds, links[len(links)-2].Public)
		c.nodes = append(c.nodes, n)
	}
	for _, n := range c.nodes {
		n.sets = append(n.sets, "cluster.name=accept", "cluster.bootstrap="+strings.Join(bootstrap, ","), "cluster.seeds="+strings.Join(seeds, ","),
			fmt.Sprint("cluster.replicas=", replicas), "insecure=true")
		n.sets = append(n.sets, settings...)
	}
	c.launcher = process.NewLauncher()
	if !proxied {
		return c, nil
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

func (c *cluster) pids() (pids []int) {
	for _, n := range c.nodes {
		pids = append(pids, n.PID())
	}
	return pids
}

// found starts all nodes and waits until they take requests.
func (c *cluster) found(ctx context.Context) error {
	for _, n := range c.nodes {
		if err := c.start(n); err != nil {
			return err
		}
	}
	for _, n := range c.nodes {
		if err := n.AwaitReady(ctx, readyWithin); err != nil {
			return err
		}
	}
	if !process.Until(ctx, readyWithin, func() bool { return c.allReach(ctx) }) {
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
		seeds = append(seeds, n.client)
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
		list = append(list, n.client)
	}
	return list
}

// stopAll asks all nodes to end, and waits until they have.
func (c *cluster) stopAll() error {
	errs := make([]error, len(c.nodes))
	var all sync.WaitGroup
	for i, n := range c.nodes {
		all.Go(func() { errs[i] = n.Stop(stopWithin) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// close ends all nodes, and the proxy.
func (c *cluster) close() error {
	for _, n := range c.nodes {
		n.Kill()
	}
	c.launcher.Close()
	if c.proxy == nil {
		return nil
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
