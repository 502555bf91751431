package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/candordb/candor/client"
	"github.com/candordb/candor/load/process"
)

// node is the one node, alive or dead. Its folder and ports stay the same over
// all its lives.
type node struct {
	candor, dir, config, address string
	process                      *exec.Cmd // nil: not running
	client                       *client.Client
}

// newNode picks free ports and writes the node's configuration.
func newNode(candor, dir string) (*node, error) {
	ports, err := process.FreeAddresses("127.0.0.1", 4)
	if err != nil {
		return nil, err
	}
	n := &node{candor: candor, dir: dir, config: filepath.Join(dir, "candor.yaml"), address: ports[0]}
	// The small write buffer makes journals rotate and tables be written while
	// the kills come.
	text := fmt.Sprintf(`cluster:
  name: killloop
  bootstrap: [%q]
  replicas: 1
  partitions: 16
node:
  name: n1
  data_dir: %q
listen:
  client: %q
  peer: %q
  gossip: %q
  http: %q
storage:
  write_buffer: 4MiB
`, ports[1], filepath.Join(dir, "data"), ports[0], ports[1], ports[2], ports[3])
	return n, os.WriteFile(n.config, []byte(text), 0o644)
}

// How long a node may take from its start to its first answer, and how often
// that is tried.
const (
	startMost  = 60 * time.Second
	startEvery = 20 * time.Millisecond
)

// start brings the node to life and waits until it answers.
func (n *node) start(ctx context.Context) error {
	log, err := os.OpenFile(filepath.Join(n.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own
	p := exec.Command(n.candor, "serve", "--config", n.config)
	p.Stdout, p.Stderr = log, log
	if err := p.Start(); err != nil {
		return err
	}
	n.process = p

	ctx, cancel := context.WithTimeout(ctx, startMost)
	defer cancel()
	again := time.NewTicker(startEvery)
	defer again.Stop()
	for {
		attempt, end := context.WithTimeout(ctx, 5*time.Second)
		n.client, err = client.Open(attempt, n.address+"/default?timeout=20s") // no machine that stalls may look like a loss
		if err == nil {
			err = n.serves(attempt)
		}
		end()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the node does not answer at %s (its log is in %s): %w", n.address, log.Name(), err)
		case <-again.C:
		}
	}
}

// serves says why the node does not serve yet: it answers before it does, while it
// finds out whether it has come back with less than it had. Then the client is
// closed.
func (n *node) serves(ctx context.Context) error {
	_, err := n.client.Get(ctx, []byte("ready"))
	if err == nil || errors.Is(err, client.ErrNotFound) {
		return nil
	}
	n.forget()
	return err
}

// kill sends SIGKILL and waits for the end.
func (n *node) kill() {
	if n.process == nil {
		return
	}
	n.process.Process.Kill()
	n.process.Wait() // the error is the kill
	n.process = nil
}

// forget closes the client of a node that is dead.
func (n *node) forget() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // there is nobody to wait for
	n.client.Close(ctx)
}
