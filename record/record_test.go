package record

import (
	"bytes"
	"errors"
	"hash/crc32"
	"testing"

	"pgregory.net/rapid"

	"github.com/candordb/candor/hlc"
)

var anyRecord = rapid.Custom(func(t *rapid.T) Record {
	r := Record{
		Version:   hlc.Version{Time: hlc.Timestamp(rapid.Uint64Range(0, 3).Draw(t, "time")), Writer: rapid.Uint64Range(0, 2).Draw(t, "writer")},
		Tombstone: rapid.Bool().Draw(t, "tombstone"),
		Value:     []byte{},
	}
	if !r.Tombstone {
		r.ExpiresAt = rapid.Int64Range(0, 2).Draw(t, "expires")
		r.Value = rapid.SliceOfN(rapid.Byte(), 0, 3).Draw(t, "value")
	}
	return r
})

func TestOneEncodedForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, key := anyRecord.Draw(t, "record"), rapid.SliceOfN(rapid.Byte(), 1, 8).Draw(t, "key")
		b := Append([]byte("before"), 7, key, r)[6:]
		got, err := Verify(7, key, b)
		if err != nil || got.Version != r.Version || got.Tombstone != r.Tombstone || got.ExpiresAt != r.ExpiresAt || !bytes.Equal(got.Value, r.Value) {
			t.Fatalf("%+v came back as %+v, %v", r, got, err)
		}
		if Bytes(r) != len(b) {
			t.Fatalf("Bytes says %d of %d", Bytes(r), len(b))
		}
		head, err := Header(b)
		if err != nil || !bytes.Equal(append(bytes.Clone(head), r.Value...), b) {
			t.Fatalf("header %x of %x, %v", head, b, err)
		}
		if again, err := Parse(head); !r.Tombstone && (err != nil || again.Version != r.Version) {
			t.Fatalf("the header alone: %+v, %v", again, err)
		}
	})
}

// Rule 11: a damaged record is an error to the reader, whichever bit it is; and
// so is a record under another key or namespace.
func TestEveryFlippedBitIsFound(t *testing.T) {
	key := []byte("user:42")
	r := Record{Version: hlc.Version{Time: hlc.Make(1_700_000_000_000, 3), Writer: 9}, ExpiresAt: 1_700_000_060_000, Value: []byte("hello")}
	b := Append(nil, 1, key, r)
	for bit := range len(b) * 8 {
		bad := bytes.Clone(b)
		bad[bit/8] ^= 1 << (bit % 8)
		if got, err := Verify(1, key, bad); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("bit %d: %+v, %v", bit, got, err)
		}
	}
	for n := range b {
		if _, err := Verify(1, key, b[:n]); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := Verify(2, key, b); !errors.Is(err, ErrCorrupt) {
		t.Error("taken in another namespace")
	}
	if _, err := Verify(1, []byte("user:43"), b); !errors.Is(err, ErrCorrupt) {
		t.Error("taken under another key")
	}
}

func TestPlaceSumIsCRC32C(t *testing.T) {
	if got, want := placeSum(0x0102030405060708), crc32.Checksum([]byte{1, 2, 3, 4, 5, 6, 7, 8}, castagnoli); got != want {
		t.Fatalf("%08x, want %08x", got, want)
	}
}

// Scenario A10 and rule 2: merge of any three records, in any order, grouping
// and repetition; the stored version never decreases.
func TestMergeLaw(t *testing.T) {
	key := []byte("k")
	encoded := rapid.Custom(func(t *rapid.T) []byte {
		if rapid.IntRange(0, 9).Draw(t, "absent") == 0 {
			return nil
		}
		return Append(nil, 1, key, anyRecord.Draw(t, "record"))
	})
	merge := func(a, b []byte) []byte { w, _ := Merge(a, b); return w }
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := encoded.Draw(t, "a"), encoded.Draw(t, "b"), encoded.Draw(t, "c")
		if !bytes.Equal(merge(a, b), merge(b, a)) {
			t.Fatal("not commutative")
		}
		if !bytes.Equal(merge(merge(a, b), c), merge(a, merge(b, c))) {
			t.Fatal("not associative")
		}
		if !bytes.Equal(merge(merge(a, b), b), merge(a, b)) {
			t.Fatal("not idempotent")
		}
		if a != nil {
			ra, _ := Parse(a)
			rw, _ := Parse(merge(a, b))
			if rw.Version.Less(ra.Version) {
				t.Fatal("a stored version was lowered")
			}
		}
	})
}

// Rule 1: the same version with different bytes is a broken invariant:
// tombstone first, then the larger encoded record; it is told.
func TestSameVersionOtherBytes(t *testing.T) {
	key, v := []byte("k"), hlc.Version{Time: 5, Writer: 5}
	dead := Append(nil, 1, key, Record{Version: v, Tombstone: true})
	x, y := Append(nil, 1, key, Record{Version: v, Value: []byte("x")}), Append(nil, 1, key, Record{Version: v, Value: []byte("y")})
	for _, tc := range [][2][]byte{{dead, x}, {x, dead}, {y, dead}} {
		if w, conflict := Merge(tc[0], tc[1]); !conflict || !bytes.Equal(w, dead) {
			t.Errorf("a tombstone lost to a value: %x", w)
		}
	}
	larger := x
	if bytes.Compare(y, x) > 0 {
		larger = y
	}
	if w, conflict := Merge(x, y); !conflict || !bytes.Equal(w, larger) {
		t.Errorf("got %x", w)
	}
	if _, conflict := Merge(x, bytes.Clone(x)); conflict {
		t.Error("equal bytes are no conflict")
	}
}

// Scenario B4: equal version, one copy expired, one live: the order never
// depends on the local clock, as Merge is given none; and expiry is no order.
func TestExpiryIsNotPartOfTheOrder(t *testing.T) {
	key := []byte("k")
	old := Append(nil, 1, key, Record{Version: hlc.Version{Time: 1}, Value: []byte("lives for ever")})
	newer := Append(nil, 1, key, Record{Version: hlc.Version{Time: 2}, ExpiresAt: 3, Value: []byte("expired long ago")})
	if w, _ := Merge(old, newer); !bytes.Equal(w, newer) {
		t.Error("an expired value lost to an older one")
	}
	r, _ := Parse(newer)
	if r.Live(3) || !r.Live(2) {
		t.Error("expiry is at expires_at")
	}
}

func TestExpiresAtIsVersionPlusTTL(t *testing.T) {
	v := hlc.Version{Time: hlc.Make(1000, 5)}
	for _, tc := range []struct {
		ttl  uint64
		want int64
		ok   bool
	}{{0, 0, true}, {1, 1001, true}, {1 << 62, 1<<62 + 1000, true}, {1 << 63, 0, false}, {1<<64 - 1, 0, false}} {
		if got, ok := ExpiresAt(v, tc.ttl); got != tc.want || ok != tc.ok {
			t.Errorf("ttl %d: %d %v", tc.ttl, got, ok)
		}
	}
}

func TestEncodeAllocatesNothing(t *testing.T) {
	key, buf := []byte("user:42"), make([]byte, 0, 256)
	r := Record{Version: hlc.Version{Time: 1, Writer: 2}, Value: make([]byte, 100)}
	var err error
	n := testing.AllocsPerRun(100, func() {
		buf = Append(buf[:0], 1, key, r)
		_, err = Verify(1, key, buf)
	})
	if n != 0 || err != nil {
		t.Errorf("%v allocations, %v", n, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte{})
	f.Add(Append(nil, 1, []byte("k"), Record{Value: []byte("v"), ExpiresAt: 9}))
	f.Add(Append(nil, 1, []byte("k"), Record{Tombstone: true}))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Parse(b)
		if err != nil {
			return
		}
		if _, err := Header(b); err != nil {
			t.Fatalf("parsed, but no header: %v", err)
		}
		if again, err := Verify(1, []byte("k"), Append(nil, 1, []byte("k"), r)); err != nil || again.Version != r.Version {
			t.Fatalf("%+v does not survive: %v", r, err)
		}
	})
}

func BenchmarkAppendVerify(b *testing.B) {
	key, buf := []byte("user:42:profile!"), make([]byte, 0, 256)
	r := Record{Version: hlc.Version{Time: 1, Writer: 2}, Value: make([]byte, 100)}
	for b.Loop() {
		buf = Append(buf[:0], 1, key, r)
		if _, err := Verify(1, key, buf); err != nil {
			b.Fatal(err)
		}
	}
}
