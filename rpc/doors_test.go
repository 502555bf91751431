package rpc

import (
	"bytes"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// Scenario I1, small: one address opens far more connections than it may have.
// They are refused at the limit and counted, those that are in are served, and a
// place that becomes free is given again.
func TestOneAddressHasItsShareOnly(t *testing.T) {
	const limit, attempts = 32, 500
	s, address := serve(t, Options{PerIP: limit, Connections: 100}, func(c *Conn) Handler { return newEcho(c) })
	var in []net.Conn
	for range limit {
		nc := mustDial(t, address)
		mustWrite(t, nc, frame([]byte("hello")))
		mustFrame(t, nc)
		in = append(in, nc)
	}
	for i := range attempts {
		nc := mustDial(t, address)
		if _, err := nc.Read(make([]byte, 1)); err == nil {
			t.Fatal("one too many was served")
		}
		nc.Close()
		healthy := in[i%limit]
		mustWrite(t, healthy, frame([]byte("ping")))
		if got := mustFrame(t, healthy); got != "ping" {
			t.Fatalf("%q", got)
		}
	}
	if s.Connections() != limit || s.Refused() != (Refusals{PerIP: attempts}) {
		t.Errorf("%d connections, refused %+v", s.Connections(), s.Refused())
	}
	in[0].Close()
	eventually(t, "a free place", func() bool { return s.Connections() == limit-1 })
	nc := mustDial(t, address)
	mustWrite(t, nc, frame([]byte("hello")))
	mustFrame(t, nc)
}

// Who only connects takes no place from those who introduce themselves.
func TestStrangersHaveFewerPlaces(t *testing.T) {
	s, address := serve(t, Options{PerIP: 10, PreauthPerIP: 3}, func(c *Conn) Handler { return newEcho(c) })
	for range 5 { // one after the other: each is a stranger for a moment only
		nc := mustDial(t, address)
		mustWrite(t, nc, frame([]byte("hello")))
		mustFrame(t, nc)
	}
	var silent []net.Conn
	for range 3 {
		silent = append(silent, mustDial(t, address))
	}
	eventually(t, "three strangers", func() bool { return s.Connections() == 8 })
	if _, err := mustDial(t, address).Read(make([]byte, 1)); err == nil {
		t.Fatal("a fourth stranger was let in")
	}
	if s.Refused() != (Refusals{Preauth: 1}) {
		t.Errorf("refused %+v", s.Refused())
	}
	mustWrite(t, silent[0], frame([]byte("hello")))
	mustFrame(t, silent[0])
	nc := mustDial(t, address)
	mustWrite(t, nc, frame([]byte("hello")))
	mustFrame(t, nc)
}

// Nobody is kept in the books who is gone, and no limit is ever passed.
func TestDoorsCountWhoIsIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := Options{Connections: 6, PerIP: 4, PreauthPerIP: 2}
		d := newDoors(o)
		type guest struct {
			from  netip.Addr
			known bool
		}
		var in []guest
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			if len(in) > 0 && rapid.Bool().Draw(t, "known guest") {
				i := rapid.IntRange(0, len(in)-1).Draw(t, "who")
				if !in[i].known && rapid.Bool().Draw(t, "introduced") {
					in[i].known = true
					d.introduced(in[i].from)
					continue
				}
				d.leave(in[i].from, in[i].known)
				in = append(in[:i], in[i+1:]...)
				continue
			}
			g := guest{from: netip.AddrFrom4([4]byte{10, 0, 0, byte(rapid.IntRange(0, 2).Draw(t, "address"))})}
			all, strangers := 0, 0
			for _, o := range in {
				if o.from == g.from {
					all++
					if !o.known {
						strangers++
					}
				}
			}
			limit, _ := d.enter(g.from)
			if may := len(in) < 6 && all < 4 && strangers < 2; may != (limit == "") {
				t.Fatalf("%d in, %d from there, %d strangers: %q", len(in), all, strangers, limit)
			}
			if limit == "" {
				in = append(in, g)
			}
		}
		for _, g := range in {
			d.leave(g.from, g.known)
		}
		if d.in != 0 || len(d.from) != 0 {
			t.Fatalf("%d in, %v", d.in, d.from)
		}
	})
}

func TestOrigins(t *testing.T) {
	for text, want := range map[string]string{
		"10.1.2.3:400": "10.1.2.3", "[::ffff:10.1.2.3]:400": "10.1.2.3", "[2001:db8:1:2:3:4:5:6]:400": "2001:db8:1:2::", "[fe80::1%eth0]:400": "fe80::",
	} {
		if got := originOf(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(text))); got.String() != want {
			t.Errorf("%s: %v, want %s", text, got, want)
		}
	}
}

// What waits for all peers together is known at any time, and is nothing in the
// end, however the connections ended.
func TestWaitingIsTheSumOfAllConnections(t *testing.T) {
	var waiting atomic.Int64
	s, address := serve(t, Options{OutputBuffer: 256 << 10, WriteStall: time.Hour, Waiting: &waiting}, func(c *Conn) Handler { return newEcho(c) })
	request := frame(bytes.Repeat([]byte("r"), 32<<10))
	var slow []net.Conn
	for range 3 {
		nc := mustDial(t, address)
		slow = append(slow, nc)
		mustWrite(t, nc, frame([]byte("hello")))
		go func() {
			for {
				if _, err := nc.Write(request); err != nil {
					return
				}
			}
		}()
	}
	eventually(t, "all three are throttled", func() bool { return waiting.Load() >= 3*256<<10 })
	sum := int64(0)
	s.Each(func(c *Conn) { sum += c.waiting.Load() })
	if got := waiting.Load(); got < sum/2 {
		t.Errorf("%d wait, the connections say %d", got, sum)
	}
	for _, nc := range slow {
		nc.Close()
	}
	eventually(t, "nothing waits", func() bool { return waiting.Load() == 0 && s.Connections() == 0 })
}

// lateness notes how late each frame came to the handler.
type lateness struct {
	*echo
	late []time.Duration
}

func (l *lateness) Frame(body []byte) {
	l.late = append(l.late, l.c.Late())
	l.echo.Frame(body)
}

// Frames that lay here while their peer took no answers, or those before them were
// handled, are late by as long; those of the next read are not.
func TestFramesThatWaitedAreLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		l := &lateness{echo: newEcho(newConn(near, Options{OutputBuffer: 100}.withDefaults()))}
		l.c.throttle = true
		go l.c.run(l)
		defer l.c.Close()
		mustWrite(t, far, frame([]byte("hello")))
		mustFrame(t, far)
		large, small := frame(bytes.Repeat([]byte("b"), 1000)), frame([]byte("small"))
		mustWrite(t, far, slices.Concat(large, small, small)) // one read; the answer to the first fills the room
		<-time.After(3 * time.Second)
		for range 3 {
			mustFrame(t, far)
		}
		mustWrite(t, far, small)
		mustFrame(t, far)
		if want := []time.Duration{0, 0, 3 * time.Second, 3 * time.Second, 0}; !slices.Equal(l.late, want) {
			t.Errorf("late by %v, want %v", l.late, want)
		}
	})
}
