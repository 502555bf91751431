package node

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/candordb/candor/config"
	"github.com/candordb/candor/load/process"
)

// TestMain runs the tests, or the one node that a test has started as a process.
func TestMain(m *testing.M) {
	if name := os.Getenv(childName); name != "" {
		if err := runChild(name); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain"))
}

// cluster is real nodes in this process, on loopback.
type cluster struct {
	t     *testing.T
	nodes []*running
	log   *testLog
}

type running struct {
	config  *config.Config
	machine Machine
	cancel  context.CancelFunc
	done    chan error
}

// startCluster starts n nodes and waits until all are ready, and hold each other for
// up.
func startCluster(t *testing.T, n int) *cluster {
	t.Helper()
	c := newCluster(t, n)
	t.Cleanup(c.stop)
	for i := range n {
		c.start(i)
	}
	for i := range n {
		c.awaitReady(i)
	}
	c.awaitTrust()
	return c
}

// newCluster configures n nodes.
func newCluster(t *testing.T, n int) *cluster {
	t.Helper()
	c := &cluster{t: t, log: new(testLog)}
	t.Cleanup(func() { c.log.print(t) })
	addrs, err := process.FreeAddresses("127.0.0.1", 4*n)
	if err != nil {
		t.Fatal(err)
	}
	var bootstrap, seeds []string
	for i := range n {
		bootstrap, seeds = append(bootstrap, addrs[4*i+1]), append(seeds, addrs[4*i+2])
	}
	for i := range n {
		cfg := config.Default()
		cfg.Cluster.Name, cfg.Cluster.Bootstrap, cfg.Cluster.Seeds = "test", bootstrap, seeds
		cfg.Cluster.Replicas, cfg.Cluster.Partitions = min(3, n), 64
		cfg.Node.Name, cfg.Node.DataDir = fmt.Sprintf("n%d", i+1), filepath.Join(t.TempDir(), "data")
		cfg.Listen = config.Listen{Client: addrs[4*i], Peer: addrs[4*i+1], Gossip: addrs[4*i+2], HTTP: addrs[4*i+3]}
		// memberlist's probes outlive it by up to an interval, and goleak waits less
		// than the default.
		cfg.Gossip.ProbeInterval, cfg.Gossip.ProbeTimeout = 200*time.Millisecond, 100*time.Millisecond
		// All that a test pretends to be has one address.
		cfg.Limits.PerIP, cfg.Limits.PreauthPerIP = 4096, 4096
		cfg.Storage.BlockCache, cfg.Storage.WriteBuffer = 8<<20, 4<<20
		// A machine that stalls for seconds is no reason to refuse anything.
		cfg.Timeouts.Default, cfg.Timeouts.Max = 15*time.Second, 20*time.Second
		c.nodes = append(c.nodes, &running{config: cfg})
	}
	return c
}

// start starts node i.
func (c *cluster) start(i int) {
	r := c.nodes[i]
	var ctx context.Context
	ctx, r.cancel = context.WithCancel(context.Background())
	r.done = make(chan error, 1)
	log := slog.New(slog.NewTextHandler(c.log.node(r.config.Node.Name), &slog.HandlerOptions{Level: slog.LevelInfo}))
	go func() { r.done <- Run(ctx, r.config, Options{Log: log, Version: "test", Machine: r.machine}) }()
}

// testLog keeps what the nodes log and prints it if the test fails. memberlist
// may log after the node has stopped, so nothing is written to the test itself.
type testLog struct {
	mu    sync.Mutex
	lines []string
}

func (l *testLog) node(name string) io.Writer { return logWriter{l, name} }

func (l *testLog) print(t *testing.T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.Failed() {
		t.Log("\n" + strings.Join(l.lines, "\n"))
	}
}

type logWriter struct {
	log  *testLog
	name string
}

func (w logWriter) Write(b []byte) (int, error) {
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	w.log.lines = append(w.log.lines, w.name+" "+strings.TrimSpace(string(b)))
	return len(b), nil
}

// halt stops node i gracefully.
func (c *cluster) halt(i int) {
	c.t.Helper()
	r := c.nodes[i]
	if r.done == nil {
		return
	}
	r.cancel()
	select {
	case err := <-r.done:
		if err != nil {
			c.t.Errorf("node %d: %v", i+1, err)
		}
	case <-time.After(patience):
		c.t.Fatalf("node %d does not stop", i+1)
	}
	r.done = nil
}

func (c *cluster) stop() {
	for i := range c.nodes {
		c.halt(i)
	}
}

// patience is how long tests wait for what has to happen: far more than it takes, for
// machines that are slow, and that stand still for seconds.
const patience = time.Minute

// eventually tries until ok, for a bounded time.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

func (c *cluster) url(i int, path string) string {
	return "http://" + c.nodes[i].config.Listen.HTTP + path
}

func (c *cluster) awaitReady(i int) {
	c.t.Helper()
	eventually(c.t, fmt.Sprintf("node %d is ready", i+1), func() bool {
		status, _, _ := c.do(http.MethodGet, i, "/readyz", "")
		return status == http.StatusOK
	})
}

var testClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}

// do makes one request of node i.
func (c *cluster) do(method string, i int, path, body string) (int, http.Header, string) {
	c.t.Helper()
	req, err := http.NewRequest(method, c.url(i, path), strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	resp, err := testClient.Do(req)
	if err != nil {
		return 0, nil, err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil, err.Error()
	}
	return resp.StatusCode, resp.Header, string(b)
}

func (c *cluster) status(i int) *clusterStatus {
	c.t.Helper()
	code, _, body := c.do(http.MethodGet, i, "/v1/cluster/status", "")
	s := new(clusterStatus)
	if code != http.StatusOK || json.Unmarshal([]byte(body), s) != nil {
		c.t.Fatalf("status: %d %s", code, body)
	}
	return s
}

// Any node takes any request; one of three may be gone.
func TestThreeNodes(t *testing.T) {
	c := startCluster(t, 3)
	for i := range 30 {
		code, h, body := c.do(http.MethodPut, i%3, fmt.Sprintf("/v1/keys/key-%d", i), fmt.Sprintf("value-%d", i))
		if code != http.StatusOK || h.Get("Candor-Version") == "" {
			t.Fatalf("put %d: %d %v %s", i, code, h, body)
		}
	}
	eventually(t, "all nodes reach all", func() bool {
		for i := range 3 {
			for _, row := range c.status(i).Nodes {
				if !row.Reachable || row.Gossip != "alive" {
					return false
				}
			}
		}
		return true
	})
	c.halt(2)
	eventually(t, "the loss is known", func() bool { s := c.status(0); return !s.Nodes[2].Reachable && s.Quorum.Possible == s.Quorum.Of })
	for i := range 30 {
		code, h, body := c.do(http.MethodGet, i%2, fmt.Sprintf("/v1/keys/key-%d?consistency=quorum", i), "")
		if code != http.StatusOK || body != fmt.Sprintf("value-%d", i) || !strings.Contains(h.Get("Candor-Receipt"), "acked=2") {
			t.Errorf("get %d: %d %v %q", i, code, h, body)
		}
	}
	code, _, body := c.do(http.MethodGet, 0, "/v1/keys/key-1?consistency=all", "")
	if code != http.StatusServiceUnavailable || !strings.Contains(body, "UNAVAILABLE") {
		t.Errorf("get at all with one node gone: %d %s", code, body)
	}
	c.start(2)
	c.awaitReady(2)
	eventually(t, "ALL is possible again", func() bool {
		code, _, body := c.do(http.MethodGet, 2, "/v1/keys/key-1?consistency=all", "")
		return code == http.StatusOK && body == "value-1"
	})
}
