package node

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/candordb/candor/hlc"
)

// clusterStatus is of /v1/cluster/status what the tests look at.
type clusterStatus struct {
	Cluster struct{ Epoch uint64 }
	Waiting string
	Nodes   []struct {
		Name, ID, Gossip, Link, Error string
		Reachable, Suspect            bool
		Phi                           *float64
	}
	Quorum struct{ Possible, Of int }
}

// The admin API on a real node: what package admin tests on a fake, as far as the
// cluster has its part in it.
func TestAdminAPI(t *testing.T) {
	c := startCluster(t, 1)
	old := hlc.Version{Time: hlc.Make(time.Now().Add(-10*time.Minute).UnixMilli(), 0), Writer: 1}.String()
	ahead := hlc.Version{Time: hlc.Make(time.Now().Add(10*time.Minute).UnixMilli(), 0), Writer: 1}.String()
	for _, tc := range []struct {
		method, path, body string
		status             int
		header             string // "name: value" that the answer has
		text               string // that the body has
	}{
		{"GET", "/livez?verbose", "", 200, "", "[+] event loop ok\n[+] commit loop ok\n"},
		{"GET", "/readyz", "", 200, "", "ok"},
		{"GET", "/readyz?verbose", "", 200, "", "[+] epoch ok"},
		{"GET", "/startupz?verbose", "", 200, "", "[+] storage verified ok"},
		{"GET", "/metrics", "", 200, "", "candor_epoch 1"},
		{"GET", "/metrics", "", 200, "", `candor_connections{listener="http"} `},
		{"GET", "/metrics", "", 200, "", "candor_storage_compactions_total "},
		{"GET", "/metrics", "", 200, "", `candor_storage_file_bytes_total{direction="read"} `},
		{"GET", "/metrics", "", 200, "", `candor_storage_file_bytes_total{direction="written"} `},
		{"GET", "/v1/cluster/status", "", 200, "Content-Type: application/json", `"kind": "ClusterStatus"`},
		{"GET", "/v1/cluster/health", "", 200, "", `"possible": true`},
		{"GET", "/v1/namespaces", "", 200, "", `"name": "default"`},
		{"GET", "/v1/config", "", 200, "", `"key": "http.data"`},
		{"GET", "/v1/ring", "", 200, "", `"epoch": 1`},

		{"GET", "/v1/keys/a", "", 404, "Candor-Outcome: done", "NOT_FOUND"},
		{"PUT", "/v1/keys/a", "one", 200, "Candor-Receipt: need=1, asked=1, acked=1, durable=1, hinted=0, level=quorum, repaired=0", `"outcome": "done"`},
		{"GET", "/v1/keys/a", "", 200, "Content-Disposition: attachment", "one"},
		{"GET", "/v1/keys/a?consistency=all&ns=default&replicas=1", "", 200, "", `"value": "one"`},
		{"HEAD", "/v1/keys/a", "", 200, "Content-Length: 3", ""},
		{"PUT", "/v1/keys/b%2Fc%00+d?ttl=1h", "two", 200, "", ""},
		{"GET", "/v1/keys/b/c%00+d", "", 200, "", "two"},
		{"PUT", "/v1/keys/gone?ttl=1ms", "x", 200, "", ""},
		{"PUT", "/v1/keys/c?consistency=any", "x", 200, "Candor-Receipt: need=1, asked=1, acked=1, durable=1, hinted=0, level=any, repaired=0", ""},
		{"DELETE", "/v1/keys/a", "", 200, "Candor-Outcome: done", `"outcome": "done"`},
		{"GET", "/v1/keys/a", "", 404, "", "NOT_FOUND"},
		{"DELETE", "/v1/keys/never-there", "", 200, "", "done"},

		{"GET", "/v1/keys/a?consistency=4", "", 400, "", "BAD_REQUEST"},
		{"GET", "/v1/keys/a?consistency=serial", "", 409, "", "WRONG_MODE"},
		{"PUT", "/v1/keys/a?if_version=absent", "x", 409, "", "WRONG_MODE"},
		{"GET", "/v1/keys/a?consistency=any", "", 400, "", "BAD_REQUEST"},
		{"GET", "/v1/keys/a?ns=other", "", 400, "", "UNKNOWN_NAMESPACE"},
		{"PUT", "/v1/keys/a?version=" + old, "x", 409, "Candor-Outcome: not-applied", "CLOCK"},
		{"PUT", "/v1/keys/a?version=" + ahead, "x", 409, "", "CLOCK"},
		{"GET", "/v1/keys/" + strings.Repeat("k", 5000), "", 413, "", "TOO_LARGE"},
		{"PUT", "/v1/keys/a", strings.Repeat("v", 1<<20+1), 413, "", "TOO_LARGE"},
		{"GET", "/v1/keys/a?after=" + strings.Repeat("f", 32), "", 503, "", "UNAVAILABLE"},
	} {
		if strings.HasPrefix(tc.path, "/livez") || strings.HasPrefix(tc.path, "/readyz") || tc.path == "/v1/cluster/health" { // a stall of the machine shows here, and evidence takes a moment
			eventually(t, tc.path+" is as it should be", func() bool { status, _, _ := c.do(tc.method, 0, tc.path, ""); return status == tc.status })
		}
		status, h, body := c.do(tc.method, 0, tc.path, tc.body)
		if status != tc.status || !strings.Contains(body, tc.text) {
			t.Errorf("%s %.60s: %d, want %d; %q, want %q", tc.method, tc.path, status, tc.status, body, tc.text)
		}
		if name, value, ok := strings.Cut(tc.header, ": "); ok && h.Get(name) != value {
			t.Errorf("%s %.60s: header %s is %q, want %q", tc.method, tc.path, name, h.Get(name), value)
		}
	}
	eventually(t, "the value has expired", func() bool {
		status, _, _ := c.do("GET", 0, "/v1/keys/gone", "")
		return status == http.StatusNotFound
	})
}

// A repeat with the same version is the same write; a later write of a lower
// version is told that it lost, and OUTCOME tells the same.
func TestRepeatIsTheSameWrite(t *testing.T) {
	c := startCluster(t, 1)
	_, h, _ := c.do("PUT", 0, "/v1/keys/k", "one")
	first := h.Get("Candor-Version")
	if status, h, body := c.do("PUT", 0, "/v1/keys/k?version="+first, "one"); status != 200 || h.Get("Candor-Version") != first || h.Get("Candor-Superseded-By") != "" {
		t.Fatalf("repeat: %d %s", status, body)
	}
	_, h, _ = c.do("PUT", 0, "/v1/keys/k", "two")
	second := h.Get("Candor-Version")
	if status, h, body := c.do("PUT", 0, "/v1/keys/k?version="+first, "one"); status != 200 || h.Get("Candor-Superseded-By") != second || !strings.Contains(body, "superseded") {
		t.Fatalf("late repeat: %d %v %s", status, h, body)
	}
	if _, _, body := c.do("GET", 0, "/v1/keys/k", ""); body != "two" {
		t.Fatalf("the value is %q", body)
	}
	if status, h, body := c.do("GET", 0, "/v1/outcome/k?version="+first, ""); status != 200 || h.Get("Candor-Superseded-By") != second || h.Get("Candor-Outcome") != "superseded" {
		t.Errorf("outcome: %d %v %s", status, h, body)
	}
}

// A node that waits for others says for whom, in /readyz?verbose and in status,
// and is alive and started all the same.
func TestWaitingIsSaid(t *testing.T) {
	c := newCluster(t, 2)
	c.start(0)
	t.Cleanup(c.stop)
	eventually(t, "it says for whom it waits", func() bool {
		status, _, body := c.do("GET", 0, "/readyz?verbose", "")
		return status == 503 && strings.Contains(body, "waiting for "+c.nodes[1].config.Listen.Peer)
	})
	s := c.status(0)
	if !strings.Contains(s.Waiting, c.nodes[1].config.Listen.Peer) || s.Cluster.Epoch != 0 {
		t.Errorf("%+v", s)
	}
	for path, want := range map[string]int{"/v1/keys/k": 503, "/v1/scan": 503, "/v1/where/k": 503, "/v1/cluster/health": 503, "/livez": 200, "/startupz": 200} {
		status, _, body := c.do("GET", 0, path, "")
		if status != want || want == 503 && !strings.Contains(body, `"code": "NOT_READY"`) {
			t.Errorf("%s before epoch 1: %d %s", path, status, body)
		}
	}
	c.start(1)
	c.awaitReady(0)
	c.awaitReady(1)
}

// readEvents reads node i's events and hands on their names until ctx ends or the
// stream does.
func (c *cluster) readEvents(ctx context.Context, i int, names chan<- string) {
	defer close(names)
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url(i, "/v1/cluster/events"), nil)
	if err != nil {
		return
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(q)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			select {
			case names <- name:
			case <-ctx.Done():
				return
			}
		}
	}
}

// With one node of three gone, keys and scans at quorum go on over HTTP, and where,
// health, partitions and events tell the loss.
func TestHTTPWithANodeGone(t *testing.T) {
	c := startCluster(t, 3)
	for i := range 20 {
		if status, _, body := c.do("PUT", i%3, fmt.Sprintf("/v1/keys/user:%d?consistency=all", i), "v"); status != 200 {
			t.Fatalf("put %d: %d %s", i, status, body)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	names := make(chan string)
	go c.readEvents(ctx, 0, names)
	if first := <-names; first != "connected" {
		t.Fatalf("the first event is %q", first)
	}
	c.halt(2)
	for name := range names {
		if name == "node-down" {
			break
		}
	}
	cancel()
	for range names { // until the reader has ended
	}
	for i := range 2 {
		eventually(t, fmt.Sprintf("node %d knows the loss", i+1), func() bool { return !c.status(i).Nodes[2].Reachable })
	}
	for path, want := range map[string]struct {
		status int
		text   string
	}{
		"/v1/keys/user:7":                       {200, "v"},
		"/v1/keys/user:7?consistency=all":       {503, `"n3"`},
		"/v1/cluster/health":                    {200, `"possible": true`},
		"/v1/cluster/health?consistency=all":    {503, `"n3"`},
		"/v1/partitions?state=degraded":         {200, `"degraded": 64`},
		"/v1/where/user:7":                      {200, `"reachable": false`},
		"/v1/scan?prefix=user&consistency=one":  {200, `"key": "user:`},
		"/v1/cluster/health?consistency=quorum": {200, ""},
		"/readyz":                               {200, "ok"},
	} {
		answer := ""
		as := func() bool {
			status, _, body := c.do("GET", 1, path, "")
			answer = fmt.Sprintf("%d %s", status, body)
			return status == want.status && strings.Contains(body, want.text)
		}
		if strings.HasPrefix(path, "/v1/cluster/health") { // evidence takes a moment
			eventually(t, path+" is as it should be", as)
		}
		if !as() {
			t.Errorf("%s: want %d; %s", path, want.status, answer)
		}
	}
	if keys, coverage := c.scanAll(0); keys != 20 || coverage != "64/64/64" {
		t.Errorf("a scan at quorum found %d keys in %s partitions", keys, coverage)
	}
}

// scanAll counts the keys that pages of a scan at quorum hold.
func (c *cluster) scanAll(i int) (keys int, coverage string) {
	c.t.Helper()
	for cursor := ""; ; {
		status, _, body := c.do("GET", i, "/v1/scan?prefix=user&limit=7&cursor="+cursor, "")
		var page struct {
			Items    []struct{ Key string }
			Next     string
			Coverage struct {
				Done  int `json:"partitions_done"`
				Met   int `json:"partitions_met_level"`
				Asked int `json:"partitions_asked"`
			}
		}
		if err := json.Unmarshal([]byte(body), &page); status != 200 || err != nil {
			c.t.Fatalf("scan: %d %s", status, body)
		}
		keys += len(page.Items)
		if cursor = page.Next; cursor == "" {
			return keys, fmt.Sprintf("%d/%d/%d", page.Coverage.Done, page.Coverage.Met, page.Coverage.Asked)
		}
	}
}
