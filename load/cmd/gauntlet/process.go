package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// launcher starts processes, all from one thread that lives as long as it does:
// they are told to die with the thread that started them, so that none is left
// behind if this program is killed.
type launcher struct {
	asks chan launch
	done chan struct{}
}

type launch struct {
	cmd    *exec.Cmd
	result chan error
}

func newLauncher() *launcher {
	l := &launcher{asks: make(chan launch), done: make(chan struct{})}
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(l.done)
		for a := range l.asks {
			a.result <- a.cmd.Start()
		}
	}()
	return l
}

func (l *launcher) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = childAttributes()
	a := launch{cmd, make(chan error)}
	l.asks <- a
	return <-a.result
}

func (l *launcher) close() { close(l.asks); <-l.done }

// process is one life of a node.
type process struct {
	cmd    *exec.Cmd
	doomed atomic.Bool   // its end is wanted
	ended  chan struct{} // closed once it has
	err    error         // how; after ended
}

// node is one node over all its lives. Its folder and addresses stay the same.
type node struct {
	index                          int
	name, dir, data, config, log   string
	client, peer, gossip, http     string // where it listens
	pid                            atomic.Int64
	life                           *process // nil: it was never started
	starts, kills, pauses, restore int
}

// running says whether the node's process lives.
func (n *node) running() bool { return n.pid.Load() != 0 }

// start brings the node to life. fallen is called if it ends of itself.
func (c *cluster) start(n *node) error {
	if n.running() {
		return nil
	}
	log, err := os.OpenFile(n.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own
	cmd := c.place.command(n.index, c.candor, "serve", "--config", n.config)
	cmd.Stdout, cmd.Stderr = log, log
	if err := c.launcher.start(cmd); err != nil {
		return fmt.Errorf("%s cannot be started: %w", n.name, err)
	}
	p := &process{cmd: cmd, ended: make(chan struct{})}
	n.life, n.starts = p, n.starts+1
	n.pid.Store(int64(cmd.Process.Pid))
	go func() {
		p.err = cmd.Wait()
		n.pid.Store(0)
		if !p.doomed.Load() {
			c.fallen(n, p.err)
		}
		close(p.ended)
	}()
	return nil
}

// signal sends the node a signal; one that does not run gets none.
func (n *node) signal(s syscall.Signal) {
	if n.running() {
		_ = n.life.cmd.Process.Signal(s) // it may have ended meanwhile
	}
}

// kill ends the node at once, and waits until it has ended.
func (n *node) kill() {
	if n.life == nil {
		return
	}
	n.life.doomed.Store(true)
	if n.running() {
		n.kills++
	}
	_ = n.life.cmd.Process.Kill() // it may have ended
	<-n.life.ended
}

// stop asks the node to end, and kills it if it does not.
func (n *node) stop(within time.Duration) error {
	if !n.running() {
		return nil
	}
	n.life.doomed.Store(true)
	n.signal(syscall.SIGTERM)
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-n.life.ended:
		return n.life.err
	case <-timer.C:
		n.kill()
		return fmt.Errorf("it did not stop within %v", within)
	}
}

// ready says whether the node takes requests.
func (n *node) ready(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.http+"/readyz", nil)
	if err != nil {
		return false
	}
	req.Close = true // the node may be another process the next time
	resp, err := http.DefaultClient.Do(req)
	return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
}

// lastWords are the last lines of the node's log.
func (n *node) lastWords() string {
	text, err := os.ReadFile(n.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(string(bytes.TrimSpace(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-8):], "\n")
}

// awaitReady waits until a node takes requests.
func awaitReady(ctx context.Context, n *node, within time.Duration) error {
	if until(ctx, within, func() bool { return n.ready(ctx) }) {
		return nil
	}
	return fmt.Errorf("%s is not ready after %v; its log, %s, ends with\n%s", n.name, within, filepath.Base(n.log), n.lastWords())
}

// until waits until a condition holds; false if it does not within that time.
func until(ctx context.Context, within time.Duration, holds func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for !holds() {
		select {
		case <-again.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// pause waits; false if ctx has ended before.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
