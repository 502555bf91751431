package rpc

import (
	"testing"
	"testing/synctest"
	"time"
)

// A connection knows when it was last heard and when it last sent. The beginning of
// a frame is no sign of life: bytes that trickle in do not count.
func TestWhenAConnectionWasHeardAndSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, e := piped(t, Options{})
		was := func(what string, got, want time.Time) {
			t.Helper()
			if got.Sub(want).Abs() > time.Millisecond {
				t.Errorf("%s: %v, want %v", what, got, want)
			}
		}
		if !e.c.Heard().IsZero() || !e.c.Sent().IsZero() {
			t.Errorf("before anything: heard %v, sent %v", e.c.Heard(), e.c.Sent())
		}
		mustWrite(t, near, frame([]byte("hello")))
		mustFrame(t, near)
		synctest.Wait()
		began := time.Now()
		was("a frame came", e.c.Heard(), began)
		was("it was answered", e.c.Sent(), began)

		whole := frame([]byte("later"))
		<-time.After(3 * time.Second)
		mustWrite(t, near, whole[:5])
		synctest.Wait()
		was("half a frame came", e.c.Heard(), began)
		<-time.After(time.Second)
		mustWrite(t, near, whole[5:])
		synctest.Wait()
		was("the rest came", e.c.Heard(), began.Add(4*time.Second))
		was("nobody takes the answer", e.c.Sent(), began)
		<-time.After(time.Second)
		mustFrame(t, near)
		synctest.Wait()
		was("the answer was taken", e.c.Sent(), began.Add(5*time.Second))
	})
}

// A link that is down was not heard.
func TestALinkThatIsDownWasNotHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		l := linkTo(t, &d, newEchoServer(t).dial, nil)
		synctest.Wait()
		l.say("something")
		synctest.Wait()
		if now := time.Now(); now.Sub(l.Heard()) > time.Second || now.Sub(l.Sent()) > time.Second {
			t.Errorf("up: heard %v, sent %v", l.Heard(), l.Sent())
		}
		l.CloseNow()
		synctest.Wait()
		if !l.Heard().IsZero() || !l.Sent().IsZero() {
			t.Errorf("down: heard %v, sent %v", l.Heard(), l.Sent())
		}
	})
}
