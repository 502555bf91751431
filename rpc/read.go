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

// How many frames one turn takes at most. What a turn asks of others is sent when
// it ends, and until then none of it can be answered: a pipeline of requests for
// large values that were all one turn would hold all of them in memory before the
// first answer could wait, be counted, and hold the rest up. So a turn is short
// where answers were large, or are not known yet, and saves system calls where
// they were small.
const (
	turnFramesMin = 16
	turnFramesMax = 256
	turnBytes     = 256 << 10 // of answers, by the size of the last ones
)

// turnFrames is how many frames a turn takes as things are.
func (c *Conn) turnFrames() int {
	return int(min(max(turnBytes/max(c.answer.Load(), 1), turnFramesMin), turnFramesMax))
}

// read hands frames to h until the connection ends, and says why it did.
func (c *Conn) read(h Handler) error {
	var last, armed time.Time // when a whole frame last came; when the deadline was last moved
	c.setReadDeadline(time.Now().Add(c.o.Handshake))
	for {
		c.awaitRoom()
		n, err := c.nc.Read(c.in.free())
		c.in.w, c.late = c.in.w+n, 0
		if c.state.Load() != stateOpen {
			return c.discard(err)
		}
		if n > 0 {
			// Not when the turn is over: it may wait for a peer that takes nothing.
			came := time.Since(c.born)
			handled, bad := c.turn(h)
			if handled {
				c.heard.Store(int64(max(came, 1)))
			}
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
// any. Where they are many, or their answers wait for the peer, it is several
// turns for h. Its error ends the connection.
func (c *Conn) turn(h Handler) (handled bool, err error) {
	began, open := time.Now(), 0 // open: frames since the last Idle
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
		open++
		if held := c.throttle && c.waiting.Load() > int64(c.o.OutputBuffer); held || open >= c.turnFrames() {
			h.Idle()
			c.awaitRoom()
			open, c.late = 0, time.Since(began)
		}
	}
	if open > 0 {
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
