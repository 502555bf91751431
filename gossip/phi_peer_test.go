package gossip

import (
	"encoding/binary"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/candordb/candor/ring"
)

func peerID(n int) (id ring.NodeID) {
	binary.BigEndian.PutUint64(id[8:], uint64(n))
	return id
}

func peerIDs(n int) (ids []ring.NodeID) {
	for i := range n {
		ids = append(ids, peerID(i+1))
	}
	return ids
}

// watch drives one detector through a story, a tick every 100 ms.
type watch struct {
	t *testing.T
	*Detector
	now         int64
	incarnation uint64 // of all peers
}

const epochStart = 1_000_000 // a time like any other

func newWatch(t *testing.T, o DetectorOptions, peers int) *watch {
	w := &watch{t: t, Detector: NewDetector(o), now: epochStart, incarnation: 1}
	w.SetPeers(peerIDs(peers))
	w.Tick(w.now)
	return w
}

func (w *watch) peer(n int) *Peer { return w.Peer(peerID(n)) }

// pass lets time go by.
func (w *watch) pass(millis int64) {
	for end := w.now + millis; w.now < end; {
		w.now = min(end, w.now+100)
		w.Tick(w.now)
	}
}

// beat lets peers be heard n times, one interval apart.
func (w *watch) beat(n int, peers ...int) {
	for range n {
		w.pass(w.interval)
		for _, p := range peers {
			w.peer(p).Heard(w.now, w.incarnation)
		}
	}
}

func (w *watch) want(peer int, want State) {
	w.t.Helper()
	if got := w.peer(peer).State(); got != want {
		w.t.Fatalf("%d ms: peer %d is %s, want %s; %+v", w.now-epochStart, peer, got, want, w.peer(peer).Sight(w.now))
	}
}

// until lets time go by until a peer has a state, and says how long that took.
func (w *watch) until(peer int, state State, atMost int64) int64 {
	w.t.Helper()
	for began := w.now; ; w.pass(100) {
		if w.peer(peer).State() == state {
			return w.now - began
		}
		if w.now-began > atMost {
			w.t.Fatalf("peer %d is not %s after %d ms: %+v", peer, state, atMost, w.peer(peer).Sight(w.now))
		}
	}
}

// Rule 3, with figures worked out by hand: at 500 ms beats phi reaches 1, 3, 8
// and 12 after 0.66, 0.89, 1.20 and 1.38 s; the threshold is 8, or 12.
func TestThresholdsAt500msBeats(t *testing.T) {
	w := newWatch(t, DetectorOptions{}, 1)
	w.peer(1).Heard(w.now, 1)
	w.beat(50, 1)
	for _, c := range []struct {
		phi     float64
		silence int64
	}{{1, 660}, {3, 886}, {8, 1201}, {12, 1379}} {
		if got := w.peer(1).Phi(w.now + c.silence); math.Abs(got-c.phi) > 0.06 {
			t.Errorf("phi after %d ms is %v, want %v", c.silence, got, c.phi)
		}
	}
	for threshold, want := range map[float64]int64{0: 1300, PhiDefault: 1300, phiCalm: 1400} { // the tick after
		w := newWatch(t, DetectorOptions{Threshold: threshold}, 1)
		w.peer(1).Told(HearsayAlive)
		w.beat(50, 1)
		if got := w.until(1, Suspect, 5000); got != want {
			t.Errorf("threshold %v: convicted after %d ms, want %d", threshold, got, want)
		}
	}
}

// The verdict, which compares times, and phi, which is shown, are one rule.
func TestSilentIsPhiAboveTheThreshold(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		threshold := rapid.SampledFrom([]float64{1, 8, 12, 40}).Draw(rt, "threshold")
		d := NewDetector(DetectorOptions{Threshold: threshold, TickMillis: 1 << 40})
		d.SetPeers(peerIDs(1))
		p, now := d.Peers()[0], int64(epochStart)
		p.Heard(now, 1)
		for range rapid.IntRange(0, 40).Draw(rt, "beats") {
			now += rapid.Int64Range(1, 1100).Draw(rt, "silence")
			p.Heard(now, 1)
		}
		now += rapid.Int64Range(0, 6000).Draw(rt, "last silence")
		d.Tick(now)
		phi, silent := p.Phi(now), p.Sight(now).Silent
		// patience is in whole milliseconds.
		if next := p.Phi(now + 1); silent && next < threshold || !silent && phi > threshold {
			rt.Fatalf("silent %t at phi %v, %v a millisecond later; threshold %v", silent, phi, next, threshold)
		}
	})
}

// Rule 3: the first interval is seeded. A peer that was heard once and dies is
// found as quickly as another.
func TestFirstIntervalIsSeeded(t *testing.T) {
	w := newWatch(t, DetectorOptions{}, 1)
	w.peer(1).Heard(w.now, 1)
	w.want(1, Up)
	if got := w.until(1, Suspect, 5000); got != 1300 {
		t.Fatalf("suspected after %d ms", got)
	}
}

// Rule 3: one sample per heartbeat slot, so that busy traffic does not make
// silence look like death.
func TestBusyTrafficDoesNotMakeSilenceLookLikeDeath(t *testing.T) {
	w := newWatch(t, DetectorOptions{}, 1)
	p := w.peer(1)
	for end := w.now + 60_000; w.now < end; {
		w.now += 3
		p.Heard(w.now, 1)
		if w.now%99 == 0 {
			w.Tick(w.now)
		}
	}
	if n := p.silences.n; n < 120 || n > 122 {
		t.Errorf("%d samples of 120 slots", n)
	}
	if got := p.patience(); got != 1201 {
		t.Errorf("busy traffic convicts a silence of %d ms, an idle link one of 1201 ms", got)
	}
	// Nor does a link that is busy now and then look like one that stalls.
	for range 20 {
		w.beat(5, 1)
		for range 500 {
			w.now += 5
			p.Heard(w.now, 1)
		}
		w.Tick(w.now)
	}
	if got := p.patience(); got > 1250 {
		t.Errorf("after bursts a silence of %d ms convicts, on an idle link one of 1201 ms", got)
	}
	// The traffic ends; the next beat comes an interval later, and late.
	w.pass(1100)
	w.want(1, Up)
}

// A slot's sample is its longest silence: a burst does not hide a stall.
func TestBurstsDoNotHideStalls(t *testing.T) {
	w := newWatch(t, DetectorOptions{}, 1)
	p := w.peer(1)
	for range 200 { // each stall of 900 ms ends in a burst
		w.pass(900)
		for range 10 {
			w.now += 2
			p.Heard(w.now, 1)
		}
	}
	if mean, _ := p.silences.normal(500); mean < 850 {
		t.Errorf("mean %v", mean)
	}
}

// Rule 3: connection refused or reset is infinity at once, whatever memberlist
// says and however lately the peer was heard.
func TestRefusedIsInfinityAtOnce(t *testing.T) {
	for _, h := range []Hearsay{HearsayNone, HearsayAlive, HearsayDead} {
		w := newWatch(t, DetectorOptions{}, 1)
		p := w.peer(1)
		p.Told(h)
		w.beat(20, 1)
		if !p.Cut(w.now, 1) {
			t.Error("Cut has changed nothing")
		}
		w.want(1, Down)
		if p.Phi(w.now) != PhiMax {
			t.Errorf("phi %v", p.Phi(w.now))
		}
		// It is heard on a connection of its own: it still cannot be sent to.
		w.beat(10, 1)
		w.want(1, Down)
		if !p.Connected(w.now, 1) || p.State() != Suspect {
			t.Errorf("connected again: %s", p.State())
		}
	}
}

// The end of the old process's connection comes after the new one's greeting.
func TestEchoesOfAnEarlierIncarnationAreNoEvidence(t *testing.T) {
	w := newWatch(t, DetectorOptions{}, 1)
	p := w.peer(1)
	w.beat(20, 1)
	p.Connected(w.now, 2)
	p.Cut(w.now, 1)
	w.want(1, Up)
	p.Cut(w.now, 0)
	w.want(1, Down)
	p.Connected(w.now, 1)
	w.want(1, Down)
	p.Connected(w.now, 2)
	w.want(1, Suspect)
	w.pass(100)
	before := p.Sight(w.now).HeardAt
	p.Heard(w.now, 1)
	if p.Sight(w.now).HeardAt != before {
		t.Error("a late word of the old process was taken for one of the new")
	}
}

// Rule 3: a new incarnation resets the history.
func TestNewIncarnationResetsTheHistory(t *testing.T) {
	w := newWatch(t, DetectorOptions{}, 1)
	p := w.peer(1)
	for range 100 { // a slow process
		w.pass(1600)
		p.Heard(w.now, 1)
	}
	slow := p.patience()
	p.Heard(w.now, 2)
	if fresh := p.patience(); fresh != 1201 || slow < 2*fresh {
		t.Errorf("patience was %d ms, and is %d with the new process", slow, fresh)
	}
}

// Rule 3: a cooldown keeps a flapping peer from being trusted at once again.
func TestCooldownKeepsAFlappingPeerASuspect(t *testing.T) {
	w := newWatch(t, DetectorOptions{}, 1)
	p := w.peer(1)
	p.Told(HearsayAlive)
	w.beat(20, 1)
	back := func() int64 { // how long it takes to be trusted again
		began := w.now
		for w.peer(1).State() != Up {
			w.beat(1, 1)
			if w.now-began > 100_000 {
				t.Fatal("never trusted again")
			}
		}
		return w.now - began
	}
	for i, want := range []int64{2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000} {
		if i%2 == 0 { // silence and refusal count alike
			w.until(1, Suspect, 5000)
			p.Heard(w.now, w.incarnation)
		} else { // a process that restarts in a loop does not clear itself
			p.Cut(w.now, 0)
			w.want(1, Down)
			w.incarnation++
			p.Connected(w.now, w.incarnation)
		}
		w.want(1, Suspect)
		if got := back(); got != want {
			t.Fatalf("conviction %d: trusted again after %d ms, want %d", i+1, got, want)
		}
	}
	w.beat(2*600, 1) // ten quiet minutes
	w.want(1, Up)
	p.Cut(w.now, 0)
	p.Connected(w.now, w.incarnation)
	if got := back(); got != 2000 {
		t.Errorf("after a long calm: trusted again after %d ms", got)
	}
}

// A peer that starts later than we do was never trusted: it need not win trust
// back.
func TestFirstMeetingNeedsNoCooldown(t *testing.T) {
	w := newWatch(t, DetectorOptions{}, 1)
	p := w.peer(1)
	for range 10 {
		p.Cut(w.now, 0)
		w.pass(500)
		w.want(1, Down)
	}
	p.Connected(w.now, 1)
	w.want(1, Up)
}

// Nor need it when it was faster to reach us than we it.
func TestFirstMeetingOnItsConnectionNeedsNoCooldown(t *testing.T) {
	w := newWatch(t, DetectorOptions{}, 1)
	p := w.peer(1)
	p.Cut(w.now, 0)
	w.beat(3, 1)
	w.want(1, Down)
	p.Connected(w.now, 1)
	w.want(1, Up)
	p.Cut(w.now, 1)
	p.Connected(w.now, 1)
	w.want(1, Suspect)
}

// Rule 3: the local-pause guard. Our own ticker late by two intervals: nobody is
// convicted for a slot; and who is really dead is convicted after that.
func TestPauseGuardConvictsNobodyForASlot(t *testing.T) {
	w := newWatch(t, DetectorOptions{}, 3)
	w.beat(50, 1, 2, 3)
	w.pass(1100) // peer 2 and 3 are silent already, nearly long enough
	w.peer(1).Heard(w.now, 1)
	w.now += 20_000
	w.Tick(w.now)
	if w.Pauses() != 1 {
		t.Fatalf("%d pauses noticed", w.Pauses())
	}
	w.pass(500)
	for p := 1; p <= 3; p++ {
		w.want(p, Up)
		if phi := w.peer(p).Phi(w.now); phi > 1 {
			t.Errorf("phi of peer %d is %v", p, phi)
		}
	}
	w.beat(4, 1, 2)
	w.want(1, Up)
	w.want(2, Up)
	w.want(3, Suspect)
	// The pause is no sample either.
	if got := w.peer(1).patience(); got > 1350 {
		t.Errorf("patience is %d ms after the pause", got)
	}
}

// A tick that is a little late is no pause, and the guard does not let go a peer
// that was convicted before.
func TestPauseGuardHasEdges(t *testing.T) {
	for late, pauses := range map[int64]uint64{0: 0, 900: 0, 999: 0, 1000: 1, 20_000: 1} {
		w := newWatch(t, DetectorOptions{}, 1)
		w.beat(20, 1)
		w.now += 100 + late
		w.Tick(w.now)
		if w.Pauses() != pauses {
			t.Errorf("a tick %d ms late: %d pauses", late, w.Pauses())
		}
		w.want(1, Up)
		excused := w.peer(1).quietSince - w.peer(1).heardAt
		if want := map[int64]int64{1000: 1100, 20_000: 20_100}; late >= 1000 && excused != want[late] || late < 1000 && excused != late {
			t.Errorf("a tick %d ms late excused %d ms", late, excused)
		}
	}
	w := newWatch(t, DetectorOptions{}, 1)
	w.beat(20, 1)
	w.until(1, Suspect, 5000)
	w.now += 20_000
	w.Tick(w.now)
	w.want(1, Suspect)
	// What came before the pause may be read after it: told late, it is evidence
	// for its time only.
	w = newWatch(t, DetectorOptions{}, 1)
	w.beat(20, 1)
	before := w.now + 50
	w.now += 20_000
	w.Tick(w.now)
	w.peer(1).Heard(before, 1)
	w.pass(500)
	w.want(1, Up)
}

// A busy node, whose every tick is late, takes that for no silence of the others;
// and finds who is dead all the same.
func TestOwnLatenessIsNotHeldAgainstThePeers(t *testing.T) {
	for _, late := range []int64{200, 400, 900} {
		w := newWatch(t, DetectorOptions{}, 2)
		w.beat(50, 1, 2)
		tick := func() {
			w.now += 100 + late
			w.Tick(w.now)
		}
		for range 20 { // what is heard is read late, too
			for began := w.now; w.now-began < 1000+late; {
				tick()
			}
			w.want(1, Up)
			w.peer(1).Heard(w.now, 1)
		}
		w.want(2, Suspect)
	}
	// One that is in time is as quick as ever, whatever was before.
	w := newWatch(t, DetectorOptions{}, 1)
	w.beat(50, 1)
	w.now += 600
	w.Tick(w.now)
	w.beat(1, 1)
	if got := w.until(1, Suspect, 5000); got > 1300 {
		t.Errorf("silence was found after %d ms", got)
	}
}

// Rule 3: who wins. Direct evidence decides where to send now; memberlist where
// there is none.
func TestWhoWins(t *testing.T) {
	never := func(*watch) {}
	heard := func(w *watch) { w.beat(20, 1) }
	silent := func(w *watch) { heard(w); w.pass(3000) }
	back := func(w *watch) { silent(w); w.peer(1).Heard(w.now, 1) }
	refused := func(w *watch) { heard(w); w.peer(1).Cut(w.now, 0) }
	neverReached := func(w *watch) { w.peer(1).Cut(w.now, 0) }
	for _, c := range []struct {
		name              string
		evidence          func(*watch)
		alive, none, dead State
	}{
		{"refused or reset", refused, Down, Down, Down},
		{"refused from the start", neverReached, Down, Down, Down},
		{"silent", silent, Suspect, Suspect, Down},
		{"back, cooling down", back, Suspect, Suspect, Suspect},
		{"heard", heard, Up, Up, Suspect},
		{"never heard", never, Up, Down, Down},
	} {
		for h, want := range map[Hearsay]State{HearsayAlive: c.alive, HearsayNone: c.none, HearsayDead: c.dead} {
			w := newWatch(t, DetectorOptions{}, 1)
			w.peer(1).Told(h)
			c.evidence(w)
			if got := w.peer(1).State(); got != want {
				t.Errorf("%s, hearsay %d: %s, want %s", c.name, h, got, want)
			}
			if got := w.peer(1).State().Reachable(); got != (want != Down) {
				t.Errorf("%s, hearsay %d: reachable %t", c.name, h, got)
			}
			// The same, had memberlist spoken last.
			w = newWatch(t, DetectorOptions{}, 1)
			c.evidence(w)
			before := w.peer(1).State()
			changed := w.peer(1).Told(h)
			if got := w.peer(1).State(); got != want || changed != (got != before) {
				t.Errorf("%s, then hearsay %d: %s, want %s; changed %t", c.name, h, got, want, changed)
			}
		}
	}
}

// Every call that takes evidence, and Tick, tell of each change of State, once.
func TestEveryChangeIsTold(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := NewDetector(DetectorOptions{})
		d.SetPeers(peerIDs(1))
		p, now, shown := d.Peers()[0], int64(epochStart), Down
		for range rapid.IntRange(1, 60).Draw(rt, "events") {
			now += rapid.SampledFrom([]int64{0, 100, 500, 900}).Draw(rt, "time")
			incarnation := rapid.Uint64Range(1, 2).Draw(rt, "incarnation")
			changed := false
			switch rapid.IntRange(0, 7).Draw(rt, "event") {
			case 0:
				changed = p.Cut(now, incarnation)
			case 1, 2:
				changed = p.Connected(now, incarnation)
			case 3, 4:
				changed = p.Heard(now, incarnation)
			case 5:
				changed = p.Told(Hearsay(rapid.IntRange(0, 2).Draw(rt, "hearsay")))
			default:
				changed = d.Tick(now)
			}
			if changed != (p.State() != shown) {
				rt.Fatalf("%s after %s, changed %t", p.State(), shown, changed)
			}
			shown = p.State()
			if s := p.Sight(now); s.State != shown || s.Phi < 0 || s.Phi > PhiMax || math.IsNaN(s.Phi) {
				rt.Fatalf("%+v", s)
			}
		}
	})
}

// A cut of an hour is one sample among others: the next death is found as soon.
func TestLongOutageDoesNotBlind(t *testing.T) {
	w := newWatch(t, DetectorOptions{}, 1)
	w.beat(20, 1)
	w.pass(3_600_000)
	w.beat(20, 1)
	if got := w.until(1, Suspect, 5000); got > 1700 {
		t.Fatalf("suspected after %d ms", got)
	}
}

// A peer that beats more slowly than we think (it has counted more members
// already) is a suspect for some beats, not for ever.
func TestSlowerPeerIsLearned(t *testing.T) {
	w := newWatch(t, DetectorOptions{}, 1)
	w.beat(1000, 1)
	for range 600 {
		w.pass(2000)
		w.peer(1).Heard(w.now, 1)
	}
	w.want(1, Up)
	w.pass(2000)
	w.want(1, Up)
}

// Rule 3: a heartbeat every clamp(N/200 s, 0.5 s, 5 s), when nothing else was sent.
func TestBeatInterval(t *testing.T) {
	for n, want := range map[int]int64{0: 500, 1: 500, 3: 500, 100: 500, 101: 505, 200: 1000, 999: 4995, 1000: 5000, 100_000: 5000} {
		if got := BeatInterval(n); got != want {
			t.Errorf("%d nodes beat every %d ms, want %d", n, got, want)
		}
	}
	d := NewDetector(DetectorOptions{})
	d.SetPeers(peerIDs(199))
	if d.Interval() != 1000 {
		t.Errorf("200 nodes: %d ms", d.Interval())
	}
	if d.BeatDue(5999, 5000) || !d.BeatDue(6000, 5000) {
		t.Error("a beat is due one interval after anything was sent, and not before")
	}
	fixed := NewDetector(DetectorOptions{BeatMillis: 700})
	if fixed.SetPeers(peerIDs(500)); fixed.Interval() != 700 {
		t.Errorf("a fixed interval: %d ms", fixed.Interval())
	}
}

// When the cluster grows, beats become rarer at once and nobody is convicted.
func TestGrowthConvictsNobody(t *testing.T) {
	w := newWatch(t, DetectorOptions{}, 3)
	w.beat(1000, 1, 2, 3)
	kept := w.peer(2)
	w.SetPeers(peerIDs(999))
	if w.peer(2) != kept {
		t.Fatal("a peer that stays was forgotten")
	}
	for range 20 {
		w.pass(w.Interval())
		for p := 1; p <= 3; p++ {
			w.want(p, Up)
			w.peer(p).Heard(w.now, 1)
		}
	}
	w.SetPeers(append(peerIDs(2), peerID(1)))
	if len(w.Peers()) != 2 || w.Peer(peerID(3)) != nil {
		t.Errorf("%d peers, the third %v", len(w.Peers()), w.Peer(peerID(3)))
	}
}

func TestBeatsAllocateNothing(t *testing.T) {
	d := NewDetector(DetectorOptions{})
	d.SetPeers(peerIDs(5))
	now := int64(epochStart)
	if n := testing.AllocsPerRun(1000, func() {
		now += 500
		for _, p := range d.Peers() {
			p.Heard(now, 1)
			p.Sight(now)
		}
		d.Tick(now)
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func BenchmarkHeard(b *testing.B) {
	d := NewDetector(DetectorOptions{})
	d.SetPeers(peerIDs(1))
	p, now := d.Peers()[0], int64(epochStart)
	for b.Loop() {
		now += 500
		p.Heard(now, 1)
	}
}

// A node that has lost its database counts its starts anew. Who answers on our own
// connection is the newest process, whatever its number; what says so elsewhere may
// be an echo.
func TestWhoAnswersIsTheNewestProcessWhateverItsNumber(t *testing.T) {
	w := newWatch(t, DetectorOptions{}, 1)
	p := w.peer(1)
	p.Told(HearsayAlive)
	for range 20 {
		w.pass(500)
		p.Heard(w.now, 5)
	}
	p.Cut(w.now, 5)
	p.Connected(w.now, 5)
	w.pass(100)
	p.Named(w.now, 1)
	for range 40 {
		w.pass(500)
		p.Heard(w.now, 1)
	}
	w.want(1, Up)
	if s := p.Sight(w.now); s.Incarnation != 1 || s.HeardAt != w.now {
		t.Errorf("incarnation %d, heard at %d of %d", s.Incarnation, s.HeardAt, w.now)
	}
}
