package node

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/candordb/candor/config"
)

// answers is what clients were told of their writes: key to value, "" for a delete.
type answers struct{ done, noEffect map[string]string }

// write puts a key that nobody has put, or deletes it, and notes the answer.
func (b *bubble) write(i int, method, key, value string, t *answers) (done bool) {
	status, body := b.do(method, i, "/v1/keys/"+key, value)
	var problem struct{ Outcome string }
	switch {
	case status == http.StatusOK:
		t.done[key] = value
	case json.Unmarshal([]byte(body), &problem) == nil && problem.Outcome == "not-applied":
		t.noEffect[key] = value
	default: // in doubt: what was said of the key before may hold still, or not
		delete(t.done, key)
	}
	return status == http.StatusOK
}

// healing is what a run found.
type healing struct {
	done, refused     int // writes while cut
	merged            time.Duration
	oneCluster, equal bool
	lost, ghosts      []string
}

// cutAndHeal is scenario H1: five nodes are cut into two and three, both sides are
// written to all the while, the cut heals, and everything has to come together by
// itself.
func cutAndHeal(t *testing.T, cut time.Duration, change func(*config.Config), plant func(*bubble)) (out healing) {
	inBubble(t, 5, change, func(b *bubble) {
		few, many := []string{b.nodes[0].host, b.nodes[1].host}, []string{b.nodes[2].host, b.nodes[3].host, b.nodes[4].host}
		said := &answers{map[string]string{}, map[string]string{}}
		for i := range 20 {
			b.write(i%5, http.MethodPut, fmt.Sprintf("before/%d", i), "old", said)
		}
		b.wires.split(true, few, many)
		for i, began := 0, time.Now(); time.Since(began) < cut; i++ {
			for _, at := range []int{0, 4} {
				if b.write(at, http.MethodPut, fmt.Sprintf("cut/%d/%d", at, i), fmt.Sprint("v", i), said) {
					out.done++
				} else {
					out.refused++
				}
			}
			if i < 10 {
				b.write(4, http.MethodDelete, fmt.Sprintf("before/%d", i), "", said)
			}
			b.pass(5 * time.Second)
		}
		plant(b)
		b.wires.split(false, few, many)
		out.merged, out.oneCluster = b.within(30*time.Second, "one cluster", b.one)
		_, out.equal = b.within(3*time.Minute, "the replicas are equal", func() bool { return len(b.apart()) == 0 })
		out.lost, out.ghosts = b.compare(said)
	})
	return out
}

// compare asks for every key whose fate was told.
func (b *bubble) compare(said *answers) (lost, ghosts []string) {
	for _, key := range slices.Sorted(maps.Keys(said.done)) {
		want := said.done[key]
		status, body := b.do(http.MethodGet, 1, "/v1/keys/"+key, "")
		if want != "" && body != want || want == "" && status != http.StatusNotFound {
			lost = append(lost, fmt.Sprintf("%s: %d %.100s", key, status, body))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(said.noEffect)) {
		if _, done := said.done[key]; done {
			continue
		}
		if status, body := b.do(http.MethodGet, 1, "/v1/keys/"+key, ""); status != http.StatusNotFound {
			ghosts = append(ghosts, fmt.Sprintf("%s: %d %.100s", key, status, body))
		}
	}
	return lost, ghosts
}

// H1: a cluster that was cut in two is one again within 30 s, whether memberlist has
// forgotten the other side or not, and its data become equal without an operator:
// whole nodes, with memberlist and goleveldb, in virtual time.
func TestACutClusterIsOneAgain(t *testing.T) {
	for _, cut := range []time.Duration{time.Minute, 10 * time.Minute} {
		t.Run(cut.String(), func(t *testing.T) {
			out := cutAndHeal(t, cut, func(*config.Config) {}, func(*bubble) {})
			t.Logf("%d writes done while cut, %d not; one cluster after %v", out.done, out.refused, out.merged)
			if out.done == 0 || out.refused == 0 {
				t.Error("one side alone has answered: the cut proves nothing")
			}
			if !out.oneCluster {
				t.Error("it is not one cluster 30 s after the cut has healed")
			}
			if !out.equal {
				t.Error("the replicas are not equal")
			}
			if len(out.lost) > 0 || len(out.ghosts) > 0 {
				t.Errorf("lost or back: %q; without effect, and there: %q", out.lost, out.ghosts)
			}
		})
	}
}

// C3: all hints are wiped before the cut heals: nothing that was acknowledged without
// sloppy is lost, since hints never counted, and the replicas are equal without them.
func TestNothingAckedIsLostWithAllHints(t *testing.T) {
	wiped := 0
	out := cutAndHeal(t, time.Minute, func(*config.Config) {}, func(b *bubble) {
		for i := range b.nodes {
			for j := range b.nodes {
				if i == j {
					continue
				}
				if status, _ := b.do(http.MethodPost, i, fmt.Sprintf("/v1/hints/n%d/drop", j+1), ""); status == http.StatusOK {
					wiped++ // a node that keeps none for it says so
				}
			}
		}
	})
	if wiped == 0 || out.done == 0 || !out.equal || len(out.lost) > 0 || len(out.ghosts) > 0 {
		t.Errorf("%d stores of hints were wiped, %d writes done; %+v", wiped, out.done, out)
	}
}

// The same run over nodes that do not try to join those again whom memberlist holds
// for dead, and over nodes that keep no hints and whose repair is paused, must be
// caught, or TestACutClusterIsOneAgain is worthless.
func TestACutFindsWhatDoesNotHeal(t *testing.T) {
	out := cutAndHeal(t, 3*time.Minute, func(c *config.Config) { c.Gossip.RejoinInterval = 24 * time.Hour }, func(*bubble) {})
	if out.oneCluster {
		t.Errorf("nobody joins again, and it is one cluster after %v", out.merged)
	}
	out = cutAndHeal(t, time.Minute, func(c *config.Config) { c.Hints.MaxBytes = 1 }, func(b *bubble) {
		for i := range b.nodes {
			if status, body := b.do(http.MethodPost, i, "/v1/repair/pause?for=24h", ""); status != http.StatusOK {
				t.Errorf("repair is not paused: %d %s", status, body)
			}
		}
	})
	if out.equal {
		t.Error("nothing is kept and nothing is compared, and the replicas are equal")
	}
}
