//go:build peers

package driver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/candordb/candor/bench/driver/cassandra"
	"github.com/candordb/candor/bench/driver/etcd"
	"github.com/candordb/candor/bench/driver/nats"
	"github.com/candordb/candor/bench/engine"
	"github.com/candordb/candor/bench/peer"
	"github.com/candordb/candor/load"
)

const (
	keys     = 1000
	conns    = 6 // two to each node
	patience = time.Minute
)

// What was written by way of one node is read by way of all others, whole; what was
// never written is absent; and at the end nothing is left of the peer.
func TestPeers(t *testing.T) {
	for _, p := range []peer.Peer{
		etcd.New(), nats.New(peer.D1), nats.New(peer.D2), cassandra.New(peer.D1), cassandra.New(peer.D2),
	} {
		t.Run(p.Name()+"-"+string(p.Class()), func(t *testing.T) { try(t, p) })
	}
}

func try(t *testing.T, p peer.Peer) {
	ctx := t.Context()
	if err := p.Missing(ctx); err != nil {
		t.Skip("absent: ", err)
	}
	began := time.Now()
	err := p.Start(ctx, t.TempDir())
	defer p.Stop()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: started within %.1f s, processes %v", p.Version(ctx), time.Since(began).Seconds(), p.PIDs())
	writeAndRead(t, p)
	for name, c := range map[string]engine.Cell{"put": {}, "get": {Reads: 100}} { // in any order
		c.Keys, c.ValueSize, c.Conns, c.Depth = keys, 100, 64, 4
		pressure(t, p, name, c)
	}
	pids := p.PIDs()
	if len(pids) != 3 {
		t.Errorf("processes %v: want three", pids)
	}
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("process %d is still there: %v", pid, err)
		}
	}
}

func writeAndRead(t *testing.T, p peer.Peer) {
	var puts, gets []load.Op
	for i := range keys {
		key := engine.AppendKey(nil, i)
		puts = append(puts, load.Op{Kind: load.Put, Key: key, Value: fmt.Appendf(nil, "%s is %d", key, i*i)})
		gets = append(gets, load.Op{Kind: load.Get, Key: key})
	}
	for i := range conns {
		share := puts[i*keys/conns : (i+1)*keys/conns]
		for j, a := range ask(t, p, i, share) {
			if a.Outcome != peer.Done {
				t.Fatalf("put %s by connection %d: %v", share[j].Key, i, a.Outcome)
			}
		}
	}
	for i := range conns {
		for j, a := range ask(t, p, i, gets) {
			// A direct get of NATS may come too early at a replica: it is asked again.
			for end := time.Now().Add(patience); p.Name() == "nats" && !bytes.Equal(a.Value, puts[j].Value) && time.Now().Before(end); {
				a = ask(t, p, i, gets[j:j+1])[0]
			}
			if a.Outcome != peer.Done || !bytes.Equal(a.Value, puts[j].Value) {
				t.Fatalf("get %s by connection %d: %v %q, want %q", gets[j].Key, i, a.Outcome, a.Value, puts[j].Value)
			}
		}
		if a := ask(t, p, i, []load.Op{{Kind: load.Get, Key: []byte("never-written")}})[0]; a.Outcome != peer.Absent {
			t.Errorf("a key that was never written is %v", a.Outcome)
		}
	}
}

// ask makes requests over the i-th connection, all in flight at once.
func ask(t *testing.T, p peer.Peer, i int, ops []load.Op) []peer.Answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	link, err := p.Dial(ctx, i, peer.Options{Deadline: patience, ValueSize: 100})
	if err != nil {
		t.Fatal(err)
	}
	answers := make([]peer.Answer, len(ops))
	if link.Caller == nil {
		defer link.Net.Close()
		exchange(t, link, ops, answers)
		return answers
	}
	defer link.Caller.Close()
	var all sync.WaitGroup
	for i := range ops {
		all.Go(func() { answers[i] = link.Caller.Call(ctx, &ops[i]) })
	}
	all.Wait()
	return answers
}

func exchange(t *testing.T, link peer.Link, ops []load.Op, answers []peer.Answer) {
	t.Helper()
	var out, in []byte
	for i := range ops {
		out = link.Protocol.Append(out, uint32(i), &ops[i])
	}
	if err := link.Net.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := link.Net.Write(out); err != nil {
		t.Fatal(err)
	}
	for got := 0; got < len(ops); {
		n, a, err := link.Protocol.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			a.Value = bytes.Clone(a.Value)
			answers[a.ID], in, got = a, in[n:], got+1
			continue
		}
		more := make([]byte, 64<<10)
		if n, err = link.Net.Read(more); err != nil {
			t.Fatalf("after %d of %d answers: %v", got, len(ops), err)
		}
		in = append(in, more[:n]...)
	}
}

// pressure fills the cell's keys and keeps all connections busy for a moment.
func pressure(t *testing.T, p peer.Peer, name string, c engine.Cell) {
	if r, err := engine.Fill(t.Context(), p, c, 1, patience); err != nil || bad(&r) {
		t.Fatalf("fill: %v %v %v", r.Counts, r.Silent, err)
	}
	r, err := engine.Closed(t.Context(), p, c, 1, engine.Timing{Warm: 2 * time.Second, Measure: 3 * time.Second, Deadline: patience}, engine.Marks{})
	if err != nil || bad(&r) {
		t.Errorf("%s: %v, %d silent, %v %v", name, r.Counts, r.Silent, r.Err, err)
	}
	t.Logf("%s: %.0f/s, p50 %v, p99 %v", name, r.Rate(), r.Latency.Quantile(0.5), r.Latency.Quantile(0.99))
}

func bad(r *engine.Result) bool { return r.Silent > 0 || r.Answered() > r.Counts[peer.Done] }
