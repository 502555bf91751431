package hlc

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

func millis(t *rapid.T, name string) int64 { return rapid.Int64Range(0, 1<<41).Draw(t, name) }

// Kulkarni et al., section 3.1: a local event is later than the last one, and
// as late as the physical clock.
func TestTickRises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		last := Timestamp(rapid.Uint64Range(0, 1<<57).Draw(t, "last"))
		p := millis(t, "physical")
		got := Tick(last, p)
		if got <= last || got.Millis() < p {
			t.Fatalf("Tick(%v, %d) = %v", last, p, got)
		}
		if p <= last.Millis() && got != last+1 {
			t.Fatalf("Tick(%v, %d) = %v, want one more", last, p, got)
		}
	})
}

// The four cases of the paper's receive event, written out.
func TestReceiveFourCases(t *testing.T) {
	paper := func(w, rw int64, c, rc uint16, p int64) Timestamp {
		m := max(w, rw, p)
		switch {
		case m == w && m == rw:
			return Make(m, max(c, rc)) + 1
		case m == w:
			return Make(m, c) + 1
		case m == rw:
			return Make(m, rc) + 1
		default:
			return Make(m, 0)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		base := int64(1_700_000_000_000)
		w, rw, p := base+rapid.Int64Range(0, 5).Draw(t, "w"), base+rapid.Int64Range(0, 5).Draw(t, "rw"), base+rapid.Int64Range(0, 5).Draw(t, "p")
		c, rc := rapid.Uint16().Draw(t, "c"), rapid.Uint16().Draw(t, "rc")
		got, ok := Receive(Make(w, c), Make(rw, rc), p, 500)
		if want := paper(w, rw, c, rc, p); !ok || got != want {
			t.Fatalf("got %v %v, want %v", got, ok, want)
		}
	})
}

// Rule 1: a remote clock more than max_drift ahead of the physical clock is
// not absorbed.
func TestRemoteClockTooFarAheadIsNotAbsorbed(t *testing.T) {
	for _, tc := range []struct {
		ahead int64
		taken bool
	}{{0, true}, {500, true}, {501, false}, {3_600_000, false}} {
		last := Make(1000, 7)
		got, ok := Receive(last, Make(2000+tc.ahead, 0), 2000, 500)
		if ok != tc.taken || !ok && got != last {
			t.Errorf("ahead %d: got %v %v", tc.ahead, got, ok)
		}
	}
}

// Scenario G7: more than 65,535 events in one millisecond.
func TestCounterOverflowTakesTheNextMillisecond(t *testing.T) {
	now := Make(5, 0)
	for range 70_000 {
		next := Tick(now, 5)
		if next <= now {
			t.Fatalf("%v after %v", next, now)
		}
		now = next
	}
	if now.Millis() != 6 {
		t.Fatalf("after 70,000 events in millisecond 5 the clock shows %v", now)
	}
}

func TestVersionsCompareAsTheirBytesAndTextDo(t *testing.T) {
	gen := rapid.Custom(func(t *rapid.T) Version {
		return Version{Timestamp(rapid.Uint64Range(0, 3).Draw(t, "time")), rapid.Uint64().Draw(t, "writer")}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := gen.Draw(t, "a"), gen.Draw(t, "b")
		ab, bb := a.Bytes(), b.Bytes()
		if a.Compare(b) != bytes.Compare(ab[:], bb[:]) {
			t.Fatalf("%v %v", a, b)
		}
		if (a.String() < b.String()) != a.Less(b) {
			t.Fatalf("text order differs: %v %v", a, b)
		}
		back, err := ParseVersion(a.String())
		if err != nil || back != a || VersionFrom(a.Append(nil)) != a {
			t.Fatalf("%v came back as %v, %v", a, back, err)
		}
	})
}

func TestParseVersion(t *testing.T) {
	want := Version{0x01a20325e5a80000, 0x8f21c07d55aa1e04}
	for _, s := range []string{"01a20325e5a800008f21c07d55aa1e04", "01A20325E5A800008F21C07D55AA1E04"} {
		if got, err := ParseVersion(s); err != nil || got != want {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "01a2", "01a20325e5a800008f21c07d55aa1e0g", "01a20325e5a800008f21c07d55aa1e0400"} {
		if _, err := ParseVersion(s); err == nil {
			t.Errorf("%q was taken", s)
		}
	}
}

// Rule 1: no time above the persisted bound is issued before it is renewed.
func TestNoTimeAboveThePersistedBound(t *testing.T) {
	bound := NextBound(Make(1000, 3), 0, 1000)
	if bound.Millis() != 4000 {
		t.Fatalf("bound %v", bound)
	}
	if !Within(Make(4000, 3), bound) || Within(Make(4000, 4), bound) {
		t.Fatal("the bound is not where it should be")
	}
	if again := NextBound(Make(900, 0), bound, 900); again != bound {
		t.Fatalf("a bound was lowered from %v to %v", bound, again)
	}
}

// Rule 1: after a start the clock continues from max(physical, bound) if the
// bound is within max_drift of the median, else from physical.
func TestRestartContinuesFromTheBound(t *testing.T) {
	for _, tc := range []struct {
		name                    string
		bound, physical, median int64
		want                    int64
	}{
		{"bound in the past", 900, 1000, 1000, 1000},
		{"clock went back a little", 1400, 1000, 1000, 1400},
		{"clock went back, the peers know better", 9000, 1000, 8900, 9000},
		{"bound made by a wrong clock", 9000, 1000, 1000, 1000},
		{"just outside", 1501, 1000, 1000, 1000},
	} {
		got := Restart(Make(tc.bound, 0), tc.physical, tc.median, 500)
		if got != Make(tc.want, 0) {
			t.Errorf("%s: %v, want %d", tc.name, got, tc.want)
		}
	}
}

// Rule 1: a wall clock that jumps against the monotonic clock is not absorbed
// until it agrees with the peers.
func TestWallClockJumpIsNotAbsorbed(t *testing.T) {
	p := Physical{MaxDrift: 500}
	p.Read(10_000, 0, 0, false)
	if now, jumped := p.Read(10_400, 100, 0, false); now != 10_400 || jumped {
		t.Fatalf("slewing: %d %v", now, jumped)
	}
	if now, jumped := p.Read(3_610_500, 200, 0, true); now != 10_500 || !jumped {
		t.Fatalf("jump ahead while the peers stand: %d %v", now, jumped)
	}
	if now, jumped := p.Read(3_610_600, 300, 0, false); now != 10_600 || !jumped {
		t.Fatalf("jump ahead, nobody heard: %d %v", now, jumped)
	}
	if now, jumped := p.Read(3_610_700, 400, 3_600_100, true); now != 3_610_700 || jumped {
		t.Fatalf("the peers agree with the wall clock: %d %v", now, jumped)
	}
}

func TestMedian(t *testing.T) {
	for _, tc := range []struct {
		offsets []int64
		off     bool
		want    int64
	}{
		{nil, false, 0}, {[]int64{1000}, false, 0}, {[]int64{-7}, false, 0}, {[]int64{10, 20}, false, 10}, {[]int64{-30, -20}, false, -20},
		{[]int64{5, 6, 7}, false, 5}, {[]int64{-9, 9, 9}, false, 0},
		{nil, true, 0}, {[]int64{1000}, true, 1000}, {[]int64{1000, 7}, true, 7}, {[]int64{-9, 9, 9}, true, 9},
	} {
		if got := Median(tc.offsets, tc.off); got != tc.want {
			t.Errorf("Median(%v, %v) = %d, want %d", tc.offsets, tc.off, got, tc.want)
		}
	}
}

// Rule 1: a node off by more than max_drift stops coordinating, either way.
func TestFenced(t *testing.T) {
	for offset, want := range map[int64]bool{0: false, 500: false, 501: true, -500: false, -501: true} {
		if Fenced(offset, 500) != want {
			t.Errorf("off by %d: %v", offset, !want)
		}
	}
}
