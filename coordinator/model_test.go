package coordinator

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
)

// tally is the dumb second implementation of what is answered to a write: it
// keeps every word that a replica said, and looks at all of them each time.
type tally struct {
	need int
	said map[int][]string // by replica: +, ^n, -, ?, x, u as in a script
}

// state is what all the words of a replica come to.
func state(words []string) string {
	switch {
	case len(words) == 0:
		return "waiting"
	case words[0] == "u":
		return "never asked"
	case words[0] == "-":
		return "refused"
	case slices.ContainsFunc(words, hasIt):
		return "acked"
	}
	return "lost" // and stays it, whatever is refused later
}

func hasIt(word string) bool { return word[0] == '+' || word[0] == '^' }

// answer is the answer in the words of outcomeText.
func (m *tally) answer() string {
	count := make(map[string]int)
	winner := 0
	for _, words := range m.said {
		count[state(words)]++
		if i := slices.IndexFunc(words, hasIt); i >= 0 && words[i][0] == '^' {
			winner = max(winner, number(words[i][1:]))
		}
	}
	sent := len(m.said) - count["never asked"]
	switch acked := count["acked"]; {
	case acked >= m.need && winner > 5:
		return fmt.Sprintf("superseded by %d %d", winner, acked)
	case acked >= m.need:
		return fmt.Sprintf("applied %d", acked)
	case sent == 0:
		return "UNAVAILABLE"
	case count["refused"] == sent:
		return "OVERLOADED"
	case acked+count["waiting"] >= m.need:
		return "open"
	case acked == 0 && count["lost"] == 0:
		return "open" // the rest may refuse as well
	default:
		return fmt.Sprintf("IN_DOUBT %d", acked)
	}
}

func TestTallyAgreesWithADumbOne(t *testing.T) {
	checkOften(t, func(rt *rapid.T) {
		n := rapid.SampledFrom([]int{1, 3, 5}).Draw(rt, "replicas")
		need := rapid.IntRange(1, n).Draw(rt, "need")
		up := Mask(rapid.Uint64Range(0, 1<<n-1).Draw(rt, "up"))
		c, m := New(0, 1, Hedging{}), &tally{need: need, said: make(map[int][]string)}
		for i := range n {
			if up.has(i) {
				m.said[i] = nil
			}
		}
		r := newPut(newView(1, n, n), contract.Level(need), 5)
		r.Up = up
		var out Effects
		c.Put(0, r, &out)
		if up.count() < need {
			if len(out.Sends) != 0 || len(out.Answers) != 1 || out.Answers[0].Code != contract.Unavailable {
				rt.Fatalf("%d of %d reachable: %+v", up.count(), need, out)
			}
			return
		}
		call := out.Sends[0].Call
		for range rapid.IntRange(0, 12).Draw(rt, "words") {
			i := rapid.SampledFrom(slices.Sorted(maps.Keys(m.said))).Draw(rt, "replica")
			word := rapid.SampledFrom([]string{"+", "^4", "^7", "^8", "-", "?", "x", "u"}).Draw(rt, "word")
			if word == "u" && len(m.said[i]) > 0 {
				continue // who has said something was sent something
			}
			if n := len(m.said[i]); n > 0 && (m.said[i][n-1] == "u" || m.said[i][0] == "-") {
				continue // nothing was sent; or the one answer has been given
			}
			if before := m.answer(); before != "open" {
				break
			}
			m.said[i] = append(m.said[i], word)
			c.step(call, fmt.Sprint(i, word), &out)
			if got := outcomeText(t, out.Answers); got != m.answer() {
				rt.Fatalf("%d of %d, %v: %s, the dumb one says %s", need, n, m.said, got, m.answer())
			}
		}
		wasOpen := m.answer() == "open"
		c.Tick(1000, &out)
		for i := range n {
			c.step(call, fmt.Sprint(i, "+"), &out)
		}
		if len(out.Answers) != 1 || c.Open() != 0 || wasOpen != (out.Answers[0].Code == contract.Timeout) {
			rt.Fatalf("at the deadline: %d answers, %d open", len(out.Answers), c.Open())
		}
		checkReceipt(rt, &out.Answers[0], len(m.said))
	})
}

func checkReceipt(t *rapid.T, a *Answer, up int) {
	r := a.Receipt
	if a.Code == contract.OK && r.Acked < r.Need || r.Acked > r.Asked || r.Durable > r.Acked || r.Asked > up || r.Hinted != 0 {
		t.Fatalf("%v with %+v", a.Code, r)
	}
	if a.Code.Settled(true) == contract.NoEffect && r.Acked > 0 {
		t.Fatalf("no effect (%v), but %d have it", a.Code, r.Acked)
	}
}

// mini is a cluster of replicas of the one key, with messages that are under
// way until a test lets them arrive, in any order, twice, or never.
type mini struct {
	core     *Core
	out      Effects
	holds    [][]byte // by replica
	damaged  Mask
	messages []message
	replies  []reply
	done     []Answer
	at       [][][]byte      // by answer: what the replicas held when it left
	void     Mask            // replicas that have noted to refuse version 5
	tick     int             // the coordinator's clock; 0: it may not be used
	stamped  hlc.Version     // what it made of it for an ordered write
	hedged   int             // messages that the Core sent as hedges
	told     [][]hlc.Version // by replica: what it held each time that it acknowledged
	busy     Mask            // nodes that refuse what they are asked to write
	keeps    []Mask          // by member that owns no copy: the replicas for which it keeps version 5
	bars     Mask            // members that have noted that they will keep no hint of it
	kept     [][]Mask        // by answer: the same when it left
	hints    []Hint          // that the coordinator is to keep
	unheard  bool            // a member that owns no copy may have been given up
}

// members is how many nodes there are, of which the first own the copies.
func (m *mini) members() int { return len(m.holds) + len(m.keeps) }

type message struct {
	Send
	left bool // a copy of it has left the coordinator
}

type reply struct {
	call uint64
	from int
	Reply
}

// drain takes what the Core wants done.
func (m *mini) drain() {
	for _, s := range m.out.Sends {
		s.Record = bytes.Clone(s.Record)
		m.messages = append(m.messages, message{Send: s})
	}
	for _, s := range m.out.Stampings {
		m.stamp(s)
	}
	for range m.out.Answers {
		m.at, m.kept = append(m.at, slices.Clone(m.holds)), append(m.kept, slices.Clone(m.keeps))
	}
	for _, h := range m.out.Hints {
		h.Record = bytes.Clone(h.Record)
		m.hints = append(m.hints, h)
	}
	m.done = append(m.done, m.out.Answers...)
	for i := range m.done {
		m.done[i].Value = bytes.Clone(m.done[i].Value)
	}
	m.out.Reset()
}

// stamp makes the version of an ordered write, as the caller of a Core does.
func (m *mini) stamp(s Stamping) {
	var more Effects
	if m.tick == 0 {
		m.core.Unstamped(s.Call, contract.Clock, contract.ClockFenced, "fenced", &more)
	} else {
		m.stamped = hlc.Version{Time: max(hlc.Timestamp(m.tick), s.Above.Time+1), Writer: 2}
		b := record.Append(nil, namespace, []byte("k"), record.Record{Version: m.stamped, Value: s.Value})
		m.core.Stamped(s.Call, m.stamped, b, &more)
	}
	for _, s := range more.Sends {
		s.Record = bytes.Clone(s.Record)
		m.messages = append(m.messages, message{Send: s})
	}
	m.out.Answers = append(m.out.Answers, more.Answers...)
}

// arrive lets a message arrive at its replica, which answers.
func (m *mini) arrive(s Send) {
	i := int(s.To[0] - 1)
	r := reply{call: s.Call, from: i, Reply: Reply{Ask: s.Ask}}
	switch {
	case m.busy.has(i) && (s.Ask == AskWrite || s.Ask == AskStand):
		r.Code = contract.Overloaded
	case s.Ask == AskStand && m.bars.has(i):
		r.Code, r.Kind = contract.Clock, contract.StampGivenUp
	case i >= len(m.holds) && s.Ask == AskVoid:
		m.bars.add(i)
	case s.Ask == AskStand:
		m.keeps[i-len(m.holds)].add(int(s.Target[0] - 1))
	case s.Ask == AskHint:
		if m.keeps[i-len(m.holds)] != 0 {
			r.Record = rec("k", 5, "v5")
		}
	case m.damaged.has(i):
		r.Code = contract.Corrupt
	case s.Ask == AskRead:
		r.Record = bytes.Clone(m.holds[i])
	case s.Ask == AskDigest:
		h, _ := record.Header(m.holds[i])
		r.Record = bytes.Clone(h)
	case s.Ask == AskVoid && !versionOf(m.holds[i]).Less(s.Version):
		r.Winner = versionOf(m.holds[i])
	case s.Ask == AskVoid:
		m.void.add(i)
	case (s.Ask == AskWrite || s.Ask == AskDeliver) && m.void.has(i) && versionOf(s.Record) == ver(5):
		r.Code, r.Kind = contract.Clock, contract.StampGivenUp
	default:
		if versionOf(s.Record) == ver(5) {
			m.void.remove(i)
		}
		m.holds[i], _ = record.Merge(m.holds[i], s.Record)
		has := versionOf(m.holds[i])
		if versionOf(s.Record).Less(has) {
			r.Winner = has
		}
		m.told[i] = append(m.told[i], has)
	}
	m.replies = append(m.replies, r)
}

// take takes a message out of what is under way.
func (m *mini) take(i int) message {
	s := m.messages[i]
	m.messages = slices.Delete(m.messages, i, i+1)
	return s
}

func versionOf(rec []byte) hlc.Version {
	if len(rec) == 0 {
		return hlc.Version{}
	}
	return hlc.VersionFrom(rec[2:])
}

// run lets things happen in a drawn order until the requests are answered. Half of
// the runs are calm: only what takes many steps without a failure shows in these.
func (m *mini) run(t *rapid.T, requests int) {
	m.drain()
	kinds := []string{"arrive", "arrive", "arrive", "answer", "answer", "answer", "twice", "late", "unsent", "down", "half", "end"}
	if rapid.Bool().Draw(t, "calm") {
		kinds = kinds[:8]
	}
	for step := 0; m.core.Open() > 0; step++ {
		pick := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "which") }
		kind := rapid.SampledFrom(kinds).Draw(t, "what")
		switch {
		case kind == "arrive" && len(m.messages) > 0:
			m.arrive(m.take(pick(len(m.messages))).Send)
		case kind == "twice" && len(m.messages) > 0:
			again := &m.messages[pick(len(m.messages))]
			again.left = true
			m.arrive(again.Send)
		case kind == "unsent" && len(m.messages) > 0:
			if s := m.take(pick(len(m.messages))); !s.left && s.Call != 0 {
				m.unheard = m.unheard || int(s.To[0]) > len(m.holds)
				m.core.Unsent(0, s.Call, s.To, &m.out)
			}
		case kind == "answer" && len(m.replies) > 0:
			i := pick(len(m.replies))
			r := m.replies[i]
			m.replies = slices.Delete(m.replies, i, i+1)
			m.core.Reply(0, r.call, nodeID(r.from), &r.Reply, &m.out)
		case kind == "down":
			id := nodeID(pick(m.members()))
			m.unheard = m.unheard || int(id[0]) > len(m.holds)
			m.core.LinkDown(0, id, &m.out)
		case kind == "late":
			m.out.Micros += unknownMicros + 1
			m.hedge()
		case kind == "half":
			m.unheard = true
			m.core.Tick(500, &m.out)
		case kind == "end" || step > 500:
			m.core.Tick(1000, &m.out)
		}
		m.drain()
	}
	// What is still under way comes later, to nobody.
	for len(m.messages) > 0 {
		m.arrive(m.take(0).Send)
	}
	for _, r := range m.replies {
		m.core.Reply(0, r.call, nodeID(r.from), &r.Reply, &m.out)
	}
	m.core.Tick(1<<40, &m.out)
	if c := m.core; c.settling != 0 || c.kept != 0 || len(c.free) != len(c.slots) {
		t.Fatalf("%d writes settle for ever, %d bytes are kept, %d of %d slots are free", c.settling, c.kept, len(c.free), len(c.slots))
	}
	if m.drain(); len(m.done) != requests {
		t.Fatalf("%d answers to %d requests", len(m.done), requests)
	}
	if h := m.core.Hedges(); h.Won+h.Lost != uint64(m.hedged) {
		t.Fatalf("%d hedges, counted as %+v", m.hedged, h)
	}
}

// newMini draws a cluster of 3 or 5 replicas that hold versions 1 to 9 or
// nothing, some of them damaged.
func newMini(t *rapid.T) *mini {
	n := rapid.SampledFrom([]int{3, 5}).Draw(t, "replicas")
	h := Hedging{Percentile: 95, Percent: rapid.SampledFrom([]int{0, 5, 100}).Draw(t, "hedging")}
	m := &mini{core: New(0, 8, h), holds: make([][]byte, n), told: make([][]hlc.Version, n)}
	for i := range n {
		version := rapid.IntRange(0, 9).Draw(t, "version")
		m.holds[i] = rec("k", version, rapid.SampledFrom([]string{fmt.Sprint("v", version), "tombstone"}).Draw(t, "value"))
		if rapid.IntRange(0, 9).Draw(t, "damage") == 0 {
			m.damaged.add(i)
		}
	}
	return m
}

// A QUORUM write is never answered applied while a counted replica holds a
// higher version; and superseded always names a version that one holds.
func TestAppliedMeansThatNoCountedReplicaHoldsMore(t *testing.T) {
	checkOften(t, func(t *rapid.T) {
		m := newMini(t)
		r := newPut(newView(1, len(m.holds), len(m.holds)), contract.Quorum, 5)
		r.Rows = true
		m.core.Put(0, r, &m.out)
		m.run(t, 1)
		a := m.done[0]
		checkReceipt(t, &a, len(m.holds))
		counted := 0
		highest := hlc.Version{}
		for _, row := range a.Receipt.Rows {
			if row.State != contract.Durable && row.State != contract.RowSuperseded {
				continue
			}
			counted++
			i := int(row.Node[0] - 1)
			if len(m.told[i]) == 0 {
				t.Fatalf("%c is counted and never acknowledged", 'a'+i)
			}
			has := m.told[i][0]
			if highest.Less(has) {
				highest = has
			}
			if versionOf(m.holds[i]).Less(ver(5)) || hlc.VersionFrom(row.Version[:]) != has {
				t.Fatalf("%c acknowledged %v, holds %v, its row says %x", 'a'+i, has, versionOf(m.holds[i]), row.Version)
			}
		}
		switch {
		case counted != a.Receipt.Acked:
			t.Fatalf("acked %d, rows say %d", a.Receipt.Acked, counted)
		case a.Code == contract.OK && (a.Outcome == contract.Applied) != (highest == ver(5)):
			t.Fatalf("%v, and the highest of a counted replica is %v", a.Outcome, highest)
		case a.Code == contract.OK && a.Outcome == contract.Superseded && a.Winner != highest:
			t.Fatalf("superseded by %v, the highest is %v", a.Winner, highest)
		}
		if a.Code.Settled(true) == contract.NoEffect {
			for i := range m.holds {
				if len(m.told[i]) > 0 {
					t.Fatalf("no effect (%v), but %c did it", a.Code, 'a'+i)
				}
			}
		}
	})
}

// Contract, section 4: the answer of a QUORUM read is at least as new as what a
// quorum was told before, and as many replicas as the receipt says hold it, or
// something higher, when it leaves. What was seen is never shown older again.
// Under weaken the same holds of the level that the receipt names, which is never
// higher than the one that was asked.
func TestReadIsHeldByAsManyAsItSays(t *testing.T) {
	checkOften(t, func(t *rapid.T) {
		m := newMini(t)
		n := len(m.holds)
		r := newRequest(OpGet, newView(1, n, n), contract.Level(rapid.IntRange(1, n).Draw(t, "need")))
		r.Weaken = rapid.Bool().Draw(t, "weaken")
		if r.Weaken {
			r.Up &= Mask(rapid.Uint64Range(1, 1<<n-1).Draw(t, "up"))
		}
		if rapid.Bool().Draw(t, "seen") {
			r.After = ver(rapid.IntRange(1, 9).Draw(t, "after"))
		}
		// The version that the most recent acknowledged write can have left: the
		// quorum-highest of what intact replicas hold.
		var held []hlc.Version
		for i, rec := range m.holds {
			if !m.damaged.has(i) {
				held = append(held, versionOf(rec))
			}
		}
		slices.SortFunc(held, func(a, b hlc.Version) int { return b.Compare(a) })
		w := contract.QuorumOf(n)
		m.core.Get(0, r, &m.out)
		m.run(t, 1)
		a := m.done[0]
		if a.Code != contract.OK {
			if a.Code != contract.Unavailable && a.Code != contract.Timeout && a.Code != contract.Corrupt {
				t.Fatalf("a read ended with %v", a.Code)
			}
			return
		}
		checkReceipt(t, &a, n)
		have := 0
		for i, rec := range m.at[0] {
			if !m.damaged.has(i) && !versionOf(rec).Less(a.Version) {
				have++
			}
		}
		switch {
		case have < a.Receipt.Acked:
			t.Fatalf("acked %d, but %d hold %v", a.Receipt.Acked, have, a.Version)
		case a.Version.Less(r.After):
			t.Fatalf("%v was seen, %v was answered", r.After, a.Version)
		case !r.Weaken && a.Receipt.Level != r.Level || a.Receipt.Need > r.Need:
			t.Fatalf("asked for %v, need %d, and answered at %v, need %d", r.Level, r.Need, a.Receipt.Level, a.Receipt.Need)
		case levelOfReceipt(t, &a, n)+w > n && len(held) >= w && a.Version.Less(held[w-1]):
			t.Fatalf("%d of %d hold %v, and %v was answered", w, n, held[w-1], a.Version)
		case a.Found && string(a.Value) != fmt.Sprint("v", verText(a.Version)):
			t.Fatalf("version %v has the value %q", a.Version, a.Value)
		}
	})
}

// Rule 4: an ordered write is stamped above every version that a quorum held when
// it began, whatever the clock of its coordinator says. Until it is stamped nothing
// is written: no effect is true.
func TestOrderedIsAboveWhatAQuorumHeld(t *testing.T) {
	checkOften(t, func(t *rapid.T) {
		m := newMini(t)
		n := len(m.holds)
		m.tick = rapid.IntRange(0, 12).Draw(t, "clock")
		r := newRequest(OpPut, newView(1, n, n), contract.Level(rapid.IntRange(1, n).Draw(t, "need")))
		r.Ordered, r.Value = true, []byte("ordered")
		var held []hlc.Version
		for i, rec := range m.holds {
			if !m.damaged.has(i) {
				held = append(held, versionOf(rec))
			}
		}
		slices.SortFunc(held, func(a, b hlc.Version) int { return b.Compare(a) })
		m.core.Put(0, r, &m.out)
		m.run(t, 1)
		a, w := m.done[0], contract.QuorumOf(n)
		checkReceipt(t, &a, n)
		switch {
		case a.Code == contract.OK && (a.Version != m.stamped || m.stamped.IsZero()):
			t.Fatalf("%v was stamped, %v answered", m.stamped, a.Version)
		case !m.stamped.IsZero() && (len(held) < w || !held[w-1].Less(m.stamped)):
			t.Fatalf("a quorum of %d held %v, and %v was stamped", w, held, m.stamped)
		}
		for i := range m.told {
			if len(m.told[i]) > 0 && (m.stamped.IsZero() || a.Code.Settled(true) == contract.NoEffect) {
				t.Fatalf("%v, but %c was written", a.Code, 'a'+i)
			}
		}
	})
}

// stands are the members that own no copy.
func (m *mini) stands() (s []uint16) {
	for i := range m.keeps {
		s = append(s, uint16(len(m.holds)+i))
	}
	return s
}

// Contract, section 1: hints never count but for sloppy, and then the receipt counts
// them apart; they are synced before the answer. Rule 5: hints are left beside an
// answer of done or in doubt only, for each replica that neither has the write nor
// has refused it for good, nor is stood in for; never beside a refusal.
func TestSloppyCountsApart(t *testing.T) {
	checkOften(t, func(t *rapid.T) {
		if b := sloppyCountsApart(t); b != "" {
			t.Fatal(b)
		}
	})
}

func sloppyCountsApart(t *rapid.T) (broken string) {
	check := func(ok bool, format string, args ...any) {
		if !ok && broken == "" {
			broken = fmt.Sprintf(format, args...)
		}
	}
	m := newMini(t)
	n := len(m.holds)
	m.keeps = make([]Mask, rapid.IntRange(0, 3).Draw(t, "others"))
	m.busy = Mask(rapid.Uint64Range(0, 1<<m.members()-1).Draw(t, "busy")) & Mask(rapid.Uint64Range(0, 1<<m.members()-1).Draw(t, "really"))
	r := newPut(newView(1, n, m.members()), contract.Level(rapid.IntRange(1, n).Draw(t, "need")), 5)
	r.Up &= Mask(rapid.Uint64Range(0, 1<<n-1).Draw(t, "up"))
	if r.Sloppy = rapid.Bool().Draw(t, "sloppy"); r.Sloppy {
		r.Stands = m.stands()
	}
	m.core.Put(0, r, &m.out)
	m.run(t, 1)
	a := m.done[0]
	var covered, acked Mask
	for _, keeps := range m.kept[0] {
		covered |= keeps
	}
	for i := range m.holds {
		if len(m.told[i]) > 0 {
			acked.add(i)
		}
	}
	rc := a.Receipt
	check(rc.Acked <= acked.count() && rc.Durable == rc.Acked && rc.Hinted <= covered.count(), "%+v, but %b acknowledged and %b are stood in for", rc, acked, covered)
	check(a.Code != contract.OK || (acked|covered).count() >= rc.Need && rc.Acked+rc.Hinted >= rc.Need, "OK with %+v, %b acknowledged and %b are stood in for", rc, acked, covered)
	check(r.Sloppy || rc.Hinted == 0, "hinted %d, unasked", rc.Hinted)
	if a.Code.Settled(true) == contract.NoEffect {
		check(acked|covered == 0 && len(m.hints) == 0, "no effect (%v), but %b have it, %b are stood in for, %d hints are left", a.Code, acked, covered, len(m.hints))
		return broken
	}
	var hinted Mask
	for _, h := range m.hints {
		i := int(h.Target[0] - 1)
		check(!hinted.has(i) && h.Version == ver(5) && bytes.Equal(h.Record, r.Record), "hint %+v, after ones for %b", h, hinted)
		hinted.add(i)
	}
	for i := range m.holds {
		has := !versionOf(m.holds[i]).Less(ver(5))
		check(has || hinted.has(i) || covered.has(i) || m.damaged.has(i) || laterCovered(m, i), "%c lacks it, and nobody remembers", 'a'+i)
	}
	return broken
}

// laterCovered says whether a stand-in keeps the write for a replica, in the end.
func laterCovered(m *mini, i int) bool {
	return slices.ContainsFunc(m.keeps, func(keeps Mask) bool { return keeps.has(i) })
}

// levelOfReceipt is how many replicas the level that an answer names asks for, and
// as many have to hold what it answers.
func levelOfReceipt(t *rapid.T, a *Answer, n int) int {
	need, ok := a.Receipt.Level.Need(n)
	if !ok || need != a.Receipt.Need || a.Receipt.Acked < need {
		t.Fatalf("level %v with %+v", a.Receipt.Level, a.Receipt)
	}
	return need
}

// Contract, section 3: OUTCOME answers committed or superseded only when a quorum
// holds the winner or more, and not applied only if the write never shows from then
// on. Here the write is still under way to some replicas, several ask about it at
// once, and reads may find it in between.
func TestOutcomeIsTrue(t *testing.T) {
	checkOften(t, func(t *rapid.T) {
		m := newMini(t)
		n := len(m.holds)
		if rapid.Bool().Draw(t, "nobody holds it") { // else that is rare, and so is "not applied"
			m.damaged = 0
			for i := range m.holds {
				m.holds[i] = rec("k", rapid.IntRange(0, 4).Draw(t, "older"), "older")
			}
		}
		sloppy := rapid.Bool().Draw(t, "sloppy")
		m.keeps = make([]Mask, rapid.IntRange(0, 2).Draw(t, "others"))
		for i := range m.keeps {
			if rapid.Bool().Draw(t, "keeps it") {
				m.keeps[i].add(0)
			}
		}
		v := newView(1, n, m.members())
		for i := range n {
			if rapid.IntRange(0, 4).Draw(t, "under way") == 0 {
				m.messages = append(m.messages, message{Send: Send{To: nodeID(i), Ask: AskWrite, Record: rec("k", 5, "v5")}})
			}
		}
		for i := range m.keeps {
			if rapid.IntRange(0, 4).Draw(t, "under way to a stand-in") == 0 {
				m.messages = append(m.messages, message{Send: Send{To: nodeID(n + i), Ask: AskStand, Target: nodeID(0), Record: rec("k", 5, "v5")}})
			}
		}
		asked := rapid.IntRange(1, 3).Draw(t, "asked")
		for i := range asked {
			r := newRequest(OpOutcome, v, contract.Quorum)
			r.Sloppy, r.Stands = sloppy, m.stands()
			if r.Stamp = ver(5); i > 0 && rapid.Bool().Draw(t, "read") {
				r = newRequest(OpGet, v, contract.Quorum)
				r.Weaken = rapid.Bool().Draw(t, "weaken")
			}
			m.core.Get(0, r, &m.out)
		}
		m.run(t, asked)
		notApplied, seen := false, false
		for i := range m.done {
			a := &m.done[i]
			have := 0
			for i, rec := range m.at[i] {
				if !m.damaged.has(i) && !versionOf(rec).Less(a.Winner) {
					have++
				}
			}
			switch {
			case a.Code != contract.OK:
			case a.Op == OpGet:
				seen = seen || a.Version == ver(5)
			case a.Fate == contract.Pending && a.Winner.IsZero():
			case a.Fate == contract.NotApplied && a.Winner.IsZero() && a.Receipt.Acked == n:
				notApplied = true
			case have < a.Receipt.Need:
				t.Fatalf("%v, but %d hold %v", a.Fate, have, a.Winner)
			case a.Fate == contract.Committed && a.Winner == ver(5):
				seen = true
			case a.Fate == contract.FateSuperseded && ver(5).Less(a.Winner):
			default:
				t.Fatalf("%v, winner %v", a.Fate, a.Winner)
			}
		}
		for i, keeps := range m.keeps {
			if notApplied && keeps != 0 && (sloppy || !m.unheard) { // without the flag one that is not heard may keep it
				t.Fatalf("not applied, but %c keeps it as a hint, which counted", 'a'+n+i)
			}
		}
		for i, rec := range m.holds {
			seen = seen || versionOf(rec) == ver(5)
			if notApplied && seen {
				t.Fatalf("not applied, but it was seen, or %c holds it", 'a'+i)
			}
		}
	})
}

// checkOften checks a property on some thousands of inputs.
func checkOften(t *testing.T, property func(*rapid.T)) {
	for range 30 {
		rapid.Check(t, property)
	}
}

// hedge lets the Core hedge, and counts the messages to replicas that it had not
// asked: the others go on with what was begun.
func (m *mini) hedge() {
	asked := make(map[uint64]Mask)
	for at, s := range m.core.slots {
		if s.open {
			asked[m.core.call(uint32(at), s)] = s.asked
		}
	}
	m.core.Hedge(&m.out)
	for _, sent := range m.out.Sends {
		if s, _ := m.core.find(sent.Call); s != nil && !asked[sent.Call].has(s.index(sent.To)) {
			m.hedged++
		}
	}
}
