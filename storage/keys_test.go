package storage

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/candordb/candor/hlc"
)

// A void's key tells its version, lies in VoidRange, and never among the records;
// different places and versions have different keys.
func TestVoidKeysAreTheirOwn(t *testing.T) {
	type void struct {
		token   uint64
		ns      uint32
		key     string
		version hlc.Version
	}
	draw := rapid.Custom(func(r *rapid.T) void {
		return void{
			rapid.Uint64().Draw(r, "token"), rapid.Uint32().Draw(r, "namespace"), string(rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(r, "key")),
			hlc.Version{Time: hlc.Timestamp(rapid.Uint64().Draw(r, "time")), Writer: rapid.Uint64().Draw(r, "writer")},
		}
	})
	encode := func(v void) []byte { return AppendVoidKey(nil, v.token, v.ns, []byte(v.key), v.version) }
	rapid.Check(t, func(r *rapid.T) {
		a, b := draw.Draw(r, "a"), draw.Draw(r, "b")
		if rapid.Bool().Draw(r, "same place") {
			b.token, b.ns = a.token, a.ns
		}
		ka, kb := encode(a), encode(b)
		if (a == b) != bytes.Equal(ka, kb) {
			r.Fatalf("%+v and %+v are %x and %x", a, b, ka, kb)
		}
		if v, err := VoidVersion(ka); err != nil || v != a.version {
			r.Fatalf("the version of %x: %v, %v", ka, v, err)
		}
		lo, hi := VoidRange()
		if bytes.Compare(lo, ka) > 0 || bytes.Compare(ka, hi) >= 0 {
			r.Fatalf("%x lies outside of the voids", ka)
		}
		lo, hi = RecordRange(0, 1<<64-1)
		if bytes.Compare(lo, ka) <= 0 && bytes.Compare(ka, hi) < 0 {
			r.Fatalf("%x lies among the records", ka)
		}
	})
}

// These bytes are on disks.
func TestVoidLayoutIsForever(t *testing.T) {
	v := hlc.Version{Time: 0x1112131415161718, Writer: 0x2122232425262728}
	got := AppendVoidKey([]byte("-"), 0x0102030405060708, 0x090a0b0c, []byte("key"), v)
	want := "-v\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0ckey\x11\x12\x13\x14\x15\x16\x17\x18\x21\x22\x23\x24\x25\x26\x27\x28"
	if string(got) != want || string(VoidFormat) != "\x01" {
		t.Errorf("void key %q, want %q; value %q", got, want, VoidFormat)
	}
	for n := range len(want) - 1 {
		if _, err := VoidVersion([]byte(want[1 : 1+n])); n < 1+8+4+1+16 && !errors.Is(err, ErrCorrupt) {
			t.Errorf("the first %d bytes are taken: %v", n, err)
		}
	}
	if _, err := VoidVersion([]byte("r" + want[2:])); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a record key is taken for a void: %v", err)
	}
}
