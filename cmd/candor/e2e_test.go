package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/candordb/candor/client"
	"github.com/candordb/candor/contract"
)

// processes is a cluster of real processes, started by `candor dev`.
type processes struct {
	t     *testing.T
	bin   string
	nodes []devProcess
}

// devProcess is a row of what `candor dev -o json` prints.
type devProcess struct {
	Name, ID, Client, Admin, Data string
	PID                           int
}

// startProcesses builds the binary and starts three nodes.
func startProcesses(t *testing.T) *processes {
	t.Helper()
	p := &processes{t: t, bin: filepath.Join(t.TempDir(), "candor")}
	if out, err := exec.Command("go", "build", "-o", p.bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	dev := exec.Command(p.bin, "dev", "--base-port", "0", "--dir", filepath.Join(t.TempDir(), "dev"), "-o", "json")
	stdout, err := dev.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	dev.Stderr = &stderr
	if err := dev.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = dev.Process.Signal(syscall.SIGTERM) // it may be gone
		if err := dev.Wait(); err != nil {
			t.Errorf("dev: %v\n%s", err, stderr.String())
		}
	})
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		t.Fatalf("dev printed nothing: %v\n%s", err, stderr.String())
	}
	var out struct {
		Kind  string
		Nodes []devProcess
	}
	if err := json.Unmarshal(line, &out); err != nil || out.Kind != "DevCluster" || len(out.Nodes) != 3 {
		t.Fatalf("dev printed %s: %v", line, err)
	}
	p.nodes = out.Nodes
	admins := map[string]string{}
	for _, n := range p.nodes {
		admins[n.Name] = n.Admin
	}
	p.await("all nodes hold each other for up", func() bool { return agreed(admins) })
	return p
}

// kill ends node i with SIGKILL and waits until its port is closed.
func (p *processes) kill(i int) {
	p.t.Helper()
	if err := syscall.Kill(p.nodes[i].PID, syscall.SIGKILL); err != nil {
		p.t.Fatal(err)
	}
	p.await("the port of a killed node is closed", func() bool {
		c, err := net.Dial("tcp", p.nodes[i].Client)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
}

// restart starts node i again, as a person would.
func (p *processes) restart(i int) {
	p.t.Helper()
	config := filepath.Join(filepath.Dir(p.nodes[i].Data), "candor.yaml")
	cmd := exec.Command(p.bin, "serve", "--config", config)
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.nodes[i].PID = cmd.Process.Pid
	p.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have been killed by the test
		_ = cmd.Wait()
		if p.t.Failed() {
			p.t.Logf("%s after its restart:\n%s", p.nodes[i].Name, log.String())
		}
	})
	p.await("a restarted node is ready", func() bool {
		resp, err := http.Get("http://" + p.nodes[i].Admin + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

func (p *processes) await(what string, ok func() bool) {
	p.t.Helper()
	if !within(patience, ok) {
		p.t.Fatalf("not within %v: %s", patience, what)
	}
}

// open connects a client to the given nodes only.
func (p *processes) open(nodes ...int) *client.Client {
	p.t.Helper()
	dsn := "candor://"
	for i, n := range nodes {
		if i > 0 {
			dsn += ","
		}
		dsn += p.nodes[n].Client
	}
	c, err := client.Open(context.Background(), dsn+"/default?timeout=20s") // a machine that stalls is no doubt
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

// acked is what a load was told.
type acked struct {
	mu     sync.Mutex
	keys   map[string]string // acknowledged
	doubt  map[string]string // in doubt: may be there
	failed []error           // certainly without effect
}

// load writes distinct keys with 8 writers until stop is closed.
func load(c *client.Client, round string, stop <-chan struct{}) *acked {
	a := &acked{keys: map[string]string{}, doubt: map[string]string{}}
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				k := fmt.Sprintf("%s-%d-%d", round, w, i)
				_, err := c.Put(context.Background(), []byte(k), []byte("value of "+k), client.At(client.Quorum))
				a.mu.Lock()
				switch {
				case err == nil:
					a.keys[k] = "value of " + k
				case errors.Is(err, client.ErrInDoubt) || errors.Is(err, client.ErrTimeout):
					a.doubt[k] = "value of " + k
				default:
					a.failed = append(a.failed, err)
				}
				a.mu.Unlock()
			}
		})
	}
	writers.Wait()
	return a
}

// verify reads everything that was acknowledged at QUORUM.
func (p *processes) verify(c *client.Client, a *acked) {
	p.t.Helper()
	for k, want := range a.keys {
		item, err := c.Get(context.Background(), []byte(k), client.At(client.Quorum))
		if err != nil || string(item.Value) != want {
			p.t.Fatalf("acknowledged %s is %q, %v", k, item.Value, err)
		}
		if item.Receipt.Acked < 2 || item.Receipt.Durable < 2 {
			p.t.Fatalf("receipt of %s: %v", k, item.Receipt)
		}
	}
}

// With kill -9 of one of three nodes QUORUM goes on through the others; with
// two it is refused at once and ONE goes on; after kill -9 of all three every
// acknowledged write is there.
func TestEndToEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("not run under -short: it starts processes; go test ./cmd/candor runs it")
	}
	p := startProcesses(t)
	c := p.open(0, 1, 2)

	stop := make(chan struct{})
	var first *acked
	var loading sync.WaitGroup
	loading.Go(func() { first = load(c, "first", stop) })
	p.await("writes are acknowledged", func() bool { return c.Stats().Nodes[0].Requests > 100 })
	p.kill(2)
	before := c.Stats().Nodes[0].Requests
	p.await("writes go on", func() bool { return c.Stats().Nodes[0].Requests > before+200 })
	close(stop)
	loading.Wait()
	t.Logf("one of three killed under load: %d acknowledged, %d in doubt, %d refused", len(first.keys), len(first.doubt), len(first.failed))
	if len(first.failed) > 0 || len(first.doubt) > 8 {
		t.Errorf("%d requests failed, %d are in doubt (8 were in flight): %v", len(first.failed), len(first.doubt), first.failed)
	}
	p.verify(p.open(0, 1), first)

	p.kill(1)
	alone := p.open(0)
	p.twoKilled(alone, first)

	p.restart(1)
	p.restart(2)
	p.await("QUORUM is back", func() bool {
		_, err := alone.Put(context.Background(), []byte("probe"), nil)
		return err == nil
	})
	stop = make(chan struct{})
	var second *acked
	again := p.open(0, 1, 2)
	loading.Go(func() { second = load(again, "second", stop) })
	start := again.Stats().Nodes[0].Requests
	p.await("writes are acknowledged again", func() bool { return again.Stats().Nodes[0].Requests > start+100 })
	for i := range p.nodes {
		p.kill(i) // while writes are being acknowledged
	}
	close(stop)
	loading.Wait()
	for i := range p.nodes {
		p.restart(i)
	}
	t.Logf("all three killed right after acks: %d acknowledged, %d in doubt, %d refused", len(second.keys), len(second.doubt), len(second.failed))
	last := p.open(0, 1, 2)
	p.verify(last, first)
	p.verify(last, second)
}

// twoKilled checks what a client of the last of three nodes is told.
func (p *processes) twoKilled(c *client.Client, a *acked) {
	p.t.Helper()
	var e *client.Error
	p.await("the loss is known", func() bool {
		_, err := c.Get(context.Background(), []byte("k"), client.At(client.Quorum))
		return errors.As(err, &e) && e.Code == contract.Unavailable
	})
	began := time.Now()
	_, err := c.Put(context.Background(), []byte("k"), nil, client.At(client.Quorum))
	p.t.Logf("QUORUM with two of three killed: refused in %v", time.Since(began))
	if !errors.As(err, &e) || e.Code != contract.Unavailable || e.Receipt.Need != 2 || e.Reachable != 1 || e.N != 3 {
		p.t.Errorf("QUORUM with two of three killed: %+v, %v", e, err)
	}
	if _, err := c.Put(context.Background(), []byte("one"), []byte("1"), client.At(client.One)); err != nil {
		p.t.Errorf("ONE with two of three killed: %v", err)
	}
	for k, want := range a.keys {
		if item, err := c.Get(context.Background(), []byte(k), client.At(client.One)); err == nil && string(item.Value) != want {
			p.t.Errorf("ONE: %s is %q", k, item.Value)
		}
		break
	}
}
