package storage

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/candordb/candor/hlc"
)

// TestMissingIsASet compares Missing with a set of 32 tokens, some of them at the
// ends of the ring.
func TestMissingIsASet(t *testing.T) {
	token := func(i int) uint64 {
		if i >= 16 {
			return math.MaxUint64 - uint64(31-i)
		}
		return uint64(i)
	}
	rapid.Check(t, func(r *rapid.T) {
		var m Missing
		var want [32]bool
		for range rapid.IntRange(0, 12).Draw(r, "steps") {
			first := rapid.IntRange(0, 31).Draw(r, "first")
			last := rapid.IntRange(first, 31).Draw(r, "last")
			add := rapid.Bool().Draw(r, "add")
			tokens := TokenRange{token(first), token(last)}
			before := fmt.Sprint(m)
			if add {
				m.Add(Damage{Tokens: tokens})
				if fmt.Sprint(m) != before {
					r.Fatal("Add has changed what it was called on")
				}
				m = m.Add(Damage{Tokens: tokens})
			} else {
				m = m.Without(tokens)
			}
			for i := first; i <= last; i++ {
				want[i] = add
			}
		}
		for i, w := range want {
			if m.Covers(token(i)) != w {
				r.Fatalf("%+v covers %d: %v", m, i, !w)
			}
		}
		back, err := ParseMissing(m.Encode())
		if err != nil || fmt.Sprint(back) != fmt.Sprint(m) {
			r.Fatalf("%+v comes back as %+v, %v", m, back, err)
		}
	})
}

// TestMissingBytes are on disk.
func TestMissingBytes(t *testing.T) {
	m := Missing{System: true, Hints: true, Tokens: []TokenRange{{1, 2}, {4, math.MaxUint64}}}
	if got, want := fmt.Sprintf("%x", m.Encode()), "0103"+"0000000000000001"+"0000000000000002"+"0000000000000004"+"ffffffffffffffff"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if !Everything.Whole() || Everything.None() || m.Whole() || !(Missing{}).None() {
		t.Error("whole and none are mixed up")
	}
	good := m.Encode()
	for name, bad := range map[string][]byte{
		"empty": nil, "another format": {2, 0}, "another flag": {1, 4}, "half a range": good[:len(good)-1],
		"first above last": Missing{Tokens: []TokenRange{{2, 1}}}.Encode(),
		"ranges that meet": Missing{Tokens: []TokenRange{{1, 2}, {3, 4}}}.Encode(),
		"behind the end":   Missing{Tokens: []TokenRange{{1, math.MaxUint64}, {3, 4}}}.Encode(),
	} {
		if _, err := ParseMissing(bad); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
	}
}

// TestHolesAreToldByWhatMayLieInThem: a hole from one key to another may hold
// records, system values and voids.
func TestHolesAreToldByWhatMayLieInThem(t *testing.T) {
	rec := func(token uint64) []byte { return AppendRecordKey(nil, token, 1, []byte("k")) }
	void := func(token uint64) []byte { return AppendVoidKey(nil, token, 1, []byte("k"), hlc.Version{}) }
	hint := func(target byte) []byte {
		return AppendHintKey(nil, [16]byte{target}, hlc.Version{}, 1, 1, []byte("k"))
	}
	system := SystemKey("clock")
	end := uint64(math.MaxUint64)
	for _, c := range []struct {
		lo, hi []byte
		want   string
	}{
		{rec(5), rec(9), "r5-9"},
		{rec(5), rec(5), "r5-5"},
		{rec(5), system, fmt.Sprintf("r5-%d s", end)},
		{system, system, "s"},
		{rec(5), void(7), fmt.Sprintf("r5-%d s t v0-7", end)},
		{void(3), void(7), "v3-7"},
		{nil, nil, "s"}, // a key that nobody knows
		{nil, []byte{255}, fmt.Sprintf("h r0-%d s t v0-%d", end, end)},
		{hint(1), hint(2), "h"},
		{hint(1), rec(7), "h r0-7"},
		{AppendTreeKey(nil, 1), AppendTreeKey(nil, 2), "t"},
		{[]byte{'r', 1}, []byte{'r', 2}, fmt.Sprintf("r%d-%d", uint64(1)<<56, uint64(2)<<56)},
	} {
		var words []string
		void := len(c.lo) > 0 && c.lo[0] == prefixVoid
		for _, d := range between(c.lo, c.hi, ErrCorrupt) {
			word := map[Part]string{Records: "r", System: "s", Hints: "h", Trees: "t"}[d.Part]
			if d.Part == Records {
				if void {
					word = "v"
				}
				void = true
				word += fmt.Sprintf("%d-%d", d.Tokens.First, d.Tokens.Last)
			}
			words = append(words, word)
		}
		got := strings.Join(words, " ")
		if got != c.want {
			t.Errorf("%x to %x: %q, want %q", c.lo, c.hi, got, c.want)
		}
	}
}

// TestReserve: what is refused at which free space, of a disk of 100,000 bytes.
func TestReserve(t *testing.T) {
	for _, c := range []struct {
		free, work, unflushed uint64
		percent               int
		want                  Room
	}{
		{5000, 0, 0, 5, RoomForAll},
		{4999, 0, 0, 5, RoomForDeletes},
		{1000, 0, 0, 5, RoomForDeletes},
		{999, 0, 0, 5, RoomForNothing},
		{25_000, 20_000, 0, 5, RoomForAll},
		{24_999, 20_000, 0, 5, RoomForDeletes},
		{20_999, 20_000, 0, 5, RoomForNothing},
		{5999, 0, 1000, 5, RoomForDeletes},
		{0, 1000, 1000, 0, RoomForAll},
		{0, 0, 0, 5, RoomForNothing},
	} {
		g := gauge{percent: c.percent, space: Space{Total: 100_000, Free: c.free}, work: c.work}
		if got := g.estimate(c.unflushed).room(); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	unmeasured := gauge{percent: 5}
	if got := unmeasured.estimate(100).room(); got != RoomForAll {
		t.Errorf("a disk that cannot be measured: %v", got)
	}
}

func TestCompactionBytes(t *testing.T) {
	for _, c := range []struct {
		levels []int64
		want   uint64
	}{
		{nil, 0},
		{[]int64{5, 6}, 11},
		{[]int64{5, 6, 100}, 111},
		{[]int64{5, 6, 100_000}, compactionTables * 10},
		{[]int64{500, 600, 100_000}, 1100},
	} {
		if got := compactionBytes(c.levels, 10); got != c.want {
			t.Errorf("%v: %d, want %d", c.levels, got, c.want)
		}
	}
}
