package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/candordb/candor/contract"
	"github.com/candordb/candor/router"
	"github.com/candordb/candor/wire"
)

// loopback is a client connection without a socket: the admin API asks the
// router by it as any client does. It is made for one request.
type loopback struct {
	mu      sync.Mutex
	session router.Session
	buf     []byte
	answers chan []byte
}

// Begin implements router.Conn.
func (l *loopback) Begin() (*router.Session, []byte) {
	l.mu.Lock()
	return &l.session, l.buf
}

// End implements router.Conn.
func (l *loopback) End(buf []byte) {
	l.buf = buf
	l.mu.Unlock()
}

// Established implements router.Conn.
func (l *loopback) Established() {}

// Flush implements router.Conn: it hands on the frames that wait.
func (l *loopback) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		body, n, err := wire.NextFrame(l.buf, len(l.buf))
		if err != nil || n == 0 {
			return
		}
		select {
		case l.answers <- bytes.Clone(body):
		default: // nobody waits for more than HELLO and one answer
		}
		l.buf = l.buf[n:]
	}
}

// Close implements router.Conn.
func (l *loopback) Close() { l.Flush() }

// errNoAnswer is returned when the router's answer did not come in time.
var errNoAnswer = errors.New("no answer came in time")

// Ask implements admin.Node: it sends one request to this node's own router and
// waits for the answer. The slices of the answer are the caller's.
func (n *Node) Ask(ctx context.Context, q *wire.Request) (*wire.Answer, error) {
	l := &loopback{answers: make(chan []byte, 2)}
	l.session.Draining = n.draining.Load()
	var turn router.Turn
	hello := wire.Hello{ID: 1, ProtoMin: wire.ProtocolVersion, ProtoMax: wire.ProtocolVersion, ClientName: []byte("http")}
	q.ID = 2
	n.router.Begin(&turn)
	n.router.Client(&turn, l, hello.Append(nil)[wire.HeaderBytes:])
	n.router.Client(&turn, l, q.Append(nil)[wire.HeaderBytes:])
	n.router.Finish(&turn)
	for {
		select {
		case body := <-l.answers:
			a := new(wire.Answer)
			if err := wire.DecodeAnswer(body, a); err != nil {
				return nil, fmt.Errorf("node: own answer: %w", err)
			}
			if a.ID == q.ID || a.Code != contract.OK {
				return a, nil
			}
		case <-ctx.Done():
			return nil, errNoAnswer
		}
	}
}
