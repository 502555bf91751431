package admin

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/candordb/candor/wire"
)

// run serves on a free port, and stops at the end of the test.
func run(t *testing.T, s *Server) (addr string, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, l) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		within, end := context.WithTimeout(context.Background(), time.Minute)
		defer end()
		if err := s.Stop(within); err != nil {
			t.Error(err)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return l.Addr().String(), stop
}

// raw sends raw bytes and reads one answer.
func raw(t *testing.T, addr, request string) (net.Conn, *http.Response) {
	t.Helper()
	c := connect(t, addr, request)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c, resp
}

// Bad escapes never reach a handler, and what is over a bound is refused: over a
// socket, as the server itself decides that.
func TestServerBounds(t *testing.T) {
	addr, _ := run(t, newServer(newFake(t)))
	head := " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
	for request, status := range map[string]int{
		"GET /v1/keys/a" + head + "\r\n":                                                     200,
		"GET http://localhost/v1/keys/a" + head + "\r\n":                                     200,
		"GET /v1/keys/%zz" + head + "\r\n":                                                   400,
		"GET /v1/keys/%2" + head + "\r\n":                                                    400,
		"GET /v1/keys/a" + head + "X: " + strings.Repeat("x", headerBytes+8192) + "\r\n\r\n": 431,
		"PUT /v1/keys/a" + head + "Content-Length: 1048576\r\n\r\n":                          413, // and no byte of it was sent
		"PUT /v1/keys/a" + head + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n":    200,
		"GET /v1/keys/" + strings.Repeat("%20", 4096) + head + "\r\n":                        200, // the longest key, escaped
	} {
		if _, resp := raw(t, addr, request); resp.StatusCode != status {
			t.Errorf("%.60q: %d, want %d", request, resp.StatusCode, status)
		}
	}
}

// Stop lets a request that is going on end, tells streams, and takes nothing new.
func TestStopFinishesWhatIsGoingOn(t *testing.T) {
	f := newFake(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	f.answer = func(q *wire.Request) (*wire.Answer, error) {
		close(entered)
		<-leave
		return answerWell(q)
	}
	s := newServer(f)
	addr, stop := run(t, s)
	stream := openStream(t, "http://"+addr)
	stream.want(connected)
	answered := make(chan int, 1)
	go func() {
		_, resp := raw(t, addr, "GET /v1/keys/a HTTP/1.1\r\nHost: localhost\r\n\r\n")
		answered <- resp.StatusCode
	}()
	<-entered
	f.change(func(s *Snapshot) { s.Draining = true })
	go func() {
		// The stream ends while the request still goes on.
		for _, name := stream.next(); name != ""; _, name = stream.next() {
			if name == shuttingDown {
				close(leave)
			}
		}
	}()
	stop()
	if status := <-answered; status != 200 {
		t.Errorf("the request that was going on: %d", status)
	}
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		t.Error("a stopped server takes connections")
	}
}

// Run cuts off what goes on when its context ends.
func TestRunEndsWithItsContext(t *testing.T) {
	s := newServer(newFake(t))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, l) }()
	stream := openStream(t, "http://"+l.Addr().String())
	stream.want(connected)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	for stream.lines.Scan() { // to its end, however it comes
	}
}

// Who sends a value that is somewhat too large reads the answer, however late it
// looks: the connection is not reset under it.
func TestTooLargeIsHeard(t *testing.T) {
	s := newServer(newFake(t))
	s.o.ValueBytes = 1 << 20
	s.node.(*fake).namespaces = nil
	addr, _ := run(t, s)
	const size = 1<<20 + 1
	_, resp := raw(t, addr, fmt.Sprintf("PUT /v1/keys/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", size, strings.Repeat("v", size)))
	if resp.StatusCode != 413 {
		t.Errorf("%v", resp)
	}
}
