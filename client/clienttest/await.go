package clienttest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

const (
	readyTimeout = time.Minute // a test may run on a machine that is slow
	lookEvery    = 2 * time.Millisecond
)

// awaitReady waits until every node that runs serves and reaches whom it should.
// A node that cannot, because its clock is off, is not waited for.
func (c *Cluster) awaitReady() {
	c.t.Helper()
	for i, m := range c.nodes {
		if m.done == nil || m.skew.Load() != 0 {
			continue
		}
		c.await(m.name+" is ready", func() bool {
			resp, err := probe.Get(c.HTTP(i) + "/readyz")
			if err != nil {
				return false
			}
			resp.Body.Close()
			return resp.StatusCode == http.StatusOK
		})
	}
	c.awaitLinks()
}

// probe asks nodes how they are. It keeps no connection.
var probe = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}

// awaitLinks waits until every node that runs reaches those that it should, and
// no others.
func (c *Cluster) awaitLinks() {
	c.t.Helper()
	for i, m := range c.nodes {
		if m.done != nil {
			c.await(fmt.Sprintf("%s reaches whom it should, and nobody else", m.name), func() bool { return c.linked(i) })
		}
	}
}

func (c *Cluster) linked(i int) bool {
	resp, err := probe.Get(c.HTTP(i) + "/v1/cluster/status")
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	var status struct {
		Nodes []struct {
			Name      string `json:"name"`
			Reachable bool   `json:"reachable"`
		} `json:"nodes"`
	}
	if json.NewDecoder(resp.Body).Decode(&status) != nil || len(status.Nodes) != len(c.nodes) {
		return false
	}
	reaches := make(map[string]bool)
	for _, row := range status.Nodes {
		reaches[row.Name] = row.Reachable
	}
	for j, m := range c.nodes {
		if reaches[m.name] != (i == j || c.net.connected(i, j)) {
			return false
		}
	}
	return true
}

// await looks again and again, for a bounded time.
func (c *Cluster) await(what string, ok func() bool) {
	c.t.Helper()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	end := time.NewTimer(readyTimeout)
	defer end.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-end.C:
			c.t.Fatalf("clienttest: not within %v: %s", readyTimeout, what)
		}
	}
}
