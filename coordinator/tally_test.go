package coordinator

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/candordb/candor/contract"
)

// A script tells the Core what replicas answer to a write of version 5, in
// words that begin with the number of the replica:
//
//	0+   has it            0^7  has 7 instead       0-   refuses
//	0?   cannot say        0x   the link is lost    0u   the message was not sent
//	end  the deadline passes
//
// play returns the answer in words; "open" as long as there is none.
func play(t *testing.T, c *Core, n int, level contract.Level, up Mask, script string) string {
	t.Helper()
	v := newView(1, n, n)
	r := newPut(v, level, 5)
	r.Up = up
	var out Effects
	c.Put(0, r, &out)
	call := uint64(0)
	if len(out.Sends) > 0 {
		call = out.Sends[0].Call
	}
	for _, word := range strings.Fields(script) {
		c.step(call, word, &out)
	}
	return outcomeText(t, out.Answers)
}

// step tells the Core one word of a script.
func (c *Core) step(call uint64, word string, out *Effects) {
	if word == "end" {
		c.Tick(1000, out)
		return
	}
	node, reply := nodeID(int(word[0]-'0')), Reply{Ask: AskWrite}
	switch word[1] {
	case 'x':
		c.LinkDown(0, node, out)
		return
	case 'u':
		c.Unsent(0, call, node, out)
		return
	case '^':
		reply.Winner = ver(number(word[2:]))
	case '-':
		reply.Code = contract.Overloaded
	case '?':
		reply.Code = contract.Internal
	}
	c.Reply(0, call, node, &reply, out)
}

func outcomeText(t *testing.T, answers []Answer) string {
	t.Helper()
	switch len(answers) {
	case 0:
		return "open"
	case 1:
	default:
		t.Errorf("answered %d times: %+v", len(answers), answers)
	}
	a := &answers[0]
	text := a.Code.String()
	if a.Code == contract.OK {
		text = a.Outcome.String()
		if !a.Winner.IsZero() {
			text += " by " + verText(a.Winner)
		}
	}
	if a.Code == contract.OK || a.Code.Settled(true) == contract.Unknown {
		text += fmt.Sprint(" ", a.Receipt.Acked)
	}
	if a.Receipt.Durable != a.Receipt.Acked {
		t.Errorf("%d acked, %d durable", a.Receipt.Acked, a.Receipt.Durable)
	}
	return text
}

func TestTallyOfAWrite(t *testing.T) {
	const q, all = contract.Quorum, contract.All
	for _, tc := range []struct {
		n      int
		level  contract.Level
		script string
		want   string // the answer, and how many are acked in it
	}{
		// One replica.
		{1, q, "", "open"},
		{1, q, "0+", "applied 1"},
		{1, q, "0^7", "superseded by 7 1"},
		{1, q, "0^4", "applied 1"},
		{1, q, "0-", "OVERLOADED"},
		{1, q, "0?", "IN_DOUBT 0"},
		{1, q, "0x", "IN_DOUBT 0"},
		{1, q, "0u", "UNAVAILABLE"},
		{1, q, "end", "TIMEOUT 0"},

		// Acknowledgements, distinct ones.
		{3, q, "0+", "open"},
		{3, q, "0+ 0+ 0+", "open"},
		{3, q, "0+ 2+", "applied 2"},
		{3, q, "0+ 2+ 1+", "applied 2"},
		{3, 1, "1+", "applied 1"},
		{3, all, "0+ 1+", "open"},
		{3, all, "0+ 1+ 2+", "applied 3"},
		{5, q, "0+ 1+", "open"},
		{5, q, "4+ 3+ 2+", "applied 3"},
		{5, 4, "0+ 1+ 2+", "open"},
		{5, 4, "0+ 1+ 2+ 3+", "applied 4"},
		{5, all, "0+ 1+ 2+ 3+ 4+", "applied 5"},

		// Superseded: by the highest that a counted replica holds.
		{3, q, "0+ 1^7", "superseded by 7 2"},
		{3, q, "0^9 1^7", "superseded by 9 2"},
		{3, q, "0+ 1+ 2^7", "applied 2"},
		{3, q, "0^7 0+ 1+", "superseded by 7 2"},
		{5, q, "0^6 1^8 2^7", "superseded by 8 3"},

		// Refused: no effect, if all that were sent it have refused.
		{3, q, "0- 1-", "open"},
		{3, q, "0- 1- 2-", "OVERLOADED"},
		{3, q, "0- 1- 2+", "IN_DOUBT 1"},
		{3, 1, "0- 1- 2+", "applied 1"},
		{3, all, "0-", "open"},
		{3, all, "0- 1+", "IN_DOUBT 1"},
		{3, q, "0- 1- 2x", "IN_DOUBT 0"},
		{3, q, "0- 1- 2?", "IN_DOUBT 0"},
		{3, q, "0- 1- end", "TIMEOUT 0"},
		{5, q, "0- 1- 2-", "open"},
		{5, q, "0- 1- 2- 3- 4-", "OVERLOADED"},
		{5, q, "0- 1- 2- 3+", "IN_DOUBT 1"},
		{5, q, "0- 1- 2+ 3+ 4+", "applied 3"},

		// Lost: in doubt, as soon as it cannot be enough any more.
		{3, q, "0x", "open"},
		{3, q, "0x 1x", "IN_DOUBT 0"},
		{3, q, "0+ 1x", "open"},
		{3, q, "0+ 1x 2x", "IN_DOUBT 1"},
		{3, q, "0+ 1x 2+", "applied 2"},
		{3, all, "0x", "IN_DOUBT 0"},
		{5, q, "0x 1x", "open"},
		{5, q, "0x 1x 2x", "IN_DOUBT 0"},
		{5, q, "0+ 1x 2- 3?", "IN_DOUBT 1"},
		{3, q, "0x 0+ 1+", "applied 2"},
		{3, q, "0x 0- 1- 2-", "IN_DOUBT 0"},
		{3, q, "0? 0+ 1+", "applied 2"},
		{3, q, "0? 0- 1-", "IN_DOUBT 0"},
		{3, q, "0+ 0x 1+", "applied 2"},

		// Not sent: like a replica that was never asked.
		{3, q, "0u 1+ 2+", "applied 2"},
		{3, q, "0u 1u", "open"},
		{3, q, "0u 1u 2+", "IN_DOUBT 1"},
		{3, q, "0u 1u 2-", "OVERLOADED"},
		{3, q, "0u 1u 2x", "IN_DOUBT 0"},
		{3, q, "0u 1u 2u", "UNAVAILABLE"},
		{3, q, "0+ 0u 1+", "applied 2"},

		// The deadline.
		{3, q, "0+ end", "TIMEOUT 1"},
		{3, q, "0+ end 1+", "TIMEOUT 1"},
		{3, q, "0+ 1+ end", "applied 2"},
		{5, q, "0+ 1+ end", "TIMEOUT 2"},
	} {
		t.Run(fmt.Sprintf("%s of %d/%s", tc.level, tc.n, tc.script), func(t *testing.T) {
			c := New(0, 1, Hedging{})
			if got := play(t, c, tc.n, tc.level, 1<<tc.n-1, tc.script); got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
			if open := tc.want == "open"; open != (c.Open() == 1) {
				t.Errorf("%d requests are open", c.Open())
			}
		})
	}
}

// Contract, section 6: with fewer than needed it is refused before anything is sent.
func TestTooFewReachableIsRefusedBeforeAnythingIsSent(t *testing.T) {
	for _, tc := range []struct {
		n     int
		level contract.Level
		up    Mask
		sent  int
	}{
		{1, contract.Quorum, 0, 0}, {3, contract.Quorum, 0b001, 0}, {3, contract.Quorum, 0b101, 2}, {3, contract.All, 0b110, 0},
		{3, contract.All, 0b111, 3}, {3, 1, 0b100, 1}, {5, contract.Quorum, 0b11000, 0}, {5, contract.Quorum, 0b11001, 3}, {5, 4, 0b11101, 4},
	} {
		for _, op := range []Op{OpPut, OpGet} {
			c, v := New(0, 1, Hedging{}), newView(1, tc.n, tc.n)
			r := newPut(v, tc.level, 5)
			r.Op, r.Up = op, tc.up
			var out Effects
			want := tc.sent
			if op == OpPut {
				c.Put(0, r, &out)
			} else {
				c.Get(0, r, &out)
				want = min(want, r.Need) // a read asks no more than it needs
			}
			refused := len(out.Answers) == 1 && out.Answers[0].Code == contract.Unavailable
			if len(out.Sends) != want || refused != (tc.sent == 0) || c.Open() == 1 == refused {
				t.Errorf("%v %v of %d, up %b: %d sent, answers %+v", op, tc.level, tc.n, tc.up, len(out.Sends), out.Answers)
			}
		}
	}
}

func TestFullCoreIsOverloaded(t *testing.T) {
	c, v := New(0, 2, Hedging{}), newView(1, 3, 3)
	var out Effects
	for range 3 {
		c.Put(0, newPut(v, contract.Quorum, 5), &out)
	}
	if len(out.Answers) != 1 || out.Answers[0].Code != contract.Overloaded || len(out.Sends) != 6 {
		t.Fatalf("%d sent, answers %+v", len(out.Sends), out.Answers)
	}
	c.Tick(1000, &out)
	if out.Reset(); c.Open() != 0 {
		t.Fatalf("%d requests are open behind their deadline", c.Open())
	}
	if c.Get(1000, newRequest(OpGet, v, contract.One), &out); len(out.Sends) != 1 {
		t.Error("freed slots are not used again")
	}
}

// A call names shard, slot and generation. One that is not open here, whatever
// it is, is nobody's.
func TestStrayCallsAreDropped(t *testing.T) {
	c, v := New(ShardsMax-1, 4, Hedging{}), newView(1, 3, 3)
	var out Effects
	c.Put(0, newPut(v, contract.Quorum, 5), &out)
	call := out.Sends[0].Call
	if ShardOf(call) != ShardsMax-1 {
		t.Errorf("call %x is of shard %d", call, ShardOf(call))
	}
	ok := Reply{Ask: AskWrite}
	for _, stray := range []uint64{0, 1, call + 1, call - 1, call + 1<<slotBits, call | 1<<slotBits<<8, ^uint64(0)} {
		for i := range 3 {
			c.Reply(0, stray, nodeID(i), &ok, &out)
			c.Unsent(0, stray, nodeID(i), &out)
		}
	}
	for _, other := range []Ask{AskRead, AskDigest, AskRange} {
		c.Reply(0, call, nodeID(0), &Reply{Ask: other}, &out)
		c.Reply(0, call, nodeID(1), &Reply{Ask: other}, &out)
	}
	c.Reply(0, call, nodeID(7), &ok, &out) // no replica of the key
	if len(out.Answers) != 0 {
		t.Errorf("answered: %+v", out.Answers)
	}
}

func TestSuspectsAreAskedLast(t *testing.T) {
	for _, tc := range []struct {
		self    int
		suspect Mask
		want    string
	}{{-1, 0, "a b c d e"}, {3, 0, "d a b c e"}, {-1, 0b00011, "c d e a b"}, {4, 0b00110, "e a d b c"}} {
		c := New(0, 1, Hedging{})
		r := newPut(newView(1, 5, 5), contract.All, 5)
		r.Self, r.Suspect = tc.self, tc.suspect
		var out Effects
		c.Put(0, r, &out)
		var order []string
		for i := range out.Sends {
			order = append(order, nodeName(out.Sends[i].To))
		}
		if got := strings.Join(order, " "); got != tc.want {
			t.Errorf("self %d, suspects %b: %s, want %s", tc.self, tc.suspect, got, tc.want)
		}
	}
}

// A read is played in the same words: 0= holds the record, 0! a damaged one,
// 0- refuses, 0? cannot say, 0x and 0u as for a write. A replica answers only if
// it was asked.
func playRead(t *testing.T, n int, level contract.Level, script string) string {
	t.Helper()
	c := New(0, 1, Hedging{})
	var out Effects
	c.Get(0, newRequest(OpGet, newView(1, n, n), level), &out)
	for _, word := range strings.Fields(script) {
		if word == "end" {
			c.Tick(1000, &out)
			continue
		}
		node := nodeID(int(word[0] - '0'))
		asked := slices.IndexFunc(out.Sends, func(s Send) bool { return s.To == node })
		if word[1] == 'x' {
			c.LinkDown(0, node, &out)
		} else if asked < 0 {
			t.Fatalf("%s: replica %c was not asked", script, word[0])
		} else {
			m := out.Sends[asked]
			if reply := readReply(m.Ask, word[1]); reply != nil {
				c.Reply(0, m.Call, node, reply, &out)
			} else {
				c.Unsent(0, m.Call, node, &out)
			}
		}
	}
	if len(out.Answers) == 0 {
		return "open"
	}
	a := &out.Answers[0]
	switch {
	case len(out.Answers) > 1 || c.Open() != 0:
		t.Errorf("%d answers, %d open", len(out.Answers), c.Open())
	case a.Code == contract.OK:
		return fmt.Sprintf("%s, %d of %d", a.Value, a.Receipt.Acked, a.Receipt.Asked)
	case a.Code == contract.Unavailable:
		return fmt.Sprintf("UNAVAILABLE %d", a.Reachable)
	}
	return a.Code.String()
}

// readReply is the answer of a word; nil if the message was not sent.
func readReply(ask Ask, word byte) *Reply {
	r := &Reply{Ask: ask}
	switch word {
	case '=':
		r.Record = rec("k", 5, "v5")
	case '!':
		r.Code = contract.Corrupt
	case '-':
		r.Code = contract.Overloaded
	case '?':
		r.Code = contract.Internal
	case 'u':
		return nil
	}
	return r
}

func TestTallyOfARead(t *testing.T) {
	const q, all = contract.Quorum, contract.All
	for _, tc := range []struct {
		n      int
		level  contract.Level
		script string
		want   string // the value, and how many hold it of those asked; or what can be reached
	}{
		{1, q, "", "open"},
		{1, q, "0=", "v5, 1 of 1"},
		{1, q, "0!", "CORRUPT"},
		{1, q, "0-", "UNAVAILABLE 0"},
		{1, q, "0x", "UNAVAILABLE 0"},
		{1, q, "0u", "UNAVAILABLE 0"},
		{1, q, "end", "TIMEOUT"},

		{3, 1, "0=", "v5, 1 of 1"},
		{3, 1, "0x 1x 2=", "v5, 1 of 3"},
		{3, q, "0= 0=", "open"},
		{3, q, "0= 1=", "v5, 2 of 2"},
		{3, q, "1= 0=", "v5, 2 of 2"},
		{3, q, "0x 1= 2=", "v5, 2 of 3"},
		{3, q, "0= 1? 2=", "v5, 2 of 3"},
		{3, q, "0! 1= 2=", "v5, 2 of 3"},
		{3, q, "0u 1= 2=", "v5, 2 of 2"},
		{3, q, "0x 1x", "UNAVAILABLE 1"},
		{3, q, "0= 1- 2-", "UNAVAILABLE 1"},
		{3, q, "0= 1! 2x", "CORRUPT"},
		{3, q, "2x 0= 1=", "v5, 2 of 2"},
		{3, q, "2x 0= 1x", "UNAVAILABLE 1"},
		{3, q, "0x 0= 1=", "open"},
		{3, q, "0= end", "TIMEOUT"},
		{3, all, "0= 1=", "open"},
		{3, all, "0= 1= 2=", "v5, 3 of 3"},
		{3, all, "0= 1x", "UNAVAILABLE 2"},

		{5, q, "0= 1=", "open"},
		{5, q, "0= 1= 2=", "v5, 3 of 3"},
		{5, q, "0x 1! 2= 3= 4=", "v5, 3 of 5"},
		{5, q, "0x 1x 2x", "UNAVAILABLE 2"},
		{5, 4, "0= 1= 2= 3? 4=", "v5, 4 of 5"},
		{5, all, "0= 1= 2= 3= 4=", "v5, 5 of 5"},
	} {
		t.Run(fmt.Sprintf("%s of %d/%s", tc.level, tc.n, tc.script), func(t *testing.T) {
			if got := playRead(t, tc.n, tc.level, tc.script); got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}
