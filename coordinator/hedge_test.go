package coordinator

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/candordb/candor/contract"
)

// Every time falls into the bucket that ends above it, at most an eighth of it
// away; what is shorter than 8 ms or longer than 8 s is not told apart.
func TestBucketsEndCloselyAboveWhatIsInThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		micros := rapid.Int64Range(0, 1<<25).Draw(t, "micros")
		i := bucketOf(micros)
		switch end := bucketEnd(i); {
		case i > 0 && bucketEnd(i-1) > micros:
			t.Fatalf("%d is in bucket %d, but the one before ends at %d", micros, i, bucketEnd(i-1))
		case end <= micros && i < latencyBuckets-1:
			t.Fatalf("%d is in bucket %d, which ends at %d", micros, i, end)
		case i > 0 && i < latencyBuckets-1 && end-micros > micros/8+1:
			t.Fatalf("%d is in bucket %d, which ends at %d", micros, i, end)
		}
	})
	if got := bucketEnd(latencyBuckets - 1); got != 1<<(shortBits+latencyOctaves) {
		t.Errorf("the last bucket ends at %d", got)
	}
}

// The percentile is that of a sorted list of the same times, up to the width of a
// bucket.
func TestPatienceIsThePercentile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		percentile := rapid.IntRange(1, 99).Draw(t, "percentile")
		times := rapid.SliceOfN(rapid.Int64Range(0, 4_000_000), fewSamples, manySamples-8).Draw(t, "times")
		times = times[:len(times)/8*8] // it is looked up anew with every eighth
		if len(times) < fewSamples {
			return
		}
		var l latency
		for _, micros := range times {
			l.add(micros, percentile)
		}
		slices.Sort(times)
		want := times[(len(times)*percentile+99)/100-1]
		if got := l.patience(); got < min(want, leastMicros) || got != max(bucketEnd(bucketOf(want)), leastMicros) {
			t.Fatalf("p%d of %d times is %d, and %d are waited", percentile, len(times), want, got)
		}
	})
}

// A member that nothing is known about is given 50 ms, one that is known at least
// two ticks; and what was long ago is forgotten.
func TestPatienceFollowsAMember(t *testing.T) {
	var l *latency
	if got := l.patience(); got != unknownMicros {
		t.Errorf("one that never answered: %d", got)
	}
	l = new(latency)
	answers := func(n int, micros int64) int64 {
		for range n {
			l.add(micros, 95)
		}
		return l.patience()
	}
	if got := answers(fewSamples-1, 100); got != unknownMicros {
		t.Errorf("after few answers: %d", got)
	}
	if got := answers(1, 100); got != leastMicros {
		t.Errorf("a fast one: %d", got)
	}
	if got := answers(1000, 200_000); got < 200_000 || got > 225_000 {
		t.Errorf("one that became slow: %d", got)
	}
	if got := answers(4*manySamples, 20_000); got < 20_000 || got > 22_500 {
		t.Errorf("one that became faster: %d", got)
	}
	if n := testing.AllocsPerRun(100, func() { l.add(77_000, 95) }); n > 0 {
		t.Errorf("%v allocations per answer", n)
	}
}

// Rule 4: at most so many extra messages, per cent of those that reads and ordered
// writes send anyway, beside the first one. Only who is up and was not asked is
// asked, and only for what may be hedged. Each hedge is counted once. Probes of a
// slow replica are paid from the same budget.
func TestHedgesKeepTheirBudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{3, 5}).Draw(t, "replicas")
		percent := rapid.SampledFrom([]int{0, 1, 5, 20, 100}).Draw(t, "percent")
		c, v := New(0, 200, Hedging{Percentile: 95, Percent: percent}), newView(1, n, n)
		var out Effects
		asked := make(map[uint64][]Send) // by call: who was asked, in this order
		messages, hedges, probes := 0, 0, 0
		if rapid.Bool().Draw(t, "one is slow") {
			var p Paces
			for range paceSeen {
				p.add(sighting{nodeID(0), 500_000})
			}
			c.Share(&p, &out)
			c.hedging.avoided = probeEvery
		}
		calls := func() (list []uint64) { // of open requests, in the order of their numbers
			for call := range asked {
				if s, _ := c.find(call); s != nil {
					list = append(list, call)
				}
			}
			slices.Sort(list)
			return list
		}
		take := func(hedge bool) {
			for _, m := range out.Sends {
				if isProbe(m.Call) {
					// As if many reads had gone by since.
					probes, messages, c.hedging.avoided = probes+1, messages-1, probeEvery
					continue
				}
				again := slices.ContainsFunc(asked[m.Call], func(o Send) bool { return o.To == m.To })
				if hedge && (again || m.Ask != AskRead && m.Ask != AskDigest) {
					t.Fatalf("a hedge asks %s, %+v", nodeName(m.To), m)
				}
				asked[m.Call] = append(asked[m.Call], m)
			}
			if hedge {
				hedges += len(out.Sends)
			}
			out.Reset()
		}
		for range rapid.IntRange(1, 150).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"get", "get", "ordered", "put", "outcome", "answer", "answer", "answer", "late", "late"}).Draw(t, "what") {
			case "get":
				c.Get(0, newRequest(OpGet, v, contract.Quorum), &out)
				messages += len(out.Sends)
			case "ordered":
				r := newRequest(OpPut, v, contract.Quorum)
				r.Ordered = true
				c.Put(0, r, &out)
				messages += len(out.Sends)
			case "put":
				c.Put(0, newPut(v, contract.Quorum, 5), &out)
			case "outcome":
				r := newRequest(OpOutcome, v, contract.Quorum)
				r.Stamp = ver(5)
				c.Get(0, r, &out)
				messages += len(out.Sends)
			case "answer":
				if open := calls(); len(open) > 0 {
					list := asked[rapid.SampledFrom(open).Draw(t, "call")]
					m := rapid.SampledFrom(list).Draw(t, "message")
					r := Reply{Ask: m.Ask}
					if m.Ask == AskRead {
						r.Record = rec("k", 5, "v5")
					} else if m.Ask == AskDigest {
						r.Record = headerOf(rec("k", 5, "v5"))
					}
					c.Reply(0, m.Call, m.To, &r, &out)
				}
			case "late":
				out.Micros += rapid.Int64Range(1000, 100_000).Draw(t, "micros")
				c.Hedge(&out)
				take(true)
			}
			take(false)
			if hedges+probes > hedgeFirst+messages*percent/100 {
				t.Fatalf("%d hedges and %d probes for %d messages, at %d %%", hedges, probes, messages, percent)
			}
		}
		c.Tick(1000, &out)
		if h := c.Hedges(); h.Won+h.Lost != uint64(hedges) {
			if c.Open() == 0 {
				t.Fatalf("%d hedges are counted as %+v", hedges, h)
			}
		}
	})
}

// A replica that falls silent costs a read at quorum one hedge, not its deadline.
func TestSilentReplicaCostsOneHedge(t *testing.T) {
	c, v := New(0, 10, Hedging{Percentile: 95, Percent: 5}), newView(1, 3, 3)
	var out Effects
	read := func(silent bool) (waited int64) {
		r := newRequest(OpGet, v, contract.Quorum)
		r.Self = 0
		began := out.Micros
		c.Get(0, r, &out)
		for len(out.Answers) == 0 {
			if out.Micros-began > 1_000_000 {
				t.Fatal("the read waits for the silent one")
			}
			sends := slices.Clone(out.Sends)
			out.Sends = out.Sends[:0]
			for _, m := range sends {
				reply := Reply{Ask: m.Ask, Record: rec("k", 5, "v5")}
				if m.Ask == AskDigest {
					reply.Record = headerOf(reply.Record)
				}
				if m.To != nodeID(1) || !silent {
					c.Reply(0, m.Call, m.To, &reply, &out)
				}
			}
			if len(out.Answers) == 0 {
				out.Micros += 5000
				c.Hedge(&out)
			}
		}
		if a := &out.Answers[0]; a.Code != contract.OK || a.Receipt.Acked != 2 || (a.Receipt.Asked == 3) != silent {
			t.Fatalf("%v, %+v", a.Code, a.Receipt)
		}
		out.Reset()
		return out.Micros - began
	}
	for range 100 {
		if waited := read(false); waited > 0 {
			t.Fatalf("%d us", waited)
		}
	}
	for i := range 10 {
		if waited := read(true); waited > leastMicros+5000 {
			t.Errorf("read %d took %d us", i, waited)
		}
	}
	if h := fmt.Sprint(c.Hedges()); h != "{10 0 0}" {
		t.Errorf("hedges %s", h)
	}
}

// What is not used is saved up, but only so much: a node that stalls, or one replica
// that does, does not make for a flood.
func TestHedgesAreSavedUpToABurst(t *testing.T) {
	c, v := New(0, 200, Hedging{Percentile: 95, Percent: 5}), newView(1, 3, 3)
	var out Effects
	for range 20 {
		for range 100 {
			c.Get(0, newRequest(OpGet, v, contract.Quorum), &out)
		}
		c.Tick(1000, &out)
		out.Reset()
	}
	for range 100 {
		c.Get(0, newRequest(OpGet, v, contract.Quorum), &out)
	}
	out.Reset()
	out.Micros += unknownMicros + 1
	if c.Hedge(&out); len(out.Sends) != hedgeBurst {
		t.Errorf("%d hedges at once", len(out.Sends))
	}
}

// A replica that was asked as a hedge told of a newer record and then fell
// silent. Those that were asked at first are enough, as if it had not been.
func TestAHedgeMakesNoReadWorse(t *testing.T) {
	c, v := New(0, 10, Hedging{Percentile: 95, Percent: 100}), newView(1, 3, 3)
	var out Effects
	r := newRequest(OpGet, v, contract.Quorum)
	r.Self = 0
	c.Get(0, r, &out)
	call := out.Sends[0].Call
	old, fresh := rec("k", 5, "v5"), rec("k", 7, "v7")
	c.Reply(0, call, nodeID(0), &Reply{Ask: AskRead, Record: old}, &out)
	out.Micros += unknownMicros + 1
	c.Hedge(&out) // c, as b is late
	c.Reply(60, call, nodeID(2), &Reply{Ask: AskDigest, Record: headerOf(fresh)}, &out)
	c.Reply(61, call, nodeID(1), &Reply{Ask: AskDigest, Record: headerOf(old)}, &out)
	for ms := int64(70); ms <= 1000 && len(out.Answers) == 0; ms += 5 {
		out.Micros += 5000
		c.Tick(ms, &out)
		sent := len(out.Sends)
		c.Hedge(&out)
		for _, m := range out.Sends[sent:] {
			if m.To == nodeID(0) { // the record is asked for again
				c.Reply(ms, m.Call, m.To, &Reply{Ask: m.Ask, Record: old}, &out)
			}
		}
	}
	if a := &out.Answers[0]; a.Code != contract.OK || a.Version != ver(5) || a.Receipt.Level != contract.Quorum || a.Receipt.Acked != 2 {
		t.Errorf("%s", answerText(a))
	}
}

// That a question of an ordered write could not be sent may be told when the
// write itself is under way. It is not taken for that: c may hold the write.
func TestWhatIsToldOfTheAskingIsNotOfTheWrite(t *testing.T) {
	c, v := New(0, 10, Hedging{Percentile: 95, Percent: 100}), newView(1, 3, 3)
	var out Effects
	r := newRequest(OpPut, v, contract.Quorum)
	r.Self, r.Ordered, r.Value = 0, true, []byte("x")
	c.Put(0, r, &out)
	c.Reply(0, out.Sends[0].Call, nodeID(0), &Reply{Ask: AskDigest}, &out)
	out.Micros += unknownMicros + 1
	c.Hedge(&out)
	hedge := out.Sends[len(out.Sends)-1]
	c.Reply(60, hedge.Call, nodeID(1), &Reply{Ask: AskDigest}, &out)
	n := len(out.Sends)
	c.Stamped(out.Stampings[0].Call, ver(9), rec("k", 9, "x"), &out)
	write := out.Sends[n].Call
	c.Unsent(61, hedge.Call, nodeID(2), &out)
	c.LinkDown(61, nodeID(2), &out)
	c.Reply(62, write, nodeID(0), &Reply{Ask: AskWrite, Code: contract.Overloaded}, &out)
	c.Reply(62, write, nodeID(1), &Reply{Ask: AskWrite, Code: contract.Overloaded}, &out)
	if len(out.Answers) != 1 || out.Answers[0].Code != contract.InDoubt {
		t.Errorf("%+v", out.Answers)
	}
}
