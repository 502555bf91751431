package storage

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/candordb/candor/hlc"
)

// Rule 5: one target's hints lie together, the oldest version first, and the same
// hint is the same entry.
func TestHintKeysOrderByTargetAndAge(t *testing.T) {
	draw := rapid.Custom(func(r *rapid.T) HintKey {
		h := HintKey{
			Version: hlc.Version{Time: hlc.Timestamp(rapid.Uint64().Draw(r, "time")), Writer: rapid.Uint64().Draw(r, "writer")},
			Token:   rapid.Uint64().Draw(r, "token"), Namespace: rapid.Uint32().Draw(r, "namespace"),
			Key: rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(r, "key"),
		}
		copy(h.Target[:], rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 0xfe, 0xff}), 16, 16).Draw(r, "target"))
		return h
	})
	encode := func(h HintKey) []byte { return AppendHintKey(nil, h.Target, h.Version, h.Token, h.Namespace, h.Key) }
	inside := func(k, lo, hi []byte) bool { return bytes.Compare(lo, k) <= 0 && bytes.Compare(k, hi) < 0 }
	rapid.Check(t, func(r *rapid.T) {
		a, b := draw.Draw(r, "a"), draw.Draw(r, "b")
		if rapid.Bool().Draw(r, "same target") {
			b.Target = a.Target
		}
		ka, kb := encode(a), encode(b)
		if got, err := ParseHintKey(ka); err != nil || !cmp.Equal(got, a) {
			r.Fatalf("%+v comes back as %+v, %v", a, got, err)
		}
		if a.Target == b.Target && a.Version != b.Version && a.Version.Less(b.Version) != (bytes.Compare(ka, kb) < 0) {
			r.Fatalf("%x and %x do not lie as their versions do", ka, kb)
		}
		lo, hi := HintRange(a.Target)
		if !inside(ka, lo, hi) || inside(kb, lo, hi) != (a.Target == b.Target) {
			r.Fatalf("the range of %x holds %v of its own, %v of %x", a.Target, inside(ka, lo, hi), inside(kb, lo, hi), b.Target)
		}
		if lo, hi = HintsRange(); !inside(ka, lo, hi) {
			r.Fatalf("%x lies outside of the hints", ka)
		}
	})
}

func TestHintRangeOfTheLastTarget(t *testing.T) {
	last := [16]byte(bytes.Repeat([]byte{0xff}, 16))
	lo, hi := HintRange(last)
	key := AppendHintKey(nil, last, hlc.Version{Time: 1<<64 - 1, Writer: 1<<64 - 1}, 1<<64-1, 1<<32-1, []byte{0xff, 0xff})
	if bytes.Compare(lo, key) > 0 || bytes.Compare(key, hi) >= 0 {
		t.Errorf("%x is not in %x..%x", key, lo, hi)
	}
}

// These bytes are on disks.
func TestHintLayoutIsForever(t *testing.T) {
	target := [16]byte([]byte("0123456789abcdef"))
	v := hlc.Version{Time: 0x1112131415161718, Writer: 0x2122232425262728}
	got := AppendHintKey([]byte("-"), target, v, 0x0102030405060708, 0x090a0b0c, []byte("key"))
	want := "-h0123456789abcdef" +
		"\x11\x12\x13\x14\x15\x16\x17\x18\x21\x22\x23\x24\x25\x26\x27\x28" +
		"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0ckey"
	if string(got) != want {
		t.Errorf("hint key %q, want %q", got, want)
	}
	for n := range hintHead {
		if _, err := ParseHintKey([]byte(want[1 : 1+n])); !errors.Is(err, ErrCorrupt) {
			t.Errorf("the first %d bytes are taken: %v", n, err)
		}
	}
	if _, err := ParseHintKey([]byte("v" + want[2:])); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a void key is taken for a hint: %v", err)
	}
}

func TestSystemRangeHoldsItsPrefixAlone(t *testing.T) {
	lo, hi := SystemRange("hints.dirty.")
	for name, want := range map[string]bool{"hints.dirty.": true, "hints.dirty.00ff": true, "hints.dirty": false, "hints.dirty/": false, "hints.e": false} {
		k := SystemKey(name)
		if got := bytes.Compare(lo, k) <= 0 && bytes.Compare(k, hi) < 0; got != want {
			t.Errorf("%s: %v", name, got)
		}
		if back, err := SystemName(k); err != nil || back != name {
			t.Errorf("%s comes back as %q, %v", name, back, err)
		}
	}
	if _, err := SystemName([]byte("rx")); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a record key is taken for a system value: %v", err)
	}
}
