package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/candordb/candor/config"
	"github.com/candordb/candor/load/process"
	"github.com/candordb/candor/node"
)

// runNode is the process of one node; the arguments are settings, KEY=VALUE. It
// stops when its input ends, so that it never outlives who started it.
func runNode(sets []string) error {
	c, err := config.Load(config.Sources{Sets: sets})
	if err != nil {
		return err
	}
	if err := c.Validate(); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() {
		_, _ = os.Stdin.Read(make([]byte, 1)) // only its end counts
		stop()
	}()
	return node.Run(ctx, c, node.Options{Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), Version: "overload"})
}

// cluster is the processes of the nodes.
type cluster struct {
	dir, cpus string
	processes []*exec.Cmd
	listen    []config.Listen
}

// readyWithin is how long the nodes may take to found their cluster.
const readyWithin = 30 * time.Second

// startCluster starts nodes in a folder of their own and waits until they serve.
func startCluster(ctx context.Context, nodes int, cpus string, sets []string) (*cluster, error) {
	dir, err := os.MkdirTemp("", "overload")
	if err != nil {
		return nil, err
	}
	c := &cluster{dir: dir, cpus: cpus}
	ports, err := process.FreeAddresses("127.0.0.1", 4*nodes)
	if err != nil {
		return nil, errors.Join(err, c.stop())
	}
	var bootstrap, seeds []string
	for i := range nodes {
		p := ports[4*i:]
		c.listen = append(c.listen, config.Listen{Client: p[0], Peer: p[1], Gossip: p[2], HTTP: p[3]})
		bootstrap, seeds = append(bootstrap, p[1]), append(seeds, p[2])
	}
	for i, l := range c.listen {
		err := c.start(i, append([]string{
			"cluster.name=overload", "cluster.bootstrap=" + strings.Join(bootstrap, ","), "cluster.seeds=" + strings.Join(seeds, ","),
			fmt.Sprintf("cluster.replicas=%d", min(3, nodes)), fmt.Sprintf("node.name=n%d", i+1), "node.data_dir=" + filepath.Join(dir, fmt.Sprint("n", i+1)),
			"listen.client=" + l.Client, "listen.peer=" + l.Peer, "listen.gossip=" + l.Gossip, "listen.http=" + l.HTTP,
		}, sets...))
		if err != nil {
			return nil, errors.Join(err, c.stop())
		}
	}
	if err := c.awaitReady(ctx); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	return c, nil
}

func (c *cluster) start(i int, sets []string) error {
	log, err := os.Create(filepath.Join(c.dir, fmt.Sprintf("n%d.log", i+1)))
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own
	self, err := os.Executable()
	if err != nil {
		return err
	}
	command := append([]string{self, nodeArg}, sets...)
	if c.cpus != "" {
		command = append([]string{"taskset", "-c", c.cpus}, command...)
	}
	p := exec.Command(command[0], command[1:]...)
	p.Stderr = log
	if _, err := p.StdinPipe(); err != nil { // held open until this process ends
		return err
	}
	if err := p.Start(); err != nil {
		return err
	}
	c.processes = append(c.processes, p)
	return nil
}

// awaitReady waits until all nodes say that they are ready.
func (c *cluster) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for _, l := range c.listen {
		for !ready(ctx, l.HTTP) {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return fmt.Errorf("a node is not ready after %v; its log says:\n%s", readyWithin, c.logs())
			}
		}
	}
	return nil
}

func ready(ctx context.Context, addr string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/readyz", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
}

func (c *cluster) logs() string {
	var all strings.Builder
	for i := range c.processes {
		text, err := os.ReadFile(filepath.Join(c.dir, fmt.Sprintf("n%d.log", i+1)))
		fmt.Fprintf(&all, "n%d (%v):\n%s\n", i+1, err, text)
	}
	return all.String()
}

// clients are the addresses of the nodes for clients.
func (c *cluster) clients() (addrs []string) {
	for _, l := range c.listen {
		addrs = append(addrs, l.Client)
	}
	return addrs
}

// stop ends the processes and removes their data.
func (c *cluster) stop() error {
	var errs []error
	for _, p := range c.processes {
		errs = append(errs, p.Process.Signal(syscall.SIGTERM), p.Wait())
	}
	return errors.Join(append(errs, os.RemoveAll(c.dir))...)
}
