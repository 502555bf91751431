package wire

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// same compares what was decoded. A str or bin that is empty and one that is
// missing may differ on the wire; where that says something, a flag beside the
// field says it too.
var same = cmp.Options{cmpopts.EquateEmpty(), cmp.AllowUnexported(Request{}, PeerRequest{}, PeerAnswer{}, reader{})}

var samples = []struct {
	name string
	draw func(*rapid.T) sample
}{
	{"hello", drawHello}, {"request", drawRequest}, {"answer", drawAnswer}, {"error", drawError}, {"batch answer", drawBatchAnswer},
	{"peer request", drawPeerRequest}, {"peer answer", drawPeerAnswer},
}

// checkSamples runs a property over random messages of every kind.
func checkSamples(t *testing.T, property func(*rapid.T, sample)) {
	for _, kind := range samples {
		t.Run(kind.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) { property(t, kind.draw(t)) })
		})
	}
}

// mustMean asks that a body is decoded to what it means.
func (s sample) mustMean(t *rapid.T, body []byte, want any) {
	got, err := s.read(body)
	if err != nil {
		t.Fatalf("%x of %v: %v", body, s.values, err)
	}
	if diff := cmp.Diff(want, got, same); diff != "" {
		t.Fatalf("%x of %v:\n%s", body, s.values, diff)
	}
}

// The codec writes what the library writes for the same values, byte for byte:
// the order of the protocol's tables, and the shortest encoding.
func TestWhatWeWriteIsWhatTheLibraryWrites(t *testing.T) {
	checkSamples(t, func(t *rapid.T, s sample) {
		body, n, err := NextFrame(s.frame, 1<<20)
		if err != nil || n != len(s.frame) {
			t.Fatalf("%x is a frame of %d bytes: %v", s.frame, n, err)
		}
		if want := byLibrary(s.values); !bytes.Equal(body, want) {
			t.Fatalf("%v is\n%x, the library writes\n%x", s.values, body, want)
		}
		got, rest, err := fromLibrary(body)
		if err != nil || rest != 0 {
			t.Fatalf("the library cannot read %x: %v, %d bytes are left", body, err, rest)
		}
		if diff := cmp.Diff(plain(s.values), got); diff != "" {
			t.Fatal(diff)
		}
		if !wellFormed(body) {
			t.Fatalf("%x is not well formed", body)
		}
	})
}

func TestWhatTheLibraryWritesWeReadEqually(t *testing.T) {
	checkSamples(t, func(t *rapid.T, s sample) { s.mustMean(t, byLibrary(s.values), s.want) })
}

// protocol.md: "Any valid encoding of a number is accepted (1 may come as
// uint64)"; heads of str, bin and array too.
func TestAnyValidWidthIsAccepted(t *testing.T) {
	checkSamples(t, func(t *rapid.T, s sample) { s.mustMean(t, byAnyWidth(t, s.values), s.want) })
}

// protocol.md: "Arrays only ever grow at the end. A reader [...] skips what it
// does not know."
func TestUnknownTailFieldsAreSkipped(t *testing.T) {
	checkSamples(t, func(t *rapid.T, s sample) {
		if s.fixed {
			t.Skip("its tail is known")
		}
		s.mustMean(t, byLibrary(grown(t, s.values)), s.want)
	})
}

// grown adds unknown fields to every array that may grow.
func grown(t *rapid.T, v any) any {
	switch v := v.(type) {
	case fields:
		out := fields{}
		for _, e := range v {
			out = append(out, grown(t, e))
		}
		unknown := list{nil, -1, "new", []byte{1}, list{7, nil}, true, 1.5, map[string]int{"a": 1}}
		for range rapid.IntRange(0, 2).Draw(t, "unknown") {
			out = append(out, rapid.SampledFrom(unknown).Draw(t, "field"))
		}
		return out
	case list:
		out := list{}
		for _, e := range v {
			out = append(out, grown(t, e))
		}
		return out
	case wide32:
		return grown(t, list(v))
	}
	return v
}

// protocol.md: "A reader gives missing tail fields their default [...]; nil
// means the default too." A field without a default is missed either way.
func TestMissingTailFieldsTakeTheirDefault(t *testing.T) {
	checkSamples(t, func(t *rapid.T, s sample) {
		keep := rapid.IntRange(min(2, len(s.values)), len(s.values)).Draw(t, "keep")
		cut, padded := s.values[:keep], append(fields{}, s.values[:keep]...)
		for len(padded) < len(s.values) {
			padded = append(padded, nil)
		}
		short, errShort := s.read(byLibrary(cut))
		long, errLong := s.read(byLibrary(padded))
		if (errShort == nil) != (errLong == nil) {
			// Nodes always name epoch and clock.
			if _, peer := s.want.(peerRead); peer && keep < 4 {
				return
			}
			t.Fatalf("%v: cut off %v, with nil %v", cut, errShort, errLong)
		}
		if errShort != nil {
			return
		}
		if diff := cmp.Diff(long, short, same); diff != "" {
			t.Fatalf("%v: %s", cut, diff)
		}
	})
}
