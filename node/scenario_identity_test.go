package node

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/candordb/candor/config"
)

// H4: two clusters that name each other's nodes as seeds, on equal ports, stay two: no
// member is taken over, and no key crosses.
func TestTwoClustersWithCrossedSeedsStayTwo(t *testing.T) {
	crossed := func(c *config.Config) {
		all := c.Cluster.Bootstrap
		own, others, name := all[:3], []int{4, 5, 6}, "one"
		if c.Node.Name >= "n4" {
			own, others, name = all[3:], []int{1, 2, 3}, "two"
		}
		c.Cluster.Name, c.Cluster.Bootstrap, c.Cluster.Seeds = name, own, nil
		for _, i := range others {
			c.Cluster.Seeds = append(c.Cluster.Seeds, gossipOf(fmt.Sprintf("10.0.0.%d", i)))
		}
	}
	inBubble(t, 6, crossed, func(b *bubble) {
		for i := range 20 {
			for at, value := range map[int]string{0: "of one", 3: "of two"} { // different clusters: order does not matter
				if status, body := b.do(http.MethodPut, at, fmt.Sprintf("/v1/keys/k%d", i), value); status != http.StatusOK {
					b.t.Errorf("put: %d %s", status, body)
				}
			}
		}
		b.pass(10 * time.Minute)
		if one, two := b.node(0).state.Load().cluster.ID, b.node(3).state.Load().cluster.ID; one == two {
			b.t.Error("both clusters have one id")
		}
		for i := range b.nodes {
			if n := len(b.node(i).links.all()); n != 2 {
				b.t.Errorf("node %d has %d members beside itself", i+1, n)
			}
			for j := range b.nodes {
				if _, known := b.node(i).gossip.Load().View().Member(b.node(j).id); known != (i/3 == j/3) {
					b.t.Errorf("node %d knows node %d by gossip: %t", i+1, j+1, known)
				}
			}
			want := []string{"of one", "of two"}[i/3]
			for k := range 20 {
				if _, got := b.do(http.MethodGet, i, fmt.Sprintf("/v1/keys/k%d", k), ""); got != want {
					b.t.Errorf("k%d of node %d is %q, want %q", k, i+1, got, want)
				}
			}
		}
		if !b.one() {
			b.t.Error("the members of a cluster do not reach each other")
		}
	})
}

// H5: two nodes swap their addresses. Who a node is follows from its id: each goes on
// as the replica that it was, and nothing lies where it does not belong.
func TestTwoNodesSwapAddresses(t *testing.T) {
	inBubble(t, 5, func(*config.Config) {}, func(b *bubble) {
		said := &answers{map[string]string{}, map[string]string{}}
		for i := range 40 {
			b.write(i%5, http.MethodPut, fmt.Sprintf("k%d", i), fmt.Sprint("v", i), said)
		}
		one, other := b.nodes[1], b.nodes[2]
		ids := []any{b.node(1).id, b.node(2).id}
		b.halt(1)
		b.halt(2)
		one.host, other.host = other.host, one.host
		one.config.Listen, other.config.Listen = other.config.Listen, one.config.Listen
		b.start(1)
		b.start(2)
		b.mustWithin(2*time.Minute, "they reach each other at their new addresses", func() bool { return b.ready(1) && b.ready(2) && b.one() })
		for i := range 40 {
			b.write(i%5, http.MethodPut, fmt.Sprintf("after%d", i), fmt.Sprint("v", i), said)
		}
		b.mustWithin(3*time.Minute, "the replicas are equal, and nobody else holds anything", func() bool { return len(b.apart()) == 0 })
		if lost, ghosts := b.compare(said); len(lost) > 0 || len(ghosts) > 0 || len(said.done) < 70 {
			b.t.Errorf("of %d acknowledged, lost: %q; without effect, and there: %q", len(said.done), lost, ghosts)
		}
		if b.node(1).id != ids[0] || b.node(2).id != ids[1] {
			b.t.Error("a node has another id at its new address")
		}
	})
}
