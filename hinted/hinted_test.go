package hinted

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/ring"
)

const start = 1_700_000_000_000

// bench drives one Core by hand: whatever it wants written is durable at once,
// what it sends lies in sends.
type bench struct {
	t     testing.TB
	disk  *disk
	core  *Core
	now   Now
	reach map[ring.NodeID]Reach
	busy  bool
	sends []Send
	marks int
	seen  Effects // of the last tick
	reads []Place // where pages began
}

func newBench(t testing.TB, o Options) *bench {
	o.Self = nodeID(0)
	if o.MaxBytes == 0 {
		o.MaxBytes = 1 << 30
	}
	if o.MaxAge == 0 {
		o.MaxAge = 3 * time.Hour
	}
	if o.Retry == 0 {
		o.Retry = 10 * time.Second
	}
	b := &bench{t: t, disk: newDisk(), now: Now{Mono: 5000, Physical: start}, reach: map[ring.NodeID]Reach{}}
	b.restart(o)
	return b
}

func (b *bench) restart(o Options) {
	core, err := New(o, b.disk)
	if err != nil {
		b.t.Fatal(err)
	}
	b.core, b.sends = core, nil
	b.core.Ring(viewOf(1, 4, 2, []uint16{0, 1, 1, 2, 2, 3, 3, 1}))
}

func (b *bench) store(h Hint) {
	b.core.Coming(&h)
	b.disk.put(h)
	b.core.Stood(&h)
}

// offer makes a hint for node 1 and stores it, if it is taken.
func (b *bench) offer(h Hint) bool {
	call, ok := b.core.Offer(b.now, &h)
	if ok {
		b.store(h)
		b.core.Reply(b.now, nodeID(0), call, contract.OK, 0)
	}
	return ok
}

func (b *bench) advance(ms int64) {
	b.now.Mono, b.now.Physical = b.now.Mono+ms, b.now.Physical+ms
	b.tick()
}

func (b *bench) tick() {
	var all Effects
	for again := true; again; {
		var out Effects
		b.core.Tick(&Input{Now: b.now, Busy: b.busy, Reach: func(id ring.NodeID) Reach { return b.reach[id] }}, &out)
		for _, m := range out.Marks {
			b.disk.marks[m.Name] = m.Value
			b.marks++
			b.core.Reply(b.now, nodeID(0), m.Call, contract.OK, 0)
		}
		for _, w := range out.Writes {
			switch w.Kind {
			case Unhint:
				b.disk.erase(w.Target, w.Place)
			case Stand:
				b.store(Hint{Target: w.Target, Place: w.Place, Record: w.Record, Counted: w.Counted})
			}
			b.core.Reply(b.now, nodeID(0), w.Call, contract.OK, 0)
		}
		for _, s := range out.Sends {
			s.Place, s.Record = clonePlace(s.Place), slices.Clone(s.Record)
			b.sends = append(b.sends, s)
		}
		for _, p := range out.Reads {
			b.reads = append(b.reads, clonePlace(p.after))
			b.core.Filled(b.now, p, p.Fill(b.disk))
		}
		again = len(out.Reads)+len(out.Writes)+len(out.Marks) > 0
		all.Writes = append(all.Writes, out.Writes...)
		all.Compact = append(all.Compact, out.Compact...)
		all.Alarms = append(all.Alarms, out.Alarms...)
	}
	b.seen = all
}

// answer answers all that was sent.
func (b *bench) answer(code contract.Code, kind contract.ClockKind) (n int) {
	for _, s := range b.sends {
		b.core.Reply(b.now, s.To, s.Call, code, kind)
	}
	n, b.sends = len(b.sends), nil
	return n
}

func (b *bench) stats(n int) Stats {
	for _, s := range b.core.Stats(nil) {
		if s.Target == nodeID(n) {
			return s
		}
	}
	return Stats{}
}

// fill stores n hints for node 1, a millisecond apart.
func (b *bench) fill(n int) {
	for i := range n {
		if !b.offer(hintFor(1, start-int64(n)+int64(i), uint64(i), ring.Token(i), fmt.Sprint("k", i), 100)) {
			b.t.Fatalf("hint %d is not taken", i)
		}
	}
}

// A target that gets a hint now and then never has a minute without, and its range is
// compacted all the same when there are very many erased keys in it.
func TestARangeThatIsNeverAtRestIsCompacted(t *testing.T) {
	b := newBench(t, Options{})
	b.reach[nodeID(1)] = Up
	deliver := func(i uint64) (compacted int) {
		b.offer(hintFor(1, b.now.Physical, i, 0, fmt.Sprint("k", i), 0))
		b.untilSent()
		b.answer(contract.OK, 0)
		for range 3 {
			b.advance(compactRest / 4)
			compacted += len(b.seen.Compact)
		}
		return compacted
	}
	b.core.target(nodeID(1)).erased = compactMost - 2
	if n := deliver(1); n != 0 {
		t.Fatalf("it is compacted %d times, for less than that", n)
	}
	if n := deliver(2); n != 1 {
		t.Errorf("it is compacted %d times", n)
	}
}

// Rule 5: "bounded by bytes per target and age; at a bound the partition is marked
// dirty for that target, counted and shown".
func TestAtABoundThePartitionIsMarkedDirtyForThatTarget(t *testing.T) {
	big := hintFor(1, start, 1, 0, "k", 100)
	noRecord := hintFor(1, start, 4, 1<<63, "k", 0)
	noRecord.Record = nil
	for _, tc := range []struct {
		name  string
		hint  Hint
		bytes int64
		count func(Stats) uint64
	}{
		{"bytes", big, size(big.Key, big.Record) - 1, func(s Stats) uint64 { return s.Overflowed }},
		{"age", hintFor(1, start-3*3600*1000, 2, 0, "k", 0), 0, func(s Stats) uint64 { return s.Expired }},
		{"floor", hintFor(1, start-31_000, 3, 1<<62, "k", 0), 0, func(s Stats) uint64 { return s.Overflowed }},
		{"no record left", noRecord, 0, func(s Stats) uint64 { return s.Overflowed }},
	} {
		b := newBench(t, Options{MaxBytes: tc.bytes})
		if tc.name == "floor" {
			b.now.Floor = hlc.Make(start-31_000, 0)
		}
		if b.offer(tc.hint) {
			t.Errorf("%s: the hint is taken", tc.name)
		}
		b.tick()
		p := b.core.view.PartitionOf(tc.hint.Token)
		s := b.stats(1)
		if tc.count(s) != 1 || s.DirtyPartitions != 1 || !b.disk.marked(t, nodeID(1), p, tc.hint.Version.Time) {
			t.Errorf("%s: %+v; on disk %x", tc.name, s, b.disk.marks)
		}
		b.restart(b.core.o)
		if got := b.core.Dirty(nil, nodeID(1)); !slices.Equal(got, []int{p}) {
			t.Errorf("%s: after a start partitions %v are dirty", tc.name, got)
		}
	}
}

// A mark is cleared by what proves that nothing is lacking, and by nothing less.
func TestOnlyALaterProofClearsADirtyMark(t *testing.T) {
	b := newBench(t, Options{MaxBytes: 1})
	b.offer(hintFor(1, start, 1, 0, "k", 0))
	b.offer(hintFor(1, start+500, 1, 0, "l", 0)) // the mark stands above it already
	b.tick()
	if b.marks != 1 {
		t.Errorf("two hints at once write the mark %d times", b.marks)
	}
	b.core.Clean(nodeID(1), 0, hlc.Make(start+400, 0))
	b.core.Clean(nodeID(1), 1, hlc.Make(start+500_000, 0))
	b.core.Clean(nodeID(2), 0, hlc.Make(start+500_000, 0))
	if b.stats(1).DirtyPartitions != 1 {
		t.Error("the mark was cleared by a proof that does not reach it")
	}
	b.core.Clean(nodeID(1), 0, hlc.Make(start+500+markAhead, 0))
	b.tick()
	if b.stats(1).DirtyPartitions != 0 || b.disk.marked(t, nodeID(1), 0, 1) {
		t.Error("the mark is still there")
	}
}

// Rule 5: "a hint that counted never expires"; the others do, and leave a mark.
func TestAHintThatCountedNeverExpires(t *testing.T) {
	b := newBench(t, Options{MaxAge: time.Hour})
	b.fill(10)
	counted := hintFor(1, start-5, 99, 7, "counted", 0)
	counted.Counted = true
	b.store(counted)
	b.advance(3600 * 1000)
	b.advance(3600 * 1000)
	if s := b.stats(1); s.Expired != 10 || s.Count != 1 || b.disk.count() != 1 || s.DirtyPartitions != 1 {
		t.Errorf("after two hours: %+v", s)
	}
	if low, some := b.core.Oldest(); !some || low != counted.Version.Time {
		t.Errorf("the oldest: %v, %v", low, some)
	}
	b.reach[nodeID(1)] = Up
	b.advance(1)
	if len(b.sends) != 1 || string(b.sends[0].Key) != "counted" {
		t.Errorf("sent: %+v", b.sends)
	}
}

// A sloppy hint finds no room where the target's bytes are used up.
func TestAtTheByteBoundAStandInRefuses(t *testing.T) {
	b := newBench(t, Options{MaxBytes: 1000})
	if !b.core.StandsIn(nodeID(1), 1000) || b.core.StandsIn(nodeID(1), 1001) {
		t.Error("an empty store")
	}
	h := hintFor(1, start, 1, 0, "k", 400)
	if _, ok := b.core.Offer(b.now, &h); !ok || b.core.StandsIn(nodeID(1), 600) {
		t.Error("what is on its way does not count")
	}
	if !b.core.StandsIn(nodeID(2), 1000) {
		t.Error("another target's room is used")
	}
}

// untilSent lets time pass until hints are sent, a second at most, and tells how many
// milliseconds that took.
func (b *bench) untilSent() (took int64) {
	for took = 0; took < 1000; took++ {
		if b.advance(1); len(b.sends) > 0 {
			break
		}
	}
	return took
}

// Rule 5: "replay in batches, with a window that shrinks when the target slows".
func TestTheWindowGrowsAndShrinksWithTheTarget(t *testing.T) {
	b := newBench(t, Options{})
	b.fill(1000)
	b.reach[nodeID(1)] = Up
	b.tick()
	if n := b.answer(contract.OK, 0); n != windowFirst {
		t.Fatalf("the first batch has %d hints", n)
	}
	b.untilSent()
	if n := len(b.sends); n != windowFirst+windowStep {
		t.Fatalf("after quick answers %d hints are sent", n)
	}
	b.now.Mono += slow + 1
	b.answer(contract.OK, 0)
	if n, rest := b.untilSent(), int64(restShare*(slow+1)); n < rest || n > rest+5 {
		t.Errorf("a page that took %d ms is followed by %d ms of rest", slow+1, n)
	}
	if n := len(b.sends); n != (windowFirst+windowStep)/2 {
		t.Fatalf("after slow answers %d hints are sent", n)
	}
	b.answer(contract.Overloaded, 0)
	b.advance(pauseLow / 2)
	if len(b.sends) != 0 {
		t.Fatal("there is no pause after OVERLOADED")
	}
	b.advance(pauseLow / 2)
	if n := b.answer(contract.OK, 0); n != (windowFirst+windowStep)/2 {
		t.Fatalf("%d are sent again", n)
	}
	if b.tick(); b.stats(1).Window != max((windowFirst+windowStep)/4, windowLeast) {
		t.Fatalf("the window is %d", b.stats(1).Window)
	}
	for range 100 {
		b.answer(contract.OK, 0)
		b.untilSent()
	}
	if s := b.stats(1); s.Replayed != 1000 || s.Count != 0 || s.Bytes != 0 || b.disk.count() != 0 {
		t.Errorf("at the end: %+v, %d on disk", s, b.disk.count())
	}
}

// Replay never looks for the first hint from the beginning again: each page begins
// where the last one ended, and a drained range is compacted.
func TestReplayGoesOnBehindTheLastKey(t *testing.T) {
	b := newBench(t, Options{})
	b.fill(compactAfter + 500)
	b.reach[nodeID(1)] = Up
	var compacted []ring.NodeID
	for range 500 {
		b.advance(1)
		compacted = append(compacted, b.seen.Compact...)
		b.answer(contract.OK, 0)
	}
	if b.disk.count() != 0 || len(compacted) != 0 {
		t.Fatalf("%d are left; compacted while there were some: %v", b.disk.count(), compacted)
	}
	b.busy = true
	if b.advance(compactRest); len(b.seen.Compact) != 0 {
		t.Fatal("it is compacted while clients have to wait")
	}
	b.busy = false
	for range 3 {
		b.advance(compactRest)
		compacted = append(compacted, b.seen.Compact...)
	}
	if !slices.Equal(compacted, []ring.NodeID{nodeID(1)}) {
		t.Fatalf("compacted: %v", compacted)
	}
	before := b.reads[len(b.reads)-1]
	for i := 1; i < len(b.reads); i++ {
		if b.reads[i].Compare(b.reads[i-1]) < 0 {
			t.Fatalf("page %d begins behind %v, page %d behind %v", i-1, b.reads[i-1], i, b.reads[i])
		}
	}
	b.offer(hintFor(1, b.now.Physical, 7, 0, "new", 0))
	b.untilSent()
	if last := b.reads[len(b.reads)-1]; last.Compare(before) < 0 || len(b.sends) != 1 {
		t.Errorf("a new hint is looked for behind %v, though all up to %v is erased", last, before)
	}
	// An older one, of a clock that lags, is found too, and nothing else is looked at twice.
	b.answer(contract.OK, 0)
	b.offer(hintFor(1, start-100, 8, 0, "older", 0))
	b.untilSent()
	if len(b.sends) != 1 || string(b.sends[0].Key) != "older" {
		t.Errorf("sent: %+v", b.sends)
	}
}

// Foreground first: while the node is busy, replay reads and sends nothing.
func TestReplayGivesWayToTheForeground(t *testing.T) {
	b := newBench(t, Options{})
	b.fill(200)
	b.reach[nodeID(1)], b.busy = Up, true
	b.advance(1000)
	if len(b.sends)+len(b.reads) != 0 {
		t.Fatalf("%d sent, %d pages read", len(b.sends), len(b.reads))
	}
	b.busy = false
	b.advance(1)
	b.busy = true
	b.answer(contract.OK, 0)
	if b.advance(1); b.stats(1).Replayed != windowFirst || len(b.sends) != 0 {
		t.Errorf("answers that come meanwhile: %+v, %d sent", b.stats(1), len(b.sends))
	}
}

// hints.replay_rate bounds what is sent to all targets together.
func TestReplayKeepsToItsRate(t *testing.T) {
	b := newBench(t, Options{Rate: 20_000})
	for i := range 400 {
		b.offer(hintFor(1+i%2, start, uint64(i), ring.Token(1<<62)*ring.Token(i%2), fmt.Sprint("k", i), 50))
	}
	b.reach[nodeID(1)], b.reach[nodeID(2)] = Up, Up
	sent, to := int64(0), map[ring.NodeID]int{}
	for range 400 {
		b.advance(5)
		for _, s := range b.sends {
			sent += size(s.Key, s.Record)
			to[s.To]++
		}
		b.answer(contract.OK, 0)
	}
	if sent < 30_000 || sent > 20_000*2+20_000/burst+1000 {
		t.Errorf("%d bytes in 2 s at 20,000 a second", sent)
	}
	if a, z := to[nodeID(1)], to[nodeID(2)]; a < z/3 || z < a/3 {
		t.Errorf("one target gets %d hints, the other %d", a, z)
	}
}

// Rule 8: a hint at or below a watermark cannot be. "One that arrives is a broken
// invariant: kept, counted, alarm", and not sent over and over.
func TestAHintBelowAWatermarkIsKeptCountedAndAlarmed(t *testing.T) {
	b := newBench(t, Options{})
	b.fill(3)
	b.reach[nodeID(1)] = Up
	b.tick()
	late := b.sends[1]
	b.core.Reply(b.now, nodeID(1), b.sends[0].Call, contract.OK, 0)
	b.core.Reply(b.now, nodeID(1), late.Call, contract.Clock, contract.StampOld)
	b.core.Reply(b.now, nodeID(1), b.sends[2].Call, contract.OK, 0)
	b.sends = nil
	b.tick()
	if len(b.seen.Alarms) != 1 || b.seen.Alarms[0].Compare(late.Place) != 0 || !b.seen.Alarms[0].Late {
		t.Errorf("alarms: %+v", b.seen.Alarms)
	}
	for range 100 {
		b.advance(10_000)
	}
	if s := b.stats(1); len(b.sends) != 0 || s.Late != 1 || s.Refused != 1 || s.Kept != 1 || s.Count != 1 || b.disk.count() != 1 {
		t.Errorf("%d are sent again; %+v", len(b.sends), s)
	}
	if low, _ := b.core.Oldest(); low != late.Version.Time {
		t.Errorf("the oldest is %v: a watermark could pass the hint", low)
	}
	if list, more := b.core.Refused(); len(list) != 1 || more != 0 || string(list[0].Key) != string(late.Key) {
		t.Errorf("refused: %+v", list)
	}
	if !b.core.Replay(nodeID(1)) {
		t.Error("there is nothing to replay")
	}
	b.tick()
	if len(b.sends) != 1 {
		t.Fatalf("an operator's replay sends %d", len(b.sends))
	}
	b.answer(contract.OK, 0)
	b.tick()
	if _, some := b.core.Oldest(); some || b.stats(1).Kept != 0 || b.stats(1).Count != 0 {
		t.Errorf("after it was taken: %+v", b.stats(1))
	}
}

// What each answer means for a hint.
func TestWhatAnAnswerMeansForAHint(t *testing.T) {
	for _, tc := range []struct {
		code  contract.Code
		kind  contract.ClockKind
		there bool // it is kept as refused
		again bool // it is sent again soon
	}{
		{contract.OK, 0, false, false}, {contract.Clock, contract.StampGivenUp, false, false},
		{contract.Overloaded, 0, true, true}, {contract.NotReady, 0, true, true}, {contract.StaleEpoch, 0, true, true},
		{contract.DiskFull, 0, true, true}, {contract.Clock, contract.ClockFenced, true, true},
		{contract.BadRequest, 0, true, false}, {contract.Corrupt, 0, true, false}, {contract.UnknownNamespace, 0, true, false},
	} {
		b := newBench(t, Options{})
		b.fill(1)
		b.reach[nodeID(1)] = Up
		b.tick()
		b.answer(tc.code, tc.kind)
		b.tick()
		b.advance(pauseLow)
		s := b.stats(1)
		if there := b.disk.count() == 1; there != tc.there || (len(b.sends) == 1) != tc.again || (s.Kept == 1) != (tc.there && !tc.again) {
			t.Errorf("%v %d: there %v, %d sent again, %+v", tc.code, tc.kind, there, len(b.sends), s)
		}
		b.sends = nil
		for range 20 {
			b.advance(10_000)
		}
		// A refusal that time may mend is tried again by itself, now and then.
		if tc.there && (len(b.sends) == 0 || len(b.sends) > 60) {
			t.Errorf("%v: %d more attempts in 200 s", tc.code, len(b.sends))
		}
	}
}

// A lost link costs nothing: what was under way is sent again, from the first that
// was not answered.
func TestHintsOnALostLinkAreSentAgain(t *testing.T) {
	b := newBench(t, Options{})
	b.fill(windowFirst)
	b.reach[nodeID(1)] = Up
	b.tick()
	b.core.Reply(b.now, nodeID(1), b.sends[0].Call, contract.OK, 0)
	stale := b.sends[1].Call
	b.sends = nil
	b.core.Lost(nodeID(1))
	b.reach[nodeID(1)] = Down
	b.advance(1)
	b.core.Reply(b.now, nodeID(1), stale, contract.BadRequest, 0)
	b.reach[nodeID(1)] = Up
	for range 10 {
		b.advance(100)
		b.answer(contract.OK, 0)
	}
	b.tick()
	if s := b.stats(1); s.Replayed != windowFirst || s.Count != 0 || s.Refused != 0 {
		t.Errorf("%+v", s)
	}
	// An answer that never comes is no reason to wait for ever.
	b.fill(1)
	b.advance(100)
	b.sends = nil
	b.advance(patience)
	b.advance(pauseLow)
	if len(b.sends) != 1 {
		t.Errorf("%d sent again after %d ms of silence", len(b.sends), patience)
	}
}

// Rule 5: "when the ring changes, hints follow the present owners", none is
// dropped; this node, if it is one, takes the record itself.
func TestHintsFollowThePresentOwners(t *testing.T) {
	b := newBench(t, Options{})
	b.fill(100)
	h := hintFor(1, start, 500, 0, "counted", 0)
	h.Counted = true
	b.store(h)
	// Node 1 is gone; node 2 and this node own its partition 0 now.
	rows := viewOf(2, 4, 2, []uint16{0, 2, 0, 2, 2, 3, 3, 0})
	b.core.Ring(rows)
	b.tick()
	for range 20 {
		b.advance(100)
	}
	if one, two := b.stats(1), b.stats(2); one.Count != 0 || one.Moved != 101 || two.Count != 101 || len(b.disk.hints[nodeID(2)]) != 101 {
		t.Fatalf("of node 1 %+v, of node 2 %+v", one, two)
	}
	b.reach[nodeID(2)] = Up
	got := 0
	for range 20 {
		b.advance(100)
		got += b.answer(contract.OK, 0)
	}
	if got != 101 {
		t.Errorf("node 2 gets %d", got)
	}
}

// An operator's drop leaves a mark on everything that the target owns.
func TestDropMarksEveryPartitionOfTheTarget(t *testing.T) {
	b := newBench(t, Options{})
	b.fill(700)
	if b.core.Drop(b.now, nodeID(2)) || !b.core.Drop(b.now, nodeID(1)) {
		t.Error("what there is to drop")
	}
	b.tick()
	b.tick()
	if s := b.stats(1); s.Count != 0 || s.Dropped != 700 || b.disk.count() != 0 || s.Dropping {
		t.Errorf("%+v", s)
	}
	if got := b.core.Dirty(nil, nodeID(1)); !slices.Equal(got, []int{0, 1, 3}) {
		t.Errorf("marked: %v", got)
	}
}

// Offer, and the replay of a hint but for its reading, allocate nothing.
func TestReplayAllocatesNothingPerHint(t *testing.T) {
	drive := newDrive(t, 4000)
	drive.turn()
	drive.turn()
	per := testing.AllocsPerRun(10, func() { drive.turn() })
	if per > 8 {
		t.Errorf("%v allocations per page", per)
	}
}

// drive replays an endless supply of hints.
type drive struct {
	core *Core
	disk *endless
	out  Effects
	now  Now
	in   Input
	sent int
}

// endless is a Store in which the hints never end.
type endless struct {
	key, value []byte
	n          uint64
}

func (e *endless) Hints(id ring.NodeID, after Place, fn func(Place, []byte) bool) error {
	for {
		e.n++
		if !fn(Place{Version: hintVersion, Token: ring.Token(e.n >> 8), Namespace: 1, Key: e.key}, e.value) {
			return nil
		}
	}
}

func (e *endless) All(fn func(ring.NodeID, Place, []byte) bool) error {
	fn(nodeID(1), Place{Version: hintVersion, Namespace: 1, Key: e.key}, e.value)
	return nil
}

func (e *endless) Marks(func(string, []byte) bool) error { return nil }

var hintVersion = hintFor(1, start, 1, 0, "key", 0).Version

func newDrive(t testing.TB, valueBytes int) *drive {
	h := hintFor(1, start, 1, 0, "key", valueBytes)
	store := &endless{key: h.Key, value: AppendValue(nil, h.Record, false)}
	core, err := New(Options{Self: nodeID(0), MaxBytes: 1 << 30, MaxAge: time.Hour, Retry: time.Second}, store)
	if err != nil {
		t.Fatal(err)
	}
	core.Ring(viewOf(1, 2, 2, []uint16{0, 1}))
	d := &drive{core: core, disk: store, now: Now{Mono: 1000, Physical: start}}
	d.in.Reach = func(ring.NodeID) Reach { return Up }
	return d
}

// turn is a page: read, sent, answered, erased.
func (d *drive) turn() {
	for reads := 0; reads < 1; {
		d.now.Mono++
		d.in.Now = d.now
		d.out.Reset()
		d.core.Tick(&d.in, &d.out)
		for i := range d.out.Writes {
			d.core.Reply(d.now, nodeID(0), d.out.Writes[i].Call, contract.OK, 0)
		}
		for i := range d.out.Sends {
			d.sent++
			d.core.Reply(d.now, nodeID(1), d.out.Sends[i].Call, contract.OK, 0)
		}
		for _, p := range d.out.Reads {
			d.core.Filled(d.now, p, p.Fill(d.disk))
			reads++
		}
	}
}

func BenchmarkReplay(b *testing.B) {
	d := newDrive(b, 100)
	b.ReportAllocs()
	for d.sent < b.N {
		d.turn()
	}
}

func BenchmarkOffer(b *testing.B) {
	c := newBench(b, Options{})
	h := hintFor(1, start, 1, 0, "key", 100)
	b.ReportAllocs()
	for b.Loop() {
		call, ok := c.core.Offer(c.now, &h)
		if !ok {
			b.Fatal("not taken")
		}
		c.core.Reply(c.now, nodeID(0), call, contract.OK, 0)
	}
}
