package rpc

import (
	"testing"

	"pgregory.net/rapid"
)

// A buffer is never more than 64 KiB larger than what has arrived and waits,
// never without room for more, and a big one is given back when it is empty.
func TestInboxGrowsOnlyAsBytesArrive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := inbox{buf: make([]byte, startBytes)}
		for range rapid.IntRange(1, 60).Draw(t, "reads") {
			arrived := rapid.IntRange(1, len(in.free())).Draw(t, "arrived")
			if rapid.Bool().Draw(t, "all") {
				arrived = len(in.free())
			}
			in.w += arrived
			if waits := in.w - in.r; rapid.IntRange(0, 3).Draw(t, "handle") == 0 {
				in.r += rapid.IntRange(0, waits).Draw(t, "handled")
			}
			before := len(in.buf)
			in.makeRoom(true)
			waits := in.w - in.r
			if grew := len(in.buf) > before; grew && len(in.buf) > waits+aheadBytes {
				t.Fatalf("grew to %d with %d waiting", len(in.buf), waits)
			}
			if waits == 0 && len(in.buf) > keepBytes {
				t.Fatalf("an empty buffer keeps %d", len(in.buf))
			}
			if len(in.free()) == 0 {
				t.Fatal("no room for the next read")
			}
		}
	})
}

func TestInboxKeepsWhatWaits(t *testing.T) {
	in := inbox{buf: []byte("handled waiting"), r: 8, w: 15}
	in.makeRoom(true)
	if got := string(in.pending()); got != "waiting" {
		t.Fatalf("%q", got)
	}
}

// Before Establish nothing grows, and a whole largest frame fits.
func TestInboxOfAStrangerIsFixed(t *testing.T) {
	o := Options{}.withDefaults()
	in := inbox{buf: make([]byte, inboxStart(o))}
	if want := o.PreauthFrameBytes + 4; len(in.buf) != want {
		t.Fatalf("starts with %d, want %d", len(in.buf), want)
	}
	in.w = len(in.buf)
	in.r = 10
	in.makeRoom(false)
	if len(in.buf) != inboxStart(o) || len(in.free()) != 10 {
		t.Fatalf("%d bytes, %d free", len(in.buf), len(in.free()))
	}
}
