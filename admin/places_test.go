package admin

import (
	"bufio"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/candordb/candor/wire"
)

const livez = "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

// crowd runs a server with few places.
func crowd(t *testing.T, f *fake, max, reserve, perAddress int) (s *Server, addr string) {
	t.Helper()
	s = newServer(f)
	s.places.max, s.places.reserve, s.places.perAddress = max, reserve, perAddress
	addr, _ = run(t, s)
	return s, addr
}

// hanging makes a request that goes on until the test ends, and waits until it does.
func hanging(t *testing.T, f *fake) func(addr string) {
	entered, leave := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(leave) }) // the server runs already, and is stopped after that
	f.answer = func(q *wire.Request) (*wire.Answer, error) {
		entered <- struct{}{}
		<-leave
		return answerWell(q)
	}
	return func(addr string) {
		c := connect(t, addr, "GET /v1/keys/a HTTP/1.1\r\nHost: localhost\r\n\r\n")
		select {
		case <-entered:
		case <-time.After(time.Minute):
			t.Fatalf("the request from %v does not come to the cluster", c.LocalAddr())
		}
	}
}

// connect sends raw bytes on a connection of its own, which the end of the test closes.
func connect(t *testing.T, addr, text string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return c
}

// Headers that never end take nobody's place: who sends a request is served, and
// the connection that has been silent longest is closed.
func TestSilentConnectionsMakeRoom(t *testing.T) {
	for _, perAddress := range []int{100, 5} {
		s, addr := crowd(t, newFake(t), 6, 2, perAddress)
		kept, resp := raw(t, addr, "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n") // idle from now on
		if resp.StatusCode != 200 {
			t.Fatal(resp.Status)
		}
		for range 20 {
			connect(t, addr, "GET /v1/keys/a HTTP/1.1\r\nX-Slow: ")
			if _, resp := raw(t, addr, "GET /v1/keys/a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); resp.StatusCode != 200 {
				t.Errorf("a key: %s", resp.Status)
			}
			if _, resp := raw(t, addr, livez); resp.StatusCode != 200 {
				t.Errorf("/livez: %s", resp.Status)
			}
			if n := s.Connections(); n > min(8, perAddress) {
				t.Errorf("%d connections", n)
			}
		}
		if _, err := io.Copy(io.Discard, kept); err != nil { // what is left of its answer, and the end
			t.Errorf("the first connection: %v", err)
		}
	}
}

// When all are at work, one more is told so by a problem; probes are served.
func TestProbesAreServedWhenAllAreAtWork(t *testing.T) {
	for name, perAddress := range map[string]int{"as many connections at work": 3, "limits.per_ip": 2} {
		f := newFake(t)
		_, addr := crowd(t, f, 2, 2, perAddress)
		hang := hanging(t, f)
		hang(addr)
		hang(addr)
		for range 5 {
			_, resp := raw(t, addr, "PUT /v1/keys/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
			if p := problemOf(t, resp); resp.StatusCode != 503 || p["code"] != "OVERLOADED" || !resp.Close || resp.Header.Get("Retry-After") != "1" || !strings.Contains(p["detail"].(string), name) {
				t.Errorf("%s: %v %v", name, resp.Status, p)
			}
			for _, path := range []string{"/livez", "/readyz", "/startupz"} {
				// The body of this one never comes, and must not hold a place.
				connect(t, addr, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
				_, resp := raw(t, addr, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n")
				if resp.StatusCode != 200 {
					t.Errorf("%s: %s %s", name, path, resp.Status)
				}
			}
		}
	}
}

// Without any place left a connection is told so without being read.
func TestNoPlaceAtAll(t *testing.T) {
	f := newFake(t)
	s, addr := crowd(t, f, 1, 0, 100)
	hang := hanging(t, f)
	hang(addr)
	_, resp := raw(t, addr, "")
	if p := problemOf(t, resp); resp.StatusCode != 503 || p["code"] != "OVERLOADED" || resp.Header.Get("Retry-After") != "1" {
		t.Errorf("%v %v", resp.Status, p)
	}
	if n := s.Connections(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// A request whose connection was closed for want of room is not carried out: its
// sender could not hear what became of it.
func TestARequestThatLostItsPlaceIsNotDone(t *testing.T) {
	f := newFake(t)
	r := httptest.NewRequest("PUT", "http://localhost/v1/keys/a", strings.NewReader("x"))
	r = r.WithContext(withConnection(r.Context(), &from{}))
	defer func() {
		if got := recover(); got != http.ErrAbortHandler || f.asked != nil {
			t.Errorf("%v, asked %v", got, f.asked)
		}
	}()
	newServer(f).ServeHTTP(httptest.NewRecorder(), r)
}

func problemOf(t *testing.T, resp *http.Response) (p map[string]any) {
	t.Helper()
	if got := resp.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type %q", got)
	}
	if err := json.NewDecoder(bufio.NewReader(resp.Body)).Decode(&p); err != nil {
		t.Fatal(err)
	}
	return p
}

// from is a connection that has an address only.
type from struct {
	net.Conn
	addr netip.AddrPort
}

func (c *from) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.addr) }

// Whatever comes, the counts are those of what is open, and nothing at work loses
// its place.
func TestPlacesAreCounted(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	p := newPlaces(7)
	p.max, p.reserve = 20, 3
	addresses := []string{"10.0.0.1:1", "10.0.0.2:1", "[2001:db8::1]:1", "[2001:db8::2:0:0:1]:1", "[::ffff:10.0.0.1]:1"}
	var all []net.Conn
	refused, evicted := 0, 0
	for range 20_000 {
		if len(all) == 0 || r.IntN(4) == 0 {
			c := &from{addr: netip.MustParseAddrPort(addresses[r.IntN(len(addresses))])}
			all = append(all, c)
			victim, ok := p.enter(c)
			if !ok {
				refused++
			}
			if victim != nil {
				evicted++
			}
		}
		c := all[max(0, len(all)-1-r.IntN(40))]
		atWork := p.busy
		switch r.IntN(8) {
		case 0:
			p.leave(c)
		case 1, 2:
			p.rest(c)
		default:
			p.work(c)
			if p.busy < atWork {
				t.Fatal("fewer are at work")
			}
		}
		want := map[netip.Addr]guests{}
		busy := 0
		for _, at := range p.open {
			g := want[at.from]
			g.all++
			if at.busy {
				g.busy++
				busy++
			}
			want[at.from] = g
		}
		if diff := cmp.Diff(want, p.from, cmp.AllowUnexported(guests{}), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" || busy != p.busy || len(p.open) > p.max+p.reserve {
			t.Fatalf("%d open, %d at work, counted %d:\n%s", len(p.open), busy, p.busy, diff)
		}
	}
	if refused == 0 || evicted == 0 {
		t.Errorf("%d refused, %d evicted: nothing was tried", refused, evicted)
	}
}
