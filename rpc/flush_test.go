package rpc

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// tcpPair is a running connection and its peer's socket.
func tcpPair(t *testing.T, o Options) (net.Conn, *echo) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	far := mustDial(t, l.Addr().String())
	near, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	e := newEcho(newConn(near, o.withDefaults()))
	ended := make(chan struct{})
	go func() {
		e.c.run(e)
		close(ended)
	}()
	t.Cleanup(func() {
		e.c.Close()
		<-ended
	})
	return far, e
}

func (c *Conn) say(body []byte) {
	c.End(append(c.Begin(), frame(body)...))
	c.Flush()
}

// A peer that does not read: Flush returns all the same, and at slowFactor times
// OutputBuffer the connection is closed. WriteStall is far away, so a Flush that blocked
// would hang here.
func TestFlushNeverBlocksAndSlowReaderIsClosed(t *testing.T) {
	const limit = 1 << 20
	_, e := tcpPair(t, Options{OutputBuffer: limit, WriteStall: time.Hour})
	body := bytes.Repeat([]byte("a"), 10<<10)
	for open := true; open; {
		e.c.say(body)
		select {
		case <-e.c.Done():
			open = false
		default:
			if w := e.c.waiting.Load(); w > slowFactor*limit+2*int64(len(body)) {
				t.Fatalf("%d bytes wait", w)
			}
		}
	}
	mustEnd(t, e.closed, ErrSlowReader)
	e.c.say(body) // nothing happens
}

func TestSlowReaderHurtsNobodyElse(t *testing.T) {
	_, address := serve(t, Options{OutputBuffer: 256 << 10, WriteStall: time.Hour}, func(c *Conn) Handler { return newEcho(c) })
	slow, good := mustDial(t, address), mustDial(t, address)
	request := frame(bytes.Repeat([]byte("r"), 32<<10))
	for {
		if _, err := slow.Write(request); err != nil {
			break
		}
		mustWrite(t, good, frame([]byte("ping")))
		if got := mustFrame(t, good); got != "ping" {
			t.Fatalf("%q", got)
		}
	}
}

func TestStalledPeerIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nc, e := piped(t, Options{WriteStall: 10 * time.Second})
		began := time.Now()
		mustWrite(t, nc, frame([]byte("hello")))
		mustEnd(t, e.closed, ErrStalled)
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("closed after %v", took)
		}
	})
}

// Slow is not stalled: whoever takes something within WriteStall stays.
func TestSlowButSteadyReaderStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nc, e := piped(t, Options{WriteStall: 10 * time.Second, Handshake: time.Hour})
		want := bytes.Repeat([]byte("s"), 100)
		e.c.say(want)
		var got []byte
		for len(got) < len(want)+4 {
			<-time.After(9 * time.Second)
			b := make([]byte, 10)
			n, err := nc.Read(b)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, b[:n]...)
		}
		if !bytes.Equal(got[4:], want) {
			t.Fatalf("%q", got)
		}
	})
}

// The deadline of a write that had to wait must not hit a later one.
func TestWriteDeadlineIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nc, e := piped(t, Options{WriteStall: 10 * time.Second, Handshake: time.Hour})
		e.c.say([]byte("first"))
		synctest.Wait()
		if e.c.waiting.Load() == 0 {
			t.Fatal("the write did not have to wait")
		}
		if got := mustFrame(t, nc); got != "first" {
			t.Fatalf("%q", got)
		}
		<-time.After(11 * time.Second)
		if e.c.waiting.Load() != 0 {
			t.Fatal("it waits still")
		}
		e.c.say([]byte("later"))
		if got := mustFrame(t, nc); got != "later" {
			t.Fatalf("%q", got)
		}
	})
}

// Frames appended by many goroutines arrive whole, each goroutine's in order,
// whether the socket is ever full or not.
func TestConcurrentSendersKeepFramesWhole(t *testing.T) {
	const senders, each = 8, 2000
	nc, e := tcpPair(t, Options{OutputBuffer: 1 << 30, Handshake: time.Hour})
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			body := bytes.Repeat([]byte{byte(s)}, 200)
			for i := range each {
				binary.BigEndian.PutUint32(body[1:], uint32(i))
				e.c.say(body)
			}
		})
	}
	var next [senders]uint32
	for range senders * each {
		body := []byte(mustFrame(t, nc))
		s := body[0]
		if got := binary.BigEndian.Uint32(body[1:]); got != next[s] || len(body) != 200 {
			t.Fatalf("sender %d: frame %d of %d bytes, want %d", s, got, len(body), next[s])
		}
		next[s]++
	}
	wg.Wait()
	eventually(t, "all counted as sent", func() bool { return e.c.waiting.Load() == 0 })
}

func TestCloseAfterFlushSendsWhatWaits(t *testing.T) {
	nc, e := tcpPair(t, Options{OutputBuffer: 64 << 20, Handshake: time.Hour})
	big := bytes.Repeat([]byte("g"), 8<<20)
	e.c.End(append(e.c.Begin(), frame(big)...))
	e.c.CloseAfterFlush()
	e.c.say([]byte("too late"))
	mustWrite(t, nc, frame([]byte("ignored")))
	if got := mustFrame(t, nc); len(got) != len(big) {
		t.Fatalf("%d bytes", len(got))
	}
	if rest, err := io.ReadAll(nc); len(rest) > 0 || err != nil {
		t.Fatalf("then %q, %v", rest, err)
	}
	nc.Close()
	mustEnd(t, e.closed, ErrClosed)
	if e.frames != 0 {
		t.Error("a frame was handled after CloseAfterFlush")
	}
}

// A peer that neither reads to the end nor closes is cut off after a second.
func TestCloseAfterFlushEndsByItself(t *testing.T) {
	_, e := tcpPair(t, Options{})
	e.c.CloseAfterFlush()
	mustEnd(t, e.closed, ErrClosed)
}

// A batch that outgrew keepBytes is not kept for the next.
func TestBigOutputBuffersAreGivenBack(t *testing.T) {
	nc, e := tcpPair(t, Options{OutputBuffer: 64 << 20, Handshake: time.Hour})
	for i := range 5 {
		body := fmt.Sprint(i) + string(bytes.Repeat([]byte("o"), 1<<20))
		e.c.say([]byte(body))
		if got := mustFrame(t, nc); got != body {
			t.Fatal("garbled")
		}
	}
	eventually(t, "drained", func() bool {
		e.c.mu.Lock()
		defer e.c.mu.Unlock()
		return !e.c.writing
	})
	if n := cap(e.c.Begin()); n > keepBytes {
		t.Errorf("keeps %d bytes", n)
	}
	e.c.End(nil)
}

// A peer that asks for more than fits the buffer, and reads it, gets all of it.
func TestAPeerThatReadsIsThrottledNotClosed(t *testing.T) {
	const answers, size = 300, 64 << 10
	_, address := serve(t, Options{OutputBuffer: 256 << 10}, func(c *Conn) Handler { return newEcho(c) })
	nc := mustDial(t, address)
	mustWrite(t, nc, frame([]byte("hello")))
	mustFrame(t, nc)
	request := frame(bytes.Repeat([]byte("q"), size))
	wrote := make(chan error, 1)
	go func() {
		for range answers {
			if _, err := nc.Write(request); err != nil {
				wrote <- err
				return
			}
		}
		wrote <- nil
	}()
	for i := range answers {
		if got := mustFrame(t, nc); len(got) != size {
			t.Fatalf("answer %d has %d bytes", i, len(got))
		}
	}
	if err := <-wrote; err != nil {
		t.Fatal(err)
	}
}
