package gossip

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var exampleMeta = meta{
	cluster:     [16]byte{1, 2, 3},
	incarnation: 7,
	peerPort:    7401,
	clientPort:  7400,
	httpPort:    7480,
	flags:       0,
	protoMin:    1,
	protoMax:    1,
	zone:        "berlin-a",
}

func TestMetaLayout(t *testing.T) {
	want := []byte{1,
		1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 7,
		0x1c, 0xe9, 0x1c, 0xe8, 0x1d, 0x38,
		0, 1, 1,
		8, 'b', 'e', 'r', 'l', 'i', 'n', '-', 'a'}
	if diff := cmp.Diff(want, exampleMeta.append(nil)); diff != "" {
		t.Fatal(diff)
	}
}

func TestMetaFits(t *testing.T) {
	m := exampleMeta
	m.zone = strings.Repeat("z", ZoneMax)
	b := m.append(nil)
	if len(b) > MetaMax {
		t.Fatalf("%d bytes", len(b))
	}
	if got, err := parseMeta(b); err != nil || got != m {
		t.Fatal(got, err)
	}
}

// Old and new nodes understand each other: what a later version appends is
// skipped.
func TestMixedVersionsTalk(t *testing.T) {
	b := append(exampleMeta.append(nil), "what we do not know yet"...)
	b[0] = 9
	if got, err := parseMeta(b); err != nil || got != exampleMeta {
		t.Fatal(got, err)
	}
}

func TestBadMetaIsRefused(t *testing.T) {
	good := exampleMeta.append(nil)
	for name, b := range map[string][]byte{
		"empty":           nil,
		"short":           good[:metaFixed-1],
		"zone cut off":    good[:len(good)-1],
		"version 0":       append([]byte{0}, good[1:]...),
		"zone too long":   append(append(bytes.Clone(good[:34]), ZoneMax+1), bytes.Repeat([]byte{'z'}, ZoneMax+1)...),
		"more than 128 B": append(bytes.Clone(good), make([]byte, MetaMax)...),
	} {
		if m, err := parseMeta(b); !errors.Is(err, ErrMeta) {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}

// Whatever is read is written back as the same bytes, but for what is unknown.
func FuzzMeta(f *testing.F) {
	f.Add([]byte{})
	f.Add(exampleMeta.append(nil))
	f.Add(append(exampleMeta.append(nil), 1, 2, 3))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseMeta(b)
		if err != nil {
			return
		}
		again := m.append(nil)
		if again[0] = b[0]; !bytes.HasPrefix(b, again) {
			t.Fatalf("%x read as %+v, written as %x", b, m, again)
		}
	})
}
