package rpc

import (
	"errors"
	"io"
	"os"
	"time"

	"github.com/candordb/candor/wire"
)

// armEvery is how often the read deadline is moved at most: moving it costs as
// much as handling a small frame.
const armEvery = time.Second

// read hands frames to h until the connection ends, and says why it did.
func (c *Conn) read(h Handler) error {
	var last, armed time.Time // when a whole frame last came; when the deadline was last moved
	c.setReadDeadline(time.Now().Add(c.o.Handshake))
	for {
		c.awaitRoom()
		n, err := c.nc.Read(c.in.free())
		c.in.w += n
		if c.state.Load() != stateOpen {
			return c.discard(err)
		}
		if n > 0 {
			handled, bad := c.turn(h)
			if bad != nil {
				return bad
			}
			if handled && c.established {
				if last = time.Now(); last.Sub(armed) >= armEvery {
					c.setReadDeadline(last.Add(c.o.Idle))
					armed = last
				}
			}
			c.in.makeRoom(c.established)
		}
		if err != nil {
			if err = c.readError(err, last); err != nil {
				return err
			}
		}
	}
}

// turn handles the whole frames that have arrived, and says whether there were
// any. Its error ends the connection.
func (c *Conn) turn(h Handler) (handled bool, err error) {
	for c.state.Load() == stateOpen {
		limit := c.o.PreauthFrameBytes
		if c.established {
			limit = c.o.FrameBytes
		}
		body, n, bad := wire.NextFrame(c.in.pending(), limit)
		if bad != nil {
			if !c.established {
				return handled, bad
			}
			h.Malformed(bad)
			h.Idle()
			c.CloseAfterFlush()
			return true, nil
		}
		if n == 0 {
			break
		}
		c.in.r += n
		handled = true
		h.Frame(body)
		if c.throttle && c.waiting.Load() > int64(c.o.OutputBuffer) {
			h.Idle()
			c.awaitRoom()
		}
	}
	if handled {
		h.Idle()
	}
	return handled, nil
}

// readError translates the error of a read; nil if reading goes on.
func (c *Conn) readError(err error, last time.Time) error {
	switch {
	case err == io.EOF && len(c.in.pending()) > 0:
		return io.ErrUnexpectedEOF
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return err
	case !c.established:
		return ErrHandshake
	case time.Since(last) >= c.o.Idle:
		return ErrIdle
	}
	// The deadline was armed up to armEvery before the last frame came.
	c.setReadDeadline(last.Add(c.o.Idle))
	return nil
}

// setReadDeadline moves the deadline, unless the connection is being closed and
// has the deadline of its end already.
func (c *Conn) setReadDeadline(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state.Load() == stateOpen {
		c.nc.SetReadDeadline(t)
	}
}

// discard drops what still comes in on a connection that is being closed, until
// the peer closes its side or linger has passed since the last answer left.
func (c *Conn) discard(err error) error {
	for err == nil {
		_, err = c.nc.Read(c.in.buf)
	}
	return ErrClosed
}
