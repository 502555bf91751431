package wire

import (
	"testing"

	"github.com/candordb/candor/contract"
)

// protocol.md: what waits for a peer travels in one frame; items of different
// epochs do not.
func TestWhatWaitsTravelsInOneFrame(t *testing.T) {
	var o Outbox
	place := Place{Token: 7, Namespace: 1, Key: []byte("k")}
	for call := range uint64(3) {
		o.Write(1, 5, &WriteItem{Call: call, Place: place, Record: []byte("r")})
		o.Read(OpRead, 1, 5, &ReadItem{Call: 10 + call, Place: place})
	}
	o.Write(2, 5, &WriteItem{Call: 3, Place: place, Record: []byte("r")})
	waiting := o.Waiting()
	frames := o.Take(nil)
	if waiting < len(frames)-10 || o.Waiting() != 0 {
		t.Errorf("%d bytes waited, %d taken, %d left", waiting, len(frames), o.Waiting())
	}
	type seen struct {
		op    Op
		epoch uint64
		items int
	}
	var got []seen
	for len(frames) > 0 {
		body, n, err := NextFrame(frames, 1<<20)
		if err != nil || n == 0 {
			t.Fatal(n, err)
		}
		var q PeerRequest
		if err := DecodePeerRequest(body, &q); err != nil {
			t.Fatal(err)
		}
		got = append(got, seen{q.Op, q.Epoch, q.Items()})
		frames = frames[n:]
	}
	want := []seen{{OpWrite, 1, 3}, {OpWrite, 2, 1}, {OpRead, 1, 3}}
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestOutboxAllocatesNothing(t *testing.T) {
	var o Outbox
	var spare []byte
	w := WriteItem{Call: 1, Place: Place{Token: 1 << 60, Namespace: 1, Key: []byte("0123456789abcdef")}, Record: make([]byte, 122)}
	var q PeerRequest
	var got WriteItem
	n := testing.AllocsPerRun(100, func() {
		for range 16 {
			o.Write(1, 5, &w)
		}
		frames := o.Take(spare)
		body, _, _ := NextFrame(frames, 1<<20)
		if DecodePeerRequest(body, &q) != nil {
			t.Fatal("malformed")
		}
		for {
			if more, err := q.NextWrite(&got); !more || err != nil {
				break
			}
		}
		spare = frames
	})
	if n != 0 || got.Call != 1 {
		t.Errorf("%v allocations, last %+v", n, got)
	}
}

func TestResultsAnswerItems(t *testing.T) {
	dst := BeginResults(nil, Head{Op: OpWrite, ID: 9, Clock: 5, Epoch: 1})
	items := len(dst)
	dst = (&WriteResult{Call: 77, Code: contract.Clock, Kind: contract.StampOld}).Append(dst)
	dst = EndItems(dst, 0, items, 1)
	var a PeerAnswer
	if err := DecodePeerAnswer(dst[HeaderBytes:], &a); err != nil || a.Op != OpWrite || a.ID != 9 {
		t.Fatal(a.Head, err)
	}
	var w WriteResult
	if more, err := a.NextWrite(&w); !more || err != nil || w.Call != 77 || w.Code != contract.Clock || w.Kind != contract.StampOld {
		t.Fatal(w, more, err)
	}
	if more, err := a.NextWrite(&w); more || err != nil {
		t.Fatal(more, err)
	}
}

// No frame is larger than the peer takes, whatever the mix of items.
func TestOutboxKeepsToTheFrameLimit(t *testing.T) {
	o := Outbox{FrameBytes: 4096}
	place := Place{Token: 7, Namespace: 1, Key: []byte("k")}
	for i := range 400 {
		o.Write(1, 5, &WriteItem{Call: uint64(i), Place: place, Record: make([]byte, i*7%3900)})
		o.Read(OpDigest, 1, 5, &ReadItem{Call: uint64(i), Place: place})
	}
	items := 0
	for frames := o.Take(nil); len(frames) > 0; {
		body, n, err := NextFrame(frames, o.FrameBytes)
		if err != nil || n == 0 {
			t.Fatal(n, err)
		}
		var q PeerRequest
		if err := DecodePeerRequest(body, &q); err != nil {
			t.Fatal(err)
		}
		items += q.Items()
		frames = frames[n:]
	}
	if items != 800 {
		t.Errorf("%d items came out of 800", items)
	}
}
