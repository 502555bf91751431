package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5"
)

// addSeeds gives a fuzz target all vectors, as frames or as bodies, and the
// inputs that the library is known to fall for.
func addSeeds(f *testing.F, framing bool) {
	seeds := [][]byte{
		[]byte(strings.Repeat("\x91", 10_000) + "\xc0"), []byte(strings.Repeat("\x81\xa1a", 10_000) + "\xc0"),
		pairs("small", 258), pairs("epoch", -1), pairs("epoch", nil), pairs("epoch", 1, "epoch", 2), append(pairs("epoch", 1), 0),
		pairs("new", list{1, raw("\xca\x7f\xc0\x00\x00")}),
	}
	for _, bomb := range bombs {
		seeds = append(seeds, []byte(bomb), []byte("\x95\x10\x01\x00\xa0"+bomb), []byte("\x96\xcc\x95\x01\x00\x00\x00"+bomb))
	}
	for _, s := range seeds {
		if framing {
			s = framed(s)
		}
		f.Add(s)
	}
	for _, v := range filedVectors(f) {
		frame := v.frame(f)
		if !framing {
			frame = frame[min(len(frame), HeaderBytes):]
		}
		f.Add(frame)
	}
}

// mustStay runs a decoder of a body and asks that it takes no more than four
// times the body in memory, but for what any message costs.
func mustStay(t *testing.T, body []byte, decode func()) {
	t.Helper()
	if n := allocated(decode); n > 4*len(body)+16<<10 {
		t.Errorf("%d bytes of memory for a body of %d", n, len(body))
	}
}

// mustBeStable asks of a decoder with its encoder: what it makes of a body it
// makes of its own output too; and it sees in a body what the library sees.
func mustBeStable(t *testing.T, body []byte, again func([]byte) ([]byte, error)) {
	t.Helper()
	frame, err := again(body)
	if err != nil {
		return
	}
	if !wellFormed(body) {
		t.Fatalf("%x was taken and is not well formed", body)
	}
	own, n, err := NextFrame(frame, len(frame))
	if err != nil || n != len(frame) || !wellFormed(own) {
		t.Fatalf("%x came out of %x: %v", frame, body, err)
	}
	twice, err := again(own)
	if err != nil || !bytes.Equal(frame, twice) {
		t.Fatalf("%x\nencoded      %x\nand once more %x: %v", body, frame, twice, err)
	}
	seen, rest, err := fromLibrary(body)
	if err != nil || rest != 0 {
		return // unknown extensions, and maps with keys that Go has no maps for
	}
	other, err := again(byLibrary(seen))
	if err != nil || !bytes.Equal(frame, other) {
		t.Fatalf("%x\nas we see it        %x\nas the library does %x: %v", body, frame, other, err)
	}
	if ours, rest, err := fromLibrary(own); err != nil || rest != 0 {
		t.Fatalf("the library cannot read %x (%v): %v, %d left", own, ours, err, rest)
	}
}

func FuzzFrame(f *testing.F) {
	addSeeds(f, true)
	f.Fuzz(func(t *testing.T, buf []byte) {
		const limit = 1 << 16
		var body []byte
		var n int
		var err error
		mustStay(t, nil, func() {
			body, n, err = NextFrame(buf, limit)
			wellFormed(body)
		})
		switch whole := len(buf) >= HeaderBytes; {
		case err != nil && (!whole || n != 0 || body != nil):
			t.Fatalf("%x: %x, %d, %v", buf, body, n, err)
		case n != 0 && (n != HeaderBytes+len(body) || int(binary.BigEndian.Uint32(buf)) != len(body) || len(body) > limit || !bytes.Equal(body, buf[HeaderBytes:n])):
			t.Fatalf("%x: %x, %d", buf, body, n)
		case n == 0 && err == nil && whole && len(buf)-HeaderBytes >= int(binary.BigEndian.Uint32(buf)):
			t.Fatalf("%x is whole", buf)
		}
		judge(buf, true)
		judge(buf, false)
		if !wellFormed(body) {
			return
		}
		// The library finds the end of the array where we find it.
		r := bytes.NewReader(body)
		if err := msgpack.NewDecoder(r).Skip(); err != nil || r.Len() != 0 {
			t.Fatalf("%x: %v, %d bytes are left", body, err, r.Len())
		}
		if wellFormed(append(bytes.Clone(body), 0)) || wellFormed(body[:len(body)-1]) {
			t.Fatalf("%x: one byte more, or less, is well formed too", body)
		}
	})
}

func FuzzClientMessage(f *testing.F) {
	addSeeds(f, false)
	ops := []Op{OpGet, OpPut, OpDelete, OpAdd}
	f.Fuzz(func(t *testing.T, body []byte) {
		var h Hello
		var q, op Request
		var a Answer
		var err error
		mustStay(t, body, func() {
			_ = DecodeHello(body, &h)
			err = DecodeRequest(body, &q)
			at := 0
			for range q.Ops {
				if err == nil {
					at, _ = q.BatchOp(at, &op)
				}
			}
		})
		var refused *RequestError
		switch got, id, readable := readableHead(framed(body)); {
		case err == nil:
		case errors.As(err, &refused):
			if !readable || q.Op != got || q.ID != id || !wellFormed(body) {
				t.Fatalf("%x: refused as op %v, id %d: %v", body, q.Op, q.ID, err)
			}
		case !errors.Is(err, ErrMalformed) || readable:
			t.Fatalf("%x: %v", body, err)
		}
		mustStay(t, body, func() { _ = DecodeAnswer(body, &a, ops...) })
		mustBeStable(t, body, helloAgain)
		mustBeStable(t, body, requestAgain)
		mustBeStable(t, body, func(b []byte) ([]byte, error) { return answerAgain(b, ops) })
	})
}

func FuzzPeerMessage(f *testing.F) {
	addSeeds(f, false)
	f.Fuzz(func(t *testing.T, body []byte) {
		var q PeerRequest
		var a PeerAnswer
		mustStay(t, body, func() { _ = DecodePeerRequest(body, &q) })
		mustStay(t, body, func() { _ = DecodePeerAnswer(body, &a) })
		mustBeStable(t, body, peerRequestAgain)
		mustBeStable(t, body, peerAnswerAgain)
	})
}

func FuzzDocument(f *testing.F) {
	addSeeds(f, false)
	limits := DocumentLimits{Bytes: 1 << 16, Elems: 256, Depth: DepthMax}
	f.Fuzz(func(t *testing.T, b []byte) {
		var d, back document
		var v any
		var err error
		mustStay(t, b, func() {
			err = SafeUnmarshal(b, limits, &d)
			if len(b) > 0 && b[0] != 0xc0 {
				_ = SafeUnmarshal(b, limits, &v)
			}
		})
		if err != nil {
			if !errors.Is(err, ErrDocument) {
				t.Fatalf("%x: %v", b, err)
			}
			return
		}
		first, err := Marshal(d)
		if err != nil {
			t.Fatalf("%x was taken, and cannot be written: %v", b, err)
		}
		if err := SafeUnmarshal(first, DocumentLimits{1 << 20, 1 << 20, DepthMax}, &back); err != nil {
			t.Fatalf("%x was written, and cannot be read: %v", first, err)
		}
		if diff := cmp.Diff(d, back, same); diff != "" {
			t.Fatal(diff)
		}
	})
}
