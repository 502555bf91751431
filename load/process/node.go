package process

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// Node is one node over all its lives. Its fields do not change once it is started.
type Node struct {
	Name string
	Log  string // a file: what all its lives write to their standard output and error
	HTTP string // where it answers /readyz
	// Fell is told, on another goroutine, that it has ended though nobody wanted that,
	// and how; nil: nobody is told.
	Fell func(err error)

	pid  atomic.Int64 // 0: it does not run
	life *life        // the last one; nil: it was never started
}

// life is from one start to the end that follows.
type life struct {
	process *os.Process
	doomed  atomic.Bool   // its end is wanted
	ended   chan struct{} // closed once it has
	err     error         // how; after ended
}

// Running says whether the node lives. It may have died just now.
func (n *Node) Running() bool { return n.PID() != 0 }

// PID is the id of its process; 0: it does not run.
func (n *Node) PID() int { return int(n.pid.Load()) }

// Start brings the node to life as a command, whose output goes to the log.
func (n *Node) Start(l *Launcher, cmd *exec.Cmd) error {
	log, err := os.OpenFile(n.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own
	cmd.Stdout, cmd.Stderr = log, log
	if err := l.start(cmd); err != nil {
		return fmt.Errorf("%s cannot be started: %w", n.Name, err)
	}
	one := &life{process: cmd.Process, ended: make(chan struct{})}
	n.life = one
	n.pid.Store(int64(cmd.Process.Pid))
	go func() {
		one.err = cmd.Wait()
		n.pid.Store(0)
		if !one.doomed.Load() && n.Fell != nil {
			n.Fell(one.err)
		}
		close(one.ended)
	}()
	return nil
}

// Signal sends the node a signal; one that does not run gets none.
func (n *Node) Signal(s syscall.Signal) {
	if n.Running() {
		_ = n.life.process.Signal(s) // it may have ended meanwhile
	}
}

// Doom says that the end of this life is wanted, whenever it comes.
func (n *Node) Doom() { n.life.doomed.Store(true) }

// Kill ends the node at once, and waits until it has ended.
func (n *Node) Kill() {
	if n.life == nil {
		return
	}
	n.Doom()
	_ = n.life.process.Kill() // it may have ended
	<-n.life.ended
}

// Stop asks the node to end, and kills it if it does not within that time. Its
// error says so, or how the node ended if that was not in order.
func (n *Node) Stop(within time.Duration) error {
	if !n.Running() {
		return nil
	}
	n.Doom()
	n.Signal(syscall.SIGTERM)
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-n.life.ended:
		if err := n.life.err; err != nil {
			return fmt.Errorf("%s has ended, but not in order: %w", n.Name, err)
		}
		return nil
	case <-timer.C:
		n.Kill()
		return fmt.Errorf("%s did not stop within %v", n.Name, within)
	}
}

// lastLines is how many LastWords are.
const lastLines = 8

// LastWords are the last lines of the node's log.
func (n *Node) LastWords() string {
	text, err := os.ReadFile(n.Log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(string(bytes.TrimSpace(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-lastLines):], "\n")
}
