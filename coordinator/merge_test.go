package coordinator

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
	"github.com/candordb/candor/ring"
)

// shop is a cluster of many keys, each node with a shelf of its own, whose
// messages arrive and are answered in a drawn order, or are lost with a link.
type shop struct {
	core    *Core
	view    *ring.View
	now     int64
	out     Effects
	shelves []shelf // by member
	down    []bool
	step    int // records that a replica looks at
	under   []message
	replies []reply
	ranges  int // that were asked for
}

// hold sets what a node has under a key.
func (s *shelf) hold(token ring.Token, key string, record []byte) {
	s.drop(key)
	if record == nil {
		return
	}
	*s = append(*s, stocked{token, RangeItem{token, []byte(key), record}})
	slices.SortFunc(*s, func(a, b stocked) int { return cmp.Or(cmp.Compare(a.Token, b.Token), bytes.Compare(a.Key, b.Key)) })
}

func (s *shelf) drop(key string) {
	*s = slices.DeleteFunc(*s, func(it stocked) bool { return string(it.Key) == key })
}

func (s shelf) get(key string) []byte {
	for _, it := range s {
		if string(it.Key) == key {
			return it.Record
		}
	}
	return nil
}

// look answers a range as a replica does.
func (s shelf) look(q *Range, step int) *RangeReply {
	var seen shelf
	for _, it := range s {
		r, err := record.Parse(it.Record)
		if err != nil {
			panic(err)
		}
		if q.KeysOnly {
			it.Record = headerOf(it.Record)
		}
		if q.All || !r.Tombstone {
			seen = append(seen, it)
		}
	}
	return seen.find(q, step)
}

// arrive lets a message arrive at its replica, which answers.
func (s *shop) arrive(m Send) {
	i := int(m.To[0] - 1)
	r := reply{call: m.Call, from: i, Reply: Reply{Ask: m.Ask}}
	if s.down[i] {
		return
	}
	held := s.shelves[i].get(string(m.Place.Key))
	switch m.Ask {
	case AskRange:
		r.Range = s.shelves[i].look(&m.Range, s.step)
	case AskRead:
		r.Record = bytes.Clone(held)
	case AskDigest:
		if held != nil {
			r.Record = headerOf(held)
		}
	default:
		winner, _ := record.Merge(held, m.Record)
		s.shelves[i].hold(m.Place.Token, string(m.Place.Key), bytes.Clone(winner))
		if has := versionOf(winner); versionOf(m.Record).Less(has) {
			r.Winner = has
		}
	}
	s.replies = append(s.replies, r)
}

// drain takes what the Core wants done.
func (s *shop) drain() {
	for _, m := range s.out.Sends {
		m.Record, m.Place.Key, m.Range.After = bytes.Clone(m.Record), bytes.Clone(m.Place.Key), bytes.Clone(m.Range.After)
		if m.Ask == AskRange {
			s.ranges++
		}
		s.under = append(s.under, message{Send: m})
	}
	clear(s.out.Sends)
	s.out.Sends = s.out.Sends[:0]
}

// page runs one page to its answer, with what happens in between drawn.
func (s *shop) page(t *rapid.T, q *ScanRequest, faults bool) Answer {
	q.Deadline = s.now + 1000
	q.Up = func(id ring.NodeID) (up, suspect bool) { return !s.down[id[0]-1], id[0]%2 == 0 }
	s.out.Reset()
	s.core.Scan(s.now, q, &s.out)
	events := []string{"arrive", "arrive", "arrive", "answer", "answer", "answer", "again"}
	if faults {
		events = append(events, "down", "time", "time", "unsent")
	}
	for n := 0; ; n++ {
		s.drain()
		if len(s.out.Answers) > 0 {
			break
		}
		pick := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "which") }
		switch kind := rapid.SampledFrom(events).Draw(t, "what"); {
		case n > 4000:
			t.Fatal("the scan goes on for ever")
		case kind == "arrive" && len(s.under) > 0:
			i := pick(len(s.under))
			s.arrive(s.under[i].Send)
			s.under = slices.Delete(s.under, i, i+1)
		case kind == "again" && len(s.replies) > 0: // comes twice
			r := s.replies[pick(len(s.replies))]
			s.core.Reply(s.now, r.call, nodeID(r.from), &r.Reply, &s.out)
		case kind == "answer" && len(s.replies) > 0:
			i := pick(len(s.replies))
			r := s.replies[i]
			s.replies = slices.Delete(s.replies, i, i+1)
			s.core.Reply(s.now, r.call, nodeID(r.from), &r.Reply, &s.out)
		case kind == "unsent" && len(s.under) > 0:
			i := pick(len(s.under))
			m := s.under[i]
			s.under = slices.Delete(s.under, i, i+1)
			s.core.Unsent(s.now, m.Call, m.To, &s.out)
		case kind == "down":
			i := pick(len(s.down))
			s.down[i] = true
			s.core.LinkDown(s.now, nodeID(i), &s.out)
		case kind == "time":
			s.now += int64(rapid.IntRange(1, 300).Draw(t, "millis"))
			s.core.Tick(s.now, &s.out)
		}
	}
	a := s.out.Answers[0]
	if len(s.out.Answers) != 1 || a.Op != OpScan {
		t.Fatalf("%d answers, the first to %v", len(s.out.Answers), a.Op)
	}
	return a
}

// newShop draws what each owner of each key holds: versions 1 to 3, some of
// them tombstones, or nothing.
func newShop(t *rapid.T) (s *shop, keys map[string]ring.Token) {
	members := rapid.IntRange(2, 5).Draw(t, "members")
	s = &shop{
		core: New(0, rapid.SampledFrom([]int{3, 100}).Draw(t, "slots"), Hedging{}), shelves: make([]shelf, members), down: make([]bool, members),
		view: newView(rapid.SampledFrom([]int{1, 4, 8}).Draw(t, "partitions"), 3, members, rapid.SampledFrom([][]string{nil, {"eu", "eu", "eu", "us", "us"}}).Draw(t, "regions")...),
		step: rapid.IntRange(1, 30).Draw(t, "step"),
	}
	keys = make(map[string]ring.Token)
	same := rapid.IntRange(0, 2).Draw(t, "same")
	for i := range rapid.IntRange(0, 40).Draw(t, "keys") {
		key := fmt.Sprintf("k%02d", i)
		keys[key] = ring.Token(rapid.Uint64Range(0, 30).Draw(t, "token") << 59)
		all := drawRecord(t, key)
		for _, o := range s.view.Replicas(keys[key]) {
			if o == ring.NoOwner {
				continue
			}
			if rapid.IntRange(0, 2).Draw(t, "differs") > same {
				s.shelves[o].hold(keys[key], key, drawRecord(t, key))
			} else {
				s.shelves[o].hold(keys[key], key, all)
			}
		}
	}
	return s, keys
}

// drawRecord is a record whose version tells what it is: one version has one
// content.
func drawRecord(t *rapid.T, key string) []byte {
	version := rapid.IntRange(0, 5).Draw(t, "version")
	if version == 4 {
		return rec(key, version, "tombstone")
	}
	return rec(key, version, fmt.Sprint(key, " v", version))
}

// law is what a read at a level may answer for a key: at least floor, which is
// the highest version that as many hold as a write at quorum needs, and
// something that an owner holds, or, if floor is none, nothing.
func (s *shop) law(key string, token ring.Token) (floor hlc.Version, held []hlc.Version) {
	for _, o := range s.view.Replicas(token) {
		if o != ring.NoOwner {
			held = append(held, versionOf(s.shelves[o].get(key)))
		}
	}
	slices.SortFunc(held, func(a, b hlc.Version) int { return b.Compare(a) })
	if w := contract.QuorumOf(s.view.N()); len(held) >= w {
		floor = held[w-1]
	}
	return floor, held
}

func (s *shop) copy() *shop {
	c := *s
	c.shelves = make([]shelf, len(s.shelves))
	for i := range c.shelves {
		c.shelves[i] = slices.Clone(s.shelves[i])
	}
	return &c
}

// finding is one scan from its start to its end.
type finding struct {
	items    []Item
	coverage Coverage
}

// scanAll follows a scan to its end. After a page that failed all links heal and
// the same cursor is tried again.
func (s *shop) scanAll(t *rapid.T, q *ScanRequest, faults bool) (f finding) {
	for pages := 0; ; pages++ {
		a := s.page(t, q, faults && pages < 20)
		if a.Code != contract.OK {
			if !faults && cap(s.core.slots) > 3 || pages > 300 {
				t.Fatalf("page %d: %v %s", pages, a.Code, a.Reason)
			}
			if a.Code.Settled(false) != contract.NoEffect || a.Code == contract.BadRequest || a.Code == contract.Corrupt {
				t.Fatalf("page %d: %v %s", pages, a.Code, a.Reason)
			}
			clear(s.down)
			s.now += 10_000
			s.core.Tick(s.now, &s.out) // the reads that it left behind end
			continue
		}
		if len(a.Items) > q.Limit {
			t.Fatalf("page %d has %d items", pages, len(a.Items))
		}
		for _, it := range a.Items {
			f.items = append(f.items, Item{Key: bytes.Clone(it.Key), Value: bytes.Clone(it.Value), Version: it.Version})
		}
		f.coverage = a.Coverage
		if q.Cursor = bytes.Clone(a.Next); a.Next == nil {
			return f
		}
		if f.coverage.Asked != f.coverage.Done+1 || f.coverage.MetLevel > f.coverage.Done {
			t.Fatalf("page %d: %+v", pages, f.coverage)
		}
		if rapid.Bool().Draw(t, "heal") {
			clear(s.down)
		}
	}
}

// check holds what a scan found to the law, as it stood before the scan, and
// returns the partitions in which it does not.
func (f *finding) check(t *rapid.T, before, after *shop, keys map[string]ring.Token) (broken map[int]string) {
	broken = make(map[int]string)
	found := make(map[string]Item)
	for i, it := range f.items {
		if _, twice := found[string(it.Key)]; twice {
			t.Fatalf("%s is there twice", it.Key)
		}
		found[string(it.Key)] = it
		if i == 0 {
			continue
		}
		was := f.items[i-1]
		if cmp.Or(cmp.Compare(keys[string(was.Key)], keys[string(it.Key)]), bytes.Compare(was.Key, it.Key)) >= 0 {
			t.Fatalf("%s stands behind %s", it.Key, was.Key)
		}
	}
	for key, token := range keys { // each by itself: order does not matter
		floor, held := before.law(key, token)
		it, live := found[key]
		partition := before.view.PartitionOf(token)
		switch {
		case live && !slices.Contains(held, it.Version):
			t.Fatalf("%s has version %v, which nobody holds: %v", key, it.Version, held)
		case live && (it.Version.IsZero() || it.Version == ver(4)):
			t.Fatalf("%s is dead at version %v", key, it.Version)
		case live && it.Version.Less(floor):
			broken[partition] = fmt.Sprintf("%s has version %v, a quorum holds %v", key, it.Version, floor)
		case !live && !floor.IsZero() && !(slices.Contains(held, ver(4)) && !ver(4).Less(floor)):
			broken[partition] = fmt.Sprintf("%s is missing, a quorum holds %v of %v", key, floor, held)
		}
		if now, _ := after.law(key, token); live && now.Less(it.Version) {
			broken[partition] = fmt.Sprintf("%s was shown with %v, a quorum holds %v", key, it.Version, now)
		}
	}
	return broken
}

// protocol.md, SCAN: items are as a GET at that level would give them, winners
// written back. Whatever the replicas hold, and however the answers come: each
// live key once, in order; at least what a quorum held; on a quorum when it is
// shown; and every partition counted once.
func TestScanAtQuorumIsAsReadsAtQuorum(t *testing.T) {
	checkOften(t, func(t *rapid.T) {
		s, keys := newShop(t)
		before, faults := s.copy(), rapid.Bool().Draw(t, "faults")
		q := newScanRequest(s.view)
		q.Level, q.Limit = contract.Quorum, rapid.IntRange(1, 30).Draw(t, "limit")
		if rapid.Bool().Draw(t, "small pages") {
			q.Bytes = rapid.IntRange(1, 500).Draw(t, "bytes")
		}
		q.Self = nodeID(rapid.IntRange(0, len(s.shelves)).Draw(t, "self"))
		f := s.scanAll(t, &q, faults)
		for _, what := range f.check(t, before, s, keys) {
			t.Fatal(what)
		}
		if parts := uint32(s.view.Q()); f.coverage != (Coverage{parts, parts, parts}) {
			t.Fatalf("%+v of %d partitions", f.coverage, parts)
		}
		for _, it := range f.items {
			if string(it.Value) != fmt.Sprint(string(it.Key), " v", verText(it.Version)) {
				t.Fatalf("%s at %v is %q", it.Key, it.Version, it.Value)
			}
		}
	})
}

// protocol.md, SCAN: with weaken a partition that cannot meet the level is
// answered at the best level possible and not counted in partitions_met_level. A
// partition that does not show what a quorum holds is never counted.
func TestWeakenedScanCountsNoPartitionThatItHasNotMet(t *testing.T) {
	checkOften(t, func(t *rapid.T) {
		s, keys := newShop(t)
		before := s.copy()
		for i := range s.down {
			s.down[i] = rapid.IntRange(0, 2).Draw(t, "down") == 0
		}
		q := newScanRequest(s.view)
		q.Level, q.Weaken, q.Limit = rapid.SampledFrom([]contract.Level{contract.Quorum, contract.All, contract.EachQuorum}).Draw(t, "level"), true, rapid.IntRange(1, 30).Draw(t, "limit")
		f := s.scanAll(t, &q, true)
		broken := f.check(t, before, s, keys)
		if weak := int(f.coverage.Done - f.coverage.MetLevel); weak < len(broken) || f.coverage.Done != uint32(s.view.Q()) {
			t.Fatalf("%+v, but in %d partitions: %v", f.coverage, len(broken), broken)
		}
	})
}

// A scan of local levels counts replicas of the region only.
func TestScanAtALocalLevelAsksItsRegion(t *testing.T) {
	v := newView(4, 3, 5, "eu", "eu", "us", "us", "us")
	for _, tc := range []struct {
		level  contract.Level
		region string
		asked  string // of the first step, and how many partitions in a row
	}{
		{contract.LocalOne, "eu", "a to 3fff"}, {contract.LocalQuorum, "eu", "a b to 3fff"}, {contract.LocalQuorum, "us", "c to 3fff"},
		{contract.LocalOne, "us", "c to bfff"}, {contract.EachQuorum, "eu", "a b c to 3fff"}, {contract.LocalOne, "asia", "UNAVAILABLE"},
	} {
		var out Effects
		q := newScanRequest(v)
		q.Level, q.Region = tc.level, tc.region
		New(0, 1, Hedging{}).Scan(0, &q, &out)
		got := ""
		for i := range out.Sends {
			got += nodeName(out.Sends[i].To) + " "
		}
		if len(out.Answers) > 0 {
			got = out.Answers[0].Code.String()
		} else {
			got += "to " + tokenText(out.Sends[0].Range.Last)
		}
		if got != tc.asked {
			t.Errorf("%v in %s: asks %s, want %s", tc.level, tc.region, got, tc.asked)
		}
	}
}

// However many keys differ, what the replicas have told of a range is used up
// before they are asked again.
func TestRangeOfManyDifferencesIsAskedForOnce(t *testing.T) {
	s := &shop{core: New(0, 100, Hedging{}), view: newView(1, 3, 3), shelves: make([]shelf, 3), down: make([]bool, 3), step: 1000}
	for i := range 100 {
		key := fmt.Sprintf("k%03d", i)
		s.shelves[0].hold(0, key, rec(key, 1, "v"))
	}
	q := newScanRequest(s.view)
	q.Level, q.Self = contract.Quorum, nodeID(0)
	for s.core.Scan(0, &q, &s.out); len(s.out.Answers) == 0; {
		s.drain()
		s.arrive(s.under[0].Send)
		s.core.Reply(0, s.replies[0].call, nodeID(s.replies[0].from), &s.replies[0].Reply, &s.out)
		s.under, s.replies = s.under[1:], s.replies[1:]
	}
	if a := s.out.Answers[0]; a.Code != contract.OK || len(a.Items) != 100 || a.Next != nil {
		t.Errorf("%v, %d items", a.Code, len(a.Items))
	}
	if s.ranges != 2 || len(s.core.slots) > 1+partsMax {
		t.Errorf("%d ranges were asked for, %d slots were taken", s.ranges, len(s.core.slots))
	}
}
