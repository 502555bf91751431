package wire

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/candordb/candor/contract"
)

// document has what control-plane documents are made of.
type document struct {
	Epoch  uint64        `msgpack:"epoch"`
	Small  uint8         `msgpack:"small"`
	Signed int16         `msgpack:"signed"`
	Name   string        `msgpack:"name"`
	Bytes  []byte        `msgpack:"bytes"`
	Node   [16]byte      `msgpack:"node"`
	Rows   []documentRow `msgpack:"rows"`
	Nodes  [][16]byte    `msgpack:"nodes"`
	Words  []string      `msgpack:"words"`
	Next   *documentRow  `msgpack:"next"`
	Wait   time.Duration `msgpack:"wait"`
	On     bool          `msgpack:"on"`
	Inner
	Level contract.Level
}

type documentRow struct {
	Key   string   `msgpack:"key"`
	Count uint16   `msgpack:"count"`
	Ports []uint16 `msgpack:"ports,omitempty"`
}

// Inner stands in a document without a name of its own.
type Inner struct {
	Zone string `msgpack:"zone"`
}

var wide = DocumentLimits{Bytes: 1 << 20, Elems: 10_000, Depth: DepthMax}

func drawDocument(t *rapid.T) document {
	d := document{
		Epoch: draw(t, numbers), Small: rapid.Uint8().Draw(t, "small"), Signed: rapid.Int16().Draw(t, "signed"), Name: draw(t, words), Bytes: draw(t, anyBytes),
		Node: drawNode(t), Words: rapid.SliceOfN(words, 0, 3).Draw(t, "words"), Wait: time.Duration(rapid.Int64().Draw(t, "wait")),
		On: rapid.Bool().Draw(t, "on"), Inner: Inner{draw(t, words)}, Level: contract.Level(rapid.Uint8().Draw(t, "level")),
	}
	for range rapid.IntRange(0, 3).Draw(t, "rows") {
		d.Rows = append(d.Rows, documentRow{draw(t, words), rapid.Uint16().Draw(t, "count"), rapid.SliceOfN(rapid.Uint16(), 0, 20).Draw(t, "ports")})
		d.Nodes = append(d.Nodes, drawNode(t))
	}
	if len(d.Rows) > 1 {
		d.Next = &d.Rows[0]
	}
	return d
}

func TestDocumentsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawDocument(t)
		b, err := Marshal(&want)
		if err != nil {
			t.Fatal(err)
		}
		var got document
		if err := SafeUnmarshal(b, wide, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, same); diff != "" {
			t.Fatal(diff)
		}
	})
}

// libraries.md, section 4: bytes that were agreed on are compared as they are,
// so a document is the same bytes each time; a Go map would not be.
func TestDocumentBytesStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDocument(t)
		first, err := Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var back document
		if err := SafeUnmarshal(first, wide, &back); err != nil {
			t.Fatal(err)
		}
		for _, v := range []any{d, &d, back} {
			if again, err := Marshal(v); err != nil || !bytes.Equal(first, again) {
				t.Fatalf("%x, then %x: %v", first, again, err)
			}
		}
	})
	type inside struct{ M map[string]int }
	for name, v := range map[string]any{
		"a map":              map[string]int{"a": 1, "b": 2},
		"a map in a struct":  inside{map[string]int{"a": 1}},
		"a field of no type": struct{ V any }{map[string]int{"a": 1}},
		"a float":            struct{ F float64 }{1.5},
		"a time":             struct{ T time.Time }{time.Unix(1, 0)},
		"nine levels":        struct{ A [][][][][][][][]int }{[][][][][][][][]int{{{{{{{{1}}}}}}}}},
		"a channel":          struct{ C chan int }{make(chan int)},
		"fields as an array": struct {
			_msgpack struct{} `msgpack:",as_array"`
			A        int
		}{A: 1},
	} {
		if b, err := Marshal(v); !errors.Is(err, ErrDocument) {
			t.Errorf("%s is written as %x: %v", name, b, err)
		}
	}
}

// Documents grow: old reads new, new reads old.
func TestDocumentsOfOldAndNew(t *testing.T) {
	type was struct {
		Epoch uint64 `msgpack:"epoch"`
		Zone  string `msgpack:"zone"`
	}
	b, err := Marshal(document{Epoch: 300, Inner: Inner{"z1"}, Rows: []documentRow{{Key: "k"}}})
	if err != nil {
		t.Fatal(err)
	}
	var old was
	if err := SafeUnmarshal(b, wide, &old); err != nil || old != (was{300, "z1"}) {
		t.Errorf("%+v, %v", old, err)
	}
	if b, err = Marshal(was{5, "z2"}); err != nil {
		t.Fatal(err)
	}
	var now document
	if err := SafeUnmarshal(b, wide, &now); err != nil || now.Epoch != 5 || now.Zone != "z2" || now.Rows != nil {
		t.Errorf("%+v, %v", now, err)
	}
}

// pairs is a map in the order given, as bytes.
func pairs(kv ...any) []byte {
	b := []byte{0x80 | byte(len(kv)/2)}
	for _, v := range kv {
		b = append(b, byLibrary(v)...)
	}
	return b
}

func TestDocumentsThatAreRefused(t *testing.T) {
	small := DocumentLimits{Bytes: 64, Elems: 8, Depth: 3}
	many := []any{}
	for i := range documentKeysMax + 1 {
		many = append(many, strings.Repeat("k", i+1), 0)
	}
	tooMany := append([]byte{0xde, 0, documentKeysMax + 1}, pairs(many...)[1:]...)
	for name, tc := range map[string]struct {
		b      []byte
		limits DocumentLimits
	}{
		"nothing":                    {nil, wide},
		"trailing bytes":             {append(pairs("epoch", 1), 0), wide},
		"cut off":                    {[]byte{0x81, 0xa5, 'e', 'p'}, wide},
		"the unused byte":            {pairs("epoch", raw{0xc1}), wide},
		"a repeated key":             {pairs("epoch", 1, "epoch", 2), wide},
		"a repeated unknown key":     {pairs("new", 1, "name", "n", "new", 1), wide},
		"a key again, its head wide": {pairs("epoch", 1, raw("\xd9\x05epoch"), 2), wide},
		"a key that is a number":     {pairs(1, 1), wide},
		"a key that is nil":          {pairs(nil, 1), wide},
		"a key that is a bin":        {pairs([]byte("epoch"), 1), wide},
		"too many keys":              {tooMany, wide},
		"a float":                    {pairs("new", 1.5), wide},
		"NaN":                        {pairs("new", math.NaN()), wide},
		"an extension":               {pairs("new", raw{0xd4, 1, 1}), wide},
		"too many bytes":             {pairs("name", strings.Repeat("n", 64)), small},
		"too many elements":          {pairs("new", list{1, 2, 3, 4, 5, 6, 7}), small},
		"too deep":                   {pairs("new", list{list{list{}}}), small},
		"a number for a str":         {pairs("name", 1), wide},
		"a bin for a str":            {pairs("name", []byte("n")), wide},
		"a str for a bin":            {pairs("bytes", "b"), wide},
		"a str that is not UTF-8":    {pairs("name", raw{0xa1, 0xff}), wide},
		"a bool for a number":        {pairs("epoch", true), wide},
		"a number for a bool":        {pairs("on", 1), wide},
		"an array for a struct":      {pairs("next", list{"k", 1}), wide},
		"a document as an array":     {byLibrary(list{1, 2}), wide},
		"a map for rows":             {pairs("rows", raw(pairs("key", "k"))), wide},
		"numbers for a bin":          {pairs("bytes", list{1, 2}), wide},
		"a node id of 15 bytes":      {pairs("node", make([]byte, 15)), wide},
		"a node id of 17 bytes":      {pairs("nodes", list{make([]byte, 17)}), wide},
	} {
		var d document
		if err := SafeUnmarshal(tc.b, tc.limits, &d); !errors.Is(err, ErrDocument) {
			t.Errorf("%s: %v, %+v", name, err, d)
		}
	}
	// The limits themselves are still within.
	for _, b := range [][]byte{pairs("new", list{1, 2, 3, 4, 5, 6}), pairs("new", list{list{}}), pairs("name", strings.Repeat("n", 64-8))} {
		if err := SafeUnmarshal(b, small, new(document)); err != nil {
			t.Errorf("%x: %v", b, err)
		}
	}
}

// The library makes 2 of 258 for a uint8, and 2^64-1 of -1 for a uint64.
func TestNoSilentNarrowingInDocuments(t *testing.T) {
	rows := func(v any) []byte { return pairs("rows", list{raw(pairs("key", "k", "count", v))}) }
	for name, b := range map[string][]byte{
		"258 for a uint8":           pairs("small", 258),
		"-1 for a uint8":            pairs("small", -1),
		"-1 for a uint64":           pairs("epoch", -1),
		"2^15 for an int16":         pairs("signed", 1<<15),
		"-2^15-1 for an int16":      pairs("signed", -1<<15-1),
		"2^64-1 for a duration":     pairs("wait", uint64(math.MaxUint64)),
		"65536 in a row":            rows(1 << 16),
		"-1 in a row":               rows(-1),
		"65536 in a list in a row":  pairs("rows", list{raw(pairs("ports", list{1, 1 << 16}))}),
		"256 behind a pointer":      pairs("next", raw(pairs("count", 1<<16))),
		"256 for a type of our own": pairs("Level", 256),
	} {
		var d document
		if err := SafeUnmarshal(b, wide, &d); !errors.Is(err, ErrDocument) {
			t.Errorf("%s: %v, %+v", name, err, d)
		}
	}
	// Any width that holds what fits is taken.
	var d document
	if err := SafeUnmarshal(pairs("small", raw{0xcf, 0, 0, 0, 0, 0, 0, 0, 255}, "signed", raw{0xd3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x80, 0}), wide, &d); err != nil || d.Small != 255 || d.Signed != -1<<15 {
		t.Errorf("%v, %+v", err, d)
	}
}

// libraries.md, section 4: how the library has to be set up.
func TestCodecOptions(t *testing.T) {
	// Numbers take the width that they need, not that of their Go type.
	b, err := Marshal(struct {
		A uint64
		B int64
		C uint32
	}{1, -1, 300})
	if want := pairs("A", 1, "B", -1, "C", 300); err != nil || !bytes.Equal(b, want) {
		t.Errorf("%x, want %x: %v", b, want, err)
	}
	// Documents do not share state: the second one is not told in words that
	// the first has introduced.
	one, _ := Marshal(document{Name: "a name that is repeated"})
	two, _ := Marshal(document{Name: "a name that is repeated"})
	if !bytes.Equal(one, two) {
		t.Errorf("%x, then %x", one, two)
	}
	// The decoder stops where the document does.
	r := documentDecoder(append(bytes.Clone(one), one...))
	var first, second document
	if r.Decode(&first) != nil || r.Decode(&second) != nil || first.Name != second.Name {
		t.Error("the decoder has read too far")
	}
	// What is decoded does not alias the frame that it came in.
	src, _ := Marshal(document{Bytes: []byte("abc"), Name: "abc"})
	var d document
	if err := SafeUnmarshal(src, wide, &d); err != nil {
		t.Fatal(err)
	}
	clear(src)
	if string(d.Bytes) != "abc" || d.Name != "abc" {
		t.Errorf("%+v", d)
	}
}
