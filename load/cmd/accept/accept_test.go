package main

import (
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/candordb/candor/load"
	"github.com/candordb/candor/load/linkproxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A bar that is missed has to be seen, and one that is just met is met.
func TestABarIsMissedOrMet(t *testing.T) {
	for _, c := range []struct {
		f   figure
		met bool
	}{
		{limit("a", time.Minute, time.Minute), true},
		{limit("a", time.Minute+1, time.Minute), false},
		{most("a", 1.5, 1.5, ""), true},
		{most("a", 1.51, 1.5, ""), false},
		{least("a", 0.6, 0.6, ""), true},
		{least("a", 0.59, 0.6, ""), false},
		{holds("a", false, "3"), false},
	} {
		var out strings.Builder
		missed := report(&out, []figure{c.f, told("b", "1")}, false)
		if (missed == 0) != c.met || strings.Contains(out.String(), "FAIL") == c.met {
			t.Errorf("met %v is told as %d missed:\n%s", c.met, missed, &out)
		}
	}
}

// What clients notice of a replay is taken from the requests of that time, not from
// those while the node starts, nor from those after the last hint.
func TestABookTellsTimesApart(t *testing.T) {
	start := time.Unix(1000, 0)
	var b book
	for i := range 6 {
		from := start.Add(time.Duration(i) * spanLasts)
		b = append(b, span{from, from.Add(spanLasts), load.Result{Offered: 1 << i}})
	}
	for _, c := range []struct {
		from, to float64 // in spans
		want     uint64
	}{{0, 6, 0b111111}, {1, 3, 0b000110}, {1.5, 3.5, 0b001110}, {-1, 0.5, 0b000001}, {6, 9, 0}, {2.2, 2.4, 0b000100}} {
		at := func(x float64) time.Time { return start.Add(time.Duration(x * float64(spanLasts))) }
		got := b.between(at(c.from), at(c.to))
		if got.Offered != c.want {
			t.Errorf("between %v and %v: spans %06b, want %06b", c.from, c.to, got.Offered, c.want)
		}
	}
	if all := b.all(); all.Offered != 0b111111 {
		t.Errorf("all: %b", all.Offered)
	}
}

func TestAShortRunIsMarked(t *testing.T) {
	for _, c := range []struct {
		o         options
		shortened bool
	}{
		{options{}, false},
		{options{short: true}, true},
		{options{down: time.Second}, true},
		{options{deletes: 10}, true},
		{options{down: time.Hour}, false},
	} {
		if got := c.o.settle(); got != c.shortened {
			t.Errorf("%+v: shortened is %v", c.o, got)
		}
		var out strings.Builder
		report(&out, nil, c.shortened)
		if strings.Contains(out.String(), "SHORTENED") != c.shortened {
			t.Errorf("the report says %q", &out)
		}
	}
	o := options{short: true, down: 2 * time.Minute}
	if o.settle(); o.down != 2*time.Minute {
		t.Errorf("what was given was replaced by %v", o.down)
	}
}

func TestChosenNamesHaveToExist(t *testing.T) {
	all, err := chosen("")
	if err != nil || len(all) != len(measurements) {
		t.Errorf("no name: %d of %d, %v", len(all), len(measurements), err)
	}
	if some, err := chosen("slow,hints"); err != nil || len(some) != 2 || some[0].name != "slow" {
		t.Errorf("%v, %v", some, err)
	}
	if _, err := chosen("hint"); err == nil {
		t.Error("a name that does not exist is taken")
	}
}

func TestScrapesAreSummedByLabels(t *testing.T) {
	all := parse("# HELP candor_hints Hints.\ncandor_hints{peer=\"n1\"} 2\ncandor_hints{peer=\"n2\"} 3\n" +
		"done{peer=\"n1\",result=\"delivered\"} 5\ndone{peer=\"n1\",result=\"moved\"} 7\ncandor_hints_total 1e+06\nbad x\n")
	for _, c := range []struct {
		sum, want float64
	}{
		{all.sum("candor_hints"), 5},
		{all.sum("candor_hints", `peer="n2"`), 3},
		{all.sum("candor_hints", `peer="n3"`), 0},
		{all.sum("done", `peer="n1"`, `result="moved"`), 7},
		{all.sum("candor_hints_total"), 1e6},
		{all.most("candor_hints"), 3},
	} {
		if c.sum != c.want {
			t.Errorf("%v, want %v, of %v", c.sum, c.want, all)
		}
	}
}

// The rate of a replay is from its first hint to its last: neither what the node
// needs to start nor what comes after counts.
func TestARateIsOfTheReplayAlone(t *testing.T) {
	var r replayed
	t0 := time.Unix(0, 0)
	for _, l := range []struct {
		at    int
		count float64
	}{{0, 10}, {5, 10}, {6, 60}, {10, 410}, {30, 410}} {
		r.look(t0.Add(time.Duration(l.at)*time.Second), l.count)
	}
	if r.rate() != 80 {
		t.Errorf("%v/s, want 400 in 5 s", r.rate())
	}
	if none := new(replayed); none.rate() != 0 {
		t.Errorf("no replay has a rate of %v", none.rate())
	}
}

// Trouble is what ends in failure or late, after the crash, whenever it began.
func TestTroubleIsWhatClientsSee(t *testing.T) {
	crash := time.Unix(100, 0)
	at := func(second float64) time.Time { return crash.Add(time.Duration(second * float64(time.Second))) }
	last, failed, late := troubled([]probe{
		{at(-3), time.Second, false},      // before
		{at(-0.5), 2 * time.Second, true}, // was under way: 1.5 s
		{at(1), 100 * time.Millisecond, false},
		{at(3), 500 * time.Millisecond, true}, // just not slow
	}, crash, 500*time.Millisecond)
	if last != 1500*time.Millisecond || failed != 1 || late != 1 {
		t.Errorf("last %v, failed %d, late %d", last, failed, late)
	}
}

func TestHighest(t *testing.T) {
	all := []time.Duration{4, 1, 3, 2}
	if highest(all, 0.99) != 4 || highest(all, 0.5) != 3 || highest(nil, 0.5) != 0 {
		t.Errorf("%v %v %v", highest(all, 0.99), highest(all, 0.5), highest(nil, 0.5))
	}
}

func TestWeatherIsBetweenSides(t *testing.T) {
	links := weather(alone(2, 3), linkproxy.Weather{Cut: true})
	if len(links) != 4 {
		t.Fatalf("%v", links)
	}
	for _, l := range [][2]int{{0, 2}, {2, 0}, {1, 2}, {2, 1}} {
		if !links[l].Cut {
			t.Errorf("%v is not cut", l)
		}
	}
}

func TestSamplesHaveNoKeyTwice(t *testing.T) {
	if n := len(keysOf(5, 10, 100)); n != 5 {
		t.Errorf("%d of 5 keys", n)
	}
	seen := make(map[string]bool)
	for _, k := range keysOf(1, 1000, 100) {
		seen[string(k)] = true
	}
	if len(seen) != 100 {
		t.Errorf("%d different keys, want 100", len(seen))
	}
}
