package rpc

import (
	"context"
	"errors"
	"fmt"
	"time"
)

var errNoAddress = errors.New("rpc: the peer's address is not known")

// Run dials, again and again, until ctx ends; then it closes the connection and
// returns nil.
func (l *Link) Run(ctx context.Context) error {
	for attempt := 0; ctx.Err() == nil; attempt++ {
		began := time.Now()
		if l.once(ctx) && time.Since(began) > l.o.BackoffMax {
			// Only a connection that held starts the backoff over: a peer that
			// says HELLO and hangs up would be dialled 20 times a second.
			attempt = 0
		}
		if l.pause(ctx, attempt) {
			attempt = -1
		}
	}
	return nil
}

// once is one attempt and, if it succeeds, the life of the connection.
func (l *Link) once(ctx context.Context) (wasUp bool) {
	c, err := l.dial(ctx)
	if err != nil {
		l.o.Failed(err)
		return false
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		c.Close()
		close(ended)
	})
	s := session{l: l, c: c}
	c.run(&s)
	if !stop() {
		<-ended
	}
	return s.up
}

func (l *Link) dial(ctx context.Context) (*Conn, error) {
	address := l.o.Address()
	if address == "" {
		return nil, errNoAddress
	}
	ctx, cancel := context.WithTimeout(ctx, l.o.Handshake)
	defer cancel()
	nc, err := l.o.Dial(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("rpc: %w", err)
	}
	c := newConn(nc, l.o.Options)
	c.End(append(c.Begin(), l.o.Hello()...))
	c.Flush()
	return c, nil
}

// pause waits before the next attempt and says whether it was cut short by a
// nudge.
func (l *Link) pause(ctx context.Context, attempt int) (nudged bool) {
	d := l.o.BackoffMax
	if attempt < 30 {
		d = min(d, l.o.BackoffMin<<attempt)
	}
	d -= time.Duration(l.o.Jitter() * float64(d) / 2)
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-l.nudge:
		return true
	case <-t.C:
		return false
	}
}

// session is the handler of one connection of a link: HELLO first, then the
// link's own Handler.
type session struct {
	l  *Link
	c  *Conn
	up bool
}

func (s *session) Frame(body []byte) {
	if s.up {
		s.l.o.Handler.Frame(body)
		return
	}
	if err := s.l.o.OnHello(body); err != nil {
		s.c.fail(fmt.Errorf("rpc: HELLO of %s: %w", s.c.RemoteAddr(), err))
		return
	}
	s.c.Establish()
	s.up = true
	select { // a nudge from before is answered
	case <-s.l.nudge:
	default:
	}
	s.l.o.Up()
	s.l.raise(s.c)
}

func (s *session) Malformed(err error) {
	s.l.o.Handler.Malformed(err)
	s.c.fail(err)
}

func (s *session) Idle() {
	if s.up {
		s.l.o.Handler.Idle()
	}
}

func (s *session) Closed(err error) {
	if !s.up {
		s.l.o.Failed(err)
		return
	}
	s.l.lower()
	s.l.o.Down(err)
}
