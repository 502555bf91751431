//go:build traitor

package repair

import (
	"fmt"
	"testing"

	"github.com/candordb/candor/traitor"
)

// caught takes the place of the test in a world in which a bug was planted.
type caught struct{ why string }

func (c *caught) Helper()             {}
func (c *caught) Logf(string, ...any) {}
func (c *caught) Errorf(format string, args ...any) {
	if c.why == "" {
		c.why = fmt.Sprintf(format, args...)
	}
}

type ended struct{}

func (c *caught) Fatalf(format string, args ...any) {
	c.Errorf(format, args...)
	panic(ended{})
}

// betrayedDay is a bad day with a bug; what it was caught by.
func betrayedDay(seed uint64, hints bool, run func(t fataler, seed uint64, hints bool) *world) (why string) {
	c := &caught{}
	defer func() {
		if x := recover(); x != nil {
			if _, is := x.(ended); !is {
				panic(x)
			}
		}
		why = c.why
	}()
	run(c, seed, hints)
	return c.why
}

// A check that has never caught a planted bug proves nothing.
func TestPlantedBugsAreCaught(t *testing.T) {
	plain := func(t fataler, seed uint64, hints bool) *world { return day(t, seed, hints) }
	for _, x := range []struct {
		bug traitor.Bug
		run func(t fataler, seed uint64, hints bool) *world
	}{
		{traitor.AbsenceDeletes, plain},
		{traitor.PurgeWithoutWatermark, plain},
		{traitor.AgreesUnsynced, plain},
		{traitor.AdoptWithoutAll, plain},
		{traitor.ProofWithoutHints, plain},
		{traitor.YoungStaysBehind, plain},
		{traitor.RebuildFromOne, lostDay},
		{traitor.RebuildWithoutEpoch, lostDay},
		{traitor.RebuildDropsWatermark, lostDay},
		{traitor.HealFromOne, healDay},
		{traitor.ExchangeIgnoresEpoch, func(t fataler, _ uint64, _ bool) *world { return otherEpoch(t) }},
	} {
		t.Run(string(x.bug), func(t *testing.T) {
			traitor.Choose(x.bug)
			defer traitor.Choose("")
			for seed := range uint64(60) {
				if why := betrayedDay(seed, seed%2 == 1, x.run); why != "" {
					t.Logf("seed %d: %s", seed, why)
					return
				}
			}
			t.Fatal("not caught in 60 days")
		})
	}
}
