package node

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/candordb/candor/coordinator"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/ring"
	"github.com/candordb/candor/topology"
)

// Rule 8: the hints of a node that is behind may lie below what it has told others of
// them. It is noted that they were dropped only when they are gone: else a crash in
// between would leave some, which their targets refuse for ever.
func TestItIsNotedThatHintsWereDroppedWhenTheyAreGone(t *testing.T) {
	c, h := quickCluster(t)
	n, away := h.node(0), h.node(2).id
	c.halt(2) // of those that are left one may not vote: no epoch can begin a rebuild
	const hints = 3000
	for i := range hints {
		key := fmt.Appendf(nil, "k%d", i)
		v := hlc.Version{Time: hlc.Make(n.clock.now().Physical, 0), Writer: 1}
		rec := record.Append(nil, 1, key, record.Record{Version: v, Value: []byte("v")})
		token, _ := ring.TokenOf(nil, "default", key)
		n.KeepHint(&coordinator.Hint{Target: away, Place: coordinator.Place{Token: token, Namespace: 1, Key: key}, Version: v, Record: rec})
	}
	eventually(t, "it keeps hints", func() bool { return n.HintsFor(away) == hints })
	n.control.post(func(out *topology.Effects) { n.control.core.Distrust("a test says so", rand.Uint64, out) })
	limit := time.Now().Add(time.Minute)
	for {
		noted, err := systemUint(n.engine, sweptName, lostVersion)
		if left := n.HintsFor(away); err != nil || noted != 0 && left != 0 {
			t.Fatalf("it is noted that all went, and %d hints are left: %v", left, err)
		}
		if noted != 0 {
			return
		}
		if time.Now().After(limit) {
			t.Fatal("it is not noted within a minute that all went")
		}
	}
}
