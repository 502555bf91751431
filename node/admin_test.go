package node

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/candordb/candor/hlc"
)

// Every route has its good and its bad input.
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
		{"GET", "/livez", "", 200, "", "ok"},
		{"GET", "/readyz", "", 200, "", "ok"},
		{"GET", "/readyz?verbose", "", 200, "", "[+] epoch ok"},
		{"GET", "/metrics", "", 200, "", "candor_epoch 1"},
		{"GET", "/v1/cluster/status", "", 200, "Content-Type: application/json", `"kind": "ClusterStatus"`},
		{"POST", "/v1/cluster/status", "", 405, "", ""},
		{"GET", "/nowhere", "", 404, "", ""},

		{"GET", "/v1/keys/a", "", 404, "Candor-Outcome: done", "NOT_FOUND"},
		{"PUT", "/v1/keys/a", "one", 200, "Candor-Receipt: need=1, asked=1, acked=1, durable=1, hinted=0, level=quorum, repaired=0", `"outcome": "applied"`},
		{"GET", "/v1/keys/a", "", 200, "Content-Disposition: attachment", "one"},
		{"GET", "/v1/keys/a?consistency=all&ns=default", "", 200, "X-Content-Type-Options: nosniff", "one"},
		{"HEAD", "/v1/keys/a", "", 200, "Content-Length: 3", ""},
		{"PUT", "/v1/keys/b%2Fc%00+d?ttl=1h", "two", 200, "", ""},
		{"GET", "/v1/keys/b/c%00+d", "", 200, "", "two"},
		{"PUT", "/v1/keys/gone?ttl=1ms", "x", 200, "", ""},
		{"DELETE", "/v1/keys/a", "", 200, "Candor-Outcome: done", `"outcome": "applied"`},
		{"GET", "/v1/keys/a", "", 404, "", "NOT_FOUND"},
		{"DELETE", "/v1/keys/never-there", "", 200, "", "applied"},

		{"POST", "/v1/keys/a", "", 400, "Content-Type: application/problem+json", "BAD_REQUEST"},
		{"GET", "/v1/keys/", "", 400, "", "BAD_REQUEST"},
		{"GET", "/v1/keys/a//b", "", 400, "", "a%2F%2Fb"},
		{"GET", "/v1/keys/a/../b", "", 400, "", "BAD_REQUEST"},
		{"GET", "/v1/keys/a?consistancy=one", "", 400, "", "consistancy"},
		{"GET", "/v1/keys/a?consistency=qourum", "", 400, "", "qourum"},
		{"GET", "/v1/keys/a?consistency=one&consistency=all", "", 400, "", "more than once"},
		{"GET", "/v1/keys/a?consistency=4", "", 400, "", "BAD_REQUEST"},
		{"GET", "/v1/keys/a?consistency=serial", "", 409, "", "WRONG_MODE"},
		{"PUT", "/v1/keys/a?consistency=any", "x", 501, "", "UNSUPPORTED"},
		{"GET", "/v1/keys/a?ns=other", "", 400, "", "UNKNOWN_NAMESPACE"},
		{"GET", "/v1/keys/a?ns=NO", "", 400, "", "BAD_REQUEST"},
		{"GET", "/v1/keys/a?ttl=1h", "", 400, "", "ttl"},
		{"PUT", "/v1/keys/a?ttl=-1s", "x", 400, "", "ttl"},
		{"PUT", "/v1/keys/a?version=" + old, "x", 409, "Candor-Outcome: not-applied", "CLOCK"},
		{"PUT", "/v1/keys/a?version=" + ahead, "x", 409, "", "CLOCK"},
		{"GET", "/v1/keys/" + strings.Repeat("k", 5000), "", 413, "", "TOO_LARGE"},
		{"PUT", "/v1/keys/a", strings.Repeat("v", 1<<20+1), 413, "", "TOO_LARGE"},
		{"GET", "/v1/keys/a?after=" + strings.Repeat("f", 32), "", 503, "", "UNAVAILABLE"},
	} {
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
// version is told that it lost.
func TestRepeatIsTheSameWrite(t *testing.T) {
	c := startCluster(t, 1)
	_, h, _ := c.do("PUT", 0, "/v1/keys/k", "one")
	first := h.Get("Candor-Version")
	if status, h, body := c.do("PUT", 0, "/v1/keys/k?version="+first, "one"); status != 200 || h.Get("Candor-Version") != first || !strings.Contains(body, "applied") {
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
}

func TestCrossOriginWritesAreRefused(t *testing.T) {
	c := startCluster(t, 1)
	req, err := http.NewRequest(http.MethodPut, c.url(0, "/v1/keys/k"), strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Origin", "http://evil.example")
	resp, err := testClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("a page of another origin may write: %d", resp.StatusCode)
	}
}

// A node that waits for others says for whom, in /readyz?verbose and in status.
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
	status, _, body := c.do("GET", 0, "/v1/keys/k", "")
	var p problem
	if json.Unmarshal([]byte(body), &p) != nil || status != 503 || p.Code != "NOT_READY" {
		t.Errorf("a read before epoch 1: %d %s", status, body)
	}
	c.start(1)
	c.awaitReady(0)
	c.awaitReady(1)
}
