package node

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"
)

// A replica that was away gets what it has missed from the others, without hints
// and without being read (rule 7), and all of them know up to when they agree.
func TestAReplicaThatWasAwayIsRepaired(t *testing.T) {
	c := newCluster(t, 3)
	t.Cleanup(c.stop)
	for i := range c.nodes {
		c.nodes[i].config.Repair.ExchangeInterval = time.Second
		c.nodes[i].config.Timeouts.Default, c.nodes[i].config.Timeouts.Max = 4*time.Second, 4*time.Second
		c.nodes[i].config.Repair.MaxRequestAge = 5 * time.Second
		c.start(i)
	}
	for i := range c.nodes {
		c.awaitReady(i)
	}
	c.awaitTrust()
	c.halt(2)
	const keys = 50
	for i := range keys {
		c.insist(http.MethodPut, i%2, fmt.Sprintf("/v1/keys/k%d", i), fmt.Sprint("v", i))
	}
	for i := range 5 {
		c.insist(http.MethodDelete, 0, fmt.Sprintf("/v1/keys/k%d", i), "")
	}
	c.start(2)
	c.awaitReady(2)
	eventually(t, "the node that was away holds every key by itself", func() bool {
		for i := range keys {
			status, _, body := c.do(http.MethodGet, 2, fmt.Sprintf("/v1/keys/k%d?consistency=one", i), "")
			if i < 5 && status != http.StatusNotFound || i >= 5 && body != fmt.Sprint("v", i) {
				return false
			}
		}
		return true
	})
	eventually(t, "it is known up to when the replicas of a key agree", func() bool {
		_, _, body := c.do(http.MethodGet, 1, "/v1/explain/k7", "")
		var e struct {
			RepairedAsOf *time.Time `json:"repaired_as_of"`
			Replicas     []struct{ Written time.Time }
		}
		return json.Unmarshal([]byte(body), &e) == nil && e.RepairedAsOf != nil && e.RepairedAsOf.After(e.Replicas[0].Written)
	})
	eventually(t, "the tombstones, which all replicas have proved to hold, are purged", func() bool {
		return c.metric(0, "candor_purged_total") == "5" && c.metric(1, "candor_purged_total") == "5" && c.metric(2, "candor_purged_total") == "5"
	})
	for i := range 5 {
		if status, _, body := c.do(http.MethodGet, 1, fmt.Sprintf("/v1/keys/k%d?consistency=all", i), ""); status != http.StatusNotFound {
			t.Errorf("k%d was deleted and purged: %d %s", i, status, body)
		}
	}
}

// A cluster knows how far it is repaired soon after its start, whatever the interval,
// and a restart of one node takes that back at none (rule 7).
func TestRepairedAsOfIsKnownAfterAStartAndOutlivesARestart(t *testing.T) {
	c := newCluster(t, 3)
	t.Cleanup(c.stop)
	for i := range c.nodes {
		c.nodes[i].config.Repair.ExchangeInterval = time.Hour
		c.start(i)
	}
	const asOf = "candor_repaired_as_of_timestamp_seconds"
	known := func(nodes ...int) bool {
		return !slices.ContainsFunc(nodes, func(i int) bool { at := c.metric(i, asOf); return at == "" || at == "0" })
	}
	eventually(t, "all know how far they are repaired", func() bool { return known(0, 1, 2) })
	c.halt(1)
	eventually(t, "the node is gone", func() bool {
		rows := c.status(0).Nodes
		for i := range rows {
			if !rows[i].Reachable {
				return true
			}
		}
		return false
	})
	c.start(1)
	eventually(t, "the one that was started again knows it too", func() bool {
		if !known(0, 2) {
			t.Fatal("the others know it no more")
		}
		return known(1)
	})
}

// insist makes a request until it is done.
func (c *cluster) insist(method string, i int, path, body string) {
	c.t.Helper()
	eventually(c.t, method+" "+path, func() bool { status, _, _ := c.do(method, i, path, body); return status == http.StatusOK })
}
