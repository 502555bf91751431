package node

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/candordb/candor/config"
	"github.com/candordb/candor/gossip"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/storage"
	"github.com/candordb/candor/storage/faulty"
)

// bubble is whole nodes in one bubble: all that ships, memberlist and goleveldb with
// it, over a network and disks in memory, in virtual time. The disks lose what was not
// synced, and fail as they are told.
type bubble struct {
	t     *testing.T
	wires *wires
	nodes []*bubbled
	log   *testLog
	http  *http.Client
}

// bubbled is one node over all its lives.
type bubbled struct {
	host   string
	config *config.Config
	disk   *faulty.Disk
	skew   atomic.Int64 // of its wall clock, milliseconds
	change func(*Machine)
	held   atomic.Pointer[Node]
	stop   context.CancelFunc
	ended  chan error // nil: it does not run
}

// inBubble runs a test with n nodes, which takes requests when it begins. Its end is
// that of all nodes, in order.
func inBubble(t *testing.T, n int, change func(*config.Config), test func(*bubble)) {
	if _, file, _, _ := runtime.Caller(1); !strings.HasPrefix(filepath.Base(file), "scenario_") {
		t.Fatalf("%s: a test in a bubble belongs in a file scenario_*_test.go: scripts/test runs no other without the race detector", file)
	}
	if raceDetector {
		t.Skip("not run under the race detector: scripts/test runs it without")
	}
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, n, change)
		defer b.end()
		for i := range n {
			b.start(i)
		}
		for i := range n {
			b.mustWithin(time.Minute, fmt.Sprintf("node %d is ready", i+1), func() bool { return b.ready(i) })
		}
		b.mustWithin(time.Minute, "they reach each other", b.one)
		test(b)
	})
}

// newBubble configures n nodes.
func newBubble(t *testing.T, n int, change func(*config.Config)) *bubble {
	b := &bubble{t: t, wires: newWires(), log: new(testLog)}
	dial := func(ctx context.Context, _, address string) (net.Conn, error) {
		return b.wires.dial(ctx, "10.0.0.100", address)
	}
	b.http = &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
	var peers []string
	for i := range n {
		b.nodes = append(b.nodes, &bubbled{host: fmt.Sprintf("10.0.0.%d", i+1), disk: faulty.New()})
		peers = append(peers, net.JoinHostPort(b.nodes[i].host, "7401"))
	}
	for i, m := range b.nodes {
		cfg := config.Default()
		cfg.Cluster.Name, cfg.Cluster.Bootstrap, cfg.Cluster.Partitions = "bubble", peers, 16
		cfg.Node.Name, cfg.Node.DataDir = fmt.Sprintf("n%d", i+1), "data"
		cfg.Listen = config.Listen{Client: net.JoinHostPort(m.host, "7400"), Peer: peers[i], Gossip: gossipOf(m.host), HTTP: net.JoinHostPort(m.host, "7480")}
		cfg.Insecure = true
		cfg.Storage.BlockCache, cfg.Storage.WriteBuffer = 8<<20, 4<<20
		change(cfg)
		m.config = cfg
	}
	return b
}

// start starts node i.
func (b *bubble) start(i int) {
	m := b.nodes[i]
	machine := b.wires.machine(m.host)
	machine.Disk, machine.started = m.disk.FS(), m.held.Store
	machine.Wall = func() int64 { return wallMillis() + m.skew.Load() }
	if m.change != nil {
		m.change(&machine)
	}
	ctx, stop := context.WithCancel(b.t.Context())
	ended := make(chan error, 1)
	log := slog.New(slog.NewTextHandler(b.log.node(m.config.Node.Name), nil))
	go func() { ended <- Run(ctx, m.config, Options{Log: log, Version: "test", Machine: machine}) }()
	m.stop, m.ended = stop, ended
}

// halt stops node i in order.
func (b *bubble) halt(i int) {
	m := b.nodes[i]
	if m.ended == nil {
		return
	}
	m.stop()
	if err := <-m.ended; err != nil {
		b.t.Errorf("node %d: %v", i+1, err)
	}
	m.ended = nil
}

// end stops all nodes, and lets go what the libraries end later.
func (b *bubble) end() {
	for _, m := range b.nodes {
		m.disk.Heal()
		if m.ended != nil {
			m.stop()
		}
	}
	for i := range b.nodes {
		b.halt(i)
	}
	b.log.print(b.t)
	b.pass(30 * time.Second)
}

// node is node i as it runs now.
func (b *bubble) node(i int) *Node { return b.nodes[i].held.Load() }

func (b *bubble) ready(i int) bool {
	status, _ := b.do(http.MethodGet, i, "/readyz", "")
	return status == http.StatusOK
}

// verdict is what node i says of the cluster.
func (b *bubble) verdict(i int) string {
	var s struct{ Verdict struct{ Verdict string } }
	if _, body := b.do(http.MethodGet, i, "/v1/cluster/status", ""); json.Unmarshal([]byte(body), &s) != nil {
		return body
	}
	return s.Verdict.Verdict
}

// mustWithin is within, for what the test rests on.
func (b *bubble) mustWithin(limit time.Duration, what string, ok func() bool) {
	b.t.Helper()
	if _, met := b.within(limit, what, ok); !met {
		b.t.Errorf("not within %v: %s", limit, what)
	}
}

func (b *bubble) pass(d time.Duration) { <-time.After(d) }

// within waits in virtual time for a condition, and says how long that took; false if
// it did not come about.
func (b *bubble) within(limit time.Duration, what string, ok func() bool) (took time.Duration, met bool) {
	for began := time.Now(); ; b.pass(250 * time.Millisecond) {
		if ok() {
			return time.Since(began), true
		}
		if time.Since(began) > limit {
			b.log.node("bubble").Write([]byte("not within " + limit.String() + ": " + what))
			return limit, false
		}
	}
}

// do makes one request of node i.
func (b *bubble) do(method string, i int, path, body string) (int, string) {
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+net.JoinHostPort(b.nodes[i].host, "7480")+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	resp, err := b.http.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(text)
}

// one says whether every node holds every other one for alive.
func (b *bubble) one() bool {
	for i := range b.nodes {
		n := b.node(i)
		g := n.gossip.Load()
		if g == nil {
			return false
		}
		for id, p := range n.links.all() {
			if m, known := g.View().Member(id); !known || !m.Alive || gossip.State(p.state.Load()) != gossip.Up {
				return false
			}
		}
	}
	return true
}

// records are all that node i stores, by stored key.
func (b *bubble) records(i int) map[string]string {
	all := make(map[string]string)
	lo, hi := storage.RecordRange(0, ^uint64(0))
	if err := b.node(i).engine.Scan(lo, hi, func(k, v []byte) bool { all[string(k)] = string(v); return true }); err != nil {
		b.t.Error(err)
	}
	return all
}

// apart are the keys that owners hold differently, or that somebody holds who is no
// owner.
func (b *bubble) apart() (keys []string) {
	held, at := make(map[string]map[ring.NodeID]string), b.node(0).Cluster().Ring
	for i := range b.nodes {
		for k, rec := range b.records(i) { // into a map: order does not matter
			if held[k] == nil {
				held[k] = make(map[ring.NodeID]string)
			}
			held[k][b.node(i).id] = rec
		}
	}
	for _, k := range slices.Sorted(maps.Keys(held)) {
		token, _, key, err := storage.ParseRecordKey([]byte(k))
		if err != nil {
			b.t.Error(err)
		}
		owners := at.Replicas(ring.Token(token))
		equal := len(held[k]) == len(owners)
		for _, o := range owners {
			equal = equal && held[k][at.Members()[o].ID] == held[k][at.Members()[owners[0]].ID]
		}
		if !equal {
			keys = append(keys, string(key))
		}
	}
	return keys
}
