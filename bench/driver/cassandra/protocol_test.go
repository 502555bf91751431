package cassandra

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/candordb/candor/bench/peer"
	"github.com/candordb/candor/load"
)

// answer is a frame as a server writes it.
func answer(stream uint16, opcode, flags byte, body []byte) []byte {
	b := []byte{versionAnswer, flags, byte(stream >> 8), byte(stream), opcode}
	return append(binary.BigEndian.AppendUint32(b, uint32(len(body))), body...)
}

func ints(numbers ...int32) (b []byte) {
	for _, n := range numbers {
		b = binary.BigEndian.AppendUint32(b, uint32(n))
	}
	return b
}

// rows is the body of a result without metadata: rows of one column.
func rows(values ...[]byte) []byte {
	b := ints(resultRows, rowsNoMetadata, 1, int32(len(values)))
	for _, v := range values {
		if v == nil {
			b = append(b, ints(-1)...)
			continue
		}
		b = appendValue(b, v)
	}
	return b
}

func failure(code int32) []byte { return appendString(ints(code), "what a server says") }

// What is written is the protocol of version 4, byte by byte.
func TestRequestsAreFramesOfTheNativeProtocol(t *testing.T) {
	p := newProtocol([]byte("GG"), []byte("P"))
	get := p.Append([]byte("before"), 0x0102, &load.Op{Kind: load.Get, Key: []byte("key")})
	want := append([]byte("before"),
		0x04, 0, 1, 2, 0x0a, 0, 0, 0, 16, // header: the stream is the id, EXECUTE, 16 bytes
		0, 2, 'G', 'G', // statement
		0, 4, 3, 0, 1, // QUORUM, values and no metadata, one value
		0, 0, 0, 3, 'k', 'e', 'y')
	if !bytes.Equal(get, want) {
		t.Errorf("get is\n%x, want\n%x", get, want)
	}
	put := p.Append(nil, 7, &load.Op{Kind: load.Put, Key: []byte("k"), Value: []byte("vv")})
	want = []byte{
		0x04, 0, 0, 7, 0x0a, 0, 0, 0, 19,
		0, 1, 'P',
		0, 4, 3, 0, 2,
		0, 0, 0, 1, 'k', 0, 0, 0, 2, 'v', 'v',
	}
	if !bytes.Equal(put, want) {
		t.Errorf("put is\n%x, want\n%x", put, want)
	}
}

// cases are answers, and what each means.
func cases() map[string]struct {
	bytes []byte
	want  peer.Answer
} {
	front := make([]byte, 16)                             // tracing
	front = append(front, 0, 2, 0, 1, 'w', 0, 0)          // two warnings
	front = append(front, 0, 1, 0, 1, 'n', 0, 0, 0, 1, 1) // a payload of one name
	value := []byte("value")
	type c = struct {
		bytes []byte
		want  peer.Answer
	}
	return map[string]c{
		"written":        {answer(9, opResult, 0, ints(resultVoid)), peer.Answer{ID: 9}},
		"read":           {answer(0x7fff, opResult, 0, rows(value)), peer.Answer{ID: 0x7fff, Value: value}},
		"read, empty":    {answer(1, opResult, 0, rows([]byte{})), peer.Answer{ID: 1, Value: []byte{}}},
		"no row":         {answer(1, opResult, 0, rows()), peer.Answer{ID: 1, Outcome: peer.Absent}},
		"no value":       {answer(1, opResult, 0, rows(nil)), peer.Answer{ID: 1, Outcome: peer.Absent}},
		"pages":          {answer(1, opResult, 0, slices.Concat(ints(resultRows, rowsNoMetadata|rowsHavePages, 1, 2), []byte("st"), ints(1, 5), value)), peer.Answer{ID: 1, Value: value}},
		"with a front":   {answer(1, opResult, flagsSkipped, append(front, rows(value)...)), peer.Answer{ID: 1, Value: value}},
		"another kind":   {answer(1, opResult, 0, ints(3)), peer.Answer{ID: 1, Outcome: peer.Failed}},
		"unavailable":    {answer(1, opError, 0, failure(errorUnavailable)), peer.Answer{ID: 1, Outcome: peer.Refused}},
		"overloaded":     {answer(1, opError, 0, failure(errorOverloaded)), peer.Answer{ID: 1, Outcome: peer.Refused}},
		"write timeout":  {answer(1, opError, 0, failure(errorWriteTimeout)), peer.Answer{ID: 1, Outcome: peer.Unknown}},
		"write failure":  {answer(1, opError, 0, failure(errorWriteFailure)), peer.Answer{ID: 1, Outcome: peer.Unknown}},
		"read timeout":   {answer(1, opError, 0, failure(errorReadTimeout)), peer.Answer{ID: 1, Outcome: peer.Unknown}},
		"a syntax error": {answer(1, opError, 0, failure(0x2000)), peer.Answer{ID: 1, Outcome: peer.Failed}},
	}
}

func TestAnswersAreUnderstood(t *testing.T) {
	p := newProtocol(nil, nil)
	for name, c := range cases() { // each by itself
		t.Run(name, func(t *testing.T) {
			n, a, err := p.Parse(append(c.bytes, "what follows"...))
			if err != nil || n != len(c.bytes) {
				t.Fatalf("%d of %d bytes, %v", n, len(c.bytes), err)
			}
			if a.ID != c.want.ID || a.Outcome != c.want.Outcome || !bytes.Equal(a.Value, c.want.Value) {
				t.Errorf("%+v, want %+v", a, c.want)
			}
			for cut := range c.bytes {
				if n, _, err := p.Parse(c.bytes[:cut]); n != 0 || err != nil {
					t.Fatalf("with %d bytes of %d: %d, %v; want to wait for more", cut, len(c.bytes), n, err)
				}
			}
		})
	}
}

// What is no answer is an error, never one that was understood.
func TestWhatIsNoAnswerIsRefused(t *testing.T) {
	huge := answer(1, opResult, 0, nil)
	binary.BigEndian.PutUint32(huge[5:], bodyBytesMax+1)
	request := answer(1, opResult, 0, ints(resultVoid))
	request[0] = versionRequest
	for name, b := range map[string][]byte{ // each by itself
		"a request":                 request,
		"a huge body":               huge,
		"compressed":                answer(1, opResult, 0x01, ints(resultVoid)),
		"warnings that are cut off": answer(1, opResult, flagWarning, []byte{0, 9, 0, 1, 'w'}),
		"an answer to a greeting":   answer(1, opReady, 0, nil),
		"an empty result":           answer(1, opResult, 0, nil),
		"an empty error":            answer(1, opError, 0, nil),
		"columns described":         answer(1, opResult, 0, ints(resultRows, 0, 1, 0, 0)),
	} {
		if n, a, err := newProtocol(nil, nil).Parse(b); !errors.Is(err, errProtocol) || n != 0 {
			t.Errorf("%s: %d %+v %v", name, n, a, err)
		}
	}
}

// A body that ends early is an error, wherever that is.
func TestABodyIsReadToItsEndOrNotAtAll(t *testing.T) {
	whole := rows([]byte("value"))
	for cut := range whole {
		b := append(answer(1, opResult, 0, whole[:cut]), "the next frame"...)
		if n, a, err := newProtocol(nil, nil).Parse(b); !errors.Is(err, errProtocol) || n != 0 {
			t.Errorf("%d bytes of %d: %d %+v %v", cut, len(whole), n, a, err)
		}
	}
}

// Whatever comes, reading it ends without a panic, and takes no more than is there.
func FuzzParse(f *testing.F) {
	for _, c := range cases() { // in any order
		f.Add(c.bytes)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, a, err := newProtocol(nil, nil).Parse(b)
		if n > len(b) || len(a.Value) > n || n > 0 && err != nil {
			t.Errorf("%d of %d bytes, a value of %d, %v", n, len(b), len(a.Value), err)
		}
	})
}
