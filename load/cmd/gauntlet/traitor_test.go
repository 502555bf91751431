//go:build traitor

package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/candordb/candor/traitor"
)

func betray(b traitor.Bug) {
	if b != "honest" {
		traitor.Choose(b)
	}
}

// A gauntlet that has never caught a bug proves nothing: these are planted into
// the nodes, and clients see what they do.
func TestTraitorsAreCaughtFromOutside(t *testing.T) {
	for _, c := range []struct {
		bug  traitor.Bug
		want []string // any of these figures is not 0
	}{
		{traitor.MergeByArrival, []string{"acked lost", "stale", "not monotone", "resurrected", "untrue answers"}},
		{traitor.NoWriteBack, []string{"untrue answers", "not monotone"}},
	} {
		t.Run(string(c.bug), func(t *testing.T) {
			out, err := mustRun(t, string(c.bug), func(o *options) { o.rate, o.minutes = 400, 0.2 })
			if !errors.Is(err, errBroken) {
				t.Fatalf("not caught: %v\n%s", err, out)
			}
			bad := out[strings.LastIndex(out, "\nbad "):]
			for _, figure := range c.want {
				if strings.Contains(bad, figure+" ") && !strings.Contains(bad, figure+" 0") {
					return
				}
			}
			t.Errorf("caught for another reason: %s\n%s", bad, out)
		})
	}
}
