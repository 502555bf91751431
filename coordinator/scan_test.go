package coordinator

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/ring"
)

// shelf is what every replica holds in the tests of scans, in order.
type shelf []stocked

// stocked is a record with its token.
type stocked struct {
	Token ring.Token
	RangeItem
}

func (s *shelf) put(token ring.Token, key string, valueBytes int) {
	*s = append(*s, stocked{token, RangeItem{token, []byte(key), rec(key, 1, strings.Repeat("x", valueBytes))}})
	slices.SortFunc(*s, func(a, b stocked) int { return cmp.Or(cmp.Compare(a.Token, b.Token), bytes.Compare(a.Key, b.Key)) })
}

// find answers a range as a replica does, looking at no more than step records.
func (s shelf) find(q *Range, step int) *RangeReply {
	r, size := new(RangeReply), 0
	for _, it := range s {
		before := it.Token < q.From || it.Token == q.From && q.After != nil && bytes.Compare(it.Key, q.After) <= 0
		if before || it.Token > q.Last {
			continue
		}
		size += len(it.Key) + len(it.Record) + scanRowBytes
		if step == 0 || len(r.Items) == q.Limit || len(r.Items) > 0 && size > q.Bytes {
			return r
		}
		step--
		r.Items = append(r.Items, it.RangeItem)
		r.Token, r.Key = it.Token, it.Key
	}
	r.Done = true
	return r
}

// page runs one page of a scan to its answer.
func page(c *Core, q *ScanRequest, s shelf, step int) Answer {
	var out Effects
	c.Scan(0, q, &out)
	for len(out.Answers) == 0 {
		m := out.Sends[len(out.Sends)-1]
		c.Reply(0, m.Call, m.To, &Reply{Ask: AskRange, Range: s.find(&m.Range, step)}, &out)
	}
	return out.Answers[0]
}

func newScanRequest(v *ring.View) ScanRequest {
	return ScanRequest{
		Namespace: namespace, View: v, Deadline: 1000, Limit: 1000, Last: ^ring.Token(0), Level: contract.One,
		Up: func(ring.NodeID) (up, suspect bool) { return true, false },
	}
}

// Pages of any size, out of steps of any size, have each key once, in order, and
// count each partition once; none is larger than it may be.
func TestPagesAddUp(t *testing.T) {
	checkOften(t, func(t *rapid.T) {
		var s shelf
		for i := range rapid.IntRange(0, 20).Draw(t, "keys") {
			token := ring.Token(rapid.Uint64Range(0, 40).Draw(t, "token") << 58)
			s.put(token|ring.Token(rapid.SampledFrom([]uint64{0, 1, 1<<58 - 1}).Draw(t, "low")), fmt.Sprintf("k%02d", i), rapid.IntRange(0, 300).Draw(t, "size"))
		}
		v := newView(rapid.SampledFrom([]int{1, 4, 16}).Draw(t, "partitions"), 2, 3)
		q := newScanRequest(v)
		q.Limit, q.Bytes = rapid.IntRange(1, 6).Draw(t, "limit"), rapid.IntRange(1, 1000).Draw(t, "bytes")
		step := rapid.IntRange(1, 5).Draw(t, "step")
		c := New(0, 1, Hedging{})
		var got []string
		for pages := 0; ; pages++ {
			a := page(c, &q, s, step)
			size := 0
			for _, it := range a.Items {
				got = append(got, string(it.Key))
				size += len(it.Key) + len(it.Value)
			}
			done := a.Coverage.Done
			switch {
			case a.Code != contract.OK || len(a.Items) > q.Limit || size > q.Bytes && len(a.Items) > 1:
				t.Fatalf("%v, %d items of %d bytes", a.Code, len(a.Items), size)
			case a.Coverage.MetLevel != done || a.Next != nil && a.Coverage.Asked != done+1 || pages > 100:
				t.Fatalf("page %d: %+v", pages, a.Coverage)
			case a.Next == nil && (done != uint32(v.Q()) || a.Coverage.Asked != done):
				t.Fatalf("at the end: %+v of %d partitions", a.Coverage, v.Q())
			}
			if q.Cursor = a.Next; q.Cursor == nil {
				break
			}
		}
		var want []string
		for _, it := range s {
			want = append(want, string(it.Key))
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("found %v, want %v", got, want)
		}
	})
}

// A record that does not fit what is left of the page begins the next one; one
// that fits no page has a page of its own.
func TestLargeRecordHasAPageOfItsOwn(t *testing.T) {
	var s shelf
	s.put(1, "a", 10)
	s.put(2, "b", 5000)
	s.put(3, "c", 10)
	q := newScanRequest(newView(1, 1, 1))
	q.Bytes = 1000
	var pages []string
	for c := New(0, 1, Hedging{}); ; {
		a := page(c, &q, s, 1) // one record per step, so that the large one is the first of its answer
		keys := ""
		for _, it := range a.Items {
			keys += string(it.Key)
		}
		pages = append(pages, keys)
		if q.Cursor = a.Next; q.Cursor == nil {
			break
		}
	}
	if got := strings.Join(pages, " "); got != "a b c" {
		t.Errorf("pages: %s", got)
	}
}

func TestKeysOnlyHasNoValues(t *testing.T) {
	var s shelf
	s.put(1, "a", 0)
	q := newScanRequest(newView(1, 1, 1))
	q.KeysOnly = true
	if a := page(New(0, 1, Hedging{}), &q, s, 1); len(a.Items) != 1 || a.Items[0].Value != nil || a.Items[0].Version != ver(1) {
		t.Errorf("%+v", a.Items)
	}
}

// A record that was damaged on its way is not answered.
func TestScanChecksWhatItIsHanded(t *testing.T) {
	var s shelf
	s.put(1, "a", 10)
	s[0].Record[len(s[0].Record)-1] ^= 1
	q := newScanRequest(newView(1, 1, 1))
	if a := page(New(0, 1, Hedging{}), &q, s, 1); a.Code != contract.Corrupt {
		t.Errorf("%v, %d items", a.Code, len(a.Items))
	}
}

// A scan of one {tag} is one range of one token, and counts one partition.
func TestScanOfOneToken(t *testing.T) {
	var s shelf
	for i := range 10 {
		s.put(0x5000_0000_0000_0000, fmt.Sprint("k", i), 0)
	}
	s.put(0x4fff_ffff_ffff_ffff, "below", 0)
	s.put(0x5000_0000_0000_0001, "above", 0)
	q := newScanRequest(newView(16, 2, 3))
	q.First, q.Last = 0x5000_0000_0000_0000, 0x5000_0000_0000_0000
	a := page(New(0, 1, Hedging{}), &q, s, 3)
	if len(a.Items) != 10 || a.Next != nil || a.Coverage != (Coverage{1, 1, 1}) {
		t.Errorf("%d items, %+v", len(a.Items), a.Coverage)
	}
}

// The cursor is the client's to hand back, so it may be anything.
func TestForeignCursorsAreRefused(t *testing.T) {
	v := newView(16, 2, 3)
	q := newScanRequest(v)
	q.First, q.Last = 1<<60, 2<<60
	good := (&scan{token: 1 << 60, after: []byte("k")}).cursor()
	for name, cursor := range map[string][]byte{
		"empty": {}, "short": good[:cursorBytes-1], "another version": append([]byte{3}, good[1:]...), "no cursor": []byte("hello"),
		"in front of the range": (&scan{token: 1<<60 - 1}).cursor(), "behind the range": (&scan{token: 2<<60 + 1}).cursor(),
	} {
		q.Cursor = cursor
		var out Effects
		c := New(0, 1, Hedging{})
		if c.Scan(0, &q, &out); len(out.Answers) != 1 || out.Answers[0].Code != contract.BadRequest || c.Open() != 0 {
			t.Errorf("%s: %+v", name, out.Answers)
		}
	}
	q.Cursor = good
	var out Effects
	New(0, 1, Hedging{}).Scan(0, &q, &out)
	if len(out.Sends) != 1 || out.Sends[0].Range.From != 1<<60 || string(out.Sends[0].Range.After) != "k" {
		t.Errorf("a good one: %+v", out.Sends)
	}
}

func FuzzCursor(f *testing.F) {
	f.Add((&scan{token: 1 << 60, after: []byte("k"), coverage: Coverage{3, 3, 4}}).cursor())
	f.Add([]byte{})
	var s shelf
	s.put(0, "a", 1)
	s.put(1<<63, "b", 1)
	f.Fuzz(func(t *testing.T, cursor []byte) {
		q := newScanRequest(newView(16, 2, 3))
		q.Cursor = cursor
		if a := page(New(0, 1, Hedging{}), &q, s, 1); a.Code != contract.OK && a.Code != contract.BadRequest {
			t.Errorf("%v", a.Code)
		}
	})
}
