package clienttest

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/candordb/candor/client"
	"github.com/candordb/candor/config"
)

// Cluster is a cluster that lives as long as a test.
type Cluster struct {
	t     testing.TB
	log   *log
	net   *network
	nodes []*member

	mu      sync.Mutex // guards what follows
	clients []*client.Client
}

// Option changes a Cluster before it is started.
type Option func(*setup)

type setup struct{ settings []func(*config.Config) }

// Setting changes the configuration of every node, as its file would; node.name tells
// them apart. By default there are 16 partitions, and 3 copies of each key, or as many
// as there are nodes.
func Setting(change func(*config.Config)) Option {
	return func(s *setup) { s.settings = append(s.settings, change) }
}

// Start starts n nodes and waits until all of them serve. The cluster is
// stopped when the test ends. If that has failed, what the nodes have logged is
// printed.
func Start(t testing.TB, n int, opts ...Option) *Cluster {
	t.Helper()
	var s setup
	for _, change := range opts {
		change(&s)
	}
	c := &Cluster{t: t, log: new(log), net: newNetwork(n)}
	dir := t.TempDir()
	t.Cleanup(c.stop)
	if err := c.configure(n, dir, &s); err != nil {
		t.Fatalf("clienttest: %v", err)
	}
	for _, m := range c.nodes {
		m.start()
	}
	c.awaitReady()
	return c
}

// configure makes the nodes, with listeners that are bound already, so that all
// know each other's addresses.
func (c *Cluster) configure(n int, dir string, s *setup) error {
	var peers []string
	for i := range n {
		m := &member{c: c, index: i, name: fmt.Sprintf("n%d", i+1), config: config.Default()}
		listen, err := c.net.bind(i)
		if err != nil {
			return err
		}
		m.config.Listen = listen
		peers = append(peers, listen.Peer)
		c.nodes = append(c.nodes, m)
	}
	for _, m := range c.nodes {
		cfg := m.config
		cfg.Cluster.Name, cfg.Cluster.Bootstrap = "clienttest", peers
		cfg.Cluster.Replicas, cfg.Cluster.Partitions = min(3, n), 16
		cfg.Node.Name, cfg.Node.DataDir = m.name, filepath.Join(dir, m.name)
		cfg.Storage.BlockCache, cfg.Storage.WriteBuffer = 4<<20, 8<<20
		cfg.Gossip.ProbeInterval, cfg.Gossip.ProbeTimeout = 100*time.Millisecond, 50*time.Millisecond
		cfg.Gossip.RejoinInterval = 100 * time.Millisecond
		cfg.Drain.Timeout = time.Second
		for _, change := range s.settings {
			change(cfg)
		}
	}
	return nil
}

// stop closes the clients, then all nodes at once.
func (c *Cluster) stop() {
	c.mu.Lock()
	clients := c.clients
	c.clients = nil
	c.mu.Unlock()
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for _, one := range clients {
		_ = one.Close(ended) // calls under way are the test's, which is over
	}
	for i, m := range c.nodes {
		c.net.kill(i) // nobody is left to whom a goodbye would matter
		m.halt()
	}
	for _, m := range c.nodes {
		m.join()
	}
	c.net.close()
	c.log.print(c.t)
}

// Client opens a client of the cluster, in the namespace default, which is closed
// with it. Its requests have 20 s, so that nothing fails because the machine that
// the test runs on stands still for a moment.
func (c *Cluster) Client(opts ...client.Option) *client.Client {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	one, err := client.Open(ctx, c.DSN()+"/default?timeout=20s", opts...)
	if err != nil {
		c.t.Fatalf("clienttest: %v", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clients = append(c.clients, one)
	return one
}

// DSN names all nodes, for client.Open. A namespace and parameters may be
// appended: "/shop?consistency=all".
func (c *Cluster) DSN() string {
	var addresses []string
	for _, m := range c.nodes {
		addresses = append(addresses, m.config.Listen.Client)
	}
	return "candor://" + strings.Join(addresses, ",")
}

// Names are the nodes' names, as receipts and errors call them.
func (c *Cluster) Names() []string {
	var names []string
	for _, m := range c.nodes {
		names = append(names, m.name)
	}
	return names
}

// HTTP is the base URL of a node's admin API.
func (c *Cluster) HTTP(i int) string { return "http://" + c.nodes[i].config.Listen.HTTP }

// log keeps what the nodes log: a node may say something after the test, when
// nothing may be written to it any more.
type log struct {
	mu    sync.Mutex
	lines []string
}

func (l *log) of(name string) *slog.Logger {
	return slog.New(slog.NewTextHandler(&logOf{l, name}, nil))
}

func (l *log) print(t testing.TB) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.Failed() {
		t.Log("\n" + strings.Join(l.lines, "\n"))
	}
}

type logOf struct {
	log  *log
	name string
}

func (w *logOf) Write(b []byte) (int, error) {
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	w.log.lines = append(w.log.lines, w.name+" "+strings.TrimSpace(string(b)))
	return len(b), nil
}
