package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/candordb/candor/bench/report"
)

func mustParse(t *testing.T, args ...string) *options {
	t.Helper()
	o, err := parse(args)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestALineThatMakesNoSenseIsRefused(t *testing.T) {
	for _, line := range []string{"x", "-rounds 0", "-keys 0", "-seconds 0s", "-floors", "-name a/b", "-nonsense"} {
		if _, err := parse(strings.Fields(line)); err == nil {
			t.Errorf("%q is taken", line)
		}
	}
}

// The report says how to make it again, elsewhere too.
func TestTheCommandIsToldWithoutPlaces(t *testing.T) {
	o, err := parse([]string{"-candor", "/somewhere/candor", "-rounds", "2", "-only", "etcd,nats", "-dir", "/data", "-smoke"})
	if want := "scripts/bench -only=etcd,nats -rounds=2 -smoke=true"; err != nil || o.command != want {
		t.Errorf("%q, %v, want %q", o.command, err, want)
	}
}

func TestASmokeIsShort(t *testing.T) {
	o := mustParse(t, "-smoke", "-rounds", "9")
	if o.rounds != 1 || o.keys > 10_000 || o.seconds > 2e9 || o.sustained > 2e9 {
		t.Errorf("%+v", o)
	}
}

// The goals find their figures by the names of peers and cells.
func TestEveryComparisonIsNamedOnceAndEveryGoalHasItsCells(t *testing.T) {
	names := make(map[string]bool)
	var peers []string
	for _, c := range comparisons(mustParse(t)) {
		if names[c.Name()] {
			t.Errorf("%s is there twice", c.Name())
		}
		names[c.Name()] = true
		peers = append(peers, c.Name()[:strings.Index(c.Name(), " (")])
		var before []string
		for _, cell := range c.Cells {
			if cell.Of != "" && !slices.Contains(before, cell.Of) {
				t.Errorf("%s: %s needs %s before it", c.Name(), cell.Name, cell.Of)
			}
			before = append(before, cell.Name)
		}
		if !c.Cells[len(c.Cells)-1].Once {
			t.Errorf("%s: sustained writes are not the last", c.Name())
		}
	}
	for _, want := range []string{"echo", "redis-off", "redis-everysec", "redis-always", "redis-wait-everysec", "memcached", "etcd", "nats", "cassandra", "dynomite", "olric"} {
		if !slices.Contains(peers, want) {
			t.Errorf("%s is not measured", want)
		}
	}
}

func TestCellsAreChosenWithWhatTheyNeed(t *testing.T) {
	o := mustParse(t, "-cells", report.CellHalf, "-only", "candor-3-D2")
	var names []string
	for _, c := range comparisons(o)[0].Cells {
		names = append(names, c.Name)
	}
	if want := []string{report.CellA16, report.CellHalf}; !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
	if got := comparisons(mustParse(t, "-only", "etcd,memcached")); len(got) != 2 {
		t.Errorf("%d comparisons", len(got))
	}
}

// Without class D1 nothing is measured twice, and nobody is left out but the second
// echo.
func TestClassD2StandsInForD1(t *testing.T) {
	o := mustParse(t, "-candor", "no such program")
	all := comparisons(o)
	some, none := settled(t.Context(), o, all)
	if none == nil || len(some) != len(all)-1 {
		t.Fatalf("%d of %d, %v", len(some), len(all), none)
	}
	for _, c := range some {
		if strings.HasSuffix(c.Name(), "D1") {
			t.Errorf("%s is left", c.Name())
		}
	}
}

func TestAGuardHasTheCellsOfItsRatios(t *testing.T) {
	cells := make(map[string]bool)
	for _, c := range guarded(mustParse(t, "-guard", "x")) {
		for _, cell := range c.Cells {
			cells[cell.Name] = true
			if cell.Once || cell.Share > 0 {
				t.Errorf("%s takes long", cell.Name)
			}
		}
	}
	for _, want := range []string{report.CellGet16, report.CellPut16, report.CellPut64} {
		if !cells[want] {
			t.Errorf("%s is not measured", want)
		}
	}
}
