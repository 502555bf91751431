package rpc

import "github.com/candordb/candor/wire"

const (
	// startBytes is what a connection reads into when little is known of it.
	startBytes = 4 << 10
	// aheadBytes is how far a buffer may be larger than what really arrived.
	aheadBytes = 64 << 10
)

// inbox is the read buffer of a connection: buf[r:w] has arrived and is not
// handled yet. 0 <= r <= w <= len(buf).
type inbox struct {
	buf  []byte
	r, w int
}

// inboxStart is the size before Establish: exactly one largest frame, so that
// the buffer of an unknown peer never has to grow.
func inboxStart(o Options) int { return o.PreauthFrameBytes + wire.HeaderBytes }

func (in *inbox) pending() []byte { return in.buf[in.r:in.w] }
func (in *inbox) free() []byte    { return in.buf[in.w:] }

// makeRoom is called between turns, when pending is at most a part of a frame:
// it moves that to the front and fits the buffer to the traffic. A buffer that
// the last read filled grows, if it may; a big one that is hardly used shrinks.
// It leaves free space, given that a whole frame fits while grow is false.
func (in *inbox) makeRoom(grow bool) {
	waiting, size := in.w-in.r, len(in.buf)
	switch filled := in.w == size; {
	case size > keepBytes && waiting <= aheadBytes:
		size = waiting + startBytes
	case grow && filled:
		size = max(size, min(2*size, waiting+aheadBytes))
	}
	if in.r == 0 && size == len(in.buf) {
		return // a large frame is on its way: what has come stays where it is
	}
	into := in.buf
	if size != len(in.buf) {
		into = make([]byte, size)
	}
	copy(into, in.pending())
	in.buf, in.r, in.w = into, 0, waiting
}
