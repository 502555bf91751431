package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// node is one node over all its lives. Its folder and addresses stay the same.
type node struct {
	name, candor, data, log string
	at                      [len(ports)]string // where it listens
	sets                    []string           // its settings, KEY=VALUE
	pid                     atomic.Int64       // 0: it does not run
	cmd                     *exec.Cmd          // nil: it was never started
	ended                   chan struct{}      // closed when cmd has
}

// start brings the node to life. It is called on the first thread only.
func (n *node) start() error {
	log, err := os.OpenFile(n.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own
	args := []string{"serve"}
	for _, s := range n.sets {
		args = append(args, "--set", s)
	}
	n.cmd = exec.Command(n.candor, args...)
	n.cmd.Stdout, n.cmd.Stderr, n.cmd.SysProcAttr = log, log, childAttributes()
	if err := n.cmd.Start(); err != nil {
		return fmt.Errorf("%s cannot be started: %w", n.name, err)
	}
	cmd, ended := n.cmd, make(chan struct{})
	n.ended = ended
	n.pid.Store(int64(cmd.Process.Pid))
	go func() {
		_ = cmd.Wait() // how it ended is in its log
		n.pid.Store(0)
		close(ended)
	}()
	return nil
}

// signal sends the node a signal; one that does not run gets none.
func (n *node) signal(s syscall.Signal) {
	if n.pid.Load() != 0 {
		_ = n.cmd.Process.Signal(s) // it may have ended meanwhile
	}
}

// kill ends the node at once.
func (n *node) kill() {
	if n.cmd != nil {
		_ = n.cmd.Process.Kill() // it may have ended
		<-n.ended
	}
}

// ask asks the node to end.
func (n *node) ask() { n.signal(syscall.SIGTERM) }

// stop asks the node to end, and waits until it has.
func (n *node) stop() error {
	n.ask()
	timer := time.NewTimer(stopWithin)
	defer timer.Stop()
	select {
	case <-n.ended:
		return nil
	case <-timer.C:
		n.kill()
		return fmt.Errorf("%s did not stop within %v", n.name, stopWithin)
	}
}

// awaitReady waits until the node takes requests.
func (n *node) awaitReady(ctx context.Context) error {
	if until(ctx, readyWithin, func() bool { _, err := n.over(ctx, http.MethodGet, "/readyz"); return err == nil }) {
		return nil
	}
	return fmt.Errorf("%s is not ready after %v; its log ends with\n%s", n.name, readyWithin, n.lastWords())
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

// logged counts the lines of the node's log that have one of some texts in them.
func (n *node) logged(texts ...string) (lines int) {
	log, err := os.ReadFile(n.log)
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(log) {
		for _, t := range texts {
			if bytes.Contains(line, []byte(t)) {
				lines++
				break
			}
		}
	}
	return lines
}

// over asks the node over HTTP; an answer that is not 200 is an error.
func (n *node) over(ctx context.Context, method, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+n.at[3]+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s of %s: %s: %s", method, path, n.name, resp.Status, body)
	}
	return body, err
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
