//go:build linux

package node

import (
	"context"
	"encoding/gob"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/candordb/candor/config"
	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

// childName is the variable that makes a test binary a node: the file with what it is
// configured as.
const childName = "CANDOR_TEST_NODE"

// runChild is what a process of startProcess runs, until it is killed.
func runChild(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	var c config.Config
	if err := gob.NewDecoder(f).Decode(&c); err != nil {
		return err
	}
	return Run(context.Background(), &c, Options{Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), Version: "test"})
}

// startProcess starts node i as a process of its own, which dies with this one.
func (c *cluster) startProcess(i int) *os.Process {
	c.t.Helper()
	name := filepath.Join(c.t.TempDir(), "config")
	f, err := os.Create(name)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := gob.NewEncoder(f).Encode(c.nodes[i].config); err != nil {
		c.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		c.t.Fatal(err)
	}
	own, err := os.Executable()
	if err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.Command(own)
	cmd.Env = append(os.Environ(), childName+"="+name)
	cmd.Stderr = c.log.node(c.nodes[i].config.Node.Name)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		_ = cmd.Process.Kill() // it ends in no other way, and what it stores is thrown away
		_ = cmd.Wait()
	})
	return cmd.Process
}

// signal stops processes, or lets them go on.
func (c *cluster) signal(s syscall.Signal, processes ...*os.Process) {
	c.t.Helper()
	for _, p := range processes {
		if err := p.Signal(s); err != nil {
			c.t.Fatal(err)
		}
	}
}

// standStill stops processes, and returns when they stand still: a signal is only on its way
// when it is sent, and on a busy machine a process may do a write and answer it meanwhile.
func (c *cluster) standStill(processes ...*os.Process) {
	c.t.Helper()
	c.signal(syscall.SIGSTOP, processes...)
	for _, p := range processes {
		var status syscall.WaitStatus
		_, err := syscall.Wait4(p.Pid, &status, syscall.WUNTRACED, nil)
		for err == syscall.EINTR {
			_, err = syscall.Wait4(p.Pid, &status, syscall.WUNTRACED, nil)
		}
		if err != nil || !status.Stopped() {
			c.t.Fatalf("process %d does not stop: %v, status %#x", p.Pid, err, status)
		}
	}
}

// awaitAtOne waits until node i has a key itself.
func (c *cluster) awaitAtOne(i int, key string) {
	c.t.Helper()
	s := greet(c.t, c.nodes[i].config.Listen.Client)
	defer s.Close()
	id := uint64(1)
	eventually(c.t, "a replica has the write", func() bool {
		id++
		a := s.ask(ofKey(wire.OpGet, id, key, func(q *wire.Request) { q.Value, q.Level = nil, contract.One }))
		return a.Code == contract.OK && a.Get.Found
	})
}

// lateAnswer puts a key by the first of three processes, which is stopped in the middle:
// the request is on its way to the others, which stand still. They go on, do the write
// and say so, and the first one is woken behind the deadline, with both answers waiting
// for it. caught says whether it was stopped before the deadline.
func (c *cluster) lateAnswer(processes []*os.Process, id uint64, key string, deadline time.Duration) (a wire.Answer, caught bool) {
	c.t.Helper()
	s := greet(c.t, c.nodes[0].config.Listen.Client)
	defer s.Close()
	c.standStill(processes[1:]...)
	began := time.Now()
	s.send(ofKey(wire.OpPut, id, key, func(q *wire.Request) { q.DeadlineMS = uint64(deadline.Milliseconds()) }).Append(nil))
	sent := time.Now()
	c.awaitAtOne(0, key)
	c.standStill(processes[0])
	caught = time.Since(began) < deadline
	c.signal(syscall.SIGCONT, processes[1:]...)
	c.awaitAtOne(1, key)
	c.awaitAtOne(2, key)
	// The answers lie in the first one's sockets. It may have read the request some time
	// after it was sent.
	<-time.After(time.Until(sent.Add(deadline + time.Second)))
	c.signal(syscall.SIGCONT, processes[0])
	return readAnswer(c.t, s), caught
}

// G3: a node that is stopped within a write, and woken when the deadline has passed,
// does not answer OK, though the answers of all replicas wait for it: it is in doubt, as
// the client has to take it anyway. Before and afterwards writes are done.
func TestAProcessStoppedWithinAWriteAnswersNoOKAfterTheDeadline(t *testing.T) {
	c := newCluster(t, 3)
	var processes []*os.Process
	for i := range c.nodes {
		processes = append(processes, c.startProcess(i))
	}
	for i := range c.nodes {
		c.awaitReady(i)
	}
	c.awaitTrust()
	caught, deadline := false, time.Duration(0)
	for id := uint64(10); !caught && id < 50; id += 10 { // a machine that stalls for seconds may miss the moment
		var a wire.Answer
		deadline += 4 * time.Second
		a, caught = c.lateAnswer(processes, id, fmt.Sprint("k", id), deadline)
		if a.ID != id || a.Op != wire.OpPut || a.Code.Settled(true) != contract.Unknown {
			t.Errorf("an answer behind the deadline: %+v %s", a.Head, a.Error.Message)
		}
		s := greet(t, c.nodes[0].config.Listen.Client)
		again := id
		eventually(t, "writes are done again", func() bool {
			again++
			return s.ask(ofKey(wire.OpPut, again, "k", nil)).Code == contract.OK
		})
		s.Close()
	}
	if !caught {
		t.Errorf("no request was caught within its deadline, the last of %v: nothing is shown here", deadline)
	}
}
