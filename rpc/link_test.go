package rpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/candordb/candor/wire"
)

// diary writes down what a link tells its owner.
type diary struct {
	mu      sync.Mutex
	entries []string
	times   []time.Time
}

func (d *diary) add(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.entries = append(d.entries, fmt.Sprintf(format, args...))
	d.times = append(d.times, time.Now())
}

func (d *diary) read() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.entries...)
}

func (d *diary) Frame(body []byte)   { d.add("frame %s", body) }
func (d *diary) Malformed(err error) { d.add("malformed") }
func (d *diary) Idle()               {}
func (d *diary) Closed(error)        { d.add("CLOSED") }

// linkTo runs a link until the test ends. Its HELLO is "hello", which an echo
// answers.
func linkTo(t *testing.T, d *diary, dial func(context.Context, string) (net.Conn, error), change func(*LinkOptions)) *Link {
	t.Helper()
	o := LinkOptions{
		Address: func() string { return "peer" },
		Dial:    dial,
		Hello:   func() []byte { return frame([]byte("hello")) },
		OnHello: func(body []byte) error {
			if string(body) != "hello" {
				return errors.New("who is that")
			}
			return nil
		},
		Up:      func() { d.add("up") },
		Down:    func(error) { d.add("down") },
		Failed:  func(error) { d.add("failed") },
		Handler: d,
	}
	if change != nil {
		change(&o)
	}
	l := NewLink(o)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		if l.Up() || l.Begin() != nil {
			t.Error("up after Run")
		}
	})
	return l
}

// say sends one frame, if the link is up.
func (l *Link) say(body string) bool {
	out := l.Begin()
	if out == nil {
		return false
	}
	out.SetReady(append(out.Ready(), frame([]byte(body))...))
	l.End()
	l.Flush()
	return true
}

func newEchoServer(t *testing.T) *pipeListener {
	l := newPipeListener()
	serveOn(t, l, Options{}, func(c *Conn) Handler { return newEcho(c) })
	return l
}

func TestLinkCarriesFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		l := linkTo(t, &d, newEchoServer(t).dial, nil)
		synctest.Wait()
		for i := range 3 {
			if !l.say(fmt.Sprint(i)) {
				t.Fatal("down")
			}
		}
		synctest.Wait()
		if diff := cmp.Diff([]string{"up", "frame 0", "frame 1", "frame 2"}, d.read()); diff != "" {
			t.Fatal(diff)
		}
		if l.Waiting() != 0 {
			t.Errorf("%d bytes wait", l.Waiting())
		}
	})
}

// Up comes before Begin gives an outbox, and Begin gives none any more when
// Down comes.
func TestLinkTellsBeforeItWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		var l *Link
		began := make(chan struct{})
		look := func(when string) func() {
			return func() {
				<-began
				out := l.Begin()
				if out != nil {
					l.End()
				}
				d.add("%s: up %v, begin %v, reserve %v", when, l.Up(), out != nil, l.Reserve(1))
			}
		}
		l = linkTo(t, &d, newEchoServer(t).dial, func(o *LinkOptions) {
			o.Up = look("Up")
			o.Down = func(error) { look("Down")() }
		})
		close(began)
		synctest.Wait()
		l.CloseNow()
		synctest.Wait()
		want := []string{"Up: up false, begin false, reserve false", "Down: up false, begin false, reserve false"}
		if diff := cmp.Diff(want, d.read()); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestLinkBacksOff(t *testing.T) {
	refuse := func(context.Context, string) (net.Conn, error) { return nil, errors.New("refused") }
	for _, tt := range []struct {
		jitter float64
		want   []int // milliseconds
	}{
		{0, []int{50, 100, 200, 400, 800, 1600, 2000, 2000}},
		{0.5, []int{37, 75, 150, 300, 600, 1200, 1500, 1500}},
	} {
		t.Run(fmt.Sprint(tt.jitter), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var d diary
				linkTo(t, &d, refuse, func(o *LinkOptions) { o.Jitter = func() float64 { return tt.jitter } })
				<-time.After(12 * time.Second)
				synctest.Wait()
				var got []int
				for i := range tt.want {
					got = append(got, int(d.times[i+1].Sub(d.times[i]).Milliseconds()))
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestNudgeEndsThePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		var address string
		server := newEchoServer(t)
		l := linkTo(t, &d, server.dial, func(o *LinkOptions) { o.Address = func() string { return address } })
		<-time.After(10 * time.Second)
		synctest.Wait()
		address = "known"
		began := time.Now()
		l.Nudge()
		synctest.Wait()
		if !l.Up() || time.Since(began) != 0 {
			t.Fatalf("up %v after %v", l.Up(), time.Since(began))
		}
	})
}

// Every Up has exactly one Down, and frames come only between them, whoever
// breaks the connection and whenever.
func TestUpAndDownArePaired(t *testing.T) {
	var d diary
	s, address := serve(t, Options{}, func(c *Conn) Handler { return newEcho(c) })
	var dialer net.Dialer
	dial := func(ctx context.Context, _ string) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", address) }
	t.Cleanup(func() {
		up := false
		for i, e := range d.read() {
			switch {
			case e == "up" && up, e == "down" && !up, e != "up" && e != "down" && e != "failed" && !up, e == "failed" && up, e == "CLOSED":
				t.Fatalf("entry %d: %q while up is %v", i, e, up)
			}
			if e == "up" || e == "down" {
				up = e == "up"
			}
		}
		if up {
			t.Error("no last Down")
		}
	})
	l := linkTo(t, &d, dial, func(o *LinkOptions) { o.BackoffMin, o.BackoffMax = time.Millisecond, time.Millisecond })
	for i := range 100 {
		eventually(t, "up again", l.Up)
		for range rand.IntN(20) {
			l.say("x")
		}
		if i%2 == 0 {
			l.CloseNow()
		} else {
			s.Each(func(c *Conn) { c.Close() })
		}
	}
}

// A peer with the wrong HELLO is never up, and is not dialled in a hurry.
func TestWrongHelloIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		linkTo(t, &d, newEchoServer(t).dial, func(o *LinkOptions) {
			o.Hello = func() []byte { return frame([]byte("stranger")) }
		})
		<-time.After(10 * time.Second)
		synctest.Wait()
		got := d.read()
		if len(got) < 5 || len(got) > 12 {
			t.Fatalf("%d attempts in 10 s", len(got))
		}
		for _, e := range got {
			if e != "failed" {
				t.Fatal(got)
			}
		}
	})
}

// A peer that says HELLO and hangs up is backed off from as well.
func TestConnectionThatDoesNotHoldIsNoSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		linkTo(t, &d, hangUpAfterHello, nil)
		<-time.After(20 * time.Second)
		synctest.Wait()
		if n := len(d.read()); n < 20 || n > 40 { // up and down of each
			t.Fatalf("%d calls in 20 s", n)
		}
	})
}

func hangUpAfterHello(context.Context, string) (net.Conn, error) {
	near, far := net.Pipe()
	go func() {
		readFrame(far)
		far.Write(frame([]byte("hello")))
		far.Close()
	}()
	return near, nil
}

// A peer that accepts and says nothing: one attempt ends after Handshake.
func TestSilentPeerIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		linkTo(t, &d, func(context.Context, string) (net.Conn, error) {
			near, far := net.Pipe()
			go readFrame(far)
			return near, nil
		}, func(o *LinkOptions) { o.Handshake = 5 * time.Second })
		began := time.Now()
		<-time.After(5*time.Second + 10*time.Millisecond)
		synctest.Wait()
		if len(d.read()) != 1 || d.times[0].Sub(began) != 5*time.Second {
			t.Fatalf("%v at %v", d.entries, d.times)
		}
	})
}

// A dial that hangs ends after Handshake, too.
func TestDialIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		linkTo(t, &d, func(ctx context.Context, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, nil)
		<-time.After(5*time.Second + 10*time.Millisecond)
		synctest.Wait()
		if len(d.read()) != 1 {
			t.Fatal(d.read())
		}
	})
}

func TestMalformedPeerGoesDownAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		linkTo(t, &d, func(context.Context, string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() {
				readFrame(far)
				far.Write(append(frame([]byte("hello")), claim(0)...))
			}()
			return near, nil
		}, func(o *LinkOptions) { o.BackoffMin, o.BackoffMax = time.Hour, time.Hour })
		synctest.Wait()
		if diff := cmp.Diff([]string{"up", "malformed", "down"}, d.read()); diff != "" {
			t.Fatal(diff)
		}
	})
}

// unsent + reserved + n <= Room, exactly.
func TestReserveKeepsToTheRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		stuck := make(chan net.Conn, 1)
		l := linkTo(t, &d, func(context.Context, string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() {
				readFrame(far)
				far.Write(frame([]byte("hello")))
				stuck <- far
			}()
			return near, nil
		}, func(o *LinkOptions) { o.Room, o.WriteStall = 1000, time.Hour })
		if l.Reserve(1) {
			t.Fatal("reserved before it was up")
		}
		far := <-stuck
		synctest.Wait()
		steps := []struct {
			n    int
			want bool
		}{{600, true}, {401, false}, {400, true}, {1, false}}
		for _, s := range steps {
			if got := l.Reserve(s.n); got != s.want {
				t.Fatalf("Reserve(%d) is %v", s.n, got)
			}
		}
		l.Release(600)
		l.Release(400)

		// What waits counts, in the outbox, in the connection, and in the hands
		// of the writer.
		waits := func(n int) {
			t.Helper()
			if l.Waiting() != n || l.Reserve(1001-n) || !l.Reserve(1000-n) {
				t.Fatalf("%d wait, want %d", l.Waiting(), n)
			}
			l.Release(1000 - n)
		}
		add := func() {
			out := l.Begin()
			out.SetReady(append(out.Ready(), frame(make([]byte, 96))...))
			l.End()
		}
		add()
		waits(100)
		l.Flush()
		synctest.Wait()
		waits(100)
		add()
		l.Flush()
		waits(200)
		add()
		waits(300)
		go readFrame(far)
		synctest.Wait()
		waits(200)

		far.Close()
		synctest.Wait()
		if l.Waiting() != 0 || l.Reserve(1) {
			t.Fatal("down, but something waits or was reserved")
		}
	})
}

// What was not sent before Down is never sent by a later connection.
func TestDownDropsWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		var got []string
		l := linkTo(t, &d, func(context.Context, string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() {
				for {
					body, err := readFrame(far)
					if err != nil {
						return
					}
					if body == "hello" {
						far.Write(frame([]byte("hello")))
					} else {
						got = append(got, body)
					}
				}
			}()
			return near, nil
		}, nil)
		synctest.Wait()
		out := l.Begin()
		out.SetReady(append(out.Ready(), frame([]byte("lost"))...))
		out.Write(1, 1, &wire.WriteItem{})
		l.End()
		l.CloseNow()
		<-time.After(5 * time.Second)
		synctest.Wait()
		l.say("sent")
		synctest.Wait()
		if diff := cmp.Diff([]string{"sent"}, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Frames keep their order when the outbox meets a connection that is still
// busy.
func TestLinkKeepsOrderUnderPressure(t *testing.T) {
	var d diary
	s, address := serve(t, Options{OutputBuffer: 64 << 20, FrameBytes: 4 << 20}, func(c *Conn) Handler { return newEcho(c) })
	var dialer net.Dialer
	dial := func(ctx context.Context, _ string) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", address) }
	l := linkTo(t, &d, dial, func(o *LinkOptions) { o.Room = 64 << 20 })
	eventually(t, "up", l.Up)
	padding := string(bytes.Repeat([]byte("p"), 20<<10))
	want := []string{"up"}
	for i := range 500 {
		body := fmt.Sprint(i, padding)
		if !l.say(body) {
			t.Fatal("down")
		}
		want = append(want, "frame "+body)
	}
	eventually(t, "all answers", func() bool { return len(d.read()) == len(want) })
	if !cmp.Equal(want, d.read()) {
		t.Fatal("out of order")
	}
	if s.Connections() != 1 {
		t.Errorf("%d connections", s.Connections())
	}
}

func TestLinkEndsWhileItPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		l := NewLink(LinkOptions{Address: func() string { return "" }, Failed: func(err error) { d.add("%v", err) }})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- l.Run(ctx) }()
		<-time.After(10*time.Second + time.Millisecond)
		synctest.Wait()
		cancel()
		began := time.Now()
		if err := <-ended; err != nil || time.Since(began) != 0 {
			t.Fatal(err, time.Since(began))
		}
		if d.read()[0] != errNoAddress.Error() {
			t.Fatal(d.read())
		}
	})
}
