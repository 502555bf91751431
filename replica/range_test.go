package replica

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/record"
)

// everything asks for all records of namespace ns.
func everything() RangeRequest {
	return RangeRequest{Namespace: ns, Last: maxToken, Limit: 1 << 20, Bytes: 1 << 30}
}

// ranged runs a Range and returns the keys that it found.
func ranged(m *memory, q RangeRequest) (keys []string, end RangeEnd, code contract.Code) {
	end, code = Range(now(), m, &q, func(_ uint64, key, rec []byte) { keys = append(keys, string(key)) })
	return keys, end, code
}

// paged follows a Range from end to end, as a scan does.
func paged(t interface{ Fatalf(string, ...any) }, m *memory, q RangeRequest) (keys []string) {
	for steps := 0; ; steps++ {
		got, end, code := ranged(m, q)
		keys = append(keys, got...)
		switch {
		case code != contract.OK:
			t.Fatalf("%v behind %d %q", code, q.From, q.After)
		case end.Done:
			return keys
		case end.Token < q.From || end.Token == q.From && string(end.Key) <= string(q.After):
			t.Fatalf("no progress: from %d %q to %d %q", q.From, q.After, end.Token, end.Key)
		case end.Token > q.Last || steps > 100_000:
			t.Fatalf("the range ends at %d, but goes on at %d", q.Last, end.Token)
		}
		q.From, q.After = end.Token, end.Key
	}
}

func fill(keys ...string) *memory {
	m := &memory{}
	for _, k := range keys {
		m.set(token(k), ns, []byte(k), value(k, at(0, 1), "value of "+k))
	}
	return m
}

func TestRangeFindsLiveRecordsInOrder(t *testing.T) {
	m := fill("a", "a1", "b", "c", "d")
	m.set(token("b"), ns, []byte("b"), tombstone("b", at(1, 1)))
	m.set(token("c"), ns, []byte("c"), expiring("c", at(1, 1), "x", physical))
	m.set(token("d"), ns, []byte("d"), expiring("d", at(1, 1), "x", physical+1))
	m.set(token("a"), ns+1, []byte("a0"), []byte("a record of another namespace is not even looked into"))
	keys, end, code := ranged(m, everything())
	if fmt.Sprint(keys) != "[a a1 d]" || !end.Done || code != contract.OK {
		t.Errorf("%v %+v %v", keys, end, code)
	}
}

func TestRangeBounds(t *testing.T) {
	m := fill("a", "a1", "a2", "b", "b1", "c")
	one := len("b") + len(value("b", at(0, 1), "value of b")) + RangeItemBytes
	for _, tc := range []struct {
		name string
		set  func(*RangeRequest)
		keys string
		end  string // done, or token and key to go on behind
	}{
		{"all", func(q *RangeRequest) {}, "a a1 a2 b b1 c", "done"},
		{"from a token", func(q *RangeRequest) { q.From = token("b") }, "b b1 c", "done"},
		{"behind a key", func(q *RangeRequest) { q.From, q.After = token("a"), []byte("a1") }, "a2 b b1 c", "done"},
		{"behind a key that is not there", func(q *RangeRequest) { q.From, q.After = token("a"), []byte("a11") }, "a2 b b1 c", "done"},
		{"to a token", func(q *RangeRequest) { q.Last = token("a") }, "a a1 a2", "done"},
		{"a prefix", func(q *RangeRequest) { q.Prefix = []byte("a") }, "a a1 a2", "done"},
		{"a longer prefix", func(q *RangeRequest) { q.Prefix = []byte("b1x") }, "", "done"},
		{"a limit", func(q *RangeRequest) { q.Limit = 2 }, "a a1", "a a1"},
		{"a limit that is just met", func(q *RangeRequest) { q.Limit = 6 }, "a a1 a2 b b1 c", "done"},
		{"no room for any is room for one", func(q *RangeRequest) { q.Bytes = 0 }, "a", "a a"},
		{"room for one", func(q *RangeRequest) { q.From, q.Bytes = token("b"), one }, "b", "b b"},
		{"a limit of nothing", func(q *RangeRequest) { q.From, q.After, q.Limit = token("a"), []byte("a1"), 0 }, "", "a a1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			q := everything()
			tc.set(&q)
			keys, end, code := ranged(m, q)
			where := "done"
			if !end.Done {
				where = fmt.Sprintf("%c %s", end.Token>>8, end.Key)
			}
			if got := strings.Join(keys, " "); got != tc.keys || where != tc.end || code != contract.OK {
				t.Errorf("%q, %s, %v; want %q, %s", got, where, code, tc.keys, tc.end)
			}
		})
	}
}

// The bytes of a Range are a bound, and not a mark that the last record may
// cross: an answer has to fit a frame.
func TestRangeStaysWithinItsBytes(t *testing.T) {
	m := &memory{}
	for i := range 50 {
		k := fmt.Sprintf("%c%d", 'a'+i/10, i)
		m.set(token(k), ns, []byte(k), value(k, at(0, 1), strings.Repeat("x", i*i)))
	}
	q := everything()
	q.Bytes = 3000
	found := 0
	for {
		size, n := 0, 0
		end, code := Range(now(), m, &q, func(_ uint64, key, rec []byte) { size, n = size+len(key)+len(rec)+RangeItemBytes, n+1 })
		if found += n; code != contract.OK || size > q.Bytes && n > 1 {
			t.Fatalf("%v: %d records of %d bytes, the bound is %d", code, n, size, q.Bytes)
		}
		if end.Done {
			break
		}
		q.From, q.After = end.Token, end.Key
	}
	if found != 50 {
		t.Errorf("found %d of 50", found)
	}
}

func TestKeysOnlyHandsOverHeaders(t *testing.T) {
	m := fill("a")
	q := everything()
	q.KeysOnly = true
	Range(now(), m, &q, func(_ uint64, key, rec []byte) {
		whole, _ := m.Record(token("a"), ns, key)
		if header, _ := record.Header(whole); string(rec) != string(header) {
			t.Errorf("%x, the header is %x", rec, header)
		}
	})
}

// A scan of sparse keys is many short steps.
func TestOneRangeLooksAtSoMany(t *testing.T) {
	m := &memory{}
	for i := range 3 * RangeStepMax {
		k := fmt.Sprintf("%c%06d", 'a'+i%3, i)
		m.rows = append(m.rows, row{token(k), ns, []byte(k), value(k, at(0, 1), "")})
	}
	slices.SortFunc(m.rows, row.compare)
	q := everything()
	q.Prefix = []byte("c")
	keys, end, code := ranged(m, q)
	if len(keys) != 0 || end.Done || code != contract.OK || end.Token != token("a") {
		t.Fatalf("first step: %d keys, %+v, %v", len(keys), end, code)
	}
	if keys := paged(t, m, q); len(keys) != RangeStepMax {
		t.Errorf("found %d of %d", len(keys), RangeStepMax)
	}
}

// Records of other namespaces can lie under the same token, in front of those
// that are asked for and behind them, and in any number.
func TestOtherNamespacesUnderTheSameToken(t *testing.T) {
	m := &memory{}
	for i := range RangeStepMax + 1 {
		k := fmt.Sprintf("a%06d", i)
		m.rows = append(m.rows, row{token(k), ns - 1, []byte(k), []byte("lower")})
	}
	m.rows = append(m.rows, row{token("a"), ns, []byte("a"), value("a", at(0, 1), "v")})
	for i := range RangeStepMax + 1 {
		k := fmt.Sprintf("a%06d", i)
		m.rows = append(m.rows, row{token(k), ns + 1, []byte(k), []byte("higher")})
	}
	for _, q := range []RangeRequest{everything(), {Namespace: ns, From: token("a"), Last: token("a"), Limit: 10, Bytes: 1 << 20}} {
		if keys := paged(t, m, q); fmt.Sprint(keys) != "[a]" {
			t.Errorf("tokens %d to %d: %v", q.From, q.Last, keys)
		}
	}
	// The last token of all: there is none to go on at behind it.
	top := &memory{rows: []row{{maxToken, ns, []byte("a"), value("a", at(0, 1), "v")}, {maxToken, ns + 1, []byte("a"), nil}}}
	if keys := paged(t, top, everything()); fmt.Sprint(keys) != "[a]" {
		t.Errorf("at the last token: %v", keys)
	}
}

// Contract, section 3: damaged data is an error, never NOT FOUND. What lies in
// front of it is good; the range that begins with it is Corrupt.
func TestDamageIsNeverPassedOver(t *testing.T) {
	m := fill("a", "b", "c")
	m.set(token("b"), ns, []byte("b"), tombstone("b", at(1, 1)))
	m.damage(t, "b")
	keys, end, code := ranged(m, everything())
	if fmt.Sprint(keys) != "[a]" || end.Done || code != contract.OK || string(end.Key) != "a" {
		t.Errorf("up to the damage: %v %+v %v", keys, end, code)
	}
	q := everything()
	q.From, q.After = end.Token, end.Key
	if keys, _, code := ranged(m, q); len(keys) != 0 || code != contract.Corrupt {
		t.Errorf("at the damage: %v %v", keys, code)
	}
	q.Prefix = []byte("c")
	if keys, _, code := ranged(m, q); fmt.Sprint(keys) != "[c]" || code != contract.OK {
		t.Errorf("a range that damage does not belong to: %v %v", keys, code)
	}
}

func TestRangeOverAStoreThatFails(t *testing.T) {
	m := fill("a", "b", "c")
	m.bad, m.at = blockError(), token("b")
	if keys, end, code := ranged(m, everything()); fmt.Sprint(keys) != "[a]" || end.Done || code != contract.OK {
		t.Errorf("a bad block: %v %+v %v", keys, end, code)
	}
	q := everything()
	q.From = token("b")
	if _, _, code := ranged(m, q); code != contract.Corrupt {
		t.Errorf("at the bad block: %v", code)
	}
	m.bad = errStopped
	if _, _, code := ranged(m, everything()); code != contract.NotReady {
		t.Errorf("a stopped engine: %v", code)
	}
}

// Whatever the bounds of its steps, a range finds each live key of its
// namespace and prefix once, in order.
func TestStepsOfARangeAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &memory{}
		keys := rapid.SliceOfN(rapid.StringMatching(`[a-c][ab]{0,3}`), 0, 30).Draw(t, "keys")
		for i, k := range keys {
			space := rapid.Uint32Range(ns-1, ns+1).Draw(t, "namespace")
			rec := record.Append(nil, space, []byte(k), record.Record{Version: at(0, 1), Tombstone: i%5 == 0})
			m.set(token(k), space, []byte(k), rec)
		}
		q := everything()
		q.Prefix = []byte(rapid.SampledFrom([]string{"", "a", "ba"}).Draw(t, "prefix"))
		var want []string
		for _, r := range m.rows {
			if rec, _ := record.Parse(r.rec); r.namespace == ns && !rec.Tombstone && hasPrefix(r.key, q.Prefix) {
				want = append(want, string(r.key))
			}
		}
		q.Limit, q.Bytes = rapid.IntRange(1, 4).Draw(t, "limit"), rapid.IntRange(0, 200).Draw(t, "bytes")
		if got := paged(t, m, q); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("found %v, want %v", got, want)
		}
	})
}
