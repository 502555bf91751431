package coordinator

import (
	"fmt"
	"strings"
	"testing"

	"github.com/candordb/candor/contract"
)

// The words of TestTallyOfAWrite, and of stand-ins, whose numbers follow those of
// the replicas. A replica that is not up has no words.
func TestTallyOfASloppyWrite(t *testing.T) {
	const q, all = contract.Quorum, contract.All
	for _, tc := range []struct {
		n, stands int
		up        Mask
		level     contract.Level
		script    string
		want      string // the answer, acked replicas, and hinted ones
	}{
		{1, 1, 0, q, "", "open"},
		{1, 1, 0, q, "1+", "applied 0 1"},
		{1, 1, 0, q, "1-", "OVERLOADED"},
		{1, 1, 0, q, "1?", "IN_DOUBT 0 0"},
		{1, 1, 0, q, "1x", "IN_DOUBT 0 0"},
		{1, 1, 0, q, "1u", "UNAVAILABLE"},
		{1, 1, 0, q, "end", "TIMEOUT 0 0"},
		{1, 2, 0, q, "1u 2u", "UNAVAILABLE"},
		{1, 2, 0, q, "1- 2u", "OVERLOADED"},
		{1, 2, 0, q, "1u 2-", "OVERLOADED"},
		{1, 2, 0, q, "1x 2+", "applied 0 1"},
		{1, 2, 0, q, "1x 2-", "IN_DOUBT 0 0"},
		{1, 0, 0, q, "", "UNAVAILABLE"},

		{3, 2, 0b001, q, "0+", "open"},
		{3, 2, 0b001, q, "3+", "open"},
		{3, 2, 0b001, q, "3+ 3+", "open"},
		{3, 2, 0b001, q, "3+ 4+", "open"}, // 4 was not asked
		{3, 2, 0b001, q, "0+ 3+", "applied 1 1"},
		{3, 2, 0b001, q, "3+ 0^7", "superseded by 7 1 1"},
		{3, 2, 0b001, q, "0- 3+", "open"},
		{3, 2, 0b001, q, "0- 3+ 4+", "applied 0 2"}, // 4 is asked for the one that refuses for now
		{3, 2, 0b001, q, "3- 0+ 4+", "applied 1 1"},
		{3, 2, 0b001, q, "3- 4- 0+", "IN_DOUBT 1 0"},
		{3, 2, 0b001, q, "3- 4- 0-", "OVERLOADED"},
		{3, 2, 0b001, q, "3- 4x", "IN_DOUBT 0 0"},
		{3, 2, 0b001, q, "3+ 0x 4-", "IN_DOUBT 0 1"},
		{3, 2, 0b001, all, "0+ 3+ 4+", "applied 1 2"},
		{3, 1, 0b001, all, "", "UNAVAILABLE"},
		{3, 1, 0b111, all, "0+ 1+ 2x 3+", "applied 2 1"},
		{3, 1, 0b111, all, "0+ 1+ 2x 3x", "IN_DOUBT 2 0"},
		{3, 1, 0b111, all, "0+ 1x 2x", "IN_DOUBT 1 0"},
		{3, 1, 0b111, q, "0x 1x 2x", "IN_DOUBT 0 0"},
		{3, 3, 0b000, all, "5+ 3+ 4+", "applied 0 3"},
		{3, 3, 0b000, contract.Any, "3+", "applied 0 1"},
		{3, 3, 0b000, contract.Any, "3- 4- 5-", "OVERLOADED"},
		{3, 3, 0b000, contract.Any, "3- 4- 5?", "IN_DOUBT 0 0"},
		{3, 3, 0b100, contract.Any, "2+", "applied 1 0"},
		{3, 3, 0b100, contract.Any, "2x 3+", "applied 0 1"},
	} {
		t.Run(fmt.Sprintf("%s of %d, up %b, %d/%s", tc.level, tc.n, tc.up, tc.stands, tc.script), func(t *testing.T) {
			c := New(0, 1, Hedging{})
			r := newPut(newView(1, tc.n, tc.n+tc.stands), tc.level, 5)
			r.Up, r.Sloppy = tc.up, true
			for i := range tc.stands {
				r.Stands = append(r.Stands, uint16(tc.n+i))
			}
			var out Effects
			c.Put(0, r, &out)
			for _, word := range strings.Fields(tc.script) {
				if !playedTo(&out, nodeID(int(word[0]-'0'))) && word != "end" {
					continue // nothing has come to it
				}
				c.step(out.Sends[0].Call, word, &out)
			}
			got := outcomeText(t, out.Answers)
			if len(out.Answers) == 1 && out.Answers[0].Code.Settled(true) != contract.NoEffect {
				got += fmt.Sprint(" ", out.Answers[0].Receipt.Hinted)
			}
			if got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
			if open := tc.want == "open"; open != (c.Open() == 1) {
				t.Errorf("%d requests are open", c.Open())
			}
		})
	}
}

func playedTo(out *Effects, id [16]byte) bool {
	for i := range out.Sends {
		if out.Sends[i].To == id {
			return true
		}
	}
	return false
}

// What is kept for hints is bounded. Above the bound only that something is lacking
// is remembered; what stand-ins have to keep is kept while the write is open, and
// then waits for nobody.
func TestRecordsThatAreKeptForHintsAreBounded(t *testing.T) {
	c, v := New(0, 1000, Hedging{}), newView(1, 3, 4)
	var out Effects
	value := strings.Repeat("x", 1<<20)
	put := func(version int, sloppy bool) uint64 {
		r := newPut(v, contract.All, version)
		r.Record, r.Sloppy, r.Stands = rec("k", version, value), sloppy, []uint16{3}
		out.Reset()
		c.Put(0, r, &out)
		return out.Sends[0].Call
	}
	var calls []uint64
	for i := range 10 {
		calls = append(calls, put(i+1, false))
	}
	if c.kept > keptBytes || c.kept < keptBytes/2 {
		t.Errorf("%d bytes are kept", c.kept)
	}
	out.Reset()
	c.LinkDown(0, nodeID(2), &out)
	full, empty := 0, 0
	for _, h := range out.Hints {
		if len(h.Record) == 0 {
			empty++
		} else if full++; h.Target != nodeID(2) || len(h.Record) < len(value) {
			t.Fatalf("a hint of %d bytes for %v", len(h.Record), h.Target)
		}
	}
	if full == 0 || empty == 0 || full+empty != 10 || len(out.Answers) != 10 {
		t.Errorf("%d hints with a record and %d without, %d answers", full, empty, len(out.Answers))
	}
	// The two others are still to answer. They do.
	for _, call := range calls {
		for i := range 2 {
			c.Reply(0, call, nodeID(i), &Reply{Ask: AskWrite}, &out)
		}
	}
	if c.kept != 0 || c.settling != 0 || c.Open() != 0 {
		t.Errorf("%d bytes are kept, %d writes settle, %d are open", c.kept, c.settling, c.Open())
	}
	for i := range 10 {
		call := put(20+i, true)
		c.LinkDown(0, nodeID(2), &out) // a stand-in is asked, with the whole record
		if last := &out.Sends[len(out.Sends)-1]; last.Ask != AskStand || len(last.Record) < len(value) {
			t.Fatalf("%v of %d bytes", last.Ask, len(last.Record))
		}
		c.Reply(0, call, nodeID(0), &Reply{Ask: AskWrite}, &out)
	}
	c.LinkDown(0, nodeID(3), &out) // all are in doubt now, and wait for b
	if c.kept > keptBytes+2<<20 || c.Open() != 0 {
		t.Errorf("%d bytes are kept of answered writes, %d are open", c.kept, c.Open())
	}
	c.Tick(5000, &out)
	if c.kept != 0 || c.settling != 0 {
		t.Errorf("%d bytes are kept for ever, %d writes settle", c.kept, c.settling)
	}
}

// An answered write gives its place among the open requests back at once: what
// waits for late replicas is not overload.
func TestOpenCountsWhatIsNotAnswered(t *testing.T) {
	c, v := New(0, 8, Hedging{}), newView(1, 3, 3)
	var out Effects
	for i := range 6 {
		out.Reset()
		c.Put(0, newPut(v, contract.One, i+1), &out)
		if c.Open() != 1 {
			t.Fatalf("%d are open", c.Open())
		}
		c.Reply(0, out.Sends[0].Call, nodeID(0), &Reply{Ask: AskWrite}, &out)
		if c.Open() != 0 || c.settling > 2 {
			t.Fatalf("%d are open, %d settle", c.Open(), c.settling)
		}
	}
}

// A replica may be later than the answer by settleFor, however much of its time the
// request had left.
func TestAnAnsweredWriteDoesNotWaitLong(t *testing.T) {
	c, v := New(0, 8, Hedging{}), newView(1, 3, 3)
	var out Effects
	r := newPut(v, contract.Quorum, 5)
	r.Deadline = 5000
	c.Put(0, r, &out)
	call := out.Sends[0].Call
	for i := range 2 {
		c.Reply(100, call, nodeID(i), &Reply{Ask: AskWrite}, &out)
	}
	if c.Tick(100+settleFor-1, &out); len(out.Hints) != 0 || c.settling != 1 {
		t.Fatalf("%d hints, %d settle", len(out.Hints), c.settling)
	}
	if c.Tick(100+settleFor, &out); len(out.Hints) != 1 || c.settling != 0 || out.Hints[0].Target != nodeID(2) {
		t.Fatalf("%d hints, %d settle", len(out.Hints), c.settling)
	}
}
