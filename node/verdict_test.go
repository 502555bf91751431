package node_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/candordb/candor/client/clienttest"
	"github.com/candordb/candor/config"
	"github.com/candordb/candor/verdict"
)

// verdictOf is the verdict of a node, with why.
func verdictOf(t *testing.T, base string) (word verdict.Word, why string) {
	t.Helper()
	resp, err := http.Get(base + "/v1/cluster/status")
	if err != nil {
		return "", err.Error()
	}
	defer resp.Body.Close()
	var s struct {
		Verdict struct {
			Verdict  verdict.Word `json:"verdict"`
			Sentence string       `json:"sentence"`
			Missing  []string     `json:"missing"`
		} `json:"verdict"`
		Why string `json:"why"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&s); err != nil {
		t.Fatal(err)
	}
	why = s.Verdict.Sentence + " " + s.Why
	for _, m := range s.Verdict.Missing {
		why += "; " + m
	}
	return s.Verdict.Verdict, why
}

// awaitVerdict waits until the nodes have a verdict that is OK, or one that is not, and
// prints how long that took. It is seconds, and a minute on a machine that is slow.
func awaitVerdict(t *testing.T, c *clienttest.Cluster, what string, ok bool, nodes ...int) {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for _, i := range nodes {
		for {
			word, why := verdictOf(t, c.HTTP(i))
			if word != "" && (word == verdict.OK) == ok {
				t.Logf("%s: node %d says %s after %v: %s", what, i+1, word, time.Since(began).Round(10*time.Millisecond), why)
				break
			}
			if time.Since(began) > time.Minute {
				t.Fatalf("%s: node %d says %s: %s", what, i+1, word, why)
			}
			<-tick.C
		}
	}
}

// Status leaves OK when a node dies, a link is cut, repair is stopped or a clock is
// off, and comes back to OK by itself.
func TestTheVerdictFollowsTheCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("not run under -short: it waits for what nodes find out by and by; go test ./node runs it")
	}
	c := clienttest.Start(t, 3, clienttest.Setting(func(cfg *config.Config) { cfg.Repair.ExchangeInterval = time.Second }))
	awaitVerdict(t, c, "a fresh cluster", true, 0, 1, 2)

	c.Kill(2)
	awaitVerdict(t, c, "a dead node", false, 0, 1)
	c.Restart(2)
	awaitVerdict(t, c, "it is back", true, 0, 1, 2)

	c.Partition(0, 1) // node 3 reaches both, and they tell it
	awaitVerdict(t, c, "a link that is cut", false, 0, 1, 2)
	c.Heal()
	awaitVerdict(t, c, "it is healed", true, 0, 1, 2)

	c.Skew(1, time.Second)
	awaitVerdict(t, c, "a clock 1 s ahead", false, 0, 1, 2)
	c.Skew(1, 0)
	awaitVerdict(t, c, "it is right again", true, 0, 1, 2)

	pause(t, c, 1, "1h")
	awaitVerdict(t, c, "repair is paused", false, 0, 1, 2)
	pause(t, c, 1, "0s")
	awaitVerdict(t, c, "it goes on", true, 0, 1, 2)
}

// pause pauses repair at a node.
func pause(t *testing.T, c *clienttest.Cluster, i int, length string) {
	t.Helper()
	resp, err := http.Post(c.HTTP(i)+"/v1/repair/pause?for="+length, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("pause: %s", resp.Status)
	}
}
