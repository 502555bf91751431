package node

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/candordb/candor/hlc"
)

// put puts a key by node i and returns the version; zero if it was not done.
func (b *bubble) put(i int, key, value string) (v hlc.Version) {
	b.t.Helper()
	status, body := b.do(http.MethodPut, i, "/v1/keys/"+key, value)
	if status != http.StatusOK {
		return v
	}
	var receipt struct{ Version string }
	if err := json.Unmarshal([]byte(body), &receipt); err != nil {
		b.t.Errorf("%v in %s", err, body)
	}
	v, err := hlc.ParseVersion(receipt.Version)
	if err != nil {
		b.t.Errorf("%v in %s", err, body)
	}
	return v
}

// rises puts a key by all nodes that do coordinate, in turn, and wants every version
// above the one before it, and none far off the true time.
func (b *bubble) rises(last *hlc.Version, rounds int, by ...int) {
	b.t.Helper()
	for range rounds {
		for _, i := range by {
			v := b.put(i, "clock", "v")
			switch {
			case v.IsZero():
				b.t.Errorf("node %d, whose clock is right, does not write", i+1)
				continue
			case !last.Less(v):
				b.t.Errorf("node %d writes %v after %v", i+1, v, *last)
			}
			*last = v
			b.pass(10 * time.Millisecond) // versions of one millisecond are ordered by their writers
			drift := b.nodes[i].config.Clock.MaxDrift
			if off := time.Duration(v.Time.Millis()-wallMillis()) * time.Millisecond; off.Abs() > drift {
				b.t.Errorf("node %d writes a version %v off the true time, more than clock.max_drift", i+1, off)
			}
		}
		b.pass(time.Second)
	}
}

// wrongClocks are how far a clock is off in G1 and G2.
var wrongClocks = []time.Duration{time.Hour, 10 * 365 * 24 * time.Hour, -time.Hour}

// G1, G2: a node that starts with a clock that is an hour or ten years ahead, or an hour
// behind, does not coordinate, and says so; it is a replica all the same, and what it refuses
// as too old comes to it as hints. The others go
// on, their clocks are not drawn along, and versions rise. When its clock is right again
// the node comes back by itself, and its versions are above those of the others.
func TestANodeThatStartsWithAWrongClockOnlyStores(t *testing.T) {
	for _, off := range wrongClocks {
		t.Run(off.String(), func(t *testing.T) {
			inBubble(t, 3, patientClients, func(b *bubble) {
				var last hlc.Version
				b.rises(&last, 3, 0, 1, 2)
				b.halt(2)
				b.nodes[2].skew.Store(off.Milliseconds())
				b.start(2)
				b.mustWithin(time.Minute, "it is reached again", func() bool { return b.node(2).gossip.Load() != nil && b.one() })
				b.mustWithin(time.Minute, "the others say so", func() bool { return b.saysOfClock(0) && b.saysOfClock(1) })
				b.rises(&last, 20, 0, 1)
				for i := range 20 {
					status, body := b.do(http.MethodPut, 2, fmt.Sprintf("/v1/keys/fenced%d", i), "v")
					if status == http.StatusOK {
						b.t.Fatalf("a node whose clock is %v off writes: %s", off, body)
					}
				}
				b.mustWithin(3*time.Minute, "it holds what the others hold", func() bool { return len(b.apart()) == 0 })
				b.nodes[2].skew.Store(0)
				b.mustWithin(time.Minute, "it coordinates again", func() bool { return !b.put(2, "back", "v").IsZero() })
				b.rises(&last, 3, 2, 0, 1)
				b.mustWithin(3*time.Minute, "all is well again", func() bool { return b.verdict(0) == "OK" && b.verdict(2) == "OK" })
			})
		})
	}
}

// G1, G2: a clock that is set while the node runs is not followed: the node goes on with
// the time that has passed, its versions rise and stay near the true time, and status
// tells that its clock is off, until it is not.
func TestAClockThatIsSetIsNotFollowed(t *testing.T) {
	for _, off := range wrongClocks {
		t.Run(off.String(), func(t *testing.T) {
			inBubble(t, 3, patientClients, func(b *bubble) {
				b.mustWithin(3*time.Minute, "all is well", func() bool { return b.verdict(0) == "OK" })
				var last hlc.Version
				b.rises(&last, 3, 2, 0, 1)
				b.nodes[2].skew.Store(off.Milliseconds())
				b.mustWithin(30*time.Second, "status says so", func() bool { return b.saysOfClock(0) && b.saysOfClock(2) })
				b.rises(&last, 60, 2, 0, 1)
				b.nodes[2].skew.Store(0)
				b.mustWithin(time.Minute, "all is well again", func() bool { return b.verdict(0) == "OK" && b.verdict(2) == "OK" })
				b.rises(&last, 3, 2, 0, 1)
			})
		})
	}
}

// saysOfClock says whether node i finds something wrong with the clock of node 3, and
// only with that one, and whether it calls it fenced only if it does not coordinate.
func (b *bubble) saysOfClock(i int) bool {
	_, body := b.do(http.MethodGet, i, "/v1/doctor", "")
	var s struct {
		Findings []struct{ Code, Severity, Short, Title string }
	}
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		return false
	}
	said := false
	for _, f := range s.Findings {
		if f.Code != "D106" || f.Severity == "ok" {
			continue
		}
		if !strings.Contains(f.Title, "n3") {
			b.t.Errorf("node %d says: %s", i+1, f.Title)
		}
		if fenced := b.node(2).clock.fenced.Load(); !fenced && strings.Contains(f.Short+f.Title, "fenced") {
			b.t.Errorf("node %d says of a node that coordinates: %s, %s", i+1, f.Short, f.Title)
		}
		said = true
	}
	return said
}
