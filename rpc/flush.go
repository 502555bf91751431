package rpc

import (
	"errors"
	"fmt"
	"os"
	"time"
)

const (
	// inlineRounds is how often one Flush starts over for what others added
	// meanwhile, before it leaves that to the writer goroutine: the flusher is
	// usually a reader with requests of its own to get back to.
	inlineRounds = 4
	// chunkBytes is how much is written under one deadline.
	chunkBytes = 256 << 10
)

// Flush sends what waits, and never blocks. While another goroutine is sending
// it returns at once, and that one sends this too.
func (c *Conn) Flush() {
	c.mu.Lock()
	if c.writing || len(c.out) == 0 {
		c.mu.Unlock()
		return
	}
	c.writing = true
	for round := 0; ; round++ {
		batch := c.takeLocked()
		if c.raw == nil || round == inlineRounds {
			c.handOverLocked(batch, 0)
			return
		}
		c.mu.Unlock()
		n, err := c.tryWrite(batch)
		if err != nil {
			c.fail(fmt.Errorf("rpc: write: %w", err))
		}
		c.mu.Lock()
		c.wroteLocked(n)
		if n < len(batch) && c.state.Load() != stateClosed {
			c.handOverLocked(batch, n)
			return
		}
		if c.finishedLocked(batch) {
			return
		}
	}
}

// takeLocked takes what waits for writing and leaves the other buffer for what
// comes.
func (c *Conn) takeLocked() []byte {
	batch := c.out
	c.out, c.spare = c.spare[:0], nil
	c.taken = len(batch)
	return batch
}

// wroteLocked notes that the socket took n bytes.
func (c *Conn) wroteLocked(n int) {
	c.taken -= n
	if n > 0 {
		c.sent.Store(int64(max(time.Since(c.born), 1)))
	}
	if c.state.Load() == stateClosed {
		c.taken = 0
	}
	c.waitsLocked(len(c.out) + c.taken)
	c.roomLocked()
}

// roomLocked wakes the reader goroutine if it waits for room and there is some.
func (c *Conn) roomLocked() {
	if c.room != nil && (len(c.out)+c.taken <= c.o.OutputBuffer || c.state.Load() == stateClosed) {
		close(c.room)
		c.room = nil
	}
}

// awaitRoom blocks the reader goroutine while more than Options.OutputBuffer
// waits, so that a peer that asks faster than it reads is slowed down. It ends
// at the latest when the peer has taken nothing for Options.WriteStall.
func (c *Conn) awaitRoom() {
	if !c.throttle || c.waiting.Load() <= int64(c.o.OutputBuffer) {
		return
	}
	c.Flush()
	c.mu.Lock()
	if !c.writing || len(c.out)+c.taken <= c.o.OutputBuffer || c.state.Load() == stateClosed {
		c.mu.Unlock()
		return
	}
	if c.room == nil {
		c.room = make(chan struct{})
	}
	room := c.room
	c.mu.Unlock()
	<-room
}

// finishedLocked gives a batch's buffer back. If nothing was added meanwhile it
// ends the writing, unlocks and returns true.
func (c *Conn) finishedLocked(batch []byte) bool {
	if cap(batch) <= keepBytes {
		c.spare = batch[:0]
	}
	if len(c.out) > 0 && c.state.Load() != stateClosed {
		return false
	}
	c.writing = false
	drained := c.state.Load() == stateClosing
	c.mu.Unlock()
	if drained {
		c.drained()
	}
	return true
}

// tryWrite writes what the socket takes without waiting.
func (c *Conn) tryWrite(batch []byte) (int, error) {
	c.batch = batch
	err := c.raw.Write(c.try)
	c.batch = nil
	if err != nil {
		return 0, err
	}
	return c.tried, c.triedErr
}

// handOverLocked leaves batch[from:], and all that follows it, to a writer
// goroutine, and unlocks.
func (c *Conn) handOverLocked(batch []byte, from int) {
	if c.state.Load() == stateClosed { // run may have joined the writers already
		c.writing = false
		c.mu.Unlock()
		return
	}
	c.writers.Add(1)
	c.mu.Unlock()
	go c.writeRest(batch, from)
}

// writeRest is the writer goroutine: it writes, waiting for the socket, until
// nothing waits any more.
func (c *Conn) writeRest(batch []byte, from int) {
	defer c.writers.Done()
	for {
		if err := c.writeAll(batch, from); err != nil {
			c.fail(err)
		}
		// Flush's inline attempt fails on a deadline that has passed, even one
		// that was meant for an earlier write.
		c.nc.SetWriteDeadline(time.Time{})
		c.mu.Lock()
		if c.finishedLocked(batch) {
			return
		}
		batch, from = c.takeLocked(), 0
		c.mu.Unlock()
	}
}

// writeAll writes batch[from:]. The peer must take something within WriteStall,
// again and again.
func (c *Conn) writeAll(batch []byte, from int) error {
	for from < len(batch) {
		chunk := batch[from:min(len(batch), from+chunkBytes)]
		c.nc.SetWriteDeadline(time.Now().Add(c.o.WriteStall))
		n, err := c.nc.Write(chunk)
		from += n
		c.mu.Lock()
		c.wroteLocked(n)
		c.mu.Unlock()
		switch late := errors.Is(err, os.ErrDeadlineExceeded); {
		case late && n == 0:
			return ErrStalled
		case err != nil && !late:
			return fmt.Errorf("rpc: write: %w", err)
		}
	}
	return nil
}
