package rpc

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/candordb/candor/wire"
)

// Before HELLO a claimed length of 0 or above 4 KiB closes the connection
// without an answer, and nothing is allocated for it.
func TestByteBombsBeforeHello(t *testing.T) {
	for _, n := range []uint32{0, 4097, 1 << 20, 1 << 31, 1<<32 - 1} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			nc, e := piped(t, Options{})
			mustWrite(t, nc, claim(n))
			want := wire.ErrFrameTooLarge
			if n == 0 {
				want = wire.ErrMalformed
			}
			mustEnd(t, e.closed, want)
			if answer, _ := io.ReadAll(nc); len(answer) != 0 {
				t.Errorf("answered %x", answer)
			}
			if e.malformed != nil || e.frames != 0 {
				t.Error("the handler was called")
			}
			if e.inboxMax > 4<<10+wire.HeaderBytes {
				t.Errorf("buffer of %d bytes for a stranger", e.inboxMax)
			}
		})
	}
}

// After HELLO such a length gets the last answer, then the connection closes.
func TestByteBombsAfterHelloAreAnswered(t *testing.T) {
	for _, n := range []uint32{0, 1<<20 + 64<<10 + 1, 1 << 31, 1<<32 - 1} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			nc, e := piped(t, Options{})
			mustWrite(t, nc, frame([]byte("hello")))
			mustFrame(t, nc)
			mustWrite(t, nc, claim(n))
			if got := mustFrame(t, nc); got != "last answer" {
				t.Errorf("%q", got)
			}
			mustEnd(t, e.closed, ErrClosed)
			if e.inboxMax > aheadBytes {
				t.Errorf("buffer of %d bytes for a claim", e.inboxMax)
			}
		})
	}
}

// Over a real socket the last answer must survive input that is still under
// way: closing with unread input would reset the connection and destroy it.
func TestLastAnswerSurvivesUnreadInput(t *testing.T) {
	_, address := serve(t, Options{}, func(c *Conn) Handler { return newEcho(c) })
	nc := mustDial(t, address)
	mustWrite(t, nc, frame([]byte("hello")))
	mustFrame(t, nc)
	mustWrite(t, nc, append(claim(1<<31), bytes.Repeat([]byte{7}, 1<<20)...))
	if got := mustFrame(t, nc); got != "last answer" {
		t.Fatalf("%q", got)
	}
	if _, err := readFrame(nc); err != io.EOF {
		t.Fatalf("after the last answer: %v", err)
	}
}

func TestHalfFramesWaitForTheirRest(t *testing.T) {
	nc, e := piped(t, Options{})
	whole := frame([]byte("in two parts"))
	for cut := 1; cut < len(whole); cut++ {
		mustWrite(t, nc, whole[:cut])
		mustWrite(t, nc, whole[cut:])
		if got := mustFrame(t, nc); got != "in two parts" {
			t.Fatalf("cut at %d: %q", cut, got)
		}
	}
	mustWrite(t, nc, whole[:5])
	nc.Close()
	mustEnd(t, e.closed, io.ErrUnexpectedEOF)
}

func TestPeerThatClosesBetweenFrames(t *testing.T) {
	nc, e := piped(t, Options{})
	mustWrite(t, nc, frame([]byte("hello")))
	mustFrame(t, nc)
	nc.Close()
	mustEnd(t, e.closed, io.EOF)
}

// One read, many frames, one turn, once answers are known to be small.
func TestOneTurnForAllThatArrived(t *testing.T) {
	nc, e := piped(t, Options{})
	const each = 100
	ask := func() {
		mustWrite(t, nc, bytes.Repeat(frame([]byte("x")), each))
		for range each {
			mustFrame(t, nc)
		}
	}
	ask()
	e.c.Begin() // what e has counted is seen from here
	before := e.idles
	e.c.End(nil)
	ask()
	nc.Close()
	<-e.closed
	if e.frames != 2*each || e.idles != before+1 {
		t.Errorf("%d frames, and %d turns for the second half", e.frames, e.idles-before)
	}
}

// deferred answers the frames of a turn when it ends, each with a megabyte, as a
// node does that looks its answers up then.
type deferred struct {
	*echo
	open    int
	longest int   // turn, in frames
	most    int64 // that waited behind a turn
}

func (d *deferred) Frame([]byte) {
	d.c.Establish()
	d.open++
}

func (d *deferred) Idle() {
	d.longest = max(d.longest, d.open)
	for ; d.open > 0; d.open-- {
		d.c.End(append(d.c.Begin(), frame(make([]byte, 1<<20))...))
	}
	d.c.Flush()
	d.most = max(d.most, d.c.waiting.Load())
}

// A peer that pipelines small requests for large values and does not read makes
// the node hold the answers to one turn beyond OutputBuffer, not those to all
// that it has sent.
func TestAPipelineOfSmallRequestsIsHeldUpInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		d := &deferred{echo: newEcho(newConn(near, Options{}.withDefaults()))}
		d.c.throttle = true
		go d.c.run(d)
		defer far.Close()
		mustWrite(t, far, bytes.Repeat(frame([]byte("get")), 500)) // one read
		mustEnd(t, d.closed, ErrStalled)
		if limit := int64(4<<20 + turnFramesMin*(1<<20+wire.HeaderBytes)); d.most > limit || d.longest > turnFramesMin {
			t.Errorf("%d bytes waited, limit %d; %d frames in a turn", d.most, limit, d.longest)
		}
	})
}

// A frame of the largest size is received in small steps: what is allocated
// follows what arrived, and goes again.
func TestMemoryFollowsArrivedBytes(t *testing.T) {
	const size = 1 << 20
	nc, e := piped(t, Options{})
	mustWrite(t, nc, frame([]byte("hello")))
	mustFrame(t, nc)
	go nc.Write(frame(bytes.Repeat([]byte("v"), size)))
	if got := mustFrame(t, nc); len(got) != size {
		t.Fatalf("%d bytes", len(got))
	}
	mustWrite(t, nc, frame([]byte("small")))
	mustFrame(t, nc)
	nc.Close()
	<-e.closed
	if limit := size + wire.HeaderBytes + aheadBytes; e.inboxMax > limit {
		t.Errorf("buffer of %d bytes, limit %d", e.inboxMax, limit)
	}
	if len(e.c.in.buf) > keepBytes {
		t.Errorf("an empty connection keeps %d bytes", len(e.c.in.buf))
	}
}

func TestClaimThatNeverComesCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nc, e := piped(t, Options{})
		mustWrite(t, nc, frame([]byte("hello")))
		mustFrame(t, nc)
		mustWrite(t, nc, append(claim(1<<20), "only this"...))
		mustEnd(t, e.closed, ErrIdle)
		if e.inboxMax > aheadBytes {
			t.Errorf("%d bytes for a claim of 1 MiB", e.inboxMax)
		}
	})
}

// One byte per second makes no HELLO in 5 s.
func TestSlowLorisBeforeHello(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nc, e := piped(t, Options{Handshake: 5 * time.Second})
		began := time.Now()
		trickled := trickle(nc, frame(bytes.Repeat([]byte("h"), 100)))
		mustEnd(t, e.closed, ErrHandshake)
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("closed after %v", took)
		}
		<-trickled
	})
}

// Whole frames that are no HELLO do not prolong the handshake either.
func TestHandshakeEndsOnlyByEstablish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nc, e := piped(t, Options{Handshake: 5 * time.Second})
		began := time.Now()
		<-time.After(4 * time.Second)
		mustWrite(t, nc, frame([]byte("stay")))
		mustFrame(t, nc)
		mustEnd(t, e.closed, ErrHandshake)
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("closed after %v", took)
		}
	})
}

// After HELLO bytes that trickle in do not count: only whole frames do.
func TestSlowLorisAfterHello(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nc, e := piped(t, Options{Idle: time.Minute})
		mustWrite(t, nc, frame([]byte("hello")))
		mustFrame(t, nc)
		began := time.Now()
		trickled := trickle(nc, frame([]byte(strings.Repeat("t", 100))))
		mustEnd(t, e.closed, ErrIdle)
		if took := time.Since(began); took != time.Minute {
			t.Errorf("closed after %v", took)
		}
		<-trickled
	})
}

// The deadline is moved once a second at most, and yet is exact: the time runs
// from the last whole frame.
func TestIdleRunsFromTheLastFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nc, e := piped(t, Options{Idle: time.Minute})
		var last time.Time
		for range 100 {
			mustWrite(t, nc, frame([]byte("keep")))
			mustFrame(t, nc)
			last = time.Now()
			<-time.After(900 * time.Millisecond)
		}
		mustEnd(t, e.closed, ErrIdle)
		if took := time.Since(last); took != time.Minute {
			t.Errorf("closed %v after the last frame", took)
		}
	})
}

// trickle writes one byte per second until the other side has had enough.
func trickle(w io.Writer, p []byte) (ended <-chan struct{}) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, b := range p {
			if _, err := w.Write([]byte{b}); err != nil {
				return
			}
			<-time.After(time.Second)
		}
	}()
	return done
}

// A body stays as it was until Idle returns, however many frames follow it.
func TestBodiesStayUntilIdle(t *testing.T) {
	near, far := net.Pipe()
	c := newConn(near, Options{}.withDefaults())
	k := &keeper{echo: newEcho(c)}
	go c.run(k)
	var want []string
	for range 20 {
		var all []byte
		for i := range 200 {
			want = append(want, fmt.Sprintf("body %03d", i))
			all = append(all, frame([]byte(want[len(want)-1]))...)
		}
		mustWrite(t, far, all)
	}
	far.Close()
	<-k.closed
	if diff := cmp.Diff(want, k.seen); diff != "" {
		t.Fatal(diff)
	}
}

// keeper holds on to bodies until Idle, and only then looks at them.
type keeper struct {
	*echo
	bodies [][]byte
	seen   []string
}

func (k *keeper) Frame(body []byte) {
	k.c.Establish()
	k.bodies = append(k.bodies, body)
}

func (k *keeper) Idle() {
	for _, b := range k.bodies {
		k.seen = append(k.seen, string(b))
	}
	k.bodies = nil
}
