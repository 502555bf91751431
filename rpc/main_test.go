package rpc

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/candordb/candor/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// frame is a frame around body.
func frame(body []byte) []byte {
	return wire.EndFrame(append(wire.BeginFrame(nil), body...), 0)
}

// claim is a header alone.
func claim(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// echo answers every frame with itself. The first one establishes, unless it
// says "stay".
type echo struct {
	c         *Conn
	malformed error
	frames    int
	idles     int
	inboxMax  int
	closed    chan error
}

func newEcho(c *Conn) *echo { return &echo{c: c, closed: make(chan error, 1)} }

func (e *echo) Frame(body []byte) {
	if e.frames++; e.frames == 1 && string(body) != "stay" {
		e.c.Establish()
	}
	buf := e.c.Begin()
	start := len(buf)
	buf = append(wire.BeginFrame(buf), body...)
	e.c.End(wire.EndFrame(buf, start))
}

func (e *echo) Malformed(err error) {
	e.malformed = err
	e.c.End(append(e.c.Begin(), frame([]byte("last answer"))...))
}

func (e *echo) Idle() {
	e.idles++
	e.inboxMax = max(e.inboxMax, len(e.c.in.buf))
	e.c.Flush()
}

func (e *echo) Closed(err error) {
	e.inboxMax = max(e.inboxMax, len(e.c.in.buf))
	e.closed <- err
}

// piped runs an echo over a net.Pipe and returns the other end.
func piped(t *testing.T, o Options) (net.Conn, *echo) {
	t.Helper()
	near, far := net.Pipe()
	e := newEcho(newConn(near, o.withDefaults()))
	go e.c.run(e)
	t.Cleanup(func() {
		far.Close()
		e.c.Close()
		<-e.c.Done()
	})
	return far, e
}

// serve runs a server on loopback until the test ends.
func serve(t testing.TB, o Options, accept func(*Conn) Handler) (*Server, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, l, o, accept), l.Addr().String()
}

func serveOn(t testing.TB, l net.Listener, o Options, accept func(*Conn) Handler) *Server {
	t.Helper()
	s := NewServer(l, o, accept, quiet)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return s
}

func mustDial(t testing.TB, address string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return nc
}

func mustWrite(t testing.TB, nc net.Conn, p []byte) {
	t.Helper()
	if _, err := nc.Write(p); err != nil {
		t.Fatal(err)
	}
}

func mustFrame(t testing.TB, nc net.Conn) string {
	t.Helper()
	body, err := readFrame(nc)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func readFrame(nc net.Conn) (string, error) {
	var head [4]byte
	if _, err := io.ReadFull(nc, head[:]); err != nil {
		return "", err
	}
	body := make([]byte, binary.BigEndian.Uint32(head[:]))
	_, err := io.ReadFull(nc, body)
	return string(body), err
}

// mustEnd waits for the connection's end and compares its reason.
func mustEnd(t *testing.T, closed <-chan error, want error) {
	t.Helper()
	if got := <-closed; !errors.Is(got, want) {
		t.Fatalf("closed with %v, want %v", got, want)
	}
}

// pipeListener is a listener in memory, for bubbles.
type pipeListener struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case nc := <-l.conns:
		return nc, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "pipe"} }

// dial connects to the listener; refused once it is closed.
func (l *pipeListener) dial(ctx context.Context, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.conns <- far:
		return near, nil
	case <-l.done:
		return nil, errors.New("refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// eventually waits for something that another goroutine does on real sockets.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	late := time.After(time.Minute)
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("never: %s", what)
		}
	}
}
