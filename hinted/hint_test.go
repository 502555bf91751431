package hinted

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/candordb/candor/hlc"
	"github.com/candordb/candor/record"
)

// These bytes are on disks.
func TestHintValueIsForever(t *testing.T) {
	v := hlc.Version{Time: 0x1112131415161718, Writer: 0x2122232425262728}
	rec := record.Append(nil, 7, []byte("key"), record.Record{Version: v, Value: []byte("value")})
	for counted, want := range map[bool]string{false: "0100", true: "0101"} { // in any order
		value := AppendValue([]byte("-"), rec, counted)
		if got := hex.EncodeToString(value[1:]); got != want+hex.EncodeToString(rec) {
			t.Errorf("counted %v: %s", counted, got)
		}
		back, c, err := ParseValue(v, value[1:])
		if err != nil || c != counted || !bytes.Equal(back, rec) {
			t.Errorf("counted %v comes back as %v, %x, %v", counted, c, back, err)
		}
	}
	marks := []hlc.Timestamp{2: 0x0102030405060708, 300: 9}
	value := appendMarks(nil, marks)
	if got := hex.EncodeToString(value); got != "01"+"00020102030405060708"+"012c0000000000000009" {
		t.Errorf("marks: %s", got)
	}
}

// A damaged hint is an error, never a hint.
func TestHintValuesThatAreNone(t *testing.T) {
	h := hintFor(1, 1000, 1, 2, "k", 5)
	good := AppendValue(nil, h.Record, true)
	for name, bad := range map[string][]byte{ // in any order
		"empty": {}, "no record": good[:2], "format": append([]byte{2}, good[1:]...), "flags": append([]byte{1, 2}, good[2:]...),
		"record": append([]byte{1, 0, 9}, good[3:]...), "short": good[:10],
	} {
		if _, _, err := ParseValue(h.Version, bad); !errors.Is(err, record.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := h.Version
	other.Writer++
	if _, _, err := ParseValue(other, good); !errors.Is(err, record.ErrCorrupt) {
		t.Errorf("another version: %v", err)
	}
}

func FuzzParseValue(f *testing.F) {
	h := hintFor(1, 1000, 1, 2, "k", 5)
	f.Add(AppendValue(nil, h.Record, true))
	f.Add([]byte{1, 0})
	f.Fuzz(func(t *testing.T, value []byte) {
		rec, counted, err := ParseValue(h.Version, value)
		if err == nil && !bytes.Equal(AppendValue(nil, rec, counted), value) {
			t.Errorf("%x does not come back", value)
		}
	})
}

func FuzzParseMarks(f *testing.F) {
	name := MarksPrefix + nodeID(3).String()
	f.Add(name, appendMarks(nil, []hlc.Timestamp{0, 5, 0, 7}))
	f.Fuzz(func(t *testing.T, name string, value []byte) {
		_, rows, err := parseMarks(name, value)
		if err != nil && !errors.Is(err, record.ErrCorrupt) {
			t.Errorf("%v", err)
		}
		if err == nil && !bytes.Equal(appendMarks(nil, rows), value) {
			t.Errorf("%x does not come back", value)
		}
	})
}
