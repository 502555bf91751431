package rpc

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// At Options.Connections the newcomer is closed at once and counted, and a
// place that becomes free is given again.
func TestConnectionsAreLimited(t *testing.T) {
	s, address := serve(t, Options{Connections: 2}, func(c *Conn) Handler { return newEcho(c) })
	first, second := mustDial(t, address), mustDial(t, address)
	for _, nc := range []net.Conn{first, second} {
		mustWrite(t, nc, frame([]byte("hello")))
		mustFrame(t, nc)
	}
	third := mustDial(t, address)
	if _, err := third.Read(make([]byte, 1)); err == nil {
		t.Fatal("the third was served")
	}
	if s.Connections() != 2 || s.Refused() != (Refusals{Connections: 1}) {
		t.Fatalf("%d connections, refused %+v", s.Connections(), s.Refused())
	}
	first.Close()
	eventually(t, "a free place", func() bool { return s.Connections() == 1 })
	fourth := mustDial(t, address)
	mustWrite(t, fourth, frame([]byte("hello")))
	mustFrame(t, fourth)
}

func TestStopAcceptingLeavesConnectionsAlone(t *testing.T) {
	s, address := serve(t, Options{}, func(c *Conn) Handler { return newEcho(c) })
	nc := mustDial(t, address)
	mustWrite(t, nc, frame([]byte("hello")))
	mustFrame(t, nc)
	s.StopAccepting()
	s.StopAccepting()
	if late, err := net.Dial("tcp", address); err == nil {
		late.Close()
		t.Fatal("still accepting")
	}
	mustWrite(t, nc, frame([]byte("still")))
	if got := mustFrame(t, nc); got != "still" {
		t.Fatalf("%q", got)
	}
	s.Each(func(c *Conn) { c.say([]byte("goodbye")) })
	if got := mustFrame(t, nc); got != "goodbye" {
		t.Fatalf("%q", got)
	}
}

// Run returns when its goroutines have: every Closed was called.
func TestRunEndsWithItsConnections(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var closed atomic.Int32
	s := NewServer(l, Options{}, func(c *Conn) Handler { return &counting{newEcho(c), &closed} }, quiet)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	for range 10 {
		nc := mustDial(t, l.Addr().String())
		mustWrite(t, nc, frame([]byte("hello")))
		mustFrame(t, nc)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if closed.Load() != 10 {
		t.Fatalf("%d of 10 closed", closed.Load())
	}
}

type counting struct {
	*echo
	closed *atomic.Int32
}

func (c *counting) Closed(err error) { c.closed.Add(1) }

func TestRefusingHandlerClosesTheConnection(t *testing.T) {
	s, address := serve(t, Options{}, func(*Conn) Handler { return nil })
	if _, err := mustDial(t, address).Read(make([]byte, 1)); err != io.EOF {
		t.Fatal(err)
	}
	eventually(t, "forgotten", func() bool { return s.Connections() == 0 })
}

// failing is a listener whose Accept fails a number of times.
type failing struct {
	*pipeListener
	left  int
	calls []time.Time
}

func (l *failing) Accept() (net.Conn, error) {
	if l.calls = append(l.calls, time.Now()); l.left > 0 {
		l.left--
		return nil, errors.New("too many open files")
	}
	return l.pipeListener.Accept()
}

func TestAcceptBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &failing{pipeListener: newPipeListener(), left: 10}
		serveOn(t, l, Options{}, func(c *Conn) Handler { return newEcho(c) })
		nc, err := l.dial(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		synctest.Wait()
		if total := l.calls[10].Sub(l.calls[0]); total < 3*time.Second || total > 4*time.Second {
			t.Errorf("ten failures took %v", total)
		}
	})
}

func TestListenerClosedByOthersIsAnError(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	s := NewServer(l, Options{}, func(c *Conn) Handler { return newEcho(c) }, quiet)
	if err := s.Run(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Fatal(err)
	}
}
