package router

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/wire"
)

// testGate is a Gate of plain numbers.
type testGate struct {
	open, bytes, openMax int
	shed                 []Shed
}

func (g *testGate) Take(ops, bytes int) Shed {
	if g.open >= g.openMax {
		return ShedDelay
	}
	g.open += ops
	g.bytes += bytes
	return Admitted
}

func (g *testGate) Give(ops, bytes int) { g.open -= ops; g.bytes -= bytes }
func (g *testGate) Refused(why Shed)    { g.shed = append(g.shed, why) }
func (g *testGate) RetryMS() uint64     { return 123 }

// gate puts a gate in front of node 0.
func (c *cluster) gate(openMax int) *testGate {
	g := &testGate{openMax: openMax}
	c.nodes[0].router.o.Gate = g
	return g
}

// architecture.md, "Limits and overload": at a limit the answer is OVERLOADED at
// once, with a retry hint; nothing has happened, and what is in flight goes on.
func TestGateRefusesBeforeAnyWork(t *testing.T) {
	c := newCluster(t, 3)
	g := c.gate(2)
	k := c.client(0)
	first := k.open(wire.Request{Op: wire.OpPut, Key: []byte("a"), Value: []byte("v")})
	second := k.open(wire.Request{Op: wire.OpGet, Key: []byte("a")})
	surplus := k.open(wire.Request{Op: wire.OpPut, Key: []byte("b"), Value: []byte("v")})
	a := k.one()
	if a.ID != surplus || a.Code != contract.Overloaded || a.Error.RetryAfterMS != 123 || a.Error.Message != ShedDelay.message() {
		t.Fatalf("%+v", a)
	}
	if !slices.Equal(g.shed, []Shed{ShedDelay}) {
		t.Errorf("counted %v", g.shed)
	}
	ping := k.open(wire.Request{Op: wire.OpPing})
	if a := k.one(); a.ID != ping || a.Code != contract.OK {
		t.Errorf("PING: %+v", a)
	}
	c.pump()
	for _, a := range k.answers() {
		if a.Code != contract.OK || a.ID != first && a.ID != second {
			t.Errorf("%+v", a)
		}
	}
	if g.open != 0 || g.bytes != 0 {
		t.Errorf("%d operations and %d bytes are left", g.open, g.bytes)
	}
	for i, n := range c.nodes {
		if got := n.holds("b"); got != "nothing" {
			t.Errorf("node %d holds %s", i, got)
		}
	}
	if a := k.put("b", "later"); a.Code != contract.OK {
		t.Errorf("afterwards: %+v", a)
	}
}

// What was taken is given back once, however a request ends: answered, refused
// behind the gate, at its deadline, with its connection gone.
func TestGateGetsBackWhatItGave(t *testing.T) {
	key := []byte("k")
	frame := func(q wire.Request) []byte {
		q.ID = 7
		return q.Append(nil)
	}
	for name, request := range map[string][]byte{
		"a write":             frame(wire.Request{Op: wire.OpPut, Key: key, Value: []byte("v")}),
		"a read":              frame(wire.Request{Op: wire.OpGet, Key: key}),
		"a scan":              frame(wire.Request{Op: wire.OpScan, Level: 1}),
		"an outcome":          frame(wire.Request{Op: wire.OpOutcome, Key: key, Version: newCluster(t, 3).version(0)}),
		"a refused one":       frame(wire.Request{Op: wire.OpGet, Key: key, Namespace: []byte("nowhere")}),
		"one of another mode": frame(wire.Request{Op: wire.OpAdd, Key: key, Delta: 1}),
		"one with a bad flag": frame(wire.Request{Op: wire.OpGet, Key: key, Flags: 1 << 40}),
		"a BATCH":             batchOf(3),
		"an empty BATCH":      batchOf(0),
		"a BATCH of too many": batchOf(51),
	} {
		for _, end := range []string{"answered", "late", "gone"} {
			t.Run(name+" "+end, func(t *testing.T) {
				c := newCluster(t, 3)
				g := c.gate(100)
				k := c.client(0)
				for _, p := range c.nodes[0].peers { // in any order: all of them
					p.stuck = end != "answered"
				}
				k.send(request)
				if end == "gone" {
					k.closed = true
				}
				c.pump()
				c.now.Mono += 10_000
				c.nodes[0].router.Begin(&c.nodes[0].turn)
				c.nodes[0].router.Tick(&c.nodes[0].turn)
				c.nodes[0].router.Finish(&c.nodes[0].turn)
				c.pump()
				if g.open != 0 || g.bytes != 0 || k.session.InFlight() != 0 {
					t.Errorf("%d operations, %d bytes and %d requests are left", g.open, g.bytes, k.session.InFlight())
				}
			})
		}
	}
}

// batchOf is the frame of a BATCH of n writes.
func batchOf(n int) []byte {
	frame := wire.BeginBatch(nil, 7, 0, n)
	for range n {
		op := wire.Request{Op: wire.OpPut, Key: []byte("k"), Value: []byte("v")}
		frame = op.AppendOp(frame)
	}
	return wire.EndFrame(frame, 0)
}

// sendLate hands frames to the node that have lain there for a while.
func (k *conn) sendLate(frames []byte, late int64) {
	r := k.n.router
	r.Begin(&k.n.turn)
	k.n.turn.Late = late
	body, _, err := wire.NextFrame(frames, 1<<20)
	if err != nil {
		k.n.c.t.Fatal(err)
	}
	if k.session.PeerPort {
		r.Peer(&k.n.turn, k, body)
	} else {
		r.Client(&k.n.turn, k, body)
	}
	r.Finish(&k.n.turn)
}

// protocol.md: a node drops work whose deadline has passed. Here it passed while
// the request lay in the node's buffer: it is not begun, and that is certain.
func TestLateRequestsAreNotBegun(t *testing.T) {
	for late, want := range map[int64]contract.Code{0: contract.OK, 499: contract.OK, 500: contract.Overloaded, 9999: contract.Overloaded} {
		c := newCluster(t, 3)
		g := c.gate(100)
		k := c.client(0)
		q := wire.Request{Op: wire.OpPut, ID: 7, DeadlineMS: 500, Key: []byte("k"), Value: []byte("v")}
		k.sendLate(q.Append(nil), late)
		c.pump()
		if a := k.one(); a.Code != want {
			t.Errorf("%d ms late: %v %s", late, a.Code, a.Error.Message)
		}
		if held := c.nodes[0].holds("k"); (held == "nothing") != (want != contract.OK) {
			t.Errorf("%d ms late: the node holds %s", late, held)
		}
		if want != contract.OK && !slices.Equal(g.shed, []Shed{ShedExpired}) {
			t.Errorf("counted %v", g.shed)
		}
	}
}

// A request that was late but not too late has only what is left of its time.
func TestTimeInTheBufferCounts(t *testing.T) {
	c := newCluster(t, 3)
	k := c.client(0)
	for _, p := range c.nodes[0].peers { // in any order: all of them
		p.stuck = true
	}
	q := wire.Request{Op: wire.OpGet, ID: 7, DeadlineMS: 500, Key: []byte("k"), Level: contract.All}
	k.sendLate(q.Append(nil), 400)
	for range 20 {
		c.now.Mono += 10
		c.nodes[0].router.Begin(&c.nodes[0].turn)
		c.nodes[0].router.Tick(&c.nodes[0].turn)
		c.nodes[0].router.Finish(&c.nodes[0].turn)
		if len(k.out) > 0 {
			break
		}
	}
	if a := k.one(); a.Code != contract.Timeout || c.now.Mono != 1_000_100 {
		t.Errorf("%v after %d ms", a.Code, c.now.Mono-1_000_000)
	}
}

// A replica neither reads nor writes for a coordinator that has given up.
func TestReplicasDropLateWork(t *testing.T) {
	c := newCluster(t, 3)
	c.client(0).put("k", "v")
	place := placeOf("k")
	for _, late := range []int64{100, 600} {
		n := c.nodes[1]
		conn := c.nodes[0].peers[n.id].conn
		var box wire.Outbox
		box.FrameBytes = 1 << 20
		p := wire.Place{Token: uint64(place.Token), Namespace: 1, Key: []byte("k")}
		box.Read(wire.OpRead, 1, 0, &wire.ReadItem{Call: 5, DeadlineMS: 500, Place: p})
		conn.sendLate(box.Take(nil), late)
		a := mustPeerAnswer(t, conn)
		var res wire.ReadResult
		if _, err := a.NextRead(&res); err != nil {
			t.Fatal(err)
		}
		if late < 500 && (res.Code != contract.OK || len(res.Record) == 0) || late > 500 && (res.Code != contract.Overloaded || res.Record != nil) {
			t.Errorf("%d ms late: %v, %d bytes", late, res.Code, len(res.Record))
		}
		q := wire.RangeRequest{Call: 6, DeadlineMS: 500, Namespace: 1, Last: math.MaxUint64, Limit: 10, Bytes: 1 << 20}
		conn.sendLate(q.Append(nil, wire.PeerHead{Op: wire.OpRange, ID: 9, Epoch: 1}), late)
		a = mustPeerAnswer(t, conn)
		if late < 500 && (a.Range.Code != contract.OK || len(a.Range.Items) != 1) || late > 500 && (a.Range.Code != contract.Overloaded || len(a.Range.Items) > 0) {
			t.Errorf("%d ms late: %v, %d rows", late, a.Range.Code, len(a.Range.Items))
		}
	}
}

func mustPeerAnswer(t *testing.T, k *conn) *wire.PeerAnswer {
	t.Helper()
	body, n, err := wire.NextFrame(k.out, 1<<20)
	if err != nil || n == 0 {
		t.Fatalf("no answer: %v", err)
	}
	a := new(wire.PeerAnswer)
	if err := wire.DecodePeerAnswer(bytes.Clone(body), a); err != nil {
		t.Fatal(err)
	}
	k.out = k.out[n:]
	return a
}

func newGovernor() *Governor {
	return NewGovernor(GovernorOptions{Target: 50 * time.Millisecond, Every: 100 * time.Millisecond, Least: 64, Most: 65536})
}

// One hiccup is no overload.
func TestGovernorIsPatient(t *testing.T) {
	g := newGovernor()
	for range 10 {
		if allowed, _ := g.Step(Load{Delay: time.Second, Open: 1000}); allowed != 65536 {
			t.Fatalf("one step above the target: %d", allowed)
		}
		g.Step(Load{Delay: time.Millisecond, Open: 1000})
	}
}

// Twice above the target it cuts what is open, not a limit that nobody has felt.
func TestGovernorCutsWhatIsOpen(t *testing.T) {
	for _, tc := range []struct {
		delay time.Duration
		want  int
	}{
		{51 * time.Millisecond, 900}, // at least a tenth
		{62500 * time.Microsecond, 800},
		{100 * time.Millisecond, 500},
		{10 * time.Second, 500}, // at most the half, at once
	} {
		g := newGovernor()
		g.Step(Load{Delay: tc.delay, Open: 1000})
		if allowed, _ := g.Step(Load{Delay: tc.delay, Open: 1000}); allowed != tc.want {
			t.Errorf("delay %v: %d, want %d", tc.delay, allowed, tc.want)
		}
	}
}

// A stall is measured in each step for as long as it lasts, and longer each time;
// that is still one stall, and no reason to cut each time.
func TestGovernorDoesNotCutAStallAgainAndAgain(t *testing.T) {
	g := newGovernor()
	allowed := 0
	for _, ms := range []time.Duration{60, 110, 210, 310} {
		allowed, _ = g.Step(Load{Delay: ms * time.Millisecond, Open: 1000, Shed: true})
	}
	if allowed < 200 {
		t.Errorf("after a stall of 300 ms %d of 1000 are let in", allowed)
	}
}

// Where nothing waits any more, and much is refused, what was cut too far is back
// soon; where what waits is about at the target, it is left so.
func TestGovernorRisesTheFasterTheLessWaits(t *testing.T) {
	for _, tc := range []struct {
		delay       time.Duration
		least, most int // let in 10 steps later
	}{
		{0, 190, 210},
		{12500 * time.Microsecond, 140, 160},
		{49 * time.Millisecond, 100, 120},
	} {
		g := newGovernor()
		for range 100 {
			g.Step(Load{Delay: time.Second, Open: 10, Shed: true})
		}
		allowed := 0
		for range 10 {
			allowed, _ = g.Step(Load{Delay: tc.delay, Open: allowed, Shed: true})
		}
		if allowed < tc.least || allowed > tc.most {
			t.Errorf("delay %v: from 64 %d are let in, want %d to %d", tc.delay, allowed, tc.least, tc.most)
		}
	}
}

// The advice is about when what waits now is done.
func TestRetryAdviceFollowsTheQueue(t *testing.T) {
	for delay, want := range map[time.Duration]uint64{0: 10, 20 * time.Millisecond: 40, 200 * time.Millisecond: 400, time.Minute: 1000} {
		if _, retry := newGovernor().Step(Load{Delay: delay}); retry != want {
			t.Errorf("delay %v: %d ms, want %d", delay, retry, want)
		}
	}
}

func TestGovernorWithoutATargetLetsAllIn(t *testing.T) {
	g := NewGovernor(GovernorOptions{Every: 100 * time.Millisecond, Least: 64, Most: 1000})
	for range 10 {
		if allowed, _ := g.Step(Load{Delay: time.Hour, Open: 1000, Shed: true}); allowed != 1000 {
			t.Fatal(allowed)
		}
	}
}

// Whatever is measured, it stays within its bounds, and without delay all is let
// in again.
func TestGovernorStaysWithinItsBoundsAndRecovers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := newGovernor()
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			allowed, retry := g.Step(Load{
				Delay: time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "delay")),
				Open:  rapid.IntRange(0, 70000).Draw(t, "open"), Shed: rapid.Bool().Draw(t, "shed"),
			})
			if allowed < 64 || allowed > 65536 || retry < 10 || retry > 1000 {
				t.Fatalf("%d, %d ms", allowed, retry)
			}
		}
		allowed := 0
		for range 40 {
			allowed, _ = g.Step(Load{Delay: time.Millisecond})
		}
		if allowed != 65536 {
			t.Fatalf("after 40 quiet steps: %d", allowed)
		}
	})
}

// Overload, with a server that is nothing but a queue: it answers 20,000 a
// second, is offered three times as much, and knows no limit of its own but the
// Governor's. The queue must become short and stay so, and never run dry.
func TestGovernorKeepsTheQueueShort(t *testing.T) {
	for _, times := range []float64{1.2, 3, 10} {
		t.Run(fmt.Sprint(times), func(t *testing.T) {
			const rate = 20 // per millisecond
			g := newGovernor()
			queue, allowed := 0, 65536
			idle, worst := 0, time.Duration(0)
			for step := range 300 {
				l := Load{}
				for range 100 { // milliseconds
					in := min(int(times*rate), max(allowed-queue, 0))
					l.Shed = l.Shed || in < int(times*rate)
					queue += in
					l.Open = max(l.Open, queue)
					done := min(queue, rate)
					queue -= done
					if step > 45 { // by then the first burst, which nothing held up, is worked off
						idle += rate - done
						worst = max(worst, time.Duration(queue/rate)*time.Millisecond)
					}
				}
				l.Delay = time.Duration(queue/rate) * time.Millisecond
				allowed, _ = g.Step(l)
			}
			if worst > 150*time.Millisecond {
				t.Errorf("the queue grew to %v", worst)
			}
			if share := float64(idle) / (254 * 100 * rate); share > 0.05 {
				t.Errorf("the server was idle for %.0f %% of the time", 100*share)
			}
		})
	}
}
