package wire

import (
	"bytes"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/candordb/candor/contract"
)

// allocated is how many bytes of memory f takes.
func allocated(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// decodeAll gives a body to every decoder.
func decodeAll(body []byte) {
	_, _ = helloAgain(body)
	_, _ = readRequest(body)
	_, _ = readAnswer(OpGet, OpPut)(body)
	_, _ = readPeerRequest(body)
	_, _ = readPeerAnswer(body)
	for _, limits := range []DocumentLimits{{1 << 20, 1000, 8}, {1 << 20, 1 << 30, 100}} {
		for _, v := range []any{new([]uint64), new([]any), new(any), new([]byte), new(string), new(map[string]any), new(document)} {
			_ = SafeUnmarshal(body, limits, v)
		}
	}
}

// Lengths that are claimed and not sent: 5 bytes made the library take up to
// 5 GiB.
var bombs = map[string]string{
	"array of 2^26":     "\xdd\x04\x00\x00\x00",
	"array of 20 M":     "\xdd\x01\x31\x2d\x00",
	"array of 2^32-1":   "\xdd\xff\xff\xff\xff",
	"array of 65535":    "\xdc\xff\xff",
	"map of 2^26":       "\xdf\x04\x00\x00\x00",
	"map of 2^32-1":     "\xdf\xff\xff\xff\xff",
	"map of 65535":      "\xde\xff\xff",
	"bin of 2^31":       "\xc6\x80\x00\x00\x00",
	"bin of 2^32-1":     "\xc6\xff\xff\xff\xff",
	"str of 2^32-1":     "\xdb\xff\xff\xff\xff",
	"ext of 2^32-1":     "\xc9\xff\xff\xff\xff\x01",
	"arrays in arrays":  strings.Repeat("\xdd\x00\x10\x00\x00", 8),
	"maps in maps":      strings.Repeat("\xdf\x00\x10\x00\x00\xa1a", 8),
	"an array of maps":  "\x92" + strings.Repeat("\xdf\x7f\xff\xff\xff", 2),
	"a map, its values": "\x81\xa4list\xdd\x7f\xff\xff\xff",
}

func TestBombsStayUnder64KiB(t *testing.T) {
	// The library remembers what it has learned of a type.
	decodeAll([]byte{0x80})
	heads := []string{
		"", "\x95\x10\x01\x00\xa0", "\x9c\x11\x01\x00\xa0\xc4\x01k", "\x94\x14\x01\x00", "\x96\xcc\x84\x01\x00\x00\x00", "\x98\xcc\x84\x01\x00\x00\x00\x00\x00",
		"\x98\xcc\x90\x01\xcc\x6a\x00\x00\xa0\x00", "\x96\xcc\x94\x01\x00\x00\x00", "\x96\xcc\x95\x01\x00\x00\x00", "\x95\x40\x01\x00\x00",
		"\x96\xcc\xc0\x01\x00\x00\x00", "\x98\xcc\xc3\x01\x00\x00\x00\x00\x00", "\x98\x01\x01\xa4CNDR\x01\x01", "\x81\xa5bytes", "\x82\xa5other\x00\xa4rows",
	}
	for name, bomb := range bombs {
		for _, head := range heads {
			for _, tail := range []string{"", "\x00\x00\x00"} {
				body := []byte(head + bomb + tail)
				if n := allocated(func() { decodeAll(body) }); n > 64<<10 {
					t.Errorf("%s behind %q: %d bytes of memory", name, head, n)
				}
			}
		}
	}
}

// The rows of an answer cost more memory than a nil costs on the wire: a frame
// full of nils must not become a list of empty rows.
func TestRowsCostNoMoreThanFourTimesTheirFrame(t *testing.T) {
	const n = 20_000
	nils := make(list, n)
	empty := make(list, n)
	for i := range empty {
		empty[i] = list{}
	}
	for name, body := range map[string]fields{
		"SCAN":       {0x95, 1, 0, 0, 0, nils},
		"SCAN empty": {0x95, 1, 0, 0, 0, empty},
		"RING":       {0x84, 1, 0, 0, 0, 1, 1, nils},
		"EXPLAIN":    {0x97, 1, 0, 0, 0, 1, 1, nils},
		"features":   {0x81, 1, 0, 0, 0, 1, "c", nil, nil, "v", nil, nils},
		"down":       {0x90, 1, 106, 0, 0, "", 0, fields{2, 1, 3, nils}},
		"receipt":    {0x90, 1, 0, 0, 0, true, nil, nil, nil, fields{2, 3, 2, 2, 0, 64, 0, nils}},
		"trace":      {0x90, 1, 0, 0, 0, true, nil, nil, nil, nil, nils},
		"trace PUT":  {0x91, 1, 0, 0, 0, vMine, 0, nil, nil, empty},
		"detail":     {0x90, 1, 200, 0, 0, "", 0, fields{nil, fields{2, 3, 2, 2, 0, 64, 0, empty}}},
		"BATCH":      {0x94, 1, 0, 0, 0, empty},
		"RANGE":      {0xc3, 1, 0, 0, 0, 1, 0, nils},
	} {
		frame := byLibrary(body)
		var a Answer
		var p PeerAnswer
		for who, decode := range map[string]func(){
			"client": func() { _ = DecodeAnswer(frame, &a, OpGet, OpPut) },
			"node":   func() { _ = DecodePeerAnswer(frame, &p) },
		} {
			if got := allocated(decode); got > 4*len(frame) {
				t.Errorf("%s, by a %s: %d bytes of memory for a frame of %d", name, who, got, len(frame))
			}
		}
	}
}

func TestDepthBomb(t *testing.T) {
	for _, head := range []string{"", "\x95\x10\x01\x00\xa0", "\x94\x14\x01\x00", "\x94\x03\x01\x00", "\x95\x40\x01\x00\x00", "\x98\x01\x01\xa4CNDR\x01\x01"} {
		for _, unit := range []string{"\x91", "\x81\xa1a", "\x81", "\xdd\x00\x00\x00\x01", "\xde\x00\x01\xa1a"} {
			body := []byte(head + strings.Repeat(unit, 1_000_000) + "\xc0")
			decodeAll(body)
			if wellFormed(body) {
				t.Errorf("a million times %q is well formed", unit)
			}
			var q Request
			if err := DecodeRequest(body, &q); !errors.Is(err, ErrMalformed) {
				t.Errorf("%q and a million times %q: %v", head, unit, err)
			}
		}
	}
	// Eight levels are fine, the body's own being the first.
	for depth, want := range map[int]bool{1: true, 7: true, 8: true, 9: false} {
		if got := wellFormed(append(nested(depth-1, ""), 0x90)); got != want {
			t.Errorf("%d levels: %v", depth, got)
		}
	}
}

// Exact range checks: nothing is cut to fit its field.
func TestNoSilentNarrowing(t *testing.T) {
	node := nodeText(vNode1)
	receipt := func(values ...any) fields { return fields{0x90, 1, 0, 0, 0, true, nil, nil, nil, fields(values)} }
	for name, v := range map[string]fields{
		"code above 16 bits":             {0x90, 1, 1 << 16},
		"code below 0":                   {0x90, 1, -1},
		"code that is missing":           {0x90, 1},
		"code that is nil":               {0x90, 1, nil},
		"outcome above 8 bits":           {0x91, 1, 0, 0, 0, vMine, 256},
		"state above 8 bits":             {0x96, 1, 0, 0, 0, 256},
		"expiry above the largest int":   {0x90, 1, 0, 0, 0, true, vValue, vMine, uint64(1 << 63)},
		"need that is no count":          receipt(1<<16 + 1),
		"receipt's level above 8 bits":   receipt(0, 0, 0, 0, 0, 256),
		"row's state above 8 bits":       receipt(0, 0, 0, 0, 0, 0, 0, list{fields{node, 256}}),
		"clock kind above 8 bits":        {0x90, 1, 109, 0, 0, "", 0, fields{0, 256}},
		"value of ADD above an int":      {0x93, 1, 0, 0, 0, uint64(1 << 63)},
		"role above 8 bits":              {0x97, 1, 0, 0, 0, 0, 0, list{fields{node, 257}}},
		"epoch below 0":                  {0x83, 1, 0, 0, -1},
		"an op without the answer's bit": {0x10, 1, 0},
		"an op of two bytes":             {0x190, 1, 0},
	} {
		var a Answer
		if err := DecodeAnswer(byLibrary(v), &a); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, %+v", name, err, a)
		}
	}
	items := func(op int, item ...any) fields { return fields{op, 1, 7, 0, list{fields(item)}} }
	for name, v := range map[string]fields{
		"kind of a WRITE above 2":          items(0x40, 1, 3, 0, 1, 1, vKey, vRecord),
		"namespace number above 32 bits":   items(0x41, 1, 0, 1, 1<<32, vKey),
		"VOID without a version":           {0x44, 1, 7, 0, list{fields{1, 0, 1, 1, vKey}}},
		"VOID without items":               {0x44, 1, 7, 0},
		"seen of 15 bytes":                 items(0x40, 1, 0, 0, 1, 1, vKey, vRecord, make([]byte, 15)),
		"RANGE with a namespace too large": {0x43, 1, 7, 0, 1, 0, 1 << 32},
		"an op above 127":                  {0x80, 1, 7, 0},
	} {
		if got, err := readPeerRequest(byLibrary(v)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, %+v", name, err, got)
		}
	}
	// What does not fit the type of a level is an unknown level, not its low byte.
	var q Request
	var refused *RequestError
	if err := DecodeRequest(byLibrary(fields{0x10, 1, 0, "", vKey, 256 + 64}), &q); !errors.As(err, &refused) || refused.Code != contract.Unsupported {
		t.Errorf("level 320: %v, level %v", err, q.Level)
	}
}

func TestNextFrame(t *testing.T) {
	for _, tc := range []struct {
		buf  string
		body string
		n    int
		err  error
	}{
		{"", "", 0, nil},
		{"\x00\x00\x00", "", 0, nil},
		{"\x00\x00\x00\x02\x90", "", 0, nil},
		{"\x00\x00\x00\x01\x90", "\x90", 5, nil},
		{"\x00\x00\x00\x01\x90more", "\x90", 5, nil},
		{"\x00\x00\x00\x00", "", 0, ErrMalformed},
		{"\x00\x00\x00\x10" + strings.Repeat("x", 16), strings.Repeat("x", 16), 20, nil},
		{"\x00\x00\x00\x11", "", 0, ErrFrameTooLarge},
		{"\x80\x00\x00\x00", "", 0, ErrFrameTooLarge},
		{"\xff\xff\xff\xff", "", 0, ErrFrameTooLarge},
	} {
		body, n, err := NextFrame([]byte(tc.buf), 16)
		if string(body) != tc.body || n != tc.n || !errors.Is(err, tc.err) {
			t.Errorf("%q: %q, %d, %v", tc.buf, body, n, err)
		}
		if cap(body) != len(body) {
			t.Errorf("%q: the body has room for %d bytes", tc.buf, cap(body))
		}
	}
	frame := EndFrame(append(BeginFrame([]byte("before")), "body"...), 6)
	if !bytes.Equal(frame, []byte("before\x00\x00\x00\x04body")) {
		t.Errorf("%q", frame)
	}
}

// An operation that cannot be read is the result of that operation alone; the
// others stand.
func TestABadOperationSpoilsNoBatch(t *testing.T) {
	good := fields{0x10, "", vKey}
	body := byLibrary(fields{0x14, 9, 0, list{
		good, fields{0x10, "", "a str"}, fields{0x15, ""}, nil, 7, fields{}, fields{0x14, list{}}, fields{0x11, "", vKey, vValue, 0, 8}, raw{0x81, 1, 2}, good,
	}})
	var q, op Request
	if err := DecodeRequest(body, &q); err != nil || q.Ops != 10 {
		t.Fatal(q.Ops, err)
	}
	want := []contract.Code{0, 100, 114, 100, 100, 100, 114, 100, 100, 0}
	at := 0
	for i := range q.Ops {
		next, err := q.BatchOp(at, &op)
		var refused *RequestError
		if errors.As(err, &refused); (err == nil) != (want[i] == 0) || err != nil && refused.Code != want[i] {
			t.Errorf("operation %d: %v", i, err)
		}
		if err == nil && !bytes.Equal(op.Key, vKey) {
			t.Errorf("operation %d: key %q", i, op.Key)
		}
		at = next
	}
	if at != len(q.rawOps) {
		t.Errorf("%d of %d bytes were walked", at, len(q.rawOps))
	}
}

// A frame aliases its buffer, and what stands behind it is out of reach.
func TestWhatIsDecodedCannotGrowIntoTheNextFrame(t *testing.T) {
	buf := append(framed(byLibrary(fields{0x11, 1, 0, "", vKey, vValue})), "next frame"...)
	body, _, _ := NextFrame(buf, 1<<20)
	var q Request
	if err := DecodeRequest(body, &q); err != nil {
		t.Fatal(err)
	}
	if cap(q.Key) != len(q.Key) || cap(q.Value) != len(q.Value) {
		t.Errorf("key has room for %d, value for %d", cap(q.Key), cap(q.Value))
	}
}
