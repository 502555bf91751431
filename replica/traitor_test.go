//go:build traitor

package replica

import (
	"testing"

	"github.com/candordb/candor/traitor"
)

// A check that has never caught a planted bug proves nothing.
func TestPlantedBugsAreCaught(t *testing.T) {
	for _, x := range []struct {
		bug  traitor.Bug
		rule func() broken
	}{
		{traitor.FenceIgnored, nothingBelowTheFence},
		{traitor.FloorIgnored, nothingFreshBelowTheFloor},
		{traitor.QuarantineVotes, quarantineRefuses},
		{traitor.PurgeWithoutWatermark, purgeNeedsAWatermark},
		{traitor.TreeSkipsRepair, func() broken { return everyKindIsInTheTree(t) }},
	} {
		t.Run(string(x.bug), func(t *testing.T) {
			if b := x.rule(); b != "" {
				t.Fatalf("without the bug: %s", b)
			}
			traitor.Choose(x.bug)
			defer traitor.Choose("")
			b := x.rule()
			if b == "" {
				t.Fatal("not caught")
			}
			t.Log(b)
		})
	}
}
