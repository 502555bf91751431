package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

const (
	// readyEvery is how often a node is asked whether it is ready.
	readyEvery = 20 * time.Millisecond
	// stopTimeout is how long a node may take to stop before it is killed.
	stopTimeout = 20 * time.Second
	// logTail is how much of a log is looked at for its last line.
	logTail = 8 << 10
)

// process is one node's process.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed once it has
	err   error         // how; after ended
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// fleet is the processes of a dev cluster.
type fleet struct {
	nodes   []*devNode
	release chan struct{} // closed when the starting thread may end
}

// startAll starts the nodes, all from one thread that lives as long as they do:
// they are told to die with the thread that started them, so that none is left
// behind if dev is killed.
func startAll(e *env, nodes []*devNode) (*fleet, error) {
	p := &fleet{nodes: nodes, release: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for _, n := range nodes {
			if err := n.start(e); err != nil {
				started <- err
				return
			}
		}
		started <- nil
		<-p.release
	}()
	if err := <-started; err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

// start starts the node's process.
func (n *devNode) start(e *env) error {
	binary, err := os.Executable()
	if err != nil {
		return failf(exitFailed, "", "this binary cannot be found: %w", err)
	}
	log, err := os.OpenFile(n.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return failf(exitFailed, "", "%w", err)
	}
	defer log.Close()
	cmd := exec.Command(binary, "serve", "--config", n.config)
	cmd.Args[0] = "candor"
	cmd.Stdout, cmd.Stderr, cmd.Env, cmd.SysProcAttr = log, log, withoutSettings(e.environ), childAttributes()
	if err := cmd.Start(); err != nil {
		return failf(exitFailed, "", "%s cannot be started: %w", n.name, err)
	}
	n.process = &process{cmd: cmd, ended: make(chan struct{})}
	go func() {
		n.process.err = cmd.Wait()
		close(n.process.ended)
	}()
	return nil
}

// withoutSettings is the environment without settings of nodes: they would be
// the same for all, and stronger than each node's file.
func withoutSettings(environ []string) (rest []string) {
	for _, v := range environ {
		if !strings.HasPrefix(v, "CANDOR_") {
			rest = append(rest, v)
		}
	}
	return rest
}

// awaitReady waits until every node says that it is ready, and reaches all others:
// whatever is asked first, at whatever level, is possible then.
func (p *fleet) awaitReady(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	tick := time.NewTicker(readyEvery)
	defer tick.Stop()
	for _, n := range p.nodes {
		for !n.ready(ctx) {
			select {
			case <-n.process.ended:
				return failf(exitFailed, "", "%s has ended (%s): %s", n.name, how(n.process.err), n.lastWords())
			case <-ctx.Done():
				return failf(exitUnavailable, "", "%s was not ready in %v: %s", n.name, timeout, n.waitsFor())
			case <-tick.C:
			}
		}
	}
	return nil
}

// ready asks the node, and learns its id.
func (n *devNode) ready(ctx context.Context) bool {
	if status, _, err := adminGet(ctx, n.admin, "/readyz"); err != nil || status != http.StatusOK {
		return false
	}
	_, body, err := adminGet(ctx, n.admin, "/v1/cluster/status")
	var s clusterStatus
	if err != nil || json.Unmarshal(body, &s) != nil || s.SeenBy.Name != n.name {
		return false
	}
	for _, other := range s.Nodes {
		if !other.Reachable {
			return false
		}
	}
	n.id = s.SeenBy.ID
	return true
}

// waitsFor is what the node itself says that it is not ready for.
func (n *devNode) waitsFor() string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, body, err := adminGet(ctx, n.admin, "/readyz?verbose")
	if err != nil {
		return err.Error() + "; its log is " + n.log
	}
	for line := range strings.SplitSeq(string(body), "\n") {
		if why, bad := strings.CutPrefix(line, "[-] "); bad {
			return why
		}
	}
	return "its log is " + n.log
}

// lastWords is the last line of the node's log: a node that cannot run says why.
func (n *devNode) lastWords() string {
	f, err := os.Open(n.log)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > logTail {
		_, _ = f.Seek(-logTail, io.SeekEnd) // a pipe: it is read from the start
	}
	tail, _ := io.ReadAll(io.LimitReader(f, logTail)) // what could be read will do
	lines := bytes.Split(bytes.TrimSpace(tail), []byte("\n"))
	return string(lines[len(lines)-1])
}

// watch tells which nodes end, until ctx does.
func (p *fleet) watch(ctx context.Context, e *env) {
	ended := make(chan *devNode)
	for _, n := range p.nodes {
		go func() {
			select {
			case <-n.process.ended:
				select {
				case ended <- n:
				case <-ctx.Done():
				}
			case <-ctx.Done():
			}
		}()
	}
	for {
		select {
		case <-ctx.Done():
			return
		case n := <-ended:
			fmt.Fprintf(e.stderr, "%s (pid %d) has ended: %s; the others go on. Start it again, while dev runs, with: candor serve --config %s\n",
				n.name, n.process.pid(), how(n.process.err), n.config)
		}
	}
}

// stop asks all nodes to stop, waits, and kills those that do not.
func (p *fleet) stop() {
	deadline := time.NewTimer(stopTimeout)
	defer deadline.Stop()
	for _, n := range p.nodes {
		if n.process != nil && n.process.running() {
			_ = n.process.cmd.Process.Signal(syscall.SIGTERM) // it may have ended meanwhile
		}
	}
	late := false
	for _, n := range p.nodes {
		if n.process == nil {
			continue
		}
		if !late {
			select {
			case <-n.process.ended:
			case <-deadline.C:
				late = true
			}
		}
		if late && n.process.running() {
			_ = n.process.cmd.Process.Kill() // it may have ended meanwhile
		}
		<-n.process.ended
	}
	close(p.release)
}

// how a process has ended.
func how(err error) string {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return "it stopped by itself"
	case errors.As(err, &exit):
		return exit.ProcessState.String()
	}
	return err.Error()
}
