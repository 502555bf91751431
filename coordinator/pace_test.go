package coordinator

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/candordb/candor/contract"
)

// timed is a node that owns a copy of every key, and two others that answer after a
// time of their own. It has two Cores, as a node has several.
type timed struct {
	t       *testing.T
	cores   []*Core
	paces   Paces
	takes   [3]int64 // microseconds that each replica takes; negative: it is silent
	now     int64
	pending []arrival
	slowest int64    // of the reads that were answered
	asked   [3]int   // messages to each
	probes  int      // of them
	answers []Answer // since they were looked at last
	begun   []int64  // by the id of the client: when its read began
	out     Effects
}

// arrival is a reply on its way.
type arrival struct {
	at   int64
	core int
	send Send
}

func newTimed(t *testing.T) *timed {
	d := &timed{t: t, takes: [3]int64{100, 1000, 1000}}
	for i := range 2 {
		d.cores = append(d.cores, New(i, 1000, Hedging{Percentile: 95, Percent: 5}))
	}
	return d
}

// reads makes so many reads at QUORUM, one each few milliseconds, and waits until
// all have ended.
func (d *timed) reads(n int, every int64) {
	d.t.Helper()
	view := newView(1, 3, 3)
	for i := range n {
		r := newRequest(OpGet, view, contract.Quorum)
		r.Self, r.Deadline, r.Client.ID = 0, d.now/1000+5000, uint64(len(d.begun))
		d.begun = append(d.begun, d.now)
		core := i % len(d.cores)
		d.out.Micros = d.now
		d.cores[core].Get(d.now/1000, r, &d.out)
		d.effects(core)
		d.pass(every)
	}
	for limit := d.now + 6_000_000; d.cores[0].Open()+d.cores[1].Open() > 0; d.pass(1000) {
		if d.now > limit {
			d.t.Fatal("reads do not end")
		}
	}
}

// pass lets time pass, in steps of a millisecond, with a tick each five.
func (d *timed) pass(micros int64) {
	for end := d.now + micros; d.now < end; {
		d.now += 1000
		d.out.Micros = d.now
		due := d.pending
		d.pending = nil
		for _, a := range due {
			if a.at > d.now {
				d.pending = append(d.pending, a)
				continue
			}
			r := Reply{Ask: a.send.Ask, Record: rec("k", 5, "v5")}
			if r.Ask == AskDigest {
				r.Record = headerOf(r.Record)
			}
			d.cores[a.core].Reply(d.now/1000, a.send.Call, a.send.To, &r, &d.out)
			d.effects(a.core)
		}
		if d.now%5000 == 0 {
			d.tick()
		}
	}
}

func (d *timed) tick() {
	d.out.Micros = d.now
	for i, c := range d.cores {
		c.Tick(d.now/1000, &d.out)
		c.Hedge(&d.out)
		c.Share(&d.paces, &d.out)
		d.effects(i)
	}
}

// effects carries out what a Core wants.
func (d *timed) effects(core int) {
	for _, m := range d.out.Sends {
		to := int(m.To[0]) - 1
		d.asked[to]++
		if isProbe(m.Call) {
			d.probes++
		}
		if d.takes[to] >= 0 {
			m.Place.Key = nil
			d.pending = append(d.pending, arrival{d.now + d.takes[to], core, m})
		}
	}
	for i := range d.out.Answers {
		a := &d.out.Answers[i]
		d.slowest = max(d.slowest, d.now-d.begun[a.Client.ID])
		d.answers = append(d.answers, *a)
	}
	d.out.Reset()
}

// Rule 3: a replica that has become slow is asked behind the others after a few
// reads, by all Cores; so reads are as quick as before. It is when it has become
// silent, too, long before its silence is a verdict.
func TestASlowReplicaIsAskedLast(t *testing.T) {
	for name, takes := range map[string]int64{"200 ms": 200_000, "silent": -1} {
		t.Run(name, func(t *testing.T) {
			d := newTimed(t)
			d.reads(400, 5000)
			if d.asked[1] != 400 || d.slowest > 2000 {
				t.Fatalf("while all are quick: asked %v, the slowest took %d us", d.asked, d.slowest)
			}
			d.takes[1], d.asked = takes, [3]int{}
			d.reads(40, 5000)
			if n := d.asked[1]; n < paceSeen/2 || n > 20 {
				t.Errorf("it was asked by %d reads until it counted as slow", n)
			}
			d.asked, d.slowest = [3]int{}, 0
			d.reads(60, 5000)
			if d.asked[1] != 0 || d.slowest > 2000 {
				t.Errorf("then asked %v, the slowest took %d us", d.asked, d.slowest)
			}
		})
	}
}

// A read that waits, as there are no hedges left or nobody else to ask, tells of the
// silence that it waits through, once.
func TestSilenceIsSeenWhileAReadWaits(t *testing.T) {
	c, v := New(0, 100, Hedging{Percentile: 95, Percent: 5}), newView(1, 3, 3)
	var out Effects
	var p Paces
	c.hedging.budget = -hedgeBurst * hedgePrice
	share := func(micros int64) {
		out.Reset()
		for ; micros > 0; micros -= 5000 {
			out.Micros += 5000
			c.Hedge(&out)
			c.Share(&p, &out)
		}
		if len(out.Sends) > 0 {
			t.Fatalf("there are no hedges, but %+v", out.Sends)
		}
	}
	share(100_000)
	for range paceSeen {
		r := newRequest(OpGet, v, contract.Quorum)
		r.Self = 0
		c.Get(0, r, &out)
	}
	share(silenceMicros - 5000)
	if len(p.members) != 0 {
		t.Fatalf("too soon: %+v", p.members)
	}
	share(5000)
	if len(p.members) != 1 || p.members[0].id != nodeID(1) || p.members[0].usual < silenceMicros {
		t.Fatalf("%+v", p.members)
	}
	was := p.members[0]
	if share(200_000); p.members[0] != was {
		t.Errorf("the same silences count again: %+v", p.members[0])
	}
}

// One that has answered that it is in another epoch, and will be asked again, is not
// silent meanwhile.
func TestWhoIsAskedAgainIsNotSilent(t *testing.T) {
	c, v := New(0, 100, Hedging{Percentile: 95, Percent: 100}), inEpoch(t, 1)
	var out Effects
	var p Paces
	c.Acting(v)
	r := newRequest(OpGet, v, contract.Quorum)
	r.Self = 0
	c.Get(0, r, &out)
	call := out.Sends[0].Call
	c.Reply(0, call, nodeID(1), &Reply{Ask: AskDigest, Code: contract.StaleEpoch, Epoch: 2}, &out)
	for ended := range 2 {
		for range 20 {
			out.Micros += 5000
			c.Hedge(&out) // c
			c.Share(&p, &out)
		}
		for i := range p.members {
			if p.members[i].id == nodeID(1) {
				t.Fatalf("when %d reads have ended: %+v", ended, p.members[i])
			}
		}
		c.Reply(0, call, nodeID(0), &Reply{Ask: AskRead}, &out)
		c.Reply(0, call, nodeID(2), &Reply{Ask: AskDigest}, &out)
		if len(out.Answers) != 1 {
			t.Fatalf("%+v", out.Answers)
		}
	}
}

// Ordered writes learn of replicas, and probe them, as reads do.
func TestOrderedWritesTimeWhoTheyDoWithout(t *testing.T) {
	c, v := New(0, 100, Hedging{Percentile: 95, Percent: 100}), newView(1, 3, 3)
	out := Effects{Micros: 1}
	order := func() []Send {
		out.Reset()
		r := newRequest(OpPut, v, contract.Quorum)
		r.Self, r.Ordered, r.Value = 0, true, []byte("x")
		c.Put(0, r, &out)
		return slices.Clone(out.Sends)
	}
	asked := order()
	call := asked[0].Call
	c.Reply(0, call, nodeID(0), &Reply{Ask: AskDigest}, &out)
	out.Micros += unknownMicros + 1
	c.Hedge(&out) // c, as b is late
	c.Reply(0, call, nodeID(2), &Reply{Ask: AskDigest}, &out)
	c.Stamped(out.Stampings[0].Call, ver(9), rec("k", 9, "x"), &out)
	seen := len(c.hedging.seen)
	out.Micros += 100_000
	c.Reply(0, call, nodeID(1), &Reply{Ask: AskDigest}, &out)
	if got := c.hedging.seen; len(got) != seen+1 || got[seen] != (sighting{nodeID(1), unknownMicros + 1 + 100_000}) {
		t.Errorf("of the one that it had not waited for %+v is known", got[seen:])
	}
	var p Paces
	for range paceSeen {
		p.add(sighting{nodeID(1), 200_000})
	}
	c.Share(&p, &out)
	c.hedging.avoided = probeEvery
	if asked := order(); len(asked) != 3 || !isProbe(asked[2].Call) || asked[2].To != nodeID(1) {
		t.Errorf("asked %+v", asked)
	}
}

// One that is slow no longer is found out by probes, few and paid for, for which no
// read waits, and is asked as before.
func TestASlowReplicaIsFoundToBeQuickAgain(t *testing.T) {
	d := newTimed(t)
	d.takes[1] = 200_000
	d.reads(200, 5000)
	d.asked, d.probes, d.slowest, d.answers = [3]int{}, 0, 0, nil
	d.reads(20*probeEvery, 5000)
	if d.probes < 15 || d.probes > 20 || d.asked[1] != d.probes {
		t.Errorf("it is slow still: asked %v, of that %d probes", d.asked, d.probes)
	}
	if d.slowest > 2000 {
		t.Errorf("the slowest read took %d us", d.slowest)
	}
	for _, a := range d.answers {
		if a.Code != contract.OK || a.Receipt.Asked != 2 || a.Receipt.Acked != 2 {
			t.Fatalf("%+v", a)
		}
	}
	d.takes[1] = 1000
	d.reads((paceSeen+2)*probeEvery, 5000)
	d.asked, d.probes = [3]int{}, 0
	d.reads(100, 5000)
	if d.asked[1] != 100 || d.probes != 0 {
		t.Errorf("when it is quick again: asked %v, %d probes", d.asked, d.probes)
	}
}

// Where nobody is quicker, as behind a link that is slow to all, nobody is slow: the
// owners are asked in their order, and none is probed.
func TestWhereAllAreSlowNobodyIs(t *testing.T) {
	d := newTimed(t)
	d.takes[1], d.takes[2] = 200_000, 220_000
	d.reads(200, 20_000) // until both have been asked
	d.asked, d.probes = [3]int{}, 0
	d.reads(100, 20_000)
	if d.asked[1] != 100 || d.probes != 0 {
		t.Errorf("asked %v, %d probes", d.asked, d.probes)
	}
}

// A node that stands still finds all its peers late, and learns nothing of them.
func TestAStallOfThisNodeBlamesNobody(t *testing.T) {
	d := newTimed(t)
	d.reads(100, 5000)
	view := newView(1, 3, 3)
	for i := range 40 {
		r := newRequest(OpGet, view, contract.Quorum)
		r.Self, r.Deadline, r.Client.ID = 0, d.now/1000+5000, uint64(len(d.begun))
		d.begun = append(d.begun, d.now)
		d.cores[i%2].Get(d.now/1000, r, &d.out)
		d.effects(i % 2)
	}
	d.now += 500_000
	d.tick() // comes before what has arrived meanwhile is read
	d.reads(1, 5000)
	d.asked = [3]int{}
	d.reads(50, 5000)
	if d.asked[1] != 50 {
		t.Errorf("asked %v", d.asked)
	}
}

// A member is slow from its fifth slow sighting of eight on: one of which less is
// known is none, nor is one that was slow for a moment.
func TestPaceIsTheMedianOfTheLastFew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		times := rapid.SliceOfN(rapid.Int64Range(0, 1_000_000), 0, 40).Draw(t, "times")
		var p Paces
		for _, micros := range times {
			p.add(sighting{nodeID(1), micros})
		}
		if len(times) == 0 {
			return
		}
		last := append(make([]int64, paceSeen), times...)
		last = slices.Sorted(slices.Values(last[len(last)-paceSeen:]))
		want := last[paceSeen/2-1]
		if got := p.members[0].usual; got != 0 && got != bucketEnd(bucketOf(want)) || got == 0 && len(times) > paceSeen/2 {
			t.Fatalf("after %v the pace is %d, want that of %d", times, got, want)
		}
	})
}

// Slow is four times the pace of the best of the others that can be asked, which
// counts as 10 ms at least; and who is not known is as good as any.
func TestSlowIsFourTimesTheBest(t *testing.T) {
	for _, row := range []struct {
		paces [4]int64 // milliseconds; 0: not known
		among Mask
		slow  Mask
	}{
		{[4]int64{1, 1, 1, 1}, 0b1111, 0},
		{[4]int64{0, 0, 0, 200}, 0b1111, 0b1000},
		{[4]int64{1, 39, 1, 1}, 0b1111, 0},
		{[4]int64{1, 40, 1, 41}, 0b1111, 0b1010},
		{[4]int64{30, 100, 119, 120}, 0b1111, 0b1000},
		{[4]int64{30, 100, 119, 120}, 0b1110, 0},
		{[4]int64{200, 200, 200, 200}, 0b1111, 0},
		{[4]int64{200, 200, 200, 200}, 0b0001, 0},
		{[4]int64{200, 200, 200, 200}, 0, 0},
		{[4]int64{5, 200, 5, 5}, 0b0010, 0},
	} {
		h := newHedging(Hedging{Percentile: 95, Percent: 5})
		h.uneven = true
		for i, ms := range row.paces {
			if ms > 0 {
				h.member(nodeID(i)).pace = ms * 1000
			}
		}
		v := newView(1, 4, 4)
		if got := h.slow(v, v.Owners(0), row.among); got != row.slow {
			t.Errorf("%v ms, of %04b: slow %04b, want %04b", row.paces, row.among, got, row.slow)
		}
	}
}

// Where nothing is hedged there would be no probes either, so nobody is called slow.
func TestWithoutHedgesNobodyIsSlow(t *testing.T) {
	d := newTimed(t)
	for _, c := range d.cores {
		c.hedging.Percent = 0
	}
	d.takes[1] = 200_000
	d.reads(200, 5000)
	if d.asked[1] != 200 || d.asked[2] != 0 {
		t.Errorf("asked %v", d.asked)
	}
}

// A probe that is lost, or not answered, does not keep others from being made.
func TestOneProbeAtATime(t *testing.T) {
	for name, lose := range map[string]func(c *Core, m Send, out *Effects){
		"not answered": func(*Core, Send, *Effects) {},
		"link down":    func(c *Core, m Send, out *Effects) { c.LinkDown(0, m.To, out) },
		"unsent":       func(c *Core, m Send, out *Effects) { c.Unsent(0, m.Call, m.To, out) },
		"answered":     func(c *Core, m Send, out *Effects) { c.Reply(0, m.Call, m.To, &Reply{Ask: AskDigest}, out) },
	} {
		t.Run(name, func(t *testing.T) {
			c, v := New(3, 1000, Hedging{Percentile: 95, Percent: 100}), newView(1, 3, 3)
			var out Effects
			var p Paces
			for range paceSeen {
				p.add(sighting{nodeID(1), 200_000})
			}
			c.Share(&p, &out)
			read := func() (probe Send) {
				for range probeEvery {
					r := newRequest(OpGet, v, contract.Quorum)
					r.Self = 0
					sent := len(out.Sends)
					c.Get(0, r, &out)
					for _, m := range out.Sends[sent:] {
						if isProbe(m.Call) {
							probe = m
						}
					}
				}
				return probe
			}
			first := read()
			if first.To != nodeID(1) || first.Ask != AskDigest || ShardOf(first.Call) != 3 || string(first.Place.Key) != "k" {
				t.Fatalf("the probe is %+v", first)
			}
			lose(c, first, &out)
			if again := read(); (again.Call == 0) != (name == "not answered") {
				t.Errorf("the next one is %+v", again)
			}
			out.Micros += stragglerMicros
			c.hedging.watchStragglers(out.Micros)
			last := read()
			if last.Call == first.Call || last.Call == 0 {
				t.Fatalf("after a second it is %+v", last)
			}
			seen := len(c.hedging.seen)
			if c.Reply(0, first.Call, first.To, &Reply{Ask: AskDigest}, &out); len(c.hedging.seen) != seen {
				t.Error("a late answer counts for the probe behind it")
			}
			if len(out.Answers) > 0 {
				t.Errorf("a read was answered: %+v", out.Answers[0])
			}
		})
	}
}

// Going around a slow replica, probing it and telling each other of it costs nothing
// on the heap.
func TestGoingAroundASlowReplicaDoesNotAllocate(t *testing.T) {
	c, v := New(0, 100, Hedging{Percentile: 95, Percent: 5}), newView(1, 3, 3)
	var out Effects
	var p Paces
	for range paceSeen {
		p.add(sighting{nodeID(1), 200_000})
	}
	r := newRequest(OpGet, v, contract.Quorum)
	r.Self, r.Coordinator = 0, nodeID(0)
	whole := Reply{Ask: AskRead, Record: rec("k", 5, "v5"), Shared: true}
	digest := Reply{Ask: AskDigest, Record: headerOf(whole.Record)}
	sends, probes := make([]Send, 0, 3), 0
	read := func() {
		out.Micros += 5000
		c.Get(0, r, &out)
		sends = append(sends[:0], out.Sends...)
		for i := range sends {
			reply := &digest
			if sends[i].Ask == AskRead {
				reply = &whole
			}
			if isProbe(sends[i].Call) {
				probes++
				out.Micros += 200_000
				c.Hedge(&out)
			}
			c.Reply(0, sends[i].Call, sends[i].To, reply, &out)
		}
		c.Hedge(&out)
		c.Share(&p, &out)
		out.Reset()
	}
	for range 2 * probeEvery {
		read()
	}
	if n := testing.AllocsPerRun(10*probeEvery, read); n > 0 {
		t.Errorf("%v allocations", n)
	}
	if probes < 10 {
		t.Errorf("%d probes", probes)
	}
}
