package rpc

import (
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// keepBytes is the largest buffer that an empty connection holds on to.
	keepBytes = 256 << 10
	// flushBytes is where End sends by itself, so that a long turn neither
	// gathers all its answers in memory nor runs into Options.OutputBuffer.
	flushBytes = 64 << 10
	// slowFactor times Options.OutputBuffer is where a connection is closed. At
	// Options.OutputBuffer nothing more is taken from its peer, but what was taken
	// before may still be answered.
	slowFactor = 32
	// linger is how long a connection that is being closed goes on taking (and
	// dropping) input. A socket that is closed with unread input sends a reset,
	// and the reset overtakes the last answer.
	linger = time.Second
)

// The states of a Conn, in order; none is ever left for an earlier one.
const (
	stateOpen    = iota
	stateClosing // what waits is still sent, nothing is taken
	stateClosed
)

// Conn is one framed connection. Its methods may be called by any goroutine,
// except Establish, and at any time: once it is closed they do nothing.
type Conn struct {
	nc  net.Conn
	o   Options
	raw syscall.RawConn // nil: the socket cannot be tried, the writer goroutine does it all
	try func(fd uintptr) bool

	state   atomic.Int32 // changed under mu
	waiting atomic.Int64 // = len(out) + taken, for those who only want to look
	answer  atomic.Int64 // how large what is appended at once was lately, changed under mu
	done    chan struct{}
	writers sync.WaitGroup // the writer goroutine, while there is one

	// throttle: nothing is read while more than Options.OutputBuffer waits. Only
	// for connections that were accepted: if both sides did so, each could wait for
	// the other. Set before run.
	throttle bool

	// entered is told of Establish; nil: nobody is. Set before run.
	entered func()

	// For those who only want to look: nanoseconds since born at which the last read
	// that had a whole frame in it returned, and at which the socket last took
	// something; 0: never.
	born        time.Time
	heard, sent atomic.Int64

	// Owned by the reader goroutine.
	in          inbox
	established bool
	late        time.Duration // how long ago the frames of this read came, as of the last Idle

	// Owned by whoever has set writing.
	batch    []byte // what try writes
	tried    int
	triedErr error

	mu      sync.Mutex    // guards what follows
	out     []byte        // whole frames that wait
	spare   []byte        // out's successor; nil while a batch is being written
	room    chan struct{} // closed when what waits is back within OutputBuffer; nil: nobody waits for that
	taken   int           // bytes of that batch which the socket has not taken
	writing bool          // somebody writes, and will look at out again
	reason  error         // why it is closed
}

func newConn(nc net.Conn, o Options) *Conn {
	c := &Conn{nc: nc, o: o, done: make(chan struct{}), born: time.Now()}
	c.in.buf = make([]byte, inboxStart(o))
	c.answer.Store(turnBytes / turnFramesMin)
	tune(nc, o.WriteStall)
	c.raw = rawConn(nc)
	// Made once: a closure per flush would be an allocation per flush.
	c.try = func(fd uintptr) bool {
		c.tried, c.triedErr = writeOnce(fd, c.batch)
		return true
	}
	return c
}

// Begin locks the connection and returns what waits to be sent. Whole frames
// are appended to it and it is handed back with End.
func (c *Conn) Begin() []byte {
	c.mu.Lock()
	return c.out
}

// End takes back what Begin gave and unlocks. Where much waits it flushes.
// When more than Options.OutputBuffer waits and the socket is full, a Server
// reads nothing more from the peer until it has taken some; when answers to what was read
// before make it slowFactor times as much, the connection is closed with
// ErrSlowReader.
func (c *Conn) End(buf []byte) {
	if c.put(buf) {
		c.Flush()
	}
}

// put is End without the flush; it says whether one is advisable.
func (c *Conn) put(buf []byte) (flush bool) {
	if c.state.Load() != stateOpen {
		c.mu.Unlock()
		return false
	}
	if more := int64(len(buf) - len(c.out)); more > 0 {
		before := c.answer.Load()
		c.answer.Store(before + (more-before)/8)
	}
	c.out = buf
	waiting := len(buf) + c.taken
	c.waitsLocked(waiting)
	slow := c.writing && waiting > slowFactor*c.o.OutputBuffer
	flush = !c.writing && len(buf) >= flushBytes
	c.mu.Unlock()
	if slow {
		c.fail(ErrSlowReader)
	}
	return flush
}

// Establish says that the HELLO was good: frames may have the full size, and
// Options.Idle takes the place of Options.Handshake. It is called by the
// Handler, inside Frame.
func (c *Conn) Establish() {
	if !c.established && c.entered != nil {
		c.entered()
	}
	c.established = true
}

// Late is how long the frame that is being handled has lain here since it was
// read, because of those before it or because its peer took no answers. It is
// asked inside Frame.
func (c *Conn) Late() time.Duration { return c.late }

// waitsLocked notes how many bytes wait for the peer now.
func (c *Conn) waitsLocked(n int) {
	before := c.waiting.Swap(int64(n))
	if c.o.Waiting != nil {
		c.o.Waiting.Add(int64(n) - before)
	}
}

// CloseAfterFlush closes the connection once what waits is sent. No further
// frame is handled, and what is appended from now on is dropped.
func (c *Conn) CloseAfterFlush() {
	c.mu.Lock()
	if c.state.Load() != stateOpen {
		c.mu.Unlock()
		return
	}
	c.state.Store(stateClosing)
	c.nc.SetReadDeadline(time.Time{}) // an idle peer must not cut off what is still being sent
	drained := !c.writing && len(c.out) == 0
	c.mu.Unlock()
	if drained {
		c.drained()
		return
	}
	c.Flush()
}

// drained ends a connection that is being closed and has sent everything: the
// peer is told that nothing follows, and has linger to close its side.
func (c *Conn) drained() {
	half, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || c.raw == nil || half.CloseWrite() != nil {
		c.fail(ErrClosed)
		return
	}
	c.nc.SetReadDeadline(time.Now().Add(linger))
}

// Close closes the connection at once; what waits is lost. Handler.Closed
// follows on the reader goroutine, with ErrClosed.
func (c *Conn) Close() error {
	c.fail(ErrClosed)
	return nil
}

// fail closes the connection; the first reason stays.
func (c *Conn) fail(reason error) {
	c.mu.Lock()
	if c.state.Load() == stateClosed {
		c.mu.Unlock()
		return
	}
	c.state.Store(stateClosed)
	c.reason = reason
	c.out, c.spare = nil, nil
	c.waitsLocked(0)
	c.roomLocked()
	c.mu.Unlock()
	close(c.done)
	c.nc.Close()
}

// RemoteAddr is the peer's address as the socket knows it.
func (c *Conn) RemoteAddr() string { return c.nc.RemoteAddr().String() }

// Heard is when the last whole frame came in; the zero time if none has. Bytes that
// are no whole frame yet do not count.
func (c *Conn) Heard() time.Time { return c.moment(&c.heard) }

// Sent is when the socket last took something; the zero time if it never has.
func (c *Conn) Sent() time.Time { return c.moment(&c.sent) }

func (c *Conn) moment(since *atomic.Int64) time.Time {
	if d := since.Load(); d != 0 {
		return c.born.Add(time.Duration(d))
	}
	return time.Time{}
}

// Done is closed when the connection is.
func (c *Conn) Done() <-chan struct{} { return c.done }

// run reads until the connection ends and joins its writer.
func (c *Conn) run(h Handler) error {
	c.fail(c.read(h))
	c.writers.Wait()
	c.mu.Lock()
	reason := c.reason
	c.mu.Unlock()
	h.Closed(reason)
	return reason
}
