package record

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/candordb/candor/hlc"
)

var fingerprinted = Record{
	Version:   hlc.Version{Time: hlc.Make(1_700_000_000_000, 3), Writer: 9},
	ExpiresAt: 1_700_000_060_000,
	Value:     []byte("hello"),
}

// Fingerprints are compared between nodes and kept in trees on disk: the
// function never changes.
func TestGoldenFingerprints(t *testing.T) {
	for _, c := range []struct {
		name string
		seed uint64
		r    Record
		want Fingerprint
	}{
		{"value", 0x0123456789abcdef, fingerprinted, Fingerprint{0xe4b0887dd4cfbc9b, 0xb7e5781e4538cc2c}},
		{"tombstone, no seed", 0, Record{Version: fingerprinted.Version, Tombstone: true}, Fingerprint{0xd5f55f831ba5c90d, 0x2cc5151945bc7151}},
	} {
		key := []byte("user:42")
		got, _, err := FingerprintOf(nil, c.seed, 1, key, Append(nil, 1, key, c.r))
		if err != nil || got != c.want {
			t.Errorf("%s: %#x, %v; want %#x", c.name, got, err, c.want)
		}
	}
}

// Rule 6: a fingerprint is over seed, namespace number, key, version, flags,
// expiry and value checksum: each of them makes another one.
func TestFingerprintCoversTheWholeRecord(t *testing.T) {
	type input struct {
		seed      uint64
		namespace uint32
		key       string
		r         Record
	}
	base := input{1, 1, "user:42", fingerprinted}
	seen := map[Fingerprint]string{}
	for name, change := range map[string]func(*input){ // in no order: all must differ
		"as it was":        func(*input) {},
		"seed, low half":   func(in *input) { in.seed++ },
		"seed, high half":  func(in *input) { in.seed += 1 << 32 },
		"namespace":        func(in *input) { in.namespace++ },
		"key":              func(in *input) { in.key = "user:43" },
		"longer key":       func(in *input) { in.key = "user:42\x00" },
		"time":             func(in *input) { in.r.Version.Time++ },
		"writer":           func(in *input) { in.r.Version.Writer++ },
		"expiry":           func(in *input) { in.r.ExpiresAt++ },
		"no expiry":        func(in *input) { in.r.ExpiresAt = 0 },
		"value":            func(in *input) { in.r.Value = []byte("hellp") },
		"empty value":      func(in *input) { in.r.Value = nil },
		"tombstone":        func(in *input) { in.r = Record{Version: in.r.Version, Tombstone: true} },
		"value, no expiry": func(in *input) { in.r.ExpiresAt, in.r.Value = 0, nil },
	} {
		in := base
		change(&in)
		got, _, err := FingerprintOf(nil, in.seed, in.namespace, []byte(in.key), Append(nil, in.namespace, []byte(in.key), in.r))
		if err != nil {
			t.Fatal(err)
		}
		if other, taken := seen[got]; taken {
			t.Errorf("%s and %s have one fingerprint", name, other)
		}
		seen[got] = name
	}
}

// The header is the digest of read repair: it is enough for a fingerprint.
func TestFingerprintOfTheHeaderAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, key := anyRecord.Draw(t, "record"), rapid.SliceOfN(rapid.Byte(), 1, 8).Draw(t, "key")
		b := Append(nil, 7, key, r)
		whole, scratch, err := FingerprintOf(nil, 5, 7, key, b)
		if err != nil {
			t.Fatal(err)
		}
		before := bytes.Clone(b)
		head, err := Header(b)
		if err != nil {
			t.Fatal(err)
		}
		alone, _, err := FingerprintOf(scratch, 5, 7, key, head)
		if err != nil || alone != whole || whole == (Fingerprint{}) || !bytes.Equal(b, before) {
			t.Fatalf("whole %x, header %x, %v", whole, alone, err)
		}
	})
}

func TestNoFingerprintOfDamage(t *testing.T) {
	for _, b := range [][]byte{nil, {1}, make([]byte, 40), bytes.Repeat([]byte{0xff}, 40)} {
		if f, _, err := FingerprintOf(nil, 1, 1, []byte("k"), b); !errors.Is(err, ErrCorrupt) || f != (Fingerprint{}) {
			t.Errorf("%x: %x, %v", b, f, err)
		}
	}
}

func TestFingerprintAllocatesNothing(t *testing.T) {
	key := []byte("user:42")
	b := Append(nil, 1, key, fingerprinted)
	scratch := make([]byte, 0, 128)
	if n := testing.AllocsPerRun(100, func() { _, scratch, _ = FingerprintOf(scratch, 1, 1, key, b) }); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func BenchmarkFingerprint(b *testing.B) {
	key := []byte("user:00000000042")
	encoded := Append(nil, 1, key, fingerprinted)
	var scratch []byte
	for b.Loop() {
		_, scratch, _ = FingerprintOf(scratch, 1, 1, key, encoded)
	}
}
