package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/candordb/candor/client"
)

// seen is how node i sees node j.
func (p *processes) seen(i, j int) (row nodeStatus) {
	resp, err := http.Get("http://" + p.nodes[i].Admin + "/v1/cluster/status")
	if err != nil {
		return row
	}
	defer resp.Body.Close()
	var s clusterStatus
	if json.NewDecoder(resp.Body).Decode(&s) != nil {
		return row
	}
	for _, n := range s.Nodes {
		if n.Name == p.nodes[j].Name {
			return n
		}
	}
	return row
}

// A process that is stopped keeps its connections, and its kernel goes on taking
// what is sent to it. phi notices: reads at QUORUM do without it, and once it goes on
// it is trusted again. It holds nobody for dead for the time in which it stood still.
func TestAStoppedProcessIsRoutedAround(t *testing.T) {
	if testing.Short() {
		t.Skip("not run under -short: it starts processes; go test ./cmd/candor runs it")
	}
	p := startProcesses(t)
	t.Cleanup(func() { _ = syscall.Kill(p.nodes[2].PID, syscall.SIGCONT) }) // else it could not be ended
	c := p.open(0)
	ctx := context.Background()
	for i := range 20 {
		if _, err := c.Put(ctx, fmt.Appendf(nil, "k%d", i), []byte("v"), client.At(client.All)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Kill(p.nodes[2].PID, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	p.await("the stopped node is suspected", func() bool {
		row := p.seen(0, 2)
		return row.Name != "" && (row.Suspect || !row.Reachable)
	})
	t.Logf("suspected after %v", time.Since(began))
	for i := range 20 {
		if _, err := c.Get(ctx, fmt.Appendf(nil, "k%d", i), client.At(client.Quorum)); err != nil {
			t.Errorf("read at quorum while a node is stopped: %v", err)
		}
	}
	if err := syscall.Kill(p.nodes[2].PID, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	p.await("it is trusted again, and trusts the others", func() bool {
		there, back := p.seen(0, 2), p.seen(2, 0)
		return there.Reachable && !there.Suspect && back.Reachable && !back.Suspect
	})
	for i := range 20 {
		if _, err := c.Get(ctx, fmt.Appendf(nil, "k%d", i), client.At(client.All)); err != nil {
			t.Errorf("read at all once it is back: %v", err)
		}
	}
}
