//go:build traitor

package coordinator

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/candordb/candor/traitor"
)

// A check that has never caught a planted bug proves nothing.
func TestPlantedBugsAreCaught(t *testing.T) {
	for _, bug := range []traitor.Bug{traitor.HintCounts, traitor.HintBesideRefusal, traitor.StandInUnsynced} {
		t.Run(string(bug), func(t *testing.T) {
			if b := sloppyOften(); b != "" {
				t.Fatalf("without the bug: %s", b)
			}
			traitor.Choose(bug)
			defer traitor.Choose("")
			b := sloppyOften()
			if b == "" {
				t.Fatal("not caught")
			}
			t.Log(b)
		})
	}
}

// sloppyOften is the first thing that is wrong with some hundreds of writes.
func sloppyOften() string {
	writes := rapid.Custom(sloppyCountsApart)
	for seed := range 500 {
		if b := writes.Example(seed); b != "" {
			return b
		}
	}
	return ""
}
