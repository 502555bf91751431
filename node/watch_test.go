package node

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/candordb/candor/config"
	"github.com/candordb/candor/gossip/gossiptest"
)

const errRefused = syscall.ECONNREFUSED

// startQuiet starts nodes that can fall silent, and beat more often than by default.
func startQuiet(t *testing.T, nodes int, beat time.Duration, change func(*running)) (*cluster, *quiet) {
	t.Helper()
	c := newCluster(t, nodes)
	q := newQuiet(t, c)
	for _, r := range c.nodes {
		r.config.Gossip.Heartbeat = config.AutoDuration(beat)
		change(r)
	}
	t.Cleanup(c.stop)
	t.Cleanup(func() { // before that
		for i := range c.nodes {
			q.silence(i, false)
		}
	})
	for i := range c.nodes {
		c.start(i)
	}
	for i := range c.nodes {
		c.awaitReady(i)
	}
	c.awaitTrust()
	return c, q
}

// awaitTrust waits until all nodes hold all others for up.
func (c *cluster) awaitTrust() {
	c.t.Helper()
	eventually(c.t, "all nodes trust all others", func() bool {
		for i := range c.nodes {
			for _, row := range c.status(i).Nodes {
				if !row.Reachable || row.Suspect {
					return false
				}
			}
		}
		return true
	})
}

// Rule 3: a peer that falls silent is suspected by phi, though its connection stands
// and gossip holds it for alive. It is asked last, so that reads at QUORUM need not
// wait for it; all nodes stay ready. When it speaks again it is trusted again, after
// the cooldown.
func TestASilentPeerIsAskedLast(t *testing.T) {
	// Without hedging: it would ask the silent node too when another is slow.
	c, q := startQuiet(t, 3, 200*time.Millisecond, func(r *running) { r.config.Read.HedgeMax = 0 })
	for i := range 30 {
		if code, _, body := c.do(http.MethodPut, i%3, fmt.Sprintf("/v1/keys/key-%d?consistency=all", i), "v"); code != http.StatusOK {
			t.Fatalf("put %d: %d %s", i, code, body)
		}
	}
	q.silence(2, true)
	began := time.Now()
	for _, i := range []int{0, 1} {
		eventually(t, fmt.Sprintf("node %d suspects the silent one, and no other", i+1), func() bool {
			s := c.status(i)
			return s.Nodes[2].Suspect && !s.Nodes[1-i].Suspect
		})
	}
	t.Logf("suspected after %v", time.Since(began))
	for i := range 30 {
		// Again, if the machine has stalled and they suspect each other for it.
		eventually(t, fmt.Sprintf("get %d asks the two that speak", i), func() bool {
			code, h, body := c.do(http.MethodGet, i%2, fmt.Sprintf("/v1/keys/key-%d", i), "")
			if code != http.StatusOK || body != "v" {
				t.Fatalf("get %d: %d %q", i, code, body)
			}
			return strings.Contains(h.Get("Candor-Receipt"), "asked=2")
		})
	}
	eventually(t, "the silent node is shown as it is", func() bool {
		row := c.status(0).Nodes[2]
		return row.Reachable && row.Link == "up" && row.Gossip == "alive" && row.Phi != nil && *row.Phi >= 8 && strings.Contains(row.Error, "silent")
	})
	if _, _, metrics := c.do(http.MethodGet, 0, "/metrics", ""); !strings.Contains(metrics, `candor_peer_phi{peer="n3/`) || !strings.Contains(metrics, `candor_peer_reachable{peer="n3/`) {
		t.Error("the metrics lack phi or reachability of the silent node")
	}
	for i := range c.nodes {
		if code, _, why := c.do(http.MethodGet, i, "/readyz", ""); code != http.StatusOK {
			t.Errorf("node %d is not ready: %s", i+1, why)
		}
	}
	eventually(t, "EXPLAIN has one without phi: this node; the silent one has a high one", func() bool {
		_, _, explained := c.do(http.MethodGet, 0, "/v1/explain/key-1?timeout=1s", "")
		return strings.Count(explained, `"phi": null`) == 1
	})
	q.silence(2, false)
	c.awaitTrust()
	for i := range 30 {
		if code, _, body := c.do(http.MethodGet, i%3, fmt.Sprintf("/v1/keys/key-%d?consistency=all", i), ""); code != http.StatusOK || body != "v" {
			t.Errorf("get %d at all: %d %q", i, code, body)
		}
	}
}

// Rule 3: silent by phi and dead in memberlist is down, though the connection stands:
// what needs it is refused at once, with no effect.
func TestSilentAndDeadIsDown(t *testing.T) {
	network := gossiptest.New()
	c, q := startQuiet(t, 3, 200*time.Millisecond, func(r *running) { r.machine.Gossip = network })
	block := func(blocked bool) {
		for i := range 2 {
			network.Block(c.nodes[i].config.Listen.Gossip, c.nodes[2].config.Listen.Gossip, blocked)
		}
	}
	q.silence(2, true)
	block(true)
	eventually(t, "the silent node is down", func() bool { return !c.status(0).Nodes[2].Reachable })
	if row := c.status(0).Nodes[2]; row.Link != "up" || row.Gossip != "dead" {
		t.Errorf("the silent node is shown as %+v", row)
	}
	began := time.Now()
	code, _, body := c.do(http.MethodPut, 0, "/v1/keys/k?consistency=all", "v")
	if code != http.StatusServiceUnavailable || !strings.Contains(body, "UNAVAILABLE") {
		t.Errorf("put at all: %d %s", code, body)
	}
	if took := time.Since(began); took > time.Duration(c.nodes[0].config.Timeouts.Default)/2 {
		t.Errorf("refused after %v: it was waited for", took)
	}
	block(false)
	q.silence(2, false)
	c.awaitTrust()
}

// Rule 3: who can be heard but not reached is down, and is dialled each time that it
// is heard: there is no waiting for a pause between two attempts to end.
func TestWhoIsHeardWhileCutIsDialledAtOnce(t *testing.T) {
	c, q := startQuiet(t, 2, 100*time.Millisecond, func(*running) {})
	q.refusing(0, 1, true)
	c.halt(1)
	eventually(t, "the loss is known", func() bool { return !c.status(0).Nodes[1].Reachable })
	c.start(1)
	c.awaitReady(1)
	// Backoff alone makes at most one attempt in a second once it has grown, and 10 in
	// the 4 seconds before. A machine that stalls may spoil some of the windows.
	before, began := q.dialled(0, 1), time.Now()
	eventually(t, "15 attempts within 4 s", func() bool {
		if time.Since(began) > 4*time.Second {
			before, began = q.dialled(0, 1), time.Now()
		}
		return q.dialled(0, 1)-before >= 15
	})
	if row := c.status(0).Nodes[1]; row.Reachable || row.Phi == nil || *row.Phi != 300 {
		t.Errorf("who refuses is shown as %+v", row)
	}
	if row := c.status(1).Nodes[0]; !row.Reachable {
		t.Errorf("who can be reached is shown as %+v", row)
	}
	q.refusing(0, 1, false)
	eventually(t, "it is reached", func() bool { return c.status(0).Nodes[1].Reachable })
}
