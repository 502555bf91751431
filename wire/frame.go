package wire

import (
	"encoding/binary"
	"errors"
)

// HeaderBytes is the length of a frame's header, its body's length.
const HeaderBytes = 4

// DepthMax is how deep arrays may nest; the body itself is the first.
const DepthMax = 8

// ErrMalformed is returned for a body that is not exactly one msgpack array of
// at most DepthMax levels, or whose op and id cannot be read. The connection
// cannot go on after it.
var ErrMalformed = errors.New("not a frame of this protocol: one msgpack array that begins with op and id is needed")

// ErrFrameTooLarge is returned for a claimed length above the limit.
var ErrFrameTooLarge = errors.New("frame is larger than the limit")

// NextFrame takes the first frame of buf apart: its body, and how many bytes
// it takes. n is 0 while the frame is not whole yet. A claimed length of 0 is
// ErrMalformed, one above limit ErrFrameTooLarge. The body aliases buf.
func NextFrame(buf []byte, limit int) (body []byte, n int, err error) {
	if len(buf) < HeaderBytes {
		return nil, 0, nil
	}
	length := binary.BigEndian.Uint32(buf)
	switch {
	case length == 0:
		return nil, 0, ErrMalformed
	case uint64(length) > uint64(limit):
		return nil, 0, ErrFrameTooLarge
	case uint64(len(buf)-HeaderBytes) < uint64(length):
		return nil, 0, nil
	}
	n = HeaderBytes + int(length)
	return buf[HeaderBytes:n:n], n, nil
}

// BeginFrame appends room for a frame's header; the body is appended behind it
// and EndFrame, given the length of dst before BeginFrame, writes the header.
func BeginFrame(dst []byte) []byte { return append(dst, 0, 0, 0, 0) }

// EndFrame writes the header of the frame that was begun at start.
func EndFrame(dst []byte, start int) []byte {
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-HeaderBytes))
	return dst
}
