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
	"github.com/candordb/candor/load/process"
)

// replicas is how many copies of each key there are.
const replicas = 3

const (
	// readyWithin is how long a node may take from its start until it takes
	// requests, and the cluster to be founded.
	readyWithin = 90 * time.Second
	// stopWithin is how long a node may take to stop.
	stopWithin = 90 * time.Second
)

// cluster is the nodes, where they run, and what starts them.
type cluster struct {
	candor   string
	place    place
	launcher *process.Launcher
	nodes    []*node
}

// newCluster lays the nodes out in a folder. Nothing is started yet. fell is told of a
// node that ends of itself.
func newCluster(o *options, dir string, p place, fell func(*node, error)) (*cluster, error) {
	c := &cluster{candor: o.candor, place: p, launcher: process.NewLauncher()}
	var peers, seeds []string
	for i := range o.nodes {
		n := &node{index: i}
		n.Name = fmt.Sprintf("n%d", i+1)
		n.Fell = func(err error) { fell(n, err) }
		n.dir = filepath.Join(dir, n.Name)
		n.data, n.config, n.Log = filepath.Join(n.dir, "data"), filepath.Join(n.dir, "candor.yaml"), filepath.Join(n.dir, "log")
		at := p.addresses(i)
		n.client, n.peer, n.gossip, n.HTTP = at.of(0), at.of(1), at.of(2), at.of(3)
		peers, seeds = append(peers, at.public(1)), append(seeds, at.public(2))
		c.nodes = append(c.nodes, n)
	}
	for _, n := range c.nodes {
		if err := c.layOut(n, peers, seeds, o.settings); err != nil {
			return nil, errors.Join(err, c.close())
		}
	}
	return c, nil
}

// layOut writes the configuration of a node: one KEY: VALUE for each setting.
func (c *cluster) layOut(n *node, peers, seeds, settings []string) error {
	if err := os.MkdirAll(n.dir, 0o755); err != nil {
		return err
	}
	all := append([]string{
		"cluster.name=gauntlet", "cluster.bootstrap=[" + strings.Join(peers, ", ") + "]", "cluster.seeds=[" + strings.Join(seeds, ", ") + "]",
		fmt.Sprintf("cluster.replicas=%d", replicas), "cluster.partitions=64",
		"node.name=" + n.Name, "node.data_dir=" + n.data,
		"listen.client=" + n.client, "listen.peer=" + n.peer, "listen.gossip=" + n.gossip, "listen.http=" + n.HTTP,
		"advertise.host=" + c.place.addresses(n.index).advertised, "insecure=true",
		// Small, so that journals rotate and tables are written while nodes die.
		"storage.write_buffer=4MiB", "storage.block_cache=8MiB", "drain.timeout=5s",
	}, settings...)
	text, err := yaml(all)
	if err != nil {
		return err
	}
	return os.WriteFile(n.config, []byte(text), 0o644)
}

// yaml is settings, KEY=VALUE, as a configuration file; a later one replaces an
// earlier one.
func yaml(settings []string) (string, error) {
	values, order := map[string]string{}, []string(nil)
	for _, s := range settings {
		key, value, ok := strings.Cut(s, "=")
		if !ok {
			return "", fmt.Errorf("the setting %q is not KEY=VALUE", s)
		}
		if _, known := values[key]; !known {
			order = append(order, key)
		}
		values[key] = value
	}
	var sections []string
	lines := map[string]string{}
	for _, key := range order {
		section, name, nested := strings.Cut(key, ".")
		if !nested {
			section, name = "", key
		}
		if _, known := lines[section]; !known {
			sections = append(sections, section)
		}
		value := values[key]
		if !strings.HasPrefix(value, "[") && value != "true" && value != "false" {
			value = fmt.Sprintf("%q", value)
		}
		if nested {
			lines[section] += "  "
		}
		lines[section] += name + ": " + value + "\n"
	}
	var b strings.Builder
	for _, s := range sections {
		if s != "" {
			b.WriteString(s + ":\n")
		}
		b.WriteString(lines[s])
	}
	return b.String(), nil
}

// found starts all nodes and waits until they have made a cluster.
func (c *cluster) found(ctx context.Context) error {
	if err := c.startAll(); err != nil {
		return err
	}
	return c.awaitAll(ctx)
}

func (c *cluster) startAll() (err error) {
	for _, n := range c.nodes {
		err = errors.Join(err, c.start(n))
	}
	return err
}

// awaitAll waits until all nodes take requests.
func (c *cluster) awaitAll(ctx context.Context) error {
	for _, n := range c.nodes {
		if err := n.AwaitReady(ctx, readyWithin); err != nil {
			return err
		}
	}
	return nil
}

// pids are those of the nodes; 0: not running.
func (c *cluster) pids() (pids []int) {
	for _, n := range c.nodes {
		pids = append(pids, n.PID())
	}
	return pids
}

// connect opens a client that knows all nodes.
func (c *cluster) connect(ctx context.Context) (*client.Client, error) {
	var seeds []string
	for _, n := range c.nodes {
		seeds = append(seeds, n.client)
	}
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	return client.Open(ctx, strings.Join(seeds, ","), client.WithName("gauntlet"), client.WithDialer(c.place.dial))
}

// close ends all nodes and takes their place down.
func (c *cluster) close() error {
	for _, n := range c.nodes {
		n.kill()
	}
	c.launcher.Close()
	return c.place.close()
}

// addresses are where a node listens, and what the others dial.
type addresses struct {
	own, advertised string // hosts
	ports           [4]string
}

func (a addresses) of(port int) string     { return net.JoinHostPort(a.own, a.ports[port]) }
func (a addresses) public(port int) string { return net.JoinHostPort(a.advertised, a.ports[port]) }
